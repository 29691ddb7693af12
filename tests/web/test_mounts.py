"""Other ASGI apps below a path, WebSockets, and being below a path oneself."""

from types import SimpleNamespace

import pytest
import trio

from chirp_trio import App, EventStream
from chirp_trio.testing import TestClient
from tests.cases import each_case


async def echo(scope, receive, send):
    """An ASGI app that says where it is."""
    text = f"{scope['root_path']} {scope['path']}"
    await send({"type": "http.response.start", "status": 200, "headers": [(b"x-from", b"echo")]})
    await send({"type": "http.response.body", "body": text.encode()})


def inner_app():
    app = App()

    @app.route("/")
    async def index():
        return "inner index"

    @app.route("/items/{number:int}")
    async def item(request, number):
        return f"inner {request.path} {number}"

    return app


@pytest.fixture
def app():
    app = App()
    app.mount("/static", echo)
    app.mount("/inner", inner_app())

    @app.route("/")
    async def index():
        return "outer index"

    @app.route("/static/special", methods=["GET"])
    async def special():
        return "outer special"

    return app


@pytest.mark.parametrize(
    ("path", "text"),
    [
        pytest.param("/static", "/static /static", id="the prefix itself"),
        pytest.param("/static/", "/static /static/", id="with a slash"),
        pytest.param("/static/a/b.css", "/static /static/a/b.css", id="all below"),
    ],
)
async def test_a_mounted_app_gets_all_below_its_prefix_and_finds_it_in_root_path(app, path, text):
    async with TestClient(app) as client:
        response = await client.post(path)

    assert (response.text, response.headers["x-from"]) == (text, "echo")


async def test_a_path_that_only_begins_like_a_prefix_is_not_below_it(app):
    async with TestClient(app) as client:
        assert (await client.get("/statics")).status_code == 404


async def test_routes_are_asked_before_mounts(app):
    async with TestClient(app) as client:
        assert (await client.get("/static/special")).text == "outer special"


async def test_a_method_that_no_route_takes_is_left_to_the_mount(app):
    async with TestClient(app) as client:
        assert (await client.post("/static/special")).text == "/static /static/special"


async def test_of_nested_prefixes_the_first_mounted_is_taken():
    async def other(scope, receive, send):
        raise AssertionError("not called")

    app = App()
    app.mount("/a/b", echo)
    app.mount("/a", other)
    async with TestClient(app) as client:
        assert (await client.get("/a/b/c")).text == "/a/b /a/b/c"


@pytest.mark.parametrize(
    ("path", "status", "text"),
    [
        ("/", 200, "outer index"),
        ("/inner", 200, "inner index"),
        ("/inner/", 200, "inner index"),
        ("/inner/items/7", 200, "inner /items/7 7"),
        ("/inner/items/x", 404, None),
        ("/items/7", 404, None),
    ],
)
async def test_an_app_in_an_app_sees_paths_below_its_prefix(app, path, status, text):
    async with TestClient(app) as client:
        response = await client.get(path)

    assert response.status_code == status
    assert text is None or response.text == text


async def test_an_app_in_an_app_in_an_app():
    middle, outer = App(), App()
    middle.mount("/inner", inner_app())
    outer.mount("/middle", middle)

    async with TestClient(outer) as client:
        assert (await client.get("/middle/inner/items/7")).text == "inner /items/7 7"


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("/api/inner/items/7", id="the server leaves root_path in the path"),
        pytest.param("/inner/items/7", id="the proxy took it away"),
    ],
)
async def test_an_app_in_an_app_that_is_below_a_path_itself(app, path):
    async with TestClient(app, root_path="/api") as client:
        assert (await client.get(path)).text == "inner /items/7 7"


@pytest.mark.parametrize("path", ["/api", "/api/", "/"])
async def test_an_app_below_a_path_sees_what_is_below_it(app, path):
    async with TestClient(app, root_path="/api") as client:
        assert (await client.get(path)).text == "outer index"


async def test_a_path_that_only_begins_like_root_path_is_left_as_it_is():
    app = App()

    @app.route("/apis")
    async def index(request):
        return request.path

    async with TestClient(app, root_path="/api") as client:
        assert (await client.get("/apis")).text == "/apis"


# -- errors of mounted apps ---------------------------------------------------------------------------------------------


