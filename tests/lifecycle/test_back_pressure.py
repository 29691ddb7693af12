"""Back-pressure: a source is never far ahead of its client, and never starves anybody."""

import pytest
import trio

from chirp_trio import EventStream
from chirp_trio.stream.waiting import Outbox, ParkingSpot
from chirp_trio.testing import TestClient
from tests.lifecycle.scenes import Source, app_of, client_of


async def test_a_source_is_ahead_of_its_client_by_no_more_than_the_outbox(autojump_clock):
    source = Source(*["x" * 1000] * 1000, then="end")
    async with client_of(source, send_timeout=1000) as client, client.stream_sse("/") as stream:
        stream.stall()
        await trio.sleep(100)
        waiting = source.yielded
        assert waiting * 1000 < 3 * Outbox.MAX_BYTES
        stream.resume()
        await stream.next_event()
        stream.stall()
        await trio.sleep(100)
        assert waiting < source.yielded < 6 * waiting, "what was taken makes room for as much"


async def test_small_events_are_bounded_by_their_number(autojump_clock):
    source = Source(*[""] * 100_000, then="end")
    async with client_of(source, send_timeout=1000) as client, client.stream_sse("/") as stream:
        stream.stall()
        await trio.sleep(100)
        assert source.yielded <= 3 * Outbox.MAX_EVENTS


async def test_an_event_larger_than_the_outbox_is_sent_all_the_same(autojump_clock):
    text = "x" * 100 * Outbox.MAX_BYTES
    async with client_of(Source(text, "next", then="end")) as client:
        result = await client.sse("/")
    assert [event.data for event in result.events] == [text, "next"]


async def test_events_that_wait_go_out_together_and_in_order(autojump_clock):
    messages = []

    def counted(app):
        async def middleware(scope, receive, send):
            async def noting(message):
                messages.append(message.get("body", b""))
                await send(message)

            await app(scope, receive, noting if scope["type"] == "http" else send)

        return middleware

    async with TestClient(counted(app_of(Source(*range(1000), then="end")))) as client:
        result = await client.sse("/")
    assert [event.data for event in result.events] == [str(number) for number in range(1000)]
    assert len(messages) < 30, "many events share one send"


async def test_what_waits_for_send_is_half_of_what_waits_for_a_direct_connection(autojump_clock):
    sizes = []

    async def send(message):
        sizes.append(len(message.get("body", b"")))

    scope = {"type": "http", "asgi": {"version": "3.0"}, "method": "GET", "path": "/", "headers": [], "query_string": b""}
    with trio.move_on_after(1):
        await EventStream(Source(*["x" * 992] * 100, then="wait"))(scope, trio.sleep_forever, send)

    assert max(sizes) == 7 * 1000, "the first six of a thousand bytes are less than six kibibytes"
    assert Outbox.MAX_BYTES_BY_SEND == 6 * 1024


async def test_an_event_that_comes_alone_goes_out_at_once(autojump_clock):
    async with client_of(Source("a", "b", "c", pause=1)) as client, client.stream_sse("/") as stream:
        for second in range(3):
            await stream.next_event()
            assert trio.current_time() == second


async def test_a_source_that_never_awaits_leaves_room_for_others(autojump_clock):
    async def busy():
        while True:
            yield "x" * 100

    async def modest():
        for number in range(100):
            await trio.lowlevel.checkpoint()
            yield number

    async with (
        client_of(busy) as client,
        client_of(modest) as other,
        client.stream_sse("/") as stream,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(_read_for_ever, stream)
        assert len((await other.sse("/")).events) == 100
        nursery.cancel_scope.cancel()


async def _read_for_ever(stream):
    async for _ in stream:
        stream.events.clear()


async def test_a_slow_client_does_not_hold_up_another(autojump_clock):
    source = Source(*range(10), pause=1, then="end")
    async with client_of(source) as client, client.stream_sse("/") as slow:
        slow.stall()
        assert len((await client.sse("/")).events) == 10


async def test_an_outbox_gives_all_that_waits_in_order_and_once():
    outbox = Outbox()
    assert outbox.put(b"a")
    assert outbox.put(b"b")
    assert outbox.take() == [b"a", b"b"]
    assert outbox.take() == []


async def test_an_outbox_that_is_full_says_so_and_refuses_nothing():
    outbox = Outbox()
    assert not outbox.put(b"x" * Outbox.MAX_BYTES)
    assert not outbox.put(b"y")
    assert [len(piece) for piece in outbox.take()] == [Outbox.MAX_BYTES, 1]


async def test_an_outbox_is_full_from_twelve_kibibytes_or_512_events_on_and_not_before():
    assert Outbox().put(b"x" * (12 * 1024 - 1))
    assert not Outbox().put(b"x" * 12 * 1024)
    outbox = Outbox()
    assert [outbox.put(b"x") for _ in range(513)] == [True] * 511 + [False] * 2


async def test_waiting_for_space_ends_when_all_has_been_taken(autojump_clock):
    outbox = Outbox()
    outbox.put(b"a")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(outbox.wait_for_space)
        await trio.sleep(1)
        assert len(nursery.child_tasks) == 1
        outbox.take()
        await trio.sleep(1)
        assert len(nursery.child_tasks) == 0


async def test_a_parking_spot_has_room_for_one():
    spot = ParkingSpot()
    spot.wake()  # nobody there: nothing happens, and nothing is remembered
    async with trio.open_nursery() as nursery:
        nursery.start_soon(spot.park)
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(trio.BusyResourceError):
            await spot.park()
        spot.wake()


async def test_a_task_that_was_cancelled_leaves_its_parking_spot(autojump_clock):
    spot = ParkingSpot()
    with trio.move_on_after(1):
        await spot.park()
    with trio.move_on_after(1) as again:
        await spot.park()
    assert again.cancelled_caught


async def test_an_event_goes_to_send_whole_however_large_it_is(autojump_clock):
    """Middleware that looks at events, to leave some out or to make something of them unreadable, sees each of them whole."""
    async with client_of(Source("one", "x" * 1_000_000, then="end")) as client, client.stream("GET", "/") as response:
        pieces = [piece async for piece in response.aiter_raw()]

    assert all(piece.endswith(b"\n\n") for piece in pieces if piece)
    assert b"".join(pieces) == b"data: one\n\ndata: %b\n\n" % (b"x" * 1_000_000)
