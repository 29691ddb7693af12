"""Every public constructor and function refuses what cannot work where it is given: at once, in a sentence that names it."""

import functools
import inspect
import math
from contextlib import asynccontextmanager

import pytest
import trio

import chirp_trio
from chirp_trio import (
    App,
    AppConfig,
    Comment,
    Decoder,
    EventStream,
    Fragment,
    HTTPError,
    Page,
    Redirect,
    RedisStore,
    Response,
    ServerConfig,
    SQLiteStore,
    SSEEvent,
    Stream,
    Template,
    Topic,
    merge,
    merge_cursors,
)
from tests.cases import each_case
from tests.naming import name_of


async def source():
    yield


def sync_source():
    yield


def function():
    pass


def lifespan(app):
    pass


class Anything:
    def __repr__(self):
        return "<anything>"


VALUES = [5, -1, 1.5, math.nan, True, "text", "", "a\nb", "é\ud800", b"bytes", Anything(), ["a"], (1,), {"a": 1}, function]
# What may be in a place, by its name; the rest of VALUES may not.
ANY = VALUES
TEXT = ["text", "", "a\nb", "é\ud800"]
ONE_LINE = ["text", ""]
NUMBER = [5, 1.5]
COUNT = [5]
BOOL = [True]
FUNCTION = [function]
NOTHING = []