async def test_a_mounted_app_that_fails_before_it_answers_is_a_500(caplog):
    async def broken(scope, receive, send):
        raise LookupError("kaputt")

    app = App()
    app.mount("/broken", broken)
    async with TestClient(app) as client:
        response = await client.get("/broken")

    assert response.status_code == 500
    assert [record.message.partition(" (")[0] for record in caplog.records] == ["GET /broken failed"]


async def test_a_mounted_app_that_fails_half_way_is_left_to_the_server(caplog):
    async def broken(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise LookupError("kaputt")

    app = App()
    app.mount("/broken", broken)
    async with TestClient(app) as client:
        with pytest.raises(LookupError, match="kaputt"):
            await client.get("/broken")


async def test_so_is_one_in_an_app_in_an_app():
    async def broken(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise LookupError("kaputt")

    inner, outer = App(), App()
    inner.mount("/broken", broken)
    outer.mount("/inner", inner)
    async with TestClient(outer) as client:
        with pytest.raises(LookupError, match="kaputt"):
            await client.get("/inner/broken")


# -- streams of mounted apps --------------------------------------------------------------------------------------------


async def ticks():
    while True:
        yield "tick"
        await trio.sleep(1)


async def test_a_stream_of_a_mounted_app_has_the_home_of_the_apps_own(autojump_clock, caplog):
    app = App()
    app.mount("/ticks", EventStream(ticks))

    async with TestClient(app) as client:
        result = await client.sse("/ticks", max_events=3)

    assert [event.data for event in result.events] == ["tick"] * 3
    assert caplog.records == []


async def test_a_stream_of_a_mounted_app_ends_when_the_server_is_about_to_stop(autojump_clock):
    app = App()
    app.mount("/ticks", EventStream(ticks))

    async with TestClient(app) as client, client.stream_sse("/ticks") as stream:
        await stream.next_event()
        client.drain()
        with trio.fail_after(60):
            async for _ in stream:
                pass


class Connection:
    """A connection of hypercorn's: it is told that the server is about to stop, and no app is."""

    def __init__(self, send, terminated):
        self.really_send = send
        self.context = SimpleNamespace(terminated=terminated)

    async def send(self, message):
        await self.really_send(message)


@each_case("way", ["route", "mount", "mount in a mount", "route of a mount"])
async def test_so_it_does_where_the_server_tells_only_its_own_connections(autojump_clock, way):
    terminated = trio.Event()
    app, inner = App(), App()
    if way == "mount":
        app.mount("/ticks", EventStream(ticks))
    elif way == "mount in a mount":
        app.mount("/ticks", inner)
        inner.mount("/ticks", EventStream(ticks))
    elif way == "route of a mount":
        app.mount("/ticks", inner)
        inner.route("/ticks")(lambda: EventStream(ticks))
    else:
        app.route("/ticks")(lambda: EventStream(ticks))

    async def server(scope, receive, send):
        await app({**scope, "extensions": {}}, receive, Connection(send, terminated).send)

    path = "/ticks/ticks" if " " in way else "/ticks"
    async with TestClient(server) as client, client.stream_sse(path) as stream:
        await stream.next_event()
        terminated.set()
        with trio.fail_after(60):
            async for _ in stream:
                pass


# -- websockets ---------------------------------------------------------------------------------------------------------


async def websocket(app, path):
    """What the app sends to a WebSocket that wants to connect."""
    sent = []

    async def receive():
        return {"type": "websocket.connect"}

    async def send(message):
        sent.append(message)

    await app({"type": "websocket", "path": path, "root_path": "", "headers": []}, receive, send)
    return sent


async def test_a_websocket_is_refused(app):
    assert await websocket(app, "/") == [{"type": "websocket.close", "code": 1000}]


async def test_a_websocket_below_a_mount_is_the_mounted_apps():
    async def accept(scope, receive, send):
        await send({"type": "websocket.accept", "root_path": scope["root_path"]})

    app = App()
    app.mount("/chat", accept)

    assert await websocket(app, "/chat/room") == [{"type": "websocket.accept", "root_path": "/chat"}]


async def test_what_a_mounted_apps_websocket_raises_comes_out_as_it_is():
    async def broken(scope, receive, send):
        await send({"type": "websocket.accept"})
        raise LookupError("kaputt")

    app = App()
    app.mount("/chat", broken)

    with pytest.raises(LookupError):
        await websocket(app, "/chat")
