"""What a test overlooks: responses left open, tasks of the app that outlive it, and errors that nobody has looked at."""

import copy
from contextlib import asynccontextmanager

import pytest
import trio

from chirp_trio import App, AppConfig, EventStream, Fragment, SSEEvent, Stream
from chirp_trio.testing import AppError, AppStillRunning, LeftBehind, SSETimeout, TestClient


def app_of(source, **options):
    app = App(**options)

    @app.route("/live")
    async def live():
        return EventStream(source)

    return app


async def endless():
    yield "a"
    await trio.sleep_forever()


async def failing():
    yield "a"
    raise LookupError("kaputt")


async def failing_later():
    yield "a"
    await trio.sleep(1)
    raise LookupError("kaputt")


async def run(app, test, **options):
    """A test of the app."""
    async with TestClient(app, **options) as client:
        await test(client)


FAILED = "GET /live: its source raised: LookupError: kaputt"


# -- responses that were left open ----------------------------------------------------------------------------------------


async def test_a_stream_that_was_left_open_is_told_of(autojump_clock):
    with pytest.raises(LeftBehind) as raised:
        await run(app_of(endless), lambda client: client.stream_sse("/live").connect())
    assert str(raised.value) == "GET /live: its response was left open"


async def test_a_response_that_was_left_open_is_told_of(autojump_clock):
    with pytest.raises(LeftBehind, match=r"^GET /live: its response was left open$"):
        await run(app_of(endless), lambda client: client.send(client.build_request("GET", "/live"), stream=True))


async def test_a_request_that_still_waits_for_its_response_is_told_of(autojump_clock):
    app = App()

    @app.route("/stuck")
    async def stuck(request):
        await trio.sleep(10)

    async def ask(client):
        with pytest.raises(AppError, match="GET /stuck: no response"):
            await client.get("/stuck")

    async with trio.open_nursery() as nursery:

        async def start(client):
            nursery.start_soon(ask, client)
            await trio.sleep(1)

        with pytest.raises(LeftBehind, match="GET /stuck: its response was left open"):
            await run(app, start)


async def test_a_response_that_was_read_to_its_end_is_closed():
    async def short():
        yield "a"

    async with TestClient(app_of(short)) as client:
        response = await client.send(client.build_request("GET", "/live"), stream=True)
        assert await response.aread() == b"data: a\n\n"


async def test_a_test_that_fails_is_told_of_it_as_well(autojump_clock):
    async def fail(client):
        await client.stream_sse("/live").connect()
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError) as raised:
        await run(app_of(endless), fail)
    assert raised.value.__notes__ == ["When the TestClient was closed:\nGET /live: its response was left open"]


# -- tasks that outlive the app -------------------------------------------------------------------------------------------


async def beyond():
    await trio.sleep(100)


async def test_a_task_that_a_handler_has_started_elsewhere_is_told_of(autojump_clock):
    app = App()
    async with trio.open_nursery() as nursery:

        @app.route("/start")
        async def start():
            nursery.start_soon(beyond)
            return "started"

        with pytest.raises(AppStillRunning) as raised:
            async with TestClient(app) as client:
                await client.get("/start")
        nursery.cancel_scope.cancel()
    assert str(raised.value).startswith("GET /start: a task of the app still runs: ")
    assert str(raised.value).endswith("test_testing_left.beyond")


async def test_a_task_that_the_lifespan_has_started_elsewhere_is_told_of(autojump_clock):
    async with trio.open_nursery() as nursery:

        @asynccontextmanager
        async def lifespan(app):
            nursery.start_soon(beyond, name="the sampler")
            yield

        with pytest.raises(AppStillRunning, match=r"^the app's lifespan: a task of the app still runs: the sampler$"):
            async with TestClient(App(lifespan=lifespan)):
                pass
        nursery.cancel_scope.cancel()


async def test_a_task_of_a_task_is_the_apps_as_well(autojump_clock):
    async with trio.open_nursery() as nursery:

        async def starter():
            nursery.start_soon(beyond)

        app = App()

        @app.route("/start")
        async def start():
            async with trio.open_nursery() as own:
                own.start_soon(starter)
            return "started"

        with pytest.raises(AppStillRunning, match="GET /start: a task of the app still runs"):
            async with TestClient(app) as client:
                await client.get("/start")
        nursery.cancel_scope.cancel()


async def test_tasks_of_the_test_are_its_own_affair(autojump_clock):
    async with trio.open_nursery() as nursery:
        async with TestClient(app_of(endless)) as client:
            nursery.start_soon(beyond)
            await client.sse("/live", max_events=1)
        nursery.cancel_scope.cancel()


async def test_a_task_that_has_ended_by_then_is_no_task(autojump_clock):
    app = App()
    async with trio.open_nursery() as nursery:

        @app.route("/start")
        async def start():
            nursery.start_soon(trio.sleep, 1)
            return "started"

        async with TestClient(app) as client:
            await client.get("/start")
            await trio.sleep(2)


async def test_a_lifespan_that_does_not_end_is_told_of(autojump_clock):
    @asynccontextmanager
    async def lifespan(app):
        yield
        await trio.sleep_forever()

    with pytest.raises(AppStillRunning, match="the app's lifespan still runs 60 s after it was told to end"):
        async with TestClient(App(lifespan=lifespan)):
            pass


# -- errors that nobody has looked at -------------------------------------------------------------------------------------


async def test_an_error_that_a_stream_only_reports_is_raised_when_the_client_leaves_it(autojump_clock):
    async with TestClient(app_of(failing)) as client:
        with pytest.raises(AppError) as raised:
            await client.sse("/live")
        assert str(raised.value) == FAILED
        assert isinstance(raised.value.__cause__, LookupError)

        async with client.stream_sse("/live") as stream:
            assert [event.event async for event in stream] == [None, "chirp:error"]
            with pytest.raises(AppError, match="its source raised"):
                await stream.disconnect()

        with pytest.raises(AppError, match="its source raised"):
            await client.get("/live")


