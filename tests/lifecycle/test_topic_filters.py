"""What filters and keys decide by: the value as it was when it was published, whatever becomes of the object later."""

import copy
from dataclasses import dataclass, field

import pytest
import trio
import trio.testing

from chirp_trio import HTML, App, AppConfig, Fragment, SQLiteStore, SSEEvent, Topic
from chirp_trio.topics.published import encode_published, value_seen
from chirp_trio.topics.topic import audience_of
from chirp_trio.wire import copied_data
from tests.lifecycle.feeds import feed_of, read
from tests.lifecycle.stores import opened


@dataclass
class Message:
    to: str
    tags: list[str] = field(default_factory=list)


class Address:
    def __init__(self, to):
        self.to = to


def change_dict(value):
    value["to"] = "eve"


def change_inside(value):
    value["message"]["to"][0] = "eve"


def change_message(value):
    value.to = "eve"


def change_tags(value):
    value.tags[0] = "eve"


def change_data(value):
    value.data["to"] = "eve"


def change_message_in_event(value):
    value.data.to = "eve"


def change_variable(value):
    value.context["to"]["name"] = "eve"


def change_record(value):
    value.context["to"].to = "eve"


def change_set(value):
    value.context["to"][0].clear()


CHANGES = [
    pytest.param({"to": "ada"}, change_dict, lambda value: value["to"] == "ada", id="a dict"),
    pytest.param({"message": {"to": ["ada"]}}, change_inside, lambda value: value["message"]["to"] == ["ada"], id="inside"),
    pytest.param(["ada"], list.clear, lambda value: value == ["ada"], id="a list"),
    pytest.param(Message("ada"), change_message, lambda value: value.to == "ada", id="a dataclass"),
    pytest.param(Message("x", ["ada"]), change_tags, lambda value: value.tags == ["ada"], id="in a dataclass"),
    pytest.param(SSEEvent({"to": "ada"}, "e"), change_data, lambda value: value.data["to"] == "ada", id="in an event"),
    pytest.param(
        SSEEvent(Message("ada")), change_message_in_event, lambda value: value.data.to == "ada", id="a dataclass in an event"
    ),
    pytest.param(
        Fragment("to.html", to={"name": "ada"}),
        change_variable,
        lambda value: value.context["to"]["name"] == "ada",
        id="a variable of a fragment",
    ),
    pytest.param(
        Fragment("to.html", to=Message("ada")), change_record, lambda value: value.context["to"].to == "ada", id="a record"
    ),
    pytest.param(Fragment("to.html", to=({"ada"},)), change_set, lambda value: value.context["to"][0] == {"ada"}, id="a set"),
]


@pytest.fixture
def app(tmp_path):
    (tmp_path / "to.html").write_text("to somebody")
    return App(AppConfig(template_dir=tmp_path))


@pytest.mark.parametrize(("value", "change", "wanted"), CHANGES)
async def test_a_filter_decides_by_what_was_published_and_not_by_what_has_become_of_it(
    autojump_clock, app, value, change, wanted
):
    topic = app.topic("messages")
    cursor = topic.cursor
    value = copy_of(value)
    topic.publish_nowait(value)
    change(value)
    topic.publish_nowait(value)
    topic.close()
    assert len([event async for event in topic.subscribe(cursor, filter=wanted)]) == 1
    assert len([event async for event in topic.subscribe(cursor, filter=lambda value: not wanted(value))]) == 1


def copy_of(value):
    """The parameter itself must not change from one test to the next."""
    return copied_data(value, copy.deepcopy) if isinstance(value, Fragment) else copy.deepcopy(value)


@pytest.mark.parametrize("is_stored", [False, True])
async def test_nor_is_it_misled_by_a_reader_that_changes_the_value(autojump_clock, tmp_path, is_stored):
    store = SQLiteStore(tmp_path / "topics.db") if is_stored else None
    async with opened(Topic("messages", store=store)) as topic:
        cursor = topic.cursor
        await topic.publish({"to": "ada"})
        events = aiter(topic.subscribe(cursor))
        (await anext(events)).value["to"] = "eve"
        await events.aclose()
        topic.close()
        assert len([event async for event in topic.subscribe(cursor, filter=lambda value: value["to"] == "ada")]) == 1


