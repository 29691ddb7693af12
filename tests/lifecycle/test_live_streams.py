"""What can be seen of streams, and ending those that are to end."""

import logging
from dataclasses import FrozenInstanceError

import pytest
import trio

from chirp_trio import App, Ending, EventStream, Request
from chirp_trio.testing import TestClient
from tests.cases import each_case
from tests.lifecycle.scenes import Source, app_of, endings, logged, raw_app, tasks


@pytest.fixture(autouse=True)
def _debug_log(caplog):
    caplog.set_level(logging.DEBUG, logger="chirp_trio")


def rooms() -> App:
    """An app with a stream for each room and user."""
    app = App()

    @app.route("/rooms/{name}")
    async def room(name, request: Request):
        return EventStream(Source("ä", "b" * 10), label=request.query.get("user"))

    return app


async def test_a_stream_can_be_seen_for_as_long_as_it_lasts(autojump_clock):
    app = rooms()
    assert len(app.streams) == 0
    async with TestClient(app, client=("192.0.2.7", 1234)) as client:
        await trio.sleep(3)
        async with client.stream_sse("/rooms/7?user=ada") as stream:
            await stream.next_event()
            await trio.sleep(20)
            [seen] = app.streams
            assert len(app.streams) == 1
        assert len(app.streams) == 0
        assert list(app.streams) == []
    assert (seen.path, seen.route, seen.client, seen.label) == ("/rooms/7", "/rooms/{name}", "192.0.2.7", "ada")
    assert (seen.events, seen.bytes, seen.backlog) == (2, len(b"data: \xc3\xa4\n\n") + len(b"data: bbbbbbbbbb\n\n"), 0)
    assert seen.ending is None
    assert seen.sent_at - seen.opened_at == pytest.approx(15), "the heartbeat"


async def test_a_snapshot_does_not_change(autojump_clock):
    app = app_of(Source("a", "b", pause=10))
    async with TestClient(app) as client, client.stream_sse("/") as stream:
        await stream.next_event()
        [before] = app.streams
        await stream.next_event()
        [after] = app.streams
    assert (before.events, after.events) == (1, 2)
    with pytest.raises(FrozenInstanceError):
        after.events = 3


async def test_what_waits_for_a_slow_client_is_its_backlog(autojump_clock):
    app = app_of(Source(*["x" * 4000] * 10))
    async with TestClient(app) as client, client.stream_sse("/") as stream:
        stream.stall()
        await trio.sleep(5)
        [seen] = app.streams
        assert 8000 < seen.backlog < seen.bytes


async def test_streams_are_listed_in_the_order_of_their_beginning_while_they_come_and_go(autojump_clock):
    app = rooms()
    async with TestClient(app) as client, client.stream_sse("/rooms/a"), client.stream_sse("/rooms/b"):
        walk = iter(app.streams)
        assert next(walk).path == "/rooms/a"
        async with client.stream_sse("/rooms/c"):
            assert [stream.path for stream in app.streams] == ["/rooms/a", "/rooms/b", "/rooms/c"]
            assert [stream.path for stream in walk] == ["/rooms/b"]


async def test_those_for_which_a_predicate_holds_are_closed_and_no_others(autojump_clock, caplog):
    app = rooms()
    async with TestClient(app) as client:
        async with (
            client.stream_sse("/rooms/1?user=ada") as first,
            client.stream_sse("/rooms/2?user=eve") as other,
            client.stream_sse("/rooms/3?user=ada") as second,
        ):
            for stream in (first, other, second):
                assert (await stream.next_event()).data == "ä"
                await stream.next_event()
            assert app.streams.close(lambda stream: stream.label == "ada") == 2
            assert app.streams.close(lambda stream: stream.label == "ada") == 0, "they are ending already"
            for stream in (first, second):
                with pytest.raises(StopAsyncIteration):
                    await stream.next_event(timeout=1)
            await trio.testing.wait_all_tasks_blocked()
            [left] = app.streams
            assert left.label == "eve"
            assert app.streams.ended[Ending.CLOSED] == 2
        assert endings(caplog) == ["closed", "closed", "disconnected"]
    assert logged(caplog, logging.INFO) == []


async def test_a_predicate_that_raises_closes_nothing(autojump_clock):
    app = rooms()

    def careless(stream):
        if stream.path == "/rooms/2":
            raise KeyError("user")
        return True

    async with TestClient(app) as client, client.stream_sse("/rooms/1"), client.stream_sse("/rooms/2"):
        with pytest.raises(KeyError):
            app.streams.close(careless)
        assert [stream.ending for stream in app.streams] == [None, None]


async def test_a_stream_that_still_cleans_up_is_seen_with_its_ending_and_not_closed_again(autojump_clock):
    app = app_of(Source("a", cleanup=3))
    async with TestClient(app) as client, trio.open_nursery() as nursery:
        nursery.start_soon(client.sse, "/")
        await trio.sleep(1)
        assert app.streams.close(lambda _: True) == 1
        await trio.sleep(1)
        [seen] = app.streams
        assert seen.ending is Ending.CLOSED
        assert app.streams.close(lambda _: True) == 0


async def test_closing_in_a_thread_is_refused_and_the_way_back_works(autojump_clock):
    app = rooms()

    @app.route("/wrong")
    def wrong():
        with pytest.raises(RuntimeError, match=r"outside of trio; .* trio.from_thread.run_sync"):
            app.streams.close(lambda _: True)
        return str(len(app.streams))

    @app.route("/right")
    def right():
        return str(trio.from_thread.run_sync(app.streams.close, lambda _: True))

    async with TestClient(app) as client, client.stream_sse("/rooms/1"):
        assert (await client.get("/wrong")).text == "1"
        assert (await client.get("/right")).text == "1"


