"""`App`: routes, methods, handlers and middleware."""

import threading
from pathlib import Path

import pytest
import trio

from chirp_trio import App, AppConfig, Stream
from chirp_trio.testing import TestClient

TEMPLATES = Path(__file__).parent / "templates"


@pytest.fixture
def app():
    return App()


# -- routes -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "values"),
    [
        pytest.param("/str/ada%20l", ["ada l", "str"], id="str"),
        pytest.param("/int/-7", [-7, "int"], id="int"),
        pytest.param("/float/1.5", [1.5, "float"], id="float"),
        pytest.param(
            "/uuid/12345678-9abc-def0-1234-56789abcdef0", ["12345678-9abc-def0-1234-56789abcdef0", "UUID"], id="uuid"
        ),
        pytest.param("/path/a/b%2Fc", ["a/b/c", "str"], id="path"),
    ],
)
async def test_a_handler_gets_the_paths_parameters_converted(app, path, values):
    @app.route("/str/{value}")
    @app.route("/int/{value:int}")
    @app.route("/float/{value:float}")
    @app.route("/uuid/{value:uuid}")
    @app.route("/path/{value:path}")
    async def show(value):
        plain = value if isinstance(value, int | float | str) else str(value)
        return [plain, type(value).__name__]

    async with TestClient(app) as client:
        assert (await client.get(path)).json() == values


async def test_a_handler_gets_what_it_names_in_any_order(app):
    @app.route("/{first}/{second}")
    async def show(second, request, first):
        return [first, second, request.path, dict(request.path_params)]

    async with TestClient(app) as client:
        assert (await client.get("/a/b")).json() == ["a", "b", "/a/b", {"first": "a", "second": "b"}]


async def test_a_handler_need_not_take_anything(app):
    @app.route("/{first}/{second}")
    async def show():
        return "here"

    async with TestClient(app) as client:
        assert (await client.get("/a/b")).text == "here"


async def test_the_first_route_that_fits_is_taken(app):
    @app.route("/{name}")
    async def any_name(name):
        return f"any {name}"

    @app.route("/me")
    async def me():
        return "me"

    async with TestClient(app) as client:
        assert (await client.get("/me")).text == "any me"


async def test_a_path_that_one_converter_refuses_goes_to_the_next_route(app):
    @app.route("/{number:int}")
    async def by_number(number):
        return f"number {number}"

    @app.route("/{name}")
    async def by_name(name):
        return f"name {name}"

    async with TestClient(app) as client:
        assert (await client.get("/7")).text == "number 7"
        assert (await client.get("/x")).text == "name x"


async def test_a_decorated_function_stays_what_it_is(app):
    async def handler():
        return "here"

    assert app.route("/")(handler) is handler
    assert app.error(404)(handler) is handler
    assert app.template_filter()(handler) is handler


@pytest.mark.parametrize("kind", ["plain", "async"])
async def test_a_handler_may_be_plain_or_async(app, kind, autojump_clock):
    def plain(request, name):
        return [name, threading.get_ident()]

    async def asynchronous(request, name):
        return [name, threading.get_ident()]

    app.route("/{name}")({"plain": plain, "async": asynchronous}[kind])

    async with TestClient(app) as client:
        name, thread = (await client.get("/ada")).json()

    assert name == "ada"
    assert (thread == threading.get_ident()) is (kind == "async")


async def test_sources_that_wait_in_threads_for_ever_leave_threads_for_plain_handlers_and_for_pages(autojump_clock):
    app = App(AppConfig(template_dir=TEMPLATES))

    @app.route("/plain")
    def plain():
        return "answered"

    @app.route("/page")
    async def page():
        return Stream("page.html", title="", items=["rendered"])

    async with TestClient(app) as client:
        limiter = trio.to_thread.current_default_thread_limiter()
        for _ in range(int(limiter.total_tokens)):
            limiter.acquire_on_behalf_of_nowait(object())
        assert (await client.get("/plain")).text == "answered"
        assert "rendered" in (await client.get("/page")).text


async def test_as_many_plain_handlers_run_at_a_time_as_trio_is_told_to_have_threads(app, autojump_clock):
    together = threading.Barrier(50, timeout=60)  # trio has forty by default

    @app.route("/plain")
    def plain():
        together.wait()
        met.append("met")

    met = []
    async with TestClient(app) as client:
        trio.to_thread.current_default_thread_limiter().total_tokens = 50
        async with trio.open_nursery() as nursery:
            for _ in range(50):
                nursery.start_soon(client.get, "/plain")
    assert len(met) == 50


# -- methods ------------------------------------------------------------------------------------------------------------


async def test_a_path_that_nobody_answers_is_404(app):
    async with TestClient(app) as client:
        response = await client.get("/nowhere")

    assert response.status_code == 404
    assert "404 Not Found" in response.text


async def test_one_path_may_have_a_handler_for_each_method(app):
    @app.route("/", methods=["GET"])
    async def show():
        return "shown"

    @app.route("/", methods=["POST", "PUT"])
    async def change(request):
        return request.method

    async with TestClient(app) as client:
        assert (await client.get("/")).text == "shown"
        assert (await client.post("/")).text == "POST"
        assert (await client.put("/")).text == "PUT"


async def test_a_method_that_no_handler_takes_is_405_and_told_all_that_are(app):
    @app.route("/{name}")
    async def show(name):
        raise AssertionError("not called")

    @app.route("/me", methods=["PUT", "PATCH"])
    async def change():
        raise AssertionError("not called")

    async with TestClient(app) as client:
        response = await client.delete("/me")

    assert response.status_code == 405
    assert response.headers["allow"] == "GET, HEAD, PATCH, PUT"


async def test_a_route_for_get_answers_head_without_the_body(app):
    @app.route("/")
    async def show(request):
        return f"by {request.method}"

    async with TestClient(app) as client:
        response = await client.head("/")

    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert response.headers["content-length"] == str(len("by HEAD"))


async def test_head_is_not_taken_by_a_route_without_get(app):
    @app.route("/", methods=["POST"])
    async def change():
        raise AssertionError("not called")

    async with TestClient(app) as client:
        response = await client.head("/")

    assert (response.status_code, response.headers["allow"]) == (405, "POST")


# -- middleware ---------------------------------------------------------------------------------------------------------


def naming(name, names):
    """Middleware that notes when a request comes to it and when it goes."""

    def wrap(app):
        async def wrapped(scope, receive, send):
            names.append(f"{name} {scope['type']} in")
            await app(scope, receive, send)
            names.append(f"{name} {scope['type']} out")

        return wrapped

    return wrap


async def test_the_first_middleware_is_the_outermost():
    names = []
    app = App(middleware=[naming("outer", names), naming("inner", names)])

    @app.route("/")
    async def show():
        names.append("handler")
        return "here"

    async with TestClient(app) as client:
        assert (await client.get("/")).text == "here"

    request = [name.replace(" http", "") for name in names if "lifespan" not in name]
    assert request == ["outer in", "inner in", "handler", "inner out", "outer out"]
    assert [name for name in names if "lifespan" in name] == [
        "outer lifespan in", "inner lifespan in", "inner lifespan out", "outer lifespan out",
    ]  # fmt: skip


async def test_middleware_may_answer_by_itself():
    def closed(app):
        async def answer(scope, receive, send):
            if scope["type"] != "http":
                return await app(scope, receive, send)
            await send({"type": "http.response.start", "status": 503, "headers": []})
            return await send({"type": "http.response.body", "body": b"closed"})

        return answer

    async with TestClient(App(middleware=[closed])) as client:
        response = await client.get("/")

    assert (response.status_code, response.text) == (503, "closed")
