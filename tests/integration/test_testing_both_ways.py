"""`TestClient`, in memory and live: the same tests, run both ways."""

import json
from contextlib import asynccontextmanager, suppress

import pytest
import trio

from chirp_trio import App, EventStream, HTTPError, Redirect, Request, Response, SSEEvent
from chirp_trio.testing import AppError, AppStillRunning, LeftBehind, SSERefused, SSETimeout, TestClient

PAUSE = 0.05  # seconds between two events


class Scene:
    """An app, and what it has seen."""

    def __init__(self):
        self.lifespan = []
        self.asked = []
        self.yielded = 0
        self.open = 0
        self.app = App(lifespan=self.run)
        self.app.route("/seen", methods=["GET", "POST"])(self.seen)
        self.app.route("/numbers")(self.numbers)
        self.app.route("/quiet")(self.quiet)
        self.app.route("/firehose")(self.firehose)
        self.app.route("/failing")(self.failing)
        self.app.route("/private")(self.private)
        self.app.route("/login")(self.login)
        self.app.route("/elsewhere")(self.elsewhere)
        self.app.mount("/raw", self.raw)

    @asynccontextmanager
    async def run(self, _app):
        self.lifespan.append("started")
        yield {"greeting": "hello"}
        self.lifespan.append("stopped")

    async def seen(self, request: Request):
        told = {
            "method": request.method,
            "path": request.path,
            "body": await request.text(),
            "state": request.state["greeting"],
        }
        return told | {"headers": dict(request.headers), "cookies": dict(request.cookies)}

    async def numbers(self, request: Request):
        self.asked.append(request.last_event_id)
        return EventStream(lambda: self.counted(int(request.last_event_id or 0), PAUSE))

    async def counted(self, number, pause, text=""):
        self.open += 1
        try:
            while True:
                number += 1
                self.yielded += 1
                yield SSEEvent(f"{number}{text}", id=str(number))
                await trio.sleep(pause)
        finally:
            self.open -= 1

    async def quiet(self):
        async def source():
            await trio.sleep_forever()
            yield

        return EventStream(source, heartbeat_interval=0.2)

    async def firehose(self):
        return EventStream(lambda: self.counted(0, 0, "x" * 10_000), send_timeout=0.5)

    async def failing(self):
        async def source():
            yield "a"
            raise LookupError("kaputt")

        return EventStream(source)

    async def private(self):
        raise HTTPError(403, "members only")

    async def login(self):
        return Response("", 303, [("location", "/seen"), ("set-cookie", "user=ada; Path=/")])

    async def elsewhere(self):
        return Redirect("/numbers")

    async def raw(self, scope, receive, send):
        """What breaks ASGI's rules."""
        start = {"type": "http.response.start", "status": 200, "headers": []}
        piece = {"type": "http.response.body", "body": b"a", "more_body": True}
        match scope["path"]:
            case "/raw/raises":
                raise LookupError("kaputt")
            case "/raw/raises-half-way":
                await send(start)
                await send(piece)
                raise LookupError("kaputt")
            case "/raw/says-nothing":
                pass
            case "/raw/says-half":
                await send(start)
                await send(piece)
            case "/raw/never-notices":
                await send(start)
                await send(piece)
                await trio.sleep(3600)


@pytest.fixture
def scene():
    return Scene()


@pytest.fixture(params=[TestClient, TestClient.live], ids=["in memory", "live"])
def make_client(request):
    return request.param


@pytest.fixture
async def client(make_client, scene):
    async with make_client(scene.app) as client:
        yield client
    assert scene.open == 0


# -- requests -------------------------------------------------------------------------------------------------------------


async def test_a_request_is_answered(client):
    response = await client.post("/seen?a=1", content=b"body", headers={"X-A": "1"})
    seen = response.json()
    assert (seen["method"], seen["path"], seen["body"], seen["state"]) == ("POST", "/seen", "body", "hello")
    assert (seen["headers"]["host"], seen["headers"]["x-a"]) == ("testserver", "1")
    assert not any("chirp" in name for name in seen["headers"])


async def test_the_lifespan_is_run(make_client, scene):
    async with make_client(scene.app):
        assert scene.lifespan == ["started"]
    assert scene.lifespan == ["started", "stopped"]


async def test_cookies_are_kept_and_redirects_followed_where_that_is_asked_for(client):
    assert (await client.get("/login")).status_code == 303
    response = await client.get("/login", follow_redirects=True)
    assert [step.status_code for step in response.history] == [303]
    assert response.json()["cookies"] == {"user": "ada"}


async def test_what_stands_before_the_path_can_be_told(make_client, scene):
    async with make_client(scene.app, root_path="/api") as client:
        assert (await client.get("/api/seen")).json()["path"] == "/seen"


