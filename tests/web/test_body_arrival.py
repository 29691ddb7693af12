"""A request's body on its way: in many pieces, never read, or cut off by a client that leaves."""

import pytest
import trio
import trio.testing

from chirp_trio import App, AppConfig, ClientDisconnected, Redirect
from chirp_trio.testing import TestClient
from tests.cases import each_case


async def nothing(): ...


async def read(request):
    await request.body()


async def pieces(*chunks, then=None):
    """A body that is sent bit by bit."""
    for chunk in chunks:
        yield chunk
    if then is not None:
        await then()


def receiving(chunks):
    """Middleware that lists the pieces of a body that the app has received, and notes each time that it asks for one."""

    def wrap(app):
        async def wrapped(scope, receive, send):
            async def note():
                wrap.asked += 1
                message = await receive()
                if message.get("body"):
                    chunks.append(message["body"])
                return message

            await app(scope, note if scope["type"] == "http" else receive, send)

        return wrapped

    wrap.asked = 0
    return wrap


async def test_a_body_is_counted_while_it_comes():
    received = []
    app = App(AppConfig(max_body_size=10), middleware=[receiving(received)])
    counted = []

    @app.route("/", methods=["POST"])
    async def answer(request):
        try:
            await request.body()
        finally:
            counted.append(len(received))

    body = pieces(b"five.", b"five.", b"!", b"not read by the handler")
    async with TestClient(app) as client:
        response = await client.post("/", content=body, headers={"content-length": "5"})

    assert response.status_code == 413
    assert counted == [3]


def slow_to_send(app):
    """Middleware for a server whose `send()` lets everybody else go first."""

    async def wrapped(scope, receive, send):
        async def send_slowly(message):
            await trio.testing.wait_all_tasks_blocked()
            await send(message)

        await app(scope, receive, send_slowly)

    return wrapped


UNREAD = [b"chunk"] * 20  # hypercorn queues ten messages, and then blocks


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(lambda: "text", id="text"),
        pytest.param(lambda: None, id="nothing"),
        pytest.param(lambda: Redirect("/"), id="redirect"),
    ],
)
async def test_a_body_that_the_handler_does_not_read_is_drained(answer):
    received = []
    app = App(middleware=[slow_to_send, receiving(received)])

    @app.route("/", methods=["POST"])
    async def handle():
        return answer()

    async with TestClient(app) as client:
        await client.post("/", content=pieces(*UNREAD))

    assert received == UNREAD


async def test_so_is_a_body_that_was_refused():
    received = []
    app = App(AppConfig(max_body_size=10), middleware=[slow_to_send, receiving(received)])
    app.route("/", methods=["POST"])(read)

    async with TestClient(app) as client:
        assert (await client.post("/", content=pieces(*UNREAD))).status_code == 413

    assert received == UNREAD


@each_case(
    ("method", "headers", "sent"),
    [
        pytest.param("POST", {}, UNREAD, id="POST"),
        pytest.param("PUT", {}, UNREAD, id="PUT"),
        pytest.param("GET", {}, [], id="GET"),
        pytest.param("DELETE", {}, [], id="DELETE"),
        pytest.param("GET", {"content-length": "0"}, [], id="GET that says that there is nothing"),
        pytest.param("GET", {"content-length": "100"}, UNREAD, id="GET with a length"),
        pytest.param("DELETE", {"transfer-encoding": "chunked"}, UNREAD, id="DELETE in chunks"),
    ],
)
async def test_only_where_a_body_may_come_one_is_waited_for(method, headers, sent):
    received = []
    middleware = receiving(received)
    app = App(middleware=[slow_to_send, middleware])
    app.route("/", methods=[method])(nothing)

    async with TestClient(app) as client:
        content = pieces(*sent) if sent else None
        assert (await client.request(method, "/", headers=headers, content=content)).status_code == 204

    assert received == sent
    assert bool(middleware.asked) == bool(sent)


async def test_a_body_that_was_read_is_not_waited_for_again():
    middleware = receiving([])
    app = App(middleware=[slow_to_send, middleware])
    app.route("/", methods=["POST"])(read)

    async with TestClient(app) as client:
        await client.post("/", content="the body")

    assert middleware.asked == 1


# -- clients that leave -------------------------------------------------------------------------------------------------


def sending(sent):
    """Middleware that notes what the app sends."""

    def wrap(app):
        async def wrapped(scope, receive, send):
            async def note(message):
                sent.append(message["type"])
                await send(message)

            await app(scope, receive, note if scope["type"] == "http" else send)

        return wrapped

    return wrap


async def leave_half_way(app, *chunks):
    """Send these pieces of a body and no end, and leave a second later."""
    async with TestClient(app) as client:
        with trio.move_on_after(1) as scope:
            await client.post("/", content=pieces(*chunks, then=trio.sleep_forever))
        assert scope.cancelled_caught


async def read_in_a_nursery(request):
    async with trio.open_nursery() as nursery:
        nursery.start_soon(request.body)


@pytest.mark.parametrize("chunks", [[], [b"half of "]], ids=["before it began", "half-way"])
@pytest.mark.parametrize("handler", [read, read_in_a_nursery])
async def test_a_client_that_leaves_while_its_body_is_read_is_nobodys_error(autojump_clock, chunks, handler, caplog):
    sent = []
    app = App(middleware=[sending(sent)])
    app.route("/", methods=["POST"])(handler)

    @app.error(Exception)
    async def never(error):
        raise AssertionError(error)

    await leave_half_way(app, *chunks)

    assert sent == []
    assert caplog.records == []


async def test_a_handler_learns_that_its_client_has_left(autojump_clock, caplog):
    caplog.set_level("DEBUG", logger="chirp_trio.web")
    raised = []
    app = App()

    @app.route("/", methods=["POST"])
    async def handle(request):
        try:
            await request.body()
        except ClientDisconnected as error:
            raised.append(str(error))
            raise

    await leave_half_way(app, b"half of ")

    assert raised == ["the client left while its request body was being read"]
    assert [(record.levelname, record.message) for record in caplog.records] == [("DEBUG", "POST /: the client left")]


async def test_a_client_that_leaves_while_an_error_handler_reads_is_nobodys_error_either(autojump_clock, caplog):
    sent = []
    app = App(middleware=[sending(sent)])

    @app.error(404)
    async def handler(request):
        await request.body()

    await leave_half_way(app, b"half of ")

    assert sent == []
    assert caplog.records == []
