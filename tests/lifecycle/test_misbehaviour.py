"""Code that raises what is no exception, swallows its cancellation or does not end: it costs itself, and nobody else."""

import asyncio
import json
import logging
from contextlib import aclosing, suppress

import pytest
import trio

from chirp_trio import App, AppConfig, Ending, EventStream, Fragment, Stream, Template, Topic, stream_lifespan
from chirp_trio.testing import TestClient

from .scenes import app_of, endings, logged

# What is no Exception, and what hardly anybody expects.
RAISED = [SystemExit(3), KeyboardInterrupt(), GeneratorExit(), asyncio.CancelledError(), MemoryError()]
GROUPS = [BaseExceptionGroup("several", [error, ValueError("as well")]) for error in RAISED[:2]]
EVERYTHING = pytest.mark.parametrize("raised", [*RAISED, *GROUPS], ids=repr)


@pytest.fixture(autouse=True)
def debug(caplog):
    caplog.set_level(logging.DEBUG, logger="chirp_trio")


def named(caplog, text):
    """The records with a traceback that hold the text."""
    return [record for record in caplog.records if record.exc_info and text in record.getMessage()]


def shown(caplog):
    """The log, tracebacks and all."""
    formatter = logging.Formatter("%(message)s")
    return "\n".join(formatter.format(record) for record in caplog.records)


def name_of(raised):
    return raised.message if isinstance(raised, BaseExceptionGroup) else type(raised).__name__


async def others_go_on(client):
    """Whether somebody else's stream, in the same app, still gets what it should."""
    return [event.data for event in (await client.sse("/other", max_events=3)).events] == ["1", "2", "3"]


def with_others(app):
    @app.route("/other")
    async def other():
        async def source():
            for number in range(1, 4):
                yield str(number)
                await trio.sleep(1)
            await trio.sleep_forever()

        return EventStream(source)

    return app


# -- in handlers --------------------------------------------------------------------------------------------------------


@EVERYTHING
@pytest.mark.parametrize("is_async", [True, False], ids=["async", "in a thread"])
async def test_a_handler_that_raises_anything_is_a_500_in_the_log(autojump_clock, caplog, raised, is_async):
    app = with_others(App())

    async def handler():
        raise raised

    def plain():
        raise raised

    app.route("/")(handler if is_async else plain)
    async with TestClient(app) as client, client.stream_sse("/other") as stream:
        await stream.next_event()
        assert (await client.get("/")).status_code == 500
        assert (await stream.next_event()).data == "2"
        assert await others_go_on(client)

    assert len(named(caplog, "GET / failed")) == 1
    assert name_of(raised) in shown(caplog)
    assert "raise raised" in shown(caplog)  # where it was


@EVERYTHING
async def test_an_error_handler_that_raises_anything_leaves_the_error_to_the_app(autojump_clock, caplog, raised):
    app = App()

    @app.route("/")
    async def handler():
        raise ValueError("first")

    @app.error(ValueError)
    async def failing(error):
        raise raised

    async with TestClient(app) as client:
        assert (await client.get("/")).status_code == 500

    assert len(named(caplog, "the error handler")) == 1
    assert "failing failed" in shown(caplog)


@EVERYTHING
async def test_an_error_handler_of_all_exceptions_gets_what_is_none(autojump_clock, caplog, raised):
    app = App()

    @app.route("/")
    async def handler():
        raise raised

    @app.error(Exception)
    async def answer(error):
        return f"sorry: {isinstance(error, Exception)}"

    async with TestClient(app) as client:
        response = await client.get("/")

    assert (response.status_code, response.text) == (500, "sorry: True")


@EVERYTHING
@pytest.mark.parametrize("kind", [Template, Fragment, Stream])
async def test_a_template_that_raises_anything_is_a_500(autojump_clock, caplog, raised, kind, tmp_path):
    (tmp_path / "page.html").write_text("{% block part %}{{ value() }}{% endblock %}")
    app = App(AppConfig(template_dir=tmp_path))

    def value():
        raise raised

    @app.route("/")
    async def handler():
        return kind("page.html", "part", value=value) if kind is Fragment else kind("page.html", value=value)

    async with TestClient(app) as client:
        assert (await client.get("/")).status_code == 500

    assert len(named(caplog, "GET / failed")) == 1


@EVERYTHING
async def test_a_response_of_somebody_elses_that_raises_anything_is_a_500(autojump_clock, caplog, raised):
    app = App()

    async def foreign(scope, receive, send):
        raise raised

    @app.route("/")
    async def handler():
        return foreign

    app.mount("/mounted", foreign)
    async with TestClient(app) as client:
        assert (await client.get("/")).status_code == 500
        assert (await client.get("/mounted")).status_code == 500

    assert len(named(caplog, "failed")) == 2