async def test_a_key_is_of_what_was_published_too(autojump_clock):
    topic = Topic("prices")
    latest = topic.subscribe(buffer=2, overflow="latest", key=lambda value: value["share"])
    price = {"share": "a", "price": 1}
    for share, number in [("a", 1), ("b", 2), ("a", 3), ("b", 4)]:
        price["share"], price["price"] = share, number
        topic.publish_nowait(price)
    price["share"] = "c"
    topic.close()
    got = [encode_published(event, None, None).split(b"data: ")[1] for event in [event async for event in latest][1:]]
    assert got == [b'{"share":"a","price":3}\n\n', b'{"share":"b","price":4}\n\n']


async def test_one_dict_that_is_published_again_and_again_reaches_whom_it_was_for(autojump_clock):
    topic = Topic("messages")
    async with (
        feed_of(topic, filter=lambda value: value["to"] == "eve") as to_eve,
        feed_of(topic, filter=lambda value: value["to"] == "ada") as to_ada,
        to_eve.stream_sse("/") as eve,
        to_ada.stream_sse("/") as ada,
    ):
        await trio.testing.wait_all_tasks_blocked()
        message = {"to": "ada", "text": "our secret"}
        topic.publish_nowait(message)
        message["to"], message["text"] = "eve", "hello"
        topic.publish_nowait(message)
        assert await read(ada, 1) == ['{"to":"ada","text":"our secret"}']
        assert await read(eve, 1) == ['{"to":"eve","text":"hello"}']


async def test_what_may_change_in_an_object_of_ones_own_is_not_known_to_anybody(autojump_clock, app):
    topic = app.topic("messages")
    address = Address("ada")
    cursor = topic.cursor
    topic.publish_nowait(Fragment("to.html", to=address))
    topic.close()
    seen = []
    assert [event async for event in topic.subscribe(cursor, filter=seen.append)] == []
    assert seen[0].context["to"] is address


async def test_a_dict_that_holds_itself_may_be_a_variable_of_a_fragment(autojump_clock, app):
    topic = app.topic("messages")
    cursor = topic.cursor
    circle = {"to": "ada"}
    circle["self"] = circle
    topic.publish_nowait(Fragment("to.html", to=circle))
    circle["to"] = "eve"
    topic.close()
    wanted = topic.subscribe(cursor, filter=lambda value: value.context["to"]["self"]["to"] == "ada")
    assert len([event async for event in wanted]) == 1


def test_where_nobody_has_a_filter_json_is_not_read_again():
    topic = Topic("messages")
    topic.publish_nowait({"to": "ada"})
    [event] = audience_of(topic).log.since(0, 1)
    first = value_seen(event)
    assert first == event.value
    assert first is not event.value
    assert value_seen(event) is first, "once for all filters"


class Markup:
    """As the elements of htpy: HTML by its own account, and no text."""

    def __init__(self, text):
        self.text = text

    def __html__(self):
        return self.text


class MarkedDict(dict):
    def __html__(self):
        return "<li>ada"


@pytest.mark.parametrize("value", [Markup("<li>ada"), MarkedDict(to="ada")], ids=lambda value: type(value).__name__)
@pytest.mark.parametrize("is_stored", [False, True])
@pytest.mark.parametrize("is_event", [False, True])
async def test_a_filter_sees_html_where_an_object_is_that_by_its_own_account(
    autojump_clock, tmp_path, value, is_stored, is_event
):
    seen = []
    value = copy.copy(value)

    def wants(value):
        seen.append(value.data if is_event else value)
        return True

    async with opened(Topic("news", store=SQLiteStore(tmp_path / "topics.db") if is_stored else None)) as topic:
        cursor = topic.cursor
        await topic.publish(SSEEvent(value, event="named") if is_event else value)
        value.text = "changed since"
        topic.close()
        assert len([event async for event in topic.subscribe(cursor, filter=wants)]) == 1

    assert seen == ["<li>ada" if is_stored else HTML("<li>ada")]
