"""`chirp-trio publish`: what it reads, what it prints, and how it ends."""

import importlib.util
import json
import sys

import pytest
import trio

from chirp_trio import App, EventStream, SSEEvent, StoreError, Topic
from chirp_trio.cli import main
from chirp_trio.testing import TestClient
from chirp_trio.topics.topic import audience_of
from tests.lifecycle.shared_memory import SharedJournal, SharedMemoryStore

pytest.importorskip("hiredis")


class Server:
    """A store in the place of a server, and how it was asked for."""

    def __init__(self):
        self.store = SharedMemoryStore()
        self.asked = []

    def open(self, url, **options):
        self.asked.append((url, options))
        return self.store

    @property
    def events(self):
        """What somebody finds there who comes later: names and data."""
        return trio.run(self._events)

    async def _events(self):
        async with Topic("news", store=self.store) as topic:
            found = audience_of(topic).log.since(0, 100)
        return [(event.event, event.value.data if isinstance(event.value, SSEEvent) else event.value) for event in found]


@pytest.fixture
def server(monkeypatch):
    server = Server()
    monkeypatch.setattr("chirp_trio.redis.RedisStore", server.open)
    return server


@pytest.fixture
def given(monkeypatch, tmp_path):
    """Has the command read these bytes from its standard input."""
    opened = []

    def give(content):
        path = tmp_path / "input"
        path.write_bytes(content)
        opened.append(path.open())
        monkeypatch.setattr(sys, "stdin", opened[-1])

    yield give
    for file in opened:
        file.close()


def publish(*arguments):
    return main(["publish", *arguments])


def test_an_event_is_published_and_its_id_printed(server, capsys):
    assert publish("--event", "greeting", "news", "hello") == 0
    assert capsys.readouterr() == ("shelf0-1\n", "")
    assert server.events == [("greeting", "hello")]


def test_the_options_are_those_of_the_store(server):
    assert publish("news", "x") == 0
    options = ["--prefix", "app", "--confirm", "disk", "--timeout", "1.5", "--max-length", "7"]
    assert publish("--redis", "redis://host", *options, "news", "x") == 0
    assert server.asked == [
        ("redis://127.0.0.1:6379/0", {"prefix": "chirp", "confirm": "written", "timeout": 5.0, "max_length": 10_000}),
        ("redis://host", {"prefix": "app", "confirm": "disk", "timeout": 1.5, "max_length": 7}),
    ]


@pytest.mark.parametrize(
    ("content", "values"),
    [
        (b"", []),
        (b"one\ntwo\n", ["one", "two"]),
        (b"one\r\ntwo", ["one", "two"]),
        (b"one\n\n", ["one", ""]),
        ("grüße\n".encode(), ["grüße"]),
        (b"x" * 200_000 + b"\nend", ["x" * 200_000, "end"]),
        (b"a\x0bb\x0cc\x85".replace(b"\x85", "\x85\u2028".encode()), ["a\x0bb\x0cc\x85\u2028"]),
    ],
    ids=["nothing", "lines", "without its end", "an empty one", "UTF-8", "a long one", "no other ends"],
)
def test_each_line_of_the_standard_input_is_an_event(server, given, capsys, content, values):
    given(content)
    assert publish("news") == 0
    assert [value for _, value in server.events] == values
    assert capsys.readouterr().out == "".join(f"shelf0-{number}\n" for number, _ in enumerate(values, 1))


def test_what_is_json_is_json_to_subscribers(server, given):
    given(b'{"a": 1}\n[2]\n')
    assert publish("--json", "news") == 0
    assert [value for _, value in server.events] == [{"a": 1}, [2]]


@pytest.mark.parametrize("data", ['"text"', '"1"', '""', "1", "null", "true", '["a"]', '{"a": "é"}'])
def test_what_is_json_is_json_to_clients_as_well_and_a_string_keeps_its_quotes(server, data):
    async def received():
        app = App()
        news = app.topic("news", store=server.store)

        @app.get("/")
        async def live():
            return EventStream(news.subscribe(replay=1))

        async with TestClient(app) as client:
            [event] = (await client.sse("/", max_events=1)).events
        return event.data

    assert publish("--json", "news", data) == 0
    assert json.loads(trio.run(received)) == json.loads(data)
    [(_, value)] = server.events
    assert value == (data if data.startswith('"') else json.loads(data))


