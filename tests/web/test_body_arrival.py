"""A request's body on its way: in many pieces, never read, or cut off by a client that leaves."""

import pytest
import trio
import trio.testing

from chirp_trio import App, AppConfig, ClientDisconnected, Redirect
from chirp_trio.testing import TestClient


async def nothing(): ...


async def read(request):
    await request.body()


def in_chunks(*chunks, left=False):
    """Middleware for a body that comes in many messages; lists those that the app has received."""
    received = []

    def wrap(app):
        async def wrapped(scope, receive, send):
            if scope["type"] != "http":
                return await app(scope, receive, send)

            async def receive_chunk():
                await trio.lowlevel.checkpoint()
                if len(received) < len(chunks):
                    received.append(chunks[len(received)])
                    more = left or len(received) < len(chunks)
                    return {"type": "http.request", "body": received[-1], "more_body": more}
                if not left:
                    await trio.sleep_forever()
                return {"type": "http.disconnect"}

            return await app(scope, receive_chunk, send)

        return wrapped

    wrap.received = received
    return wrap


async def test_a_body_is_counted_while_it_comes():
    chunks = in_chunks(b"five.", b"five.", b"!", b"not read by the handler")
    app = App(AppConfig(max_body_size=10), middleware=[chunks])
    counted = []

    @app.route("/", methods=["POST"])
    async def answer(request):
        try:
            await request.body()
        finally:
            counted.append(len(chunks.received))

    async with TestClient(app) as client:
        response = await client.post("/", headers={"content-length": "5"})

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
    chunks = in_chunks(*UNREAD)
    app = App(middleware=[slow_to_send, chunks])

    @app.route("/", methods=["POST"])
    async def handle():
        return answer()

    async with TestClient(app) as client:
        await client.post("/")

    assert chunks.received == UNREAD


async def test_so_is_a_body_that_was_refused():
    chunks = in_chunks(*UNREAD)
    app = App(AppConfig(max_body_size=10), middleware=[slow_to_send, chunks])
    app.route("/", methods=["POST"])(read)

    async with TestClient(app) as client:
        assert (await client.post("/")).status_code == 413

    assert chunks.received == UNREAD


@pytest.mark.parametrize(
    ("method", "headers", "received"),
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
async def test_only_where_a_body_may_come_one_is_waited_for(method, headers, received):
    chunks = in_chunks(*UNREAD)
    app = App(middleware=[slow_to_send, chunks])
    app.route("/", methods=[method])(nothing)

    async with TestClient(app) as client:
        assert (await client.request(method, "/", headers=headers)).status_code == 204

    assert chunks.received == received


async def test_a_body_that_was_read_is_not_waited_for_again():
    asked = []

    def counting(app):
        async def wrapped(scope, receive, send):
            async def count():
                asked.append(scope["type"])
                return await receive()

            await app(scope, count, send)

        return wrapped

    app = App(middleware=[slow_to_send, counting])
    app.route("/", methods=["POST"])(read)

    async with TestClient(app) as client:
        await client.post("/", content="the body")

    assert asked.count("http") == 1


# -- clients that leave -------------------------------------------------------------------------------------------------


def hearing(sent):
    """Middleware that notes what the app sends, and answers for it if that is nothing."""

    def wrap(app):
        async def wrapped(scope, receive, send):
            async def note(message):
                sent.append(message["type"])
                await send(message)

            await app(scope, receive, note if scope["type"] == "http" else send)
            if scope["type"] == "http" and not sent:
                await send({"type": "http.response.start", "status": 200})
                await send({"type": "http.response.body"})

        return wrapped

    return wrap


async def read_in_a_nursery(request):
    async with trio.open_nursery() as nursery:
        nursery.start_soon(request.body)


@pytest.mark.parametrize("chunks", [[], [b"half of "]], ids=["before it began", "half-way"])
@pytest.mark.parametrize("handler", [read, read_in_a_nursery])
async def test_a_client_that_leaves_while_its_body_is_read_is_nobodys_error(chunks, handler, caplog):
    sent = []
    app = App(middleware=[hearing(sent), in_chunks(*chunks, left=True)])
    app.route("/", methods=["POST"])(handler)

    @app.error(Exception)
    async def never(error):
        raise AssertionError(error)

    async with TestClient(app) as client:
        await client.post("/")

    assert sent == []
    assert caplog.records == []


async def test_a_handler_learns_that_its_client_has_left(caplog):
    caplog.set_level("DEBUG", logger="chirp_trio.web")
    raised = []
    app = App(middleware=[hearing([]), in_chunks(b"half of ", left=True)])

    @app.route("/", methods=["POST"])
    async def handle(request):
        try:
            await request.body()
        except ClientDisconnected as error:
            raised.append(str(error))
            raise

    async with TestClient(app) as client:
        await client.post("/")

    assert raised == ["the client left while its request body was being read"]
    assert [(record.levelname, record.message) for record in caplog.records] == [("DEBUG", "POST /: the client left")]


async def test_a_client_that_leaves_while_an_error_handler_reads_is_nobodys_error_either(caplog):
    sent = []
    app = App(middleware=[hearing(sent), in_chunks(b"half of ", left=True)])

    @app.error(404)
    async def handler(request):
        await request.body()

    async with TestClient(app) as client:
        await client.post("/")

    assert sent == []
    assert caplog.records == []
