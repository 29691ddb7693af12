"""Responses of others: a handler may return any ASGI application."""

import functools
import itertools

import pytest
import trio
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request as StarletteRequest
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, StreamingResponse
from starlette.routing import Route

from chirp_trio import App, HTTPError
from chirp_trio.testing import TestClient
from tests.cases import each_case


def app_that_returns(make, methods=("GET", "POST")):
    app = App()

    @app.route("/", methods=methods)
    async def index(request):
        return make(request)

    @app.error(LookupError)
    async def show(error):
        return f"lookup: {error}"

    return app


async def hello(scope, receive, send):
    await send({"type": "http.response.start", "status": 201, "headers": [(b"x-a", b"1")]})
    await send({"type": "http.response.body", "body": b"hel", "more_body": True})
    await send({"type": "http.response.body", "body": b"lo"})


async def echo(scope, receive, send):
    body, more = b"", True
    while more:
        message = await receive()
        body += message["body"]
        more = message.get("more_body", False)
    await PlainTextResponse(body)(scope, receive, send)


class Application:
    async def __call__(self, scope, receive, send):
        await hello(scope, receive, send)

    async def method(self, scope, receive, send):
        await hello(scope, receive, send)


async def configured(greeting, scope, receive, send):
    await hello(scope, receive, send)


@each_case(
    "application",
    [
        pytest.param(hello, id="function"),
        pytest.param(Application(), id="object"),
        pytest.param(Application().method, id="method"),
        pytest.param(functools.partial(configured, "hi"), id="partial"),
    ],
)
async def test_any_asgi_application_is_a_response(application):
    async with TestClient(app_that_returns(lambda request: application)) as client:
        got, headed = await client.get("/"), await client.head("/")

    assert (got.status_code, got.headers["x-a"], got.text) == (201, "1", "hello")
    assert (headed.status_code, headed.headers["x-a"], headed.content) == (201, "1", b"")


async def test_files_json_and_whole_apps_of_starlette(tmp_path):
    (tmp_path / "a.txt").write_text("a file")
    inner = Starlette(routes=[Route("/", lambda request: PlainTextResponse("an app"))])
    inner.add_route("/plain", lambda request: PlainTextResponse("plain"))
    app = App()
    app.route("/file")(lambda: FileResponse(tmp_path / "a.txt", filename="b.txt"))
    app.route("/json")(lambda: JSONResponse({"a": 1}, 202))
    app.route("/app")(lambda: inner)

    async with TestClient(app) as client:
        file, headed = await client.get("/file"), await client.head("/file")
        part = await client.get("/file", headers={"range": "bytes=2-3"})
        assert (file.text, headed.content, headed.headers["content-length"]) == ("a file", b"", "6")
        assert 'filename="b.txt"' in file.headers["content-disposition"]
        assert (part.status_code, part.text) == (206, "fi")
        assert ((await client.get("/json")).status_code, (await client.get("/json")).json()) == (202, {"a": 1})
        assert (await client.get("/app")).status_code == 404  # it sees the path as it is


async def test_it_reads_the_body_again_or_for_the_first_time():
    async with TestClient(app_that_returns(lambda request: echo)) as client:
        assert (await client.post("/", content=b"x" * 100_000)).text == "x" * 100_000

    app = App()

    @app.route("/", methods=["POST"])
    async def read(request):
        assert await request.body() == b"said"
        return echo

    async with TestClient(app) as client:
        assert (await client.post("/", content=b"said")).text == "said"


async def test_a_body_that_nobody_reads_stops_nothing():
    async def body():
        for _ in range(50):
            yield b"x" * 1000

    async with TestClient(app_that_returns(lambda request: hello)) as client:
        assert (await client.post("/", content=body())).text == "hello"


def plain(scope, receive, send): ...
async def two(scope, receive): ...
def not_marked(scope, receive, send):
    return hello(scope, receive, send)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        pytest.param(plain, "function", id="plain function"),
        pytest.param(not_marked, "function", id="that returns a coroutine"),
        pytest.param(two, "function", id="other parameters"),
        pytest.param(Application, "type", id="class"),
        pytest.param(print, "builtin_function_or_method", id="builtin"),
    ],
)
async def test_what_only_looks_like_one_is_refused(value, kind, caplog):
    async with TestClient(app_that_returns(lambda request: value)) as client:
        assert (await client.get("/")).status_code == 500
    message = str(caplog.records[0].exc_info[1])
    assert f"returned a value of type {kind}; it may return" in message
    assert "any ASGI response" in message