async def test_what_was_counted_is_what_happened(autojump_clock):
    app = app_of(Source("a", "b", then="end"))

    @app.route("/failing")
    async def failing():
        return EventStream(Source("c", then="raise"))

    async with TestClient(app, raise_stream_errors=False) as client:
        await client.sse("/")
        await client.sse("/")
        await client.sse("/failing")
        async with client.stream_sse("/") as open_stream:
            await open_stream.next_event()
            assert (app.streams.opened, app.streams.events) == (4, 8), (
                "those that are open count as well, and so does a chirp:error"
            )
            [seen] = app.streams
            assert seen.bytes == 2 * len(b"data: a\n\n")
            assert app.streams.bytes > 7 * len(b"data: a\n\n")
    assert app.streams.opened == 4
    assert app.streams.ended == dict.fromkeys(Ending, 0) | {Ending.COMPLETED: 3, Ending.FAILED: 1}
    assert app.streams.events == 8


async def test_without_a_lifespan_the_streams_of_an_app_are_seen_just_so(autojump_clock):
    app = app_of(Source("a"))

    async def without_lifespan(scope, receive, send):
        if scope["type"] != "http":
            raise NotImplementedError
        await app(scope, receive, send)

    async with TestClient(without_lifespan) as client:
        async with client.stream_sse("/"):
            assert [stream.route for stream in app.streams] == ["/"]
            app.streams.close(lambda _: True)
        assert app.streams.ended[Ending.CLOSED] == 1


async def test_the_streams_of_a_mounted_app_are_seen_without_a_route(autojump_clock):
    app = App()
    app.mount("/inner", raw_app(Source("a")))
    async with TestClient(app) as client, client.stream_sse("/inner/x"):
        assert [(stream.path, stream.route) for stream in app.streams] == [("/inner/x", None)]


# -- hooks ----------------------------------------------------------------------------------------------------------------


async def test_the_hooks_are_called_once_for_each_stream(autojump_clock):
    app = app_of(Source("a", "b", then="end"))
    called = []

    @app.on_open
    def opened(stream):
        called.append(("open", stream.path, stream.events, stream.ending))

    @app.on_close
    def closed(stream):
        called.append(("close", stream.path, stream.events, stream.ending))

    async with TestClient(app) as client:
        await client.sse("/")
        await client.sse("/", max_events=1)
        await client.head("/")
        await client.get("/nowhere")
    assert called[:2] == [("open", "/", 0, None), ("close", "/", 2, Ending.COMPLETED)]
    assert [name for name, *_ in called] == ["open", "close", "open", "close"]


async def test_when_a_stream_is_opened_its_source_has_not_run_and_when_it_is_closed_it_has_been(autojump_clock):
    source = Source("a", cleanup=3)
    app = app_of(source)
    seen = []
    app.on_open(lambda _: seen.append((source.opened, source.closed)))
    app.on_close(lambda _: seen.append((source.opened, source.closed)))
    async with TestClient(app) as client:
        await client.sse("/", max_events=1)
    assert seen == [(0, 0), (1, 1)]


async def test_a_hook_that_raises_is_logged_and_harms_nobody(autojump_clock, caplog):
    app = app_of(Source("a", then="end"))
    seen = []

    @app.on_open
    @app.on_close
    def broken(stream):
        raise KeyError(stream.path)

    app.on_open(seen.append)
    app.on_close(seen.append)
    before = tasks()
    async with TestClient(app, raise_stream_errors=False) as client:
        result = await client.sse("/")
    assert tasks() == before
    assert [event.data for event in result.events] == ["a"]
    assert len(seen) == 2, "the other hooks are called all the same"
    assert endings(caplog) == ["completed"]
    messages = logged(caplog, logging.ERROR)
    assert len(messages) == 2
    assert all("/: the hook" in message and "broken failed" in message for message in messages)


async def test_a_hook_may_close_the_stream_that_it_is_told_of(autojump_clock, caplog):
    source = Source("a")
    app = app_of(source)
    app.on_open(lambda opened: app.streams.close(lambda stream: stream == opened))
    async with TestClient(app) as client:
        result = await client.sse("/", timeout=1)
    assert (result.status, result.events, result.ended) == (200, (), "completed")
    assert source.opened == 0
    assert endings(caplog) == ["closed"]
    assert logged(caplog, logging.INFO) == []


@each_case("name", ["on_open", "on_close"])
def test_a_hook_is_a_function_that_is_not_async(name):
    app = App()

    async def wrong(stream): ...

    for hook in (wrong, "greet", None):
        with pytest.raises((TypeError, ValueError), match=rf"{name}\(.*\): the hook must be a function that is not async"):
            getattr(app, name)(hook)


# -- the log --------------------------------------------------------------------------------------------------------------


async def test_the_log_of_an_ending_can_be_read_by_machines(autojump_clock, caplog):
    async with TestClient(rooms(), client=("192.0.2.7", 1234)) as client:
        await trio.sleep(7)
        await client.sse("/rooms/7?user=ada", disconnect_after=20)
    [record] = [record for record in caplog.records if record.getMessage() == "/rooms/7: ended, disconnected"]
    fields = ("path", "route", "client", "label", "ending", "events", "bytes")
    values = [getattr(record, field) for field in fields]
    assert values == ["/rooms/7", "/rooms/{name}", "192.0.2.7", "ada", "disconnected", 2, 28]
    assert record.duration == pytest.approx(20)