async def test_many_requests_may_go_on_at_the_same_time(client):
    async with trio.open_nursery() as nursery:
        for _ in range(20):
            nursery.start_soon(client.get, "/seen")


async def test_a_body_may_be_sent_bit_by_bit(client):
    async def pieces():
        for piece in (b"a", b"b", b"c"):
            yield piece
            await trio.sleep(0.01)

    assert (await client.post("/seen", content=pieces())).json()["body"] == "abc"


async def test_head_has_no_body(client):
    response = await client.head("/seen")
    assert (response.status_code, response.content) == (200, b"")


# -- streams --------------------------------------------------------------------------------------------------------------


async def test_some_events(client, scene):
    result = await client.sse("/numbers", max_events=3)
    assert (result.status, result.ended) == (200, "max_events")
    assert [event.data for event in result.events] == ["1", "2", "3"]
    assert [event.id for event in result.events] == ["1", "2", "3"]
    assert list(result.event_times) == sorted(result.event_times)
    assert result.event_times[0] < result.event_times[2] <= result.duration
    assert result.event_times[2] >= 2 * PAUSE
    assert scene.open == 0, "who has left waits until the source has ended"


async def test_heartbeats_and_their_times(client):
    result = await client.sse("/quiet", disconnect_after=0.7)
    assert result.ended == "disconnected"
    assert result.heartbeats == len(result.heartbeat_times) >= 2
    assert result.heartbeat_times[0] >= 0.2
    assert result.heartbeat_times[1] - result.heartbeat_times[0] >= 0.1


async def test_what_never_comes_is_missed(client):
    with pytest.raises(SSETimeout, match=r"GET /quiet: 1 events did not come within 0.3 s"):
        await client.sse("/quiet", max_events=1, timeout=0.3)


async def test_an_event_at_a_time(client, scene):
    async with client.stream_sse("/numbers") as stream:
        assert (await stream.next_event()).data == "1"
        assert (await anext(stream)).data == "2"
        with trio.move_on_after(PAUSE / 10):
            await stream.next_event()
        assert (await stream.next_event()).data == "3", "giving up loses nothing"
        assert scene.open == 1
    assert scene.open == 0
    assert stream.ended == "disconnected"


async def test_a_client_that_comes_back_goes_on_where_it_was(client, scene):
    async with client.stream_sse("/numbers") as stream:
        await stream.next_event()
        await stream.next_event()
        await stream.reconnect()
        assert (await stream.next_event()).data == "3"
        assert scene.open == 1
    assert scene.asked == [None, "2"]


async def test_a_client_that_stalls_holds_its_source_up(client, scene):
    async with client.stream_sse("/firehose") as stream:
        await stream.next_event()
        stream.stall()
        before = len(stream.events)
        await trio.sleep(0.2)
        taken = scene.yielded
        await trio.sleep(0.1)
        assert scene.yielded == taken, "what the system has room for is full"
        assert len(stream.events) == before
        stream.resume()
        while len(stream.events) < before + 100:
            await stream.next_event()
        assert scene.yielded > taken


async def test_a_client_that_stalls_for_too_long_is_given_up(client, scene):
    async with client.stream_sse("/firehose") as stream:
        stream.stall()
        with trio.fail_after(20):
            while scene.open or not scene.yielded:  # noqa: ASYNC110 - the source is the app's, and tells nobody
                await trio.sleep(0.05)
        stream.resume()
        with pytest.raises(AppError, match="GET /firehose: the app returned before its response was complete"):
            async for _ in stream:
                pass
        assert stream.ended == "cut off"


async def test_a_server_that_stops_ends_the_stream(client, scene):
    async with client.stream_sse("/numbers") as stream:
        await stream.next_event()
        stream.drain()
        async for _ in stream:
            pass
        assert stream.ended == "completed"
        assert 1000 <= stream.retry <= 5000
        assert scene.open == 0


async def test_redirects_to_a_stream(client):
    assert (await client.sse("/elsewhere")).status == 303
    result = await client.sse("/elsewhere", max_events=1, follow_redirects=True)
    assert (result.status, len(result.events)) == (200, 1)


async def test_what_is_no_event_stream_is_refused(client):
    result = await client.sse("/private")
    assert (result.status, result.ended) == (403, "refused")
    async with client.stream_sse("/private") as stream:
        with pytest.raises(SSERefused, match=r"but 403, .*members only"):
            await stream.next_event()


# -- errors ---------------------------------------------------------------------------------------------------------------


async def test_an_error_of_a_source_is_raised_when_the_stream_is_left(client):
    with pytest.raises(AppError, match="GET /failing: its source raised: LookupError: kaputt"):
        await client.sse("/failing")


