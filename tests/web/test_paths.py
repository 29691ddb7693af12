"""Where an app is, and the paths that it makes of its routes: in handlers, templates, streams and topics."""

import pytest
import trio
from starlette.applications import Starlette
from starlette.routing import Mount

from chirp_trio import (
    App,
    AppConfig,
    ConfigurationError,
    EventStream,
    Fragment,
    Redirect,
    Response,
    ServerConfig,
    Template,
    stream_lifespan,
)
from chirp_trio.testing import TestClient
from tests.cases import each_case


def app_with_routes(**config):
    app = App(AppConfig(**config))

    @app.route("/")
    async def index(request):
        return {"url": request.url, "root_path": request.root_path, "room": request.path_for("room", name="a b")}

    @app.route("/rooms/{name}")
    async def room(name): ...

    @app.route("/orders/{number:int}")
    async def order(number): ...

    @app.route("/files/{path:path}")
    async def file(path): ...

    @app.route("/größe")
    async def size(): ...

    @app.route("/{path:path}", methods=["PUT"])
    async def anything(path): ...

    @app.route("/list")
    @app.route("/list/{page:int}")
    async def listing(request): ...

    async def twin(): ...

    app.route("/one")(twin)
    app.route("/two")(twin)
    app.mount("/static", lambda scope, receive, send: None)
    return app


async def seen(ask, app=None, path="/", **options):
    """What a handler finds in its request."""
    app = app or App()
    found = []

    @app.route("/ask/{rest:path}")
    @app.route("/ask")
    async def answer(request, **rest):
        found.append(ask(request))

    async with TestClient(app, **options) as client:
        await client.get(path)
    return found[0]


@each_case(
    ("arguments", "parameters", "path"),
    [
        pytest.param("index", {}, "/", id="handler"),
        pytest.param("room", {"name": "ada"}, "/rooms/ada", id="parameter"),
        pytest.param("/rooms/{name}", {"name": "ada"}, "/rooms/ada", id="pattern"),
        pytest.param("room", {"name": "a/b?c#d é%"}, None, id="no slash in a str"),
        pytest.param("room", {"name": "a?c#d é%&"}, "/rooms/a%3Fc%23d%20%C3%A9%25%26", id="encoded"),
        pytest.param("file", {"path": "a/b c.css"}, "/files/a/b%20c.css", id="path"),
        pytest.param("order", {"number": 7}, "/orders/7", id="int"),
        pytest.param("order", {"number": "7"}, "/orders/7", id="int as text"),
        pytest.param("order", {"number": "seven"}, None, id="no int"),
        pytest.param("room", {"name": ".."}, None, id="up"),
        pytest.param("file", {"path": "a/../b"}, None, id="up inside"),
        pytest.param("room", {"name": ""}, None, id="nothing"),
        pytest.param("anything", {"path": "/evil.example"}, None, id="another host"),
        pytest.param("size", {}, "/gr%C3%B6%C3%9Fe", id="not ASCII"),
        pytest.param(
            "room", {"name": "x", "q": "a b", "tag": ["1", "2"], "none": None}, "/rooms/x?q=a+b&tag=1&tag=2", id="query"
        ),
        pytest.param("listing", {}, "/list", id="of several the one that fits"),
        pytest.param("listing", {"page": 2}, "/list/2", id="of several the one that takes most"),
        pytest.param("twin", {}, None, id="several"),
        pytest.param("/one", {}, "/one", id="one of several by its path"),
        pytest.param("/static/app.css", {"v": 3}, "/static/app.css?v=3", id="mounted"),
        pytest.param("/rooms/ada", {}, "/rooms/ada", id="a path that a route answers"),
        pytest.param("/nowhere", {}, "/nowhere", id="a path that only PUT answers"),
        pytest.param("room", {}, None, id="missing"),
        pytest.param("rooms", {"name": "x"}, None, id="unknown"),
        pytest.param("/rooms/{id}", {"id": "x"}, None, id="unknown pattern"),
    ],
)
@each_case("root_path", ["", "/shop", "/shöp/a"])
async def test_a_path_is_made_of_a_handlers_name_or_a_pattern(arguments, parameters, path, root_path):
    found = []
    app = app_with_routes()

    @app.route("/made", methods=["POST"])
    async def made(request):
        try:
            found.append(request.path_for(arguments, **parameters))
            assert found[0] == app.path_for(arguments, **parameters)
        except ConfigurationError:
            found.append(None)

    async with TestClient(app, root_path=root_path) as client:
        await client.post("/made")
    prefix = root_path.replace("ö", "%C3%B6")
    assert found == [path if path is None else prefix + path]


