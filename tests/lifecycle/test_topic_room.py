"""Publishing that waits for a chosen subscriber: it never loses anything, and nobody else is waited for."""

from contextlib import aclosing

import pytest
import trio
import trio.testing

from chirp_trio import App, ConfigurationError, EventStream, Topic, merge
from chirp_trio.testing import TestClient
from chirp_trio.topics.topic import audience_of
from tests.lifecycle.feeds import feed_of, read


async def publish_all(topic, subscription, count, published):
    for number in range(count):
        await topic.publish({"number": number, "text": "x" * 1000}, wait=subscription)
        published.append(number)


async def test_a_reader_holds_up_the_publisher_by_its_buffer_and_gets_everything(autojump_clock):
    topic = Topic("work", history=0)
    subscription = topic.subscribe(buffer=5)
    published: list[int] = []
    got = []
    async with trio.open_nursery() as nursery, aclosing(aiter(subscription)) as reader:
        nursery.start_soon(publish_all, topic, subscription, 100, published)
        while len(got) < 100:
            await trio.sleep(1)
            assert len(published) - len(got) <= 5
            got.append((await anext(reader)).value["number"])
    assert got == published == list(range(100))
    assert subscription.dropped == 0


async def test_a_buffer_of_one_is_a_hand_over(autojump_clock):
    topic = Topic("work", history=0)
    subscription = topic.subscribe(buffer=1)
    published: list[int] = []
    async with trio.open_nursery() as nursery, aclosing(aiter(subscription)) as reader:
        nursery.start_soon(publish_all, topic, subscription, 10, published)
        for number in range(10):
            await trio.sleep(1)
            assert len(published) - number <= 1
            assert (await anext(reader)).value["number"] == number


async def allow():
    return True


@pytest.mark.parametrize("stream", [{}, {"revalidate": allow}], ids=["fed", "pushed"])
async def test_a_client_that_does_not_read_holds_up_the_publisher_and_one_that_does_gets_everything(autojump_clock, stream):
    topic = Topic("news", history=0)
    published: list[int] = []
    async with (
        feed_of(topic, stream=stream, buffer=20) as feed,
        feed.stream_sse("/") as stream,
        trio.open_nursery() as nursery,
    ):
        stream.stall()
        await trio.sleep(1)
        nursery.start_soon(publish_all, topic, feed.subscriptions[0], 500, published)
        await trio.sleep(100)
        assert 20 <= len(published) < 100, "what is under way to the client, and its buffer"
        stream.resume()
        got = await read(stream, 500)
    assert [int(data.partition(",")[0].rpartition(":")[2]) for data in got] == list(range(500))


async def test_a_client_of_merged_topics_that_reads_again_lets_the_publisher_go_on(autojump_clock):
    topic, app = Topic("news", history=0), App()
    subscription = topic.subscribe(buffer=5)
    published: list[int] = []

    @app.route("/")
    async def live():
        return EventStream(merge(subscription, Topic("other").subscribe()), send_timeout=10_000)

    async with TestClient(app) as client, client.stream_sse("/") as stream, trio.open_nursery() as nursery:
        stream.stall()
        await trio.sleep(1)
        nursery.start_soon(publish_all, topic, subscription, 100, published)
        await trio.sleep(100)
        assert 5 <= len(published) < 60, "what is under way to the client, and its buffer"
        stream.resume()
        assert len(await read(stream, 100)) == 100


async def test_events_that_a_filter_leaves_out_of_merged_topics_hold_up_nobody(autojump_clock):
    topic, app = Topic("news", history=0), App()
    subscription = topic.subscribe(buffer=5, filter=lambda value: value["number"] == 99)
    published: list[int] = []

    @app.route("/")
    async def live():
        return EventStream(merge(subscription, Topic("other").subscribe()))

    async with TestClient(app) as client, client.stream_sse("/") as stream, trio.open_nursery() as nursery:
        await trio.sleep(1)
        nursery.start_soon(publish_all, topic, subscription, 100, published)
        assert len(await read(stream, 1)) == 1
    assert len(published) == 100


async def test_only_the_chosen_one_is_waited_for(autojump_clock):
    topic = Topic("news")
    async with feed_of(topic, buffer=20) as feed, feed.stream_sse("/") as stream, feed.stream_sse("/") as other:
        other.stall()
        await trio.sleep(1)
        chosen = feed.subscriptions[0]
        async with trio.open_nursery() as nursery:
            nursery.start_soon(publish_all, topic, chosen, 500, [])
            await read(stream, 500)