PLACES = {
    (App, "lifespan"): FUNCTION,
    (App, "config"): NOTHING,
    (App, "debug"): BOOL,
    (AppConfig, "template_dir"): [*TEXT, ["a"], {"a": 1}],
    (AppConfig, "debug"): BOOL,
    (AppConfig, "hosts"): ["text", ["a"], {"a": 1}],
    (AppConfig, "debug_hosts"): ["text", ["a"], {"a": 1}],
    (AppConfig, "max_body_size"): COUNT,
    (AppConfig, "max_form_fields"): COUNT,
    (AppConfig, "max_streams"): COUNT,
    (AppConfig, "max_streams_per_client"): COUNT,
    (AppConfig, "max_age"): NUMBER,
    (AppConfig, "reconnect_after"): NOTHING,
    (AppConfig, "reconnection_time"): NUMBER,
    (AppConfig, "json_default"): FUNCTION,
    (AppConfig, "compress"): BOOL,
    (AppConfig, "max_write_delay"): NUMBER,
    (ServerConfig, "host"): ["text", "é\ud800"],
    (ServerConfig, "port"): COUNT,
    (ServerConfig, "bind"): NOTHING,
    (ServerConfig, "reuse_port"): BOOL,
    (ServerConfig, "certfile"): NOTHING,
    (ServerConfig, "keyfile"): NOTHING,
    (ServerConfig, "http2"): BOOL,
    (ServerConfig, "trusted_proxies"): NOTHING,
    (ServerConfig, "graceful_timeout"): NUMBER,
    (ServerConfig, "drain_delay"): NUMBER,
    (ServerConfig, "http2_cleartext"): BOOL,
    (ServerConfig, "startup_timeout"): NUMBER,
    (ServerConfig, "shutdown_timeout"): NUMBER,
    (ServerConfig, "handshake_timeout"): NUMBER,
    (ServerConfig, "head_timeout"): NUMBER,
    (ServerConfig, "body_timeout"): NUMBER,
    (ServerConfig, "keep_alive_timeout"): NUMBER,
    (ServerConfig, "max_connections"): COUNT,
    (ServerConfig, "max_connections_per_client"): COUNT,
    (ServerConfig, "write_timeout"): NUMBER,
    (ServerConfig, "access_log"): BOOL,
    (ServerConfig, "server_header"): ONE_LINE,
    (ServerConfig, "root_path"): [""],
    (EventStream, "generator"): FUNCTION,
    (EventStream, "event_type"): ONE_LINE,
    (EventStream, "heartbeat_interval"): NUMBER,
    (EventStream, "send_timeout"): NUMBER,
    (EventStream, "cleanup_timeout"): NUMBER,
    (EventStream, "start_grace"): NUMBER,
    (EventStream, "headers"): NOTHING,
    (EventStream, "expires_at"): NOTHING,
    (EventStream, "revalidate"): FUNCTION,
    (EventStream, "label"): ANY,
    (EventStream, "json_default"): FUNCTION,
    (EventStream, "compress"): BOOL,
    (SSEEvent, "event"): ONE_LINE,
    (SSEEvent, "id"): ONE_LINE,
    (SSEEvent, "retry"): COUNT,
    (Comment, "text"): ["text", "", "a\nb"],
    (Decoder, "max_event_bytes"): COUNT,
    (Decoder, "last_event_id"): ONE_LINE,
    (Topic, "name"): ["text", "a\nb", "é\ud800"],
    (Topic, "history"): COUNT,
    (Topic, "history_bytes"): COUNT,
    (Topic, "max_age"): NUMBER,
    (Topic, "store"): NOTHING,
    (Topic, "json_default"): FUNCTION,
    (Topic, "prepare"): FUNCTION,
    (SQLiteStore, "path"): ["text", "a\nb", "é\ud800"],
    (SQLiteStore, "durability"): NOTHING,
    (SQLiteStore, "timeout"): NUMBER,
    (SQLiteStore, "max_waiting"): COUNT,
    (SQLiteStore, "max_waiting_bytes"): COUNT,
    (SQLiteStore, "on_damage"): NOTHING,
    (SQLiteStore, "max_wal_bytes"): COUNT,
    (RedisStore, "url"): NOTHING,
    (RedisStore, "prefix"): ["text", "", "a\nb"],
    (RedisStore, "confirm"): NOTHING,
    (RedisStore, "timeout"): NUMBER,
    (RedisStore, "presence_ttl"): NUMBER,
    (RedisStore, "max_length"): COUNT,
    (RedisStore, "max_waiting"): COUNT,
    (RedisStore, "max_waiting_bytes"): COUNT,
    (RedisStore, "at_start"): NOTHING,
    (RedisStore, "ssl_context"): NOTHING,
    (Response, "body"): ["text", "", "a\nb", b"bytes", ["a"], {"a": 1}],
    (Response, "status"): NOTHING,
    (Response, "headers"): NOTHING,
    (Response, "content_type"): ONE_LINE,
    (Redirect, "location"): ["text", "a\nb"],
    (Redirect, "status"): NOTHING,
    (Redirect, "headers"): NOTHING,
    (HTTPError, "status"): NOTHING,
    (HTTPError, "detail"): TEXT,
    (HTTPError, "headers"): NOTHING,
}
OTHERS = {
    "subscribe: last_event_id": (lambda value: Topic("t").subscribe(value), TEXT),
    "subscribe: replay": (lambda value: Topic("t").subscribe(replay=value), COUNT),
    "subscribe: buffer": (lambda value: Topic("t").subscribe(buffer=value), COUNT),
    "subscribe: overflow": (lambda value: Topic("t").subscribe(overflow=value), NOTHING),
    "subscribe: key": (lambda value: Topic("t").subscribe(overflow="latest", key=value), FUNCTION),
    "subscribe: filter": (lambda value: Topic("t").subscribe(filter=value), FUNCTION),
    "route": (lambda value: App().route(value)(function), NOTHING),
    "methods": (lambda value: App().route("/", methods=value)(function), [["a"], {"a": 1}]),
    "error": (lambda value: App().error(value), NOTHING),
    "prefix": (lambda value: App().mount(value, function), NOTHING),
    "the app at '/a'": (lambda value: App().mount("/a", value), FUNCTION),
    "on_open": (lambda value: App().on_open(value), FUNCTION),
    "on_close": (lambda value: App().on_close(value), FUNCTION),
    "template_global": (lambda value: App().template_global(value, 1), TEXT),
    "template_filter": (lambda value: App().template_filter(value), TEXT),
    "merge()": (lambda value: merge(value), NOTHING),
    "Fragment: event": (lambda value: Fragment("a", event=value), ONE_LINE),
    "Fragment: target": (lambda value: Fragment("a", target=value), ONE_LINE),
    "Fragment: swap": (lambda value: Fragment("a", swap=value), ONE_LINE),
}
NEEDED = {
    EventStream: {"generator": source},
    SSEEvent: {"data": "x"},
    Topic: {"name": "x"},
    SQLiteStore: {"path": "x"},
    RedisStore: {"url": "redis://x"},
    Redirect: {"location": "/"},
    HTTPError: {"status": 404},
}
CASES = [
    *((name, functools.partial(lambda made, name, value: made(**NEEDED.get(made, {}) | {name: value}), made, name), legal)
      for (made, name), legal in PLACES.items()),
    *((name, call, legal) for name, (call, legal) in OTHERS.items()),
]  # fmt: skip


def same(one, other):
    return one is other or (type(one) is type(other) and one == other)


@each_case(("name", "call", "legal"), CASES, ids=[f"{index}-{name}" for index, (name, *_) in enumerate(CASES)])
def test_what_cannot_work_is_refused_where_it_is_given(name, call, legal):
    for value in VALUES:
        if any(same(value, other) for other in legal):
            call(value)
            continue
        try:
            call(value)
        except (TypeError, ValueError) as error:
            message = str(error)
        else:
            pytest.fail(f"{value!r} is not refused")
        assert name.partition(": ")[2] in message or name.removesuffix("s").replace("_", "-") in message.replace("_", "-")
        shown = [repr(value), type(value).__name__, "a line feed", "half of a surrogate", "is given"]
        if isinstance(value, list | tuple | dict | bytes):  # what is wrong in it
            shown += [repr(part) for part in value] + [repr(tuple(value))]
        assert any(part in message for part in shown), message