async def test_what_a_handler_raises_while_it_is_cancelled_is_in_the_log_and_the_cancellation_goes_on(autojump_clock, caplog):
    app = App()

    @app.route("/")
    async def handler():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep_forever)
            try:
                await trio.sleep_forever()
            finally:
                raise ValueError("in passing")

    with trio.move_on_after(5) as scope:

        async def serve(scope, receive, send):
            await app(scope, receive, send)

        await serve({"type": "http", "method": "GET", "path": "/", "headers": [], "query_string": b""}, None, None)

    assert scope.cancelled_caught
    assert len(named(caplog, "GET / failed while it was cancelled")) == 1


# -- in sources and what runs for them ----------------------------------------------------------------------------------


@EVERYTHING
async def test_a_source_that_raises_anything_before_its_first_event_is_a_500(autojump_clock, caplog, raised):
    async def failing():
        raise raised
        yield

    async with TestClient(with_others(app_of(failing))) as client:
        assert (await client.sse("/")).status == 500
        assert await others_go_on(client)

    assert "failed" in endings(caplog)
    assert "completed" not in endings(caplog)
    assert len(named(caplog, "GET / failed")) == 1


@EVERYTHING
async def test_a_source_that_raises_anything_later_is_told_of_and_named(autojump_clock, caplog, raised):
    async def failing():
        yield "one"
        raise raised

    app = with_others(app_of(failing))
    async with TestClient(app, raise_stream_errors=False) as client:
        result = await client.sse("/")
        assert await others_go_on(client)

    assert [event.event for event in result.events] == [None, "chirp:error"]
    [record] = named(caplog, "its source raised")
    assert "in failing" in shown(caplog)
    assert json.loads(result.events[-1].data)["reference"] in record.getMessage()
    assert name_of(raised) in shown(caplog)
    assert (app.streams.ended[Ending.FAILED], app.streams.ended[Ending.COMPLETED]) == (1, 0)


@EVERYTHING
async def test_an_item_whose_encoding_raises_anything_costs_only_itself(autojump_clock, caplog, raised):
    def convert(value):
        raise raised

    async def source():
        yield object()
        yield "two"

    app = app_of(source, json_default=convert)
    async with TestClient(app, raise_stream_errors=False) as client:
        result = await client.sse("/")

    assert [event.event for event in result.events] == ["chirp:error", None]
    assert endings(caplog) == ["completed"]
    assert len(named(caplog, "an item of its source cannot be sent")) == 1


@EVERYTHING
@pytest.mark.parametrize("what", ["filter", "key"])
async def test_a_filter_or_key_that_raises_anything_ends_that_stream_alone(autojump_clock, caplog, raised, what):
    topic = Topic("news")

    def failing(value):
        raise raised

    def subscription():
        if what == "filter":
            return topic.subscribe(filter=failing)
        return topic.subscribe(key=failing, overflow="latest", buffer=1, replay=5)

    app = app_of(subscription)

    @app.route("/well")
    async def well():
        return EventStream(topic.subscribe(replay=5))

    async with TestClient(app, raise_stream_errors=False) as client, client.stream_sse("/well") as stream:
        reading = client.sse("/", timeout=5)
        async with trio.open_nursery() as nursery:

            async def read():
                with suppress(AssertionError):
                    await reading

            nursery.start_soon(read)
            await trio.sleep(1)
            for number in range(5):
                topic.publish_nowait(str(number))
        assert [(await stream.next_event()).data for _ in range(5)] == list("01234")

    if what == "filter":
        assert len(named(caplog, "its source")) == 1
    assert "completed" not in endings(caplog)


@EVERYTHING
@pytest.mark.parametrize("hook", ["on_open", "on_close"])
async def test_a_hook_that_raises_anything_is_in_the_log(autojump_clock, caplog, raised, hook):
    async def source():
        yield "one"

    app = app_of(source)

    def failing(stream):
        raise raised

    getattr(app, hook)(failing)
    async with TestClient(app, raise_stream_errors=False) as client:
        assert len((await client.sse("/")).events) == 1

    assert endings(caplog) == ["completed"]
    assert len(named(caplog, "the hook")) == 1


@EVERYTHING
async def test_a_revalidation_that_raises_anything_is_a_refusal(autojump_clock, caplog, raised):
    async def failing():
        raise raised

    async def source():
        yield "one"
        await trio.sleep_forever()

    app = with_others(app_of(source, revalidate=failing))
    async with TestClient(app, raise_stream_errors=False) as client:
        assert len((await client.sse("/")).events) == 1
        assert await others_go_on(client)

    assert endings(caplog)[0] == "closed"
    assert len(named(caplog, "its revalidate raised")) == 1


# -- sources that do not end, or not as they should ---------------------------------------------------------------------


async def swallows_everything():
    closed = 0
    while True:
        try:
            yield "tick"
            await trio.sleep(0.5)
        except BaseException as error:
            closed += isinstance(error, GeneratorExit)
            if closed > 1:  # when what is left of it is collected
                raise


async def swallows_and_yields_for_ever():
    try:
        yield "tick"
        await trio.sleep_forever()
    finally:
        while True:
            with suppress(trio.Cancelled):
                yield "bye"


async def yields_in_finally():
    try:
        yield "tick"
        await trio.sleep_forever()
    finally:
        yield "bye"