async def test_a_test_may_want_to_see_what_a_client_sees(make_client, scene):
    async with make_client(scene.app, raise_stream_errors=False) as client:
        result = await client.sse("/failing")
    assert [event.event for event in result.events] == [None, "chirp:error"]
    assert list(json.loads(result.events[1].data)) == ["reference"]


def raw_app(scene):
    """An app whose errors nobody turns into responses."""

    async def app(scope, receive, send):
        if scope["type"] == "http":
            await scene.raw(scope, receive, send)

    return app


@pytest.mark.parametrize(
    ("path", "error", "message"),
    [
        ("/raw/raises", LookupError, "kaputt"),
        ("/raw/raises-half-way", LookupError, "kaputt"),
        ("/raw/says-nothing", AppError, "GET /raw/says-nothing: the app returned without a response"),
        ("/raw/says-half", AppError, "GET /raw/says-half: the app returned before its response was complete"),
    ],
)
async def test_what_the_app_does_wrong_is_raised_in_the_test(make_client, scene, path, error, message):
    async with make_client(raw_app(scene)) as client:
        with pytest.raises(error, match=message):
            await client.get(path)


async def test_a_lifespan_that_fails_at_the_start_fails_the_test(make_client):
    @asynccontextmanager
    async def lifespan(app):
        raise LookupError("no database")
        yield

    with pytest.raises(AppError, match="the app's lifespan failed: LookupError: no database"):
        async with make_client(App(lifespan=lifespan)):
            pass


async def test_a_background_task_of_the_lifespan_that_fails_fails_the_test(make_client):
    @asynccontextmanager
    async def lifespan(app):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(fail_soon)
            yield

    async def fail_soon():
        await trio.sleep(0.1)
        raise LookupError("kaputt")

    with pytest.raises(AppError, match="the app's lifespan failed: LookupError: kaputt"):
        async with make_client(App(lifespan=lifespan)):
            await trio.sleep(30)


async def test_a_lifespan_that_raises_and_says_nothing_fails_the_test(make_client):
    async def app(scope, receive, send):
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await trio.sleep(0.1)
            raise LookupError("kaputt")

    began = trio.current_time()
    with pytest.raises(LookupError, match="kaputt"):
        async with make_client(app):
            await trio.sleep(30)
    assert trio.current_time() - began < 20, "at once"


@pytest.mark.parametrize("says_so", [True, False])
async def test_an_app_need_not_know_lifespan(make_client, says_so):
    async def app(scope, receive, send):
        if scope["type"] != "http":
            if says_so:
                raise NotImplementedError
            return
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"plain"})

    async with make_client(app) as client:
        assert (await client.get("/")).text == "plain"


# -- what is left ---------------------------------------------------------------------------------------------------------


async def left_open(make_client, scene):
    async with make_client(scene.app) as client:
        await client.stream_sse("/numbers").connect()


async def test_a_stream_that_was_left_open_is_told_of(make_client, scene):
    with pytest.raises(LeftBehind, match="GET /numbers: its response was left open"):
        await left_open(make_client, scene)
    assert scene.open == 0


async def test_a_task_that_outlives_the_app_is_told_of(make_client):
    async def beyond():
        await trio.sleep(3600)

    app = App()
    async with trio.open_nursery() as nursery:

        @app.route("/start")
        async def start():
            nursery.start_soon(beyond)
            return "started"

        async def test():
            async with make_client(app) as client:
                await client.get("/start")

        with pytest.raises(AppStillRunning, match="GET /start: a task of the app still runs"):
            await test()
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def nothing_left():
    """Expect that as many tasks and sockets are there afterwards as before."""
    before = tasks()
    yield
    assert tasks() == before


def tasks():
    return trio.lowlevel.current_statistics().tasks_living


@pytest.mark.parametrize("stalled", [False, True])
async def test_a_test_that_fails_leaves_nothing(make_client, scene, stalled):
    async with nothing_left():
        with suppress(ZeroDivisionError):
            async with make_client(scene.app) as client, client.stream_sse("/firehose") as stream:
                if stalled:
                    stream.stall()
                await trio.sleep(0.1)
                raise ZeroDivisionError
    assert scene.open == 0
    assert scene.lifespan == ["started", "stopped"]


async def test_a_test_that_is_cancelled_leaves_nothing(make_client, scene):
    async with nothing_left():
        with trio.move_on_after(0.3) as scope:
            async with make_client(scene.app) as client, client.stream_sse("/firehose") as stream:
                stream.stall()
                async with client.stream_sse("/numbers"):
                    await client.get("/raw/never-notices")
        assert scope.cancelled_caught
    assert scene.open == 0