@pytest.mark.parametrize(
    ("raised", "status", "text"), [(LookupError("x"), 500, "lookup: x"), (HTTPError(403, "not you"), 403, "not you")]
)
async def test_an_error_before_it_begins_is_an_error_like_any_other(raised, status, text, caplog):
    async def broken(scope, receive, send):
        raise raised

    async with TestClient(app_that_returns(lambda request: broken)) as client:
        response = await client.get("/")
    assert response.status_code == status
    assert text in response.text


async def test_an_error_half_way_is_left_to_the_server():
    async def broken(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise LookupError("kaputt")

    async with TestClient(app_that_returns(lambda request: broken)) as client:
        with pytest.raises(LookupError, match="kaputt"):
            await client.get("/")


async def test_one_that_does_not_answer_is_a_500(caplog):
    async def silent(scope, receive, send): ...

    async with TestClient(app_that_returns(lambda request: silent)) as client:
        assert (await client.get("/")).status_code == 500
    assert "returned without a response" in str(caplog.records[0].exc_info[1])


# -- the client leaves ----------------------------------------------------------------------------------------------------


def endless(ended, *, reads=False, listens=False):
    async def application(scope, receive, send):
        if reads:
            await receive()
        try:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            for number in itertools.count():
                await send({"type": "http.response.body", "body": b"%d\n" % number, "more_body": True})
                await trio.sleep(1)
                if listens:
                    with trio.CancelScope() as scope_of_question:
                        scope_of_question.cancel()
                        if (await receive())["type"] == "http.disconnect":
                            break
        finally:
            ended.append(trio.current_time())

    return application


@pytest.mark.parametrize("options", [{}, {"reads": True}, {"reads": True, "listens": True}], ids=str)
async def test_one_that_streams_ends_when_its_client_leaves(options, autojump_clock):
    ended = []
    async with TestClient(app_that_returns(lambda request: endless(ended, **options))) as client:
        async with client.stream("GET", "/"):
            await trio.sleep(3)
        left = trio.current_time()
        await trio.sleep(10)
        assert len(ended) == 1
        assert ended[0] - left <= 5


async def test_starlettes_streams_end_and_run_what_comes_after(autojump_clock):
    events = []

    async def chunks():
        try:
            while True:
                yield "x"
                await trio.sleep(1)
        finally:
            events.append("closed")

    async def after():
        await trio.sleep(20)  # longer than anybody would wait
        events.append("after")

    def make(request):
        return StreamingResponse(chunks(), background=BackgroundTask(after))

    async with TestClient(app_that_returns(make)) as client:
        async with client.stream("GET", "/"):
            await trio.sleep(3)
        await trio.sleep(60)
    assert events == ["closed", "after"]


async def test_what_runs_after_a_response_is_not_cut_short(autojump_clock):
    events = []

    async def after():
        await trio.sleep(20)
        events.append("after")

    async with TestClient(
        app_that_returns(lambda request: PlainTextResponse("x", background=BackgroundTask(after)))
    ) as client:
        assert (await client.get("/")).text == "x"
        assert (await client.head("/")).content == b""
        await trio.sleep(60)
    assert events == ["after", "after"]


async def test_head_of_an_endless_one_ends(autojump_clock):
    ended = []
    async with TestClient(app_that_returns(lambda request: endless(ended))) as client:
        assert (await client.head("/")).content == b""
        await trio.sleep(10)
    assert len(ended) == 1


async def test_a_starlette_request_over_our_scope_reads_the_same_body():
    async def application(scope, receive, send):
        body = await StarletteRequest(scope, receive).body()
        await PlainTextResponse(body)(scope, receive, send)

    async with TestClient(app_that_returns(lambda request: application)) as client:
        assert (await client.post("/", content=b"x" * 70_000)).text == "x" * 70_000


async def test_over_a_real_connection():
    async with TestClient.live(app_that_returns(lambda request: hello)) as client:
        assert (await client.get("/")).text == "hello"
        assert (await client.head("/")).content == b""
        assert (await client.post("/", content=b"x" * 500_000)).text == "hello"