@each_case(
    ("name", "parameters", "message"),
    [
        pytest.param("room", {}, "it wants 'name' (/rooms/{name}), and got nothing", id="missing"),
        pytest.param("room", {"nmae": 1}, "it wants 'name' (/rooms/{name}), and got 'nmae'", id="misspelt"),
        pytest.param("rooms", {}, "no route has a handler of this name; there are: anything, file, index,", id="unknown"),
        pytest.param("/rooms/{id}", {}, "no route has this path; there are: /, /rooms/{name},", id="pattern"),
        pytest.param("twin", {}, "several routes have this name; give the path: /one or /two", id="several"),
        pytest.param("room", {"name": None}, "name is None, which a parameter with the converter 'str' cannot be", id="None"),
        pytest.param("room", {"name": "\ud800"}, "holds '\\ud800': half of a surrogate pair, which no URL can", id="half"),
        pytest.param(
            "index", {"q": "\ud800"}, "holds '\\ud800': half of a surrogate pair, which no URL can", id="half, query"
        ),
        pytest.param(
            "order", {"number": "x"}, "number is 'x', which a parameter with the converter 'int' cannot be", id="value"
        ),
    ],
)
def test_a_path_that_cannot_be_made_is_refused_with_what_there_is(name, parameters, message):
    with pytest.raises(ConfigurationError) as refusal:
        app_with_routes().path_for(name, **parameters)

    assert message in str(refusal.value)


@each_case("name", [app_with_routes, None, 5, b"/"])
def test_a_path_is_made_of_a_name_and_of_nothing_else(name):
    with pytest.raises(TypeError, match=r"^path_for\(.*\): the name must be text: that of a route's handler, or a path$"):
        app_with_routes().path_for(name)


async def test_in_a_mounted_app_paths_have_its_prefix():
    inner, outer = app_with_routes(), App()
    outer.mount("/inner", inner)
    async with TestClient(outer, root_path="/api") as client:
        for path in ("/inner/", "/api/inner/"):
            assert (await client.get(path)).json() == {
                "url": "http://testserver/api/inner/",
                "root_path": "/api/inner",
                "room": "/api/inner/rooms/a%20b",
            }
    async with TestClient(Starlette(routes=[Mount("/mcp", inner)], lifespan=stream_lifespan)) as client:
        assert (await client.get("/mcp/?a=1")).json()["url"] == "http://testserver/mcp/?a=1"
        assert (await client.get("/mcp/")).json()["room"] == "/mcp/rooms/a%20b"


@each_case(
    ("path", "root_path", "headers", "url"),
    [
        pytest.param("/ask", "", {}, "http://testserver/ask", id="plain"),
        pytest.param("/ask?a=%20b&c", "", {}, "http://testserver/ask?a=%20b&c", id="query"),
        pytest.param("/ask/a%2Fb%20c", "", {}, "http://testserver/ask/a%2Fb%20c", id="encoded as it came"),
        pytest.param("/ask", "/shop", {}, "http://testserver/shop/ask", id="the proxy took the prefix away"),
        pytest.param("/shop/ask", "/shop", {}, "http://testserver/shop/ask", id="or left it"),
        pytest.param("/shop/ask", "/shop/", {}, "http://testserver/shop/ask", id="a slash at the prefix's end"),
        pytest.param("/ask", "", {"host": "a.example:8443"}, "http://a.example:8443/ask", id="host"),
        pytest.param("/ask", "", {"host": "[::1]:80"}, "http://[::1]:80/ask", id="IPv6"),
        pytest.param("/ask", "", {"host": 'a"><script>'}, "http://testserver/ask", id="no host"),
    ],
)
async def test_the_url_is_the_clients(path, root_path, headers, url):
    app, found = App(), []

    @app.route("/ask/{rest:path}")
    @app.route("/ask")
    async def ask(request, **rest):
        found.append(request.url)

    async with TestClient(app, root_path=root_path) as client:
        await client.get(path, headers=headers)
    assert found == [url]


@pytest.fixture
def templates(tmp_path):
    (tmp_path / "page.html").write_text(
        "<a href=\"{{ path_for('room', name='a&b') }}\">{% block link %}{{ path_for('live') }}{% endblock %}</a>"
    )
    return tmp_path