@pytest.mark.parametrize(
    ("arguments", "content", "problem"),
    [
        (["--json"], b"[1]\n{\n[3]", "line 2 cannot be published: it is no JSON: "),
        (["--json"], b"[1]\n" + b"[" * 100_000, "line 2 cannot be published: it is no JSON: "),
        ([], b"[1]\n\xff\n", "line 2 cannot be published: it is no UTF-8: "),
        (["--json"], b"[1]\nNaN\n", "line 2 cannot be published: it is no JSON: there is NaN in it"),
    ],
    ids=["JSON", "depth", "UTF-8", "NaN"],
)
def test_at_a_line_that_cannot_be_published_it_ends_and_says_which(server, given, capsys, arguments, content, problem):
    given(content)
    assert publish(*arguments, "news") == 2
    output = capsys.readouterr()
    assert output.out == "shelf0-1\n"
    assert output.err.startswith(f"chirp-trio: {problem}")
    assert output.err.count("\n") == 1
    assert len(server.events) == 1


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--json", "news", "{"], "the data cannot be published: it is no JSON: "),
        (["news", "\udcff"], "the data cannot be published: "),
        (["--event", "a\nb", "news", "x"], "--event is 'a\\nb'; it must be one line of text"),
        (["", "x"], "the name of a topic is ''"),
    ],
)
def test_what_cannot_be_asked_for_is_said_in_a_line(server, capsys, arguments, problem):
    assert publish(*arguments) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith(f"chirp-trio: {problem}")
    assert output.err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--redis", "http://host", "news", "x"], "RedisStore: url is 'http://host'; it must begin with redis://"),
        (["--prefix", "\udcff", "news", "x"], "RedisStore: prefix holds "),
        (["--redis", "redis://127.0.0.1:1", "\udcff", "x"], "the name of the topic holds "),
    ],
)
def test_what_the_store_does_not_take_is_said_in_a_line(capsys, arguments, problem):
    assert publish(*arguments) == 2
    assert capsys.readouterr().err.startswith(f"chirp-trio: {problem}")


def test_without_the_extra_it_says_what_to_install(monkeypatch, capsys):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    assert publish("news", "x") == 2
    assert capsys.readouterr().err == "chirp-trio: RedisStore needs hiredis: pip install 'chirp-trio[redis]'\n"


def test_without_data_and_standard_input_there_is_nothing_to_publish(server, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", None)
    assert publish("news") == 2
    assert capsys.readouterr().err == "chirp-trio: there is neither DATA nor a standard input to read it from\n"


def test_what_the_server_does_not_take_is_told_and_nothing_after_it_is_published(server, given, monkeypatch, capsys):
    publish_one = SharedJournal.publish

    async def publish_some(self, record):
        if record.data == "two":
            raise StoreError("it was\nnot written")
        return await publish_one(self, record)

    monkeypatch.setattr(SharedJournal, "publish", publish_some)
    given(b"one\ntwo\nthree\n")
    assert publish("news") == 3
    assert capsys.readouterr() == ("shelf0-1\n", "chirp-trio: it was\nnot written\n")
    assert [value for _, value in server.events] == ["one"]


def test_a_server_that_is_not_there_is_another_code(capsys):
    assert publish("--redis", "redis://127.0.0.1:1", "--timeout", "0.2", "news", "x") == 4
    assert capsys.readouterr().err == (
        "chirp-trio: the topic 'news' in Redis at 127.0.0.1:1 cannot be opened: "
        "all attempts to connect to 127.0.0.1:1 failed: Connection refused\n"
    )


def test_an_error_of_our_own_is_not_hidden(server, monkeypatch):
    async def fail(_self, _record):
        raise ZeroDivisionError

    monkeypatch.setattr(SharedJournal, "publish", fail)
    with pytest.raises((ZeroDivisionError, ExceptionGroup)):
        publish("news", "x")