async def test_a_subscription_that_nobody_reads_or_that_has_left_holds_up_nothing(autojump_clock):
    topic = Topic("news")
    subscription = topic.subscribe(buffer=1)
    published: list[int] = []
    with trio.fail_after(1):
        await publish_all(topic, subscription, 10, published)
    subscription = topic.subscribe(buffer=1)
    reader = aiter(subscription)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(publish_all, topic, subscription, 10, published)
        await trio.sleep(1)
        assert len(published) == 11
        await reader.aclose()
    assert len(published) == 20


async def test_a_publisher_that_waits_can_be_cancelled_and_has_published_nothing(autojump_clock):
    topic = Topic("news")
    subscription = topic.subscribe(buffer=1)
    reader = aiter(subscription)
    await topic.publish(1, wait=subscription)
    with trio.move_on_after(1) as scope:
        await topic.publish(2, wait=subscription)
    assert scope.cancelled_caught
    assert (await anext(reader)).value == 1
    async with trio.open_nursery() as nursery:
        nursery.start_soon(anext, reader)
        await topic.publish(3, wait=subscription)
    await reader.aclose()
    assert audience_of(topic).log.last == 2


async def test_closing_the_topic_ends_the_wait_with_an_error(autojump_clock):
    topic = Topic("news")
    subscription = topic.subscribe(buffer=1)
    reader = aiter(subscription)
    await topic.publish(1, wait=subscription)
    async with trio.open_nursery() as nursery:

        @nursery.start_soon
        async def _():
            with pytest.raises(trio.ClosedResourceError):
                await topic.publish(2, wait=subscription)

        await trio.sleep(1)
        topic.close()
        assert [event.value async for event in reader] == [1]


async def test_two_publishers_share_the_room(autojump_clock):
    topic = Topic("work", history=0)
    subscription = topic.subscribe(buffer=3)
    published: list[int] = []
    async with trio.open_nursery() as nursery, aclosing(aiter(subscription)) as reader:
        for _ in range(2):
            nursery.start_soon(publish_all, topic, subscription, 50, published)
        for count in range(100):
            await trio.sleep(1)
            assert len(published) - count <= 3
            await anext(reader)


async def test_a_part_of_a_merge_is_waited_for_as_well(autojump_clock):
    work, other = Topic("work", history=0), Topic("other")
    subscription = work.subscribe(buffer=5)
    published: list[int] = []
    async with trio.open_nursery() as nursery, aclosing(aiter(merge(other.subscribe(), subscription))) as reader:
        nursery.start_soon(publish_all, work, subscription, 50, published)
        for count in range(50):
            await trio.sleep(1)
            assert len(published) - count <= 5
            assert (await anext(reader)).value["number"] == count


async def test_replaying_counts_as_being_behind(autojump_clock):
    topic = Topic("news", history=100)
    cursor = topic.cursor
    for number in range(100):
        topic.publish_nowait(number)
    subscription = topic.subscribe(cursor, buffer=10)
    async with trio.open_nursery() as nursery, aclosing(aiter(subscription)) as reader:
        await anext(reader)
        nursery.start_soon(publish_all, topic, subscription, 1, published := [])
        await trio.sleep(1)
        assert published == []
        for _ in range(100):
            await anext(reader)
        assert published == [0]


async def test_a_subscription_to_another_topic_is_refused():
    topic, other = Topic("news"), Topic("sport")
    with pytest.raises(ConfigurationError, match="wait is a subscription to 'sport'; it must be one to 'news'"):
        await topic.publish(1, wait=other.subscribe())
    assert audience_of(topic).log.last == 0


async def test_what_was_taken_at_once_takes_no_room_when_the_client_stops_reading(autojump_clock):
    topic = Topic("news")
    async with feed_of(topic, buffer=5) as feed, feed.stream_sse("/") as stream:
        topic.publish_nowait("first")
        await stream.next_event()
        chosen = feed.subscriptions[0]
        with trio.fail_after(10):
            for text in ["x" * 10_000, *"y" * 20, "x" * 10_000, *"zzz"]:
                await topic.publish(text, wait=chosen)
                await trio.sleep(0.1)


async def test_what_was_taken_into_a_merged_stream_takes_no_room_when_its_client_stops_reading(autojump_clock):
    news, sport = Topic("news"), Topic("sport")
    chosen = news.subscribe(buffer=5)
    async with TestClient(EventStream(merge(chosen, sport.subscribe()))) as client, client.stream_sse("/") as stream:
        await news.publish("first", wait=chosen)
        await stream.next_event()
        stream.stall()
        with trio.fail_after(10):
            for text in [*"y" * 20, "x" * 10_000, *"zzz"]:
                await news.publish(text, wait=chosen)
                await trio.sleep(0.1)