def app_of_templates(templates):
    app = App(AppConfig(template_dir=templates))

    @app.route("/rooms/{name}")
    async def room(name): ...

    @app.route("/live")
    async def live():
        async def source():
            yield Fragment("page.html", "link")
            await trio.sleep(1)
            yield Fragment("page.html", "link")

        return EventStream(source)

    @app.route("/page")
    async def page():
        return Template("page.html")

    @app.route("/plain")
    def plain():
        return Template("page.html")

    @app.route("/broken")
    async def broken():
        raise LookupError("no")

    @app.error(LookupError)
    async def show():
        return Template("page.html")

    return app


@pytest.mark.parametrize("root_path", ["", "/shop"])
@pytest.mark.parametrize("path", ["/page", "/plain", "/broken"])
async def test_templates_make_the_same_paths(templates, root_path, path):
    async with TestClient(app_of_templates(templates), root_path=root_path) as client:
        assert (await client.get(path)).text == f'<a href="{root_path}/rooms/a%26b">{root_path}/live</a>'


async def test_fragments_in_a_stream_have_the_prefix_of_its_request(templates, autojump_clock):
    inner, outer = app_of_templates(templates), App()
    outer.mount("/a", inner)
    outer.mount("/b", inner)
    async with TestClient(outer) as client, client.stream_sse("/a/live") as first, client.stream_sse("/b/live") as second:
        for _ in range(2):
            assert (await first.next_event()).data == "/a/live"
            assert (await second.next_event()).data == "/b/live"


async def test_a_published_fragment_has_the_prefix_that_is_known(templates, autojump_clock):
    app = app_of_templates(templates)
    topic = app.topic("links")
    cursor = topic.cursor

    @app.route("/topic")
    async def from_topic():
        return EventStream(topic.subscribe(cursor))

    async with TestClient(app, root_path="/shop") as client:
        topic.publish_nowait(Fragment("page.html", "link"))
        result = await client.sse("/topic", max_events=1)
    assert result.events[0].data == "/shop/live"


async def test_an_outer_apps_path_made_in_an_inner_apps_request_is_the_outer_apps():
    inner, outer, found = App(), App(), []

    @outer.route("/home")
    async def home(): ...

    @inner.route("/")
    async def index():
        found.append(outer.path_for("home"))

    outer.mount("/inner", inner)
    async with TestClient(outer, root_path="/api") as client:
        await client.get("/inner/")
    assert found == ["/api/home"]


async def test_a_redirect_goes_where_it_is_told():
    app = app_with_routes()

    @app.route("/login", methods=["POST"])
    async def login(request):
        return Redirect(request.path_for("index"))

    async with TestClient(app, root_path="/shop") as client:
        assert (await client.post("/login")).headers["location"] == "/shop/"


@pytest.mark.parametrize("name", ["session", "user"])
async def test_what_middleware_leaves_in_the_scope_is_found(name):
    value = {"name": "ada"}

    def middleware(app):
        async def leaving(scope, receive, send):
            await app({**scope, name: value}, receive, send)

        return leaving

    assert await seen(lambda request: getattr(request, name), App(middleware=[middleware]), "/ask") == value
    assert await seen(lambda request: request.scope[name], App(middleware=[middleware]), "/ask") is value


@pytest.mark.parametrize(("name", "middleware"), [("session", "SessionMiddleware"), ("user", "AuthenticationMiddleware")])
async def test_without_it_an_error_names_the_middleware(name, middleware):
    def ask(request):
        assert not hasattr(request, name)
        with pytest.raises(AttributeError, match=middleware):
            getattr(request, name)
        return True

    assert await seen(ask, path="/ask")


async def test_a_response_alone_needs_no_app():
    async with TestClient(Response("x")) as client:
        assert (await client.get("/")).text == "x"


async def test_the_server_may_be_told_the_prefix(templates):
    app = app_of_templates(templates)
    topic = app.topic("links")

    async with TestClient.live(app, config=ServerConfig(root_path="/shop")) as client:
        assert app.path_for("live") == "/shop/live"  # before the first request
        topic.publish_nowait(Fragment("page.html", "link"))
        for path in ("/page", "/shop/page"):
            response = await client.get(path)
            assert (response.status_code, response.text) == (200, '<a href="/shop/rooms/a%26b">/shop/live</a>')