def test_every_parameter_of_a_constructor_is_in_the_table():
    made_by_users = {kind for kind, _ in PLACES}
    listed = {(kind, name) for kind, name in PLACES}
    known = {(App, "middleware"), (SSEEvent, "data"), (EventStream, "_"), (EventStream, "background")}
    for kind in made_by_users:
        parameters = {(kind, name) for name in inspect.signature(kind).parameters}
        assert parameters - listed <= known, kind
    classes = {value for name in chirp_trio.__all__ if isinstance(value := getattr(chirp_trio, name), type)}
    assert made_by_users <= classes | {EventStream}


class SyncCallable:
    def __call__(self):
        yield


class AsyncCallable:
    async def __call__(self):
        pass


class Room:
    async def events(self, user):
        yield user

    async def all(self):
        yield


async def with_parameter(user):
    yield user


async def with_default(user="ada"):
    yield user


def injected(function):
    @functools.wraps(function)
    def wrapper():
        return function("ada")

    return wrapper


async def no_generator():
    pass


@each_case(
    ("wrong", "cure"),
    [
        (sync_source, "; this generator is not async: write `async def` where it says `def`"),
        (sync_source(), "; this generator is not async: write `async def` where it says `def`"),
        (SyncCallable(), "; this generator is not async: write `async def` where it says `def`"),
        (functools.partial(sync_source), "; this generator is not async: write `async def` where it says `def`"),
        ((number for number in range(3)), "; this generator is not async: write `async def` where it says `def`"),
        (no_generator, "a coroutine, that is, an async function without a yield"),
        (AsyncCallable(), "a coroutine, that is, an async function without a yield"),
        (
            with_parameter,
            "the function 'with_parameter', which needs 'user'; it is called without arguments. Write it inside",
        ),
        (Room().events, "the function 'events', which needs 'user'"),
        (Room.all, "the function 'all', which needs 'self'"),
        (lambda request: source(), "the function '<lambda>', which needs 'request'"),
        ([1, 2], r"[1, 2] of type list; it takes an async generator function"),
        ({1: 2}, "loop over it with `for` in an async generator function, and yield them"),
        ("text", "loop over it with `for` in an async generator function, and yield them"),
        (range(3), "loop over it with `for` in an async generator function, and yield them"),
        (Room, "of type type; it takes an async generator function"),
    ],
    ids=name_of,
)
def test_what_is_no_source_is_refused_with_its_cure(wrong, cure):
    with pytest.raises(TypeError) as caught:
        EventStream(wrong)
    assert cure in str(caught.value)


@asynccontextmanager
async def manager():
    yield source()


@trio.as_safe_channel
async def channel():
    yield 1


@each_case(
    "right",
    [
        source,
        source(),
        with_default,
        functools.partial(with_parameter, "ada"),
        injected(with_parameter),
        lambda: with_parameter("ada"),
        Room().all,
        manager,
        channel,
        Topic("t").subscribe(),
        trio.open_memory_channel(1)[1],
    ],
    ids=name_of,
)
def test_what_is_a_source_is_taken(right):
    EventStream(right)


@each_case("detail", [{"code": 1}, ["a"], 42, b"bytes"], ids=name_of)
def test_a_detail_that_is_no_text_is_refused_with_what_there_is_in_its_place(detail):
    with pytest.raises(
        TypeError, match=r"^HTTPError: detail is .*; it must be text\. To answer with more than a sentence, ret"
    ):
        HTTPError(404, detail)


@each_case("kind", [HTTPError, Response, EventStream])
@each_case(
    "headers",
    [{"x": "a\nb"}, {"x": "☃"}, {"x y": "1"}, {"": "1"}, {"x": 1}, {1: "x"}, [("a",)], ["ab"], "ab", 5, None],
    ids=name_of,
)
def test_headers_that_cannot_be_sent_are_refused_where_they_are_given(kind, headers):
    with pytest.raises((TypeError, ValueError), match="header"):
        kind(**NEEDED.get(kind, {}), headers=headers)


@each_case("kind", [Template, Stream, functools.partial(Page, "a"), Fragment])
@each_case("value", [5, None, b"a", ["a"]], ids=name_of)
def test_a_template_is_named_by_text(kind, value):
    with pytest.raises((TypeError, ValueError), match=r"must be|needs|Page"):
        kind(value)


@each_case("value", [5, None, "news"], ids=name_of)
def test_cursors_are_those_of_topics(value):
    with pytest.raises((TypeError, ValueError), match=r"merge_cursors\(\)"):
        merge_cursors(value)