async def test_a_stream_that_is_left_before_its_error_has_none(autojump_clock):
    async with TestClient(app_of(failing_later)) as client:
        assert (await client.sse("/live", max_events=1)).ended == "max_events"


async def test_an_error_of_a_source_that_cleans_up_is_raised_too(autojump_clock):
    async def careless():
        try:
            yield "a"
            await trio.sleep_forever()
        finally:
            raise LookupError("kaputt")

    async with TestClient(app_of(careless)) as client:
        with pytest.raises(AppError, match=FAILED):
            await client.sse("/live", max_events=1)


async def test_middleware_that_copies_the_scope_hides_no_error(autojump_clock):
    inner = app_of(failing)

    async def copying(scope, receive, send):
        if scope["type"] == "http":
            scope = {**scope, "extensions": copy.deepcopy(scope["extensions"])}
        await inner(scope, receive, send)

    async with TestClient(copying) as client:
        with pytest.raises(AppError, match=FAILED):
            await client.sse("/live")


async def test_several_errors_of_a_stream_are_told_together(autojump_clock):
    async def twice():
        yield object()
        yield Fragment("nowhere.html")

    async with TestClient(app_of(twice)) as client:
        with pytest.raises(AppError) as raised:
            await client.sse("/live")
    first, second = str(raised.value).splitlines()
    assert first.startswith("GET /live: an item of its source cannot be sent: TypeError: ")
    assert second.startswith("GET /live: an item of its source cannot be sent: TemplateNotFound: ")


async def test_errors_of_hooks_of_revalidation_and_of_pages_are_raised_too(autojump_clock, tmp_path):
    (tmp_path / "page.html").write_text("{{ first }}{{ second() }}")
    app = App(AppConfig(template_dir=tmp_path))

    @app.on_open
    def hook(stream):
        if stream.path == "/hooked":
            raise LookupError("kaputt")

    @app.route("/hooked")
    async def hooked():
        return EventStream(endless)

    async def forgetful():
        raise LookupError("kaputt")

    @app.route("/asked")
    async def asked():
        return EventStream(endless, revalidate=forgetful)

    @app.route("/page")
    async def page():
        return Stream("page.html", first="x" * 100_000, second=forgetful_page)

    async with TestClient(app) as client:
        with pytest.raises(AppError, match=r"GET /hooked: the hook .*hook failed: LookupError: kaputt"):
            await client.sse("/hooked", max_events=1)
        with pytest.raises(AppError, match="GET /asked: its revalidate raised: LookupError: kaputt"):
            await client.sse("/asked")
        with pytest.raises(AppError, match="GET /page: rendering failed half-way: TemplateError"):
            await client.get("/page")


def forgetful_page():
    raise LookupError("kaputt")


async def test_a_test_may_want_to_see_what_a_client_sees(autojump_clock):
    async with TestClient(app_of(failing), raise_stream_errors=False) as client:
        result = await client.sse("/live")
    assert [event.event for event in result.events] == [None, "chirp:error"]
    assert result.ended == "completed"


async def test_an_error_of_a_stream_whose_test_fails_is_told_with_that(autojump_clock):
    async def fail(client):
        async with client.stream_sse("/live") as stream:
            await stream.next_event()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError) as raised:
        await run(app_of(failing), fail)
    assert raised.value.__notes__ == [f"When the TestClient was closed:\n{FAILED}"]


async def test_an_error_behind_another_that_the_test_expects_is_raised_at_the_end(autojump_clock):
    async def half():
        yield object()
        await trio.sleep_forever()

    async def expect_too_much(client):
        with pytest.raises(SSETimeout):
            await client.sse("/live", max_events=5)

    with pytest.raises(LeftBehind, match="GET /live: an item of its source cannot be sent: TypeError"):
        await run(app_of(half), expect_too_much)


async def test_what_an_app_raises_when_its_client_has_given_up_is_raised_at_the_end(autojump_clock):
    async def app(scope, receive, send):
        if scope["type"] == "http":
            await receive()
            await receive()
            raise LookupError("kaputt")

    async def give_up(client):
        with trio.move_on_after(1):
            await client.get("/slow")

    with pytest.raises(LeftBehind) as raised:
        await run(app, give_up)
    assert str(raised.value) == "GET /slow: the app raised LookupError: kaputt"
    assert isinstance(raised.value.__cause__, LookupError)


async def test_what_an_app_raises_in_a_stream_that_nobody_reads_is_raised_when_it_is_left(autojump_clock):
    async def app(scope, receive, send):
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
            raise LookupError("kaputt")

    async with TestClient(app) as client:
        with pytest.raises(LookupError, match="kaputt"):
            async with client.stream_sse("/live"):
                await trio.sleep(1)
        with pytest.raises(LookupError, match="kaputt"):
            async with client.stream_sse("/live") as stream:
                await stream.next_event()


async def test_a_background_task_of_the_lifespan_that_fails_fails_the_test(autojump_clock):
    async def sampler():
        await trio.sleep(1)
        raise LookupError("kaputt")

    @asynccontextmanager
    async def lifespan(app):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(sampler)
            yield

    with pytest.raises(AppError, match="the app's lifespan failed: LookupError: kaputt"):
        async with TestClient(App(lifespan=lifespan)):
            await trio.sleep(10)


async def test_an_event_that_says_chirp_error_is_no_error(autojump_clock):
    async def polite():
        yield SSEEvent("told", event="chirp:error")

    async with TestClient(app_of(polite)) as client:
        assert len((await client.sse("/live")).events) == 1