@pytest.mark.parametrize("source", [swallows_everything, swallows_and_yields_for_ever, yields_in_finally])
async def test_a_source_that_goes_on_after_its_end_is_closed_where_it_yields(autojump_clock, caplog, source):
    app = with_others(app_of(source))
    async with TestClient(app, raise_stream_errors=False) as client:
        await client.sse("/", max_events=1)
        assert await others_go_on(client)
        assert len(app.streams) == 0

    if source is swallows_everything:
        assert len(named(caplog, "its source raised")) == 1
        assert f"the source {source.__module__}.{source.__name__} goes on, although it was cancelled and closed" in shown(
            caplog
        )
        assert "ignored GeneratorExit" in shown(caplog)


async def test_a_source_that_swallows_its_cancellation_keeps_nothing_busy(autojump_clock, caplog):
    """It is cancelled again now and then, and waits in between, as long as it likes to."""
    swallowed = []
    is_enough = False

    async def swallowing():
        yield "tick"
        while not is_enough:
            try:
                await trio.sleep(0.25)
            except BaseException:
                swallowed.append(trio.current_time())

    app = with_others(app_of(swallowing, cleanup_timeout=0.1))
    spinning = []

    class Stop(trio.abc.Instrument):
        def task_scheduled(self, task):
            # In the first tenth of a second it does spin, and the clock does not jump by itself.
            spinning.append(task)
            if len(spinning) == 1000:
                trio.lowlevel.current_clock().jump(0.2)

    async with TestClient(app) as client:
        trio.lowlevel.add_instrument(Stop())
        async with client.stream_sse("/") as stream:
            await stream.next_event()
            leaving = trio.current_time()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(stream.disconnect)
                assert await others_go_on(client)
                before = len(swallowed)
                await trio.sleep(40)
                assert 3 < len(swallowed) - before < 12
                is_enough = True
        assert trio.current_time() - leaving > 40

    [warning] = [message for message in logged(caplog, logging.WARNING) if "still cleaning up" in message]
    assert "swallowing" in warning


async def test_a_source_that_outlives_its_host_is_within_reach_of_those_around_it(autojump_clock):
    """Nobody looks at it any longer then, so nothing may keep the cancellation of others from it."""
    has_left = trio.Event()

    async def clinging():
        try:
            yield "tick"
            await trio.sleep_forever()
        finally:
            with trio.CancelScope(shield=True):
                await trio.sleep(10)
            await trio.sleep_forever()

    async def receive():
        await has_left.wait()
        return {"type": "http.disconnect"}

    async def send(_message):
        await trio.lowlevel.checkpoint()

    began = trio.current_time()
    async with trio.open_nursery() as requests:
        async with stream_lifespan() as state:
            scope = {"type": "http", "method": "GET", "path": "/", "headers": [], "state": state}
            requests.start_soon(EventStream(clinging, cleanup_timeout=0.1), scope, receive, send)
            await trio.sleep(0.5)
            has_left.set()
            await trio.sleep(8)
        requests.cancel_scope.cancel()
    assert trio.current_time() - began == pytest.approx(10.5)


async def test_a_generator_in_two_streams_is_refused_and_the_first_one_goes_on(autojump_clock, caplog):
    async def source():
        for number in range(1, 6):
            yield str(number)
            await trio.sleep(1)

    shared = source()
    app = App()

    @app.route("/")
    async def stream():
        return EventStream(shared)

    @app.route("/call")
    async def called():
        return EventStream(lambda: shared)

    async with TestClient(app) as client, client.stream_sse("/") as first:
        await first.next_event()
        await trio.sleep(0.5)
        assert (await client.sse("/")).status == 500  # while it waits
        assert (await client.sse("/call")).status == 500
        assert (await client.head("/")).status_code == 200
        assert [event.data async for event in first] == ["2", "3", "4", "5"]
        assert (await client.sse("/")).status == 500

    shown_log = shown(caplog)
    assert "is the source of another one, which goes on; pass the generator function itself" in shown_log
    assert "has run already" in shown_log
    assert "test_a_generator_in_two_streams_is_refused_and_the_first_one_goes_on.<locals>.source" in shown_log


async def test_a_generator_whose_first_item_was_taken_to_look_at_may_still_be_a_source(autojump_clock):
    async def source():
        yield "1"
        yield "2"

    app = App()

    @app.route("/")
    async def stream():
        generator = source()
        await anext(generator)
        return EventStream(generator)

    async with TestClient(app) as client:
        assert [event.data for event in (await client.sse("/")).events] == ["2"]


async def test_an_inner_generator_is_over_before_the_stream_where_it_is_closed_as_it_should_be(autojump_clock):
    told = []

    async def rows():
        try:
            while True:
                yield "row " * 500
        finally:
            with trio.move_on_after(1, shield=True):
                await trio.sleep(0.2)
            told.append("inner")

    async def source():
        async with aclosing(rows()) as inner:
            async for row in inner:
                yield row

    app = app_of(source)
    app.on_close(lambda stream: told.append("on_close"))
    async with TestClient(app) as client:
        await client.sse("/", max_events=1)

    assert told == ["inner", "on_close"]
