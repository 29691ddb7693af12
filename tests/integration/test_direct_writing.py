"""Direct writing: which streams are written around `send()`, and that nothing is where HTTP has no chunks."""

import pytest
import trio

from chirp_trio import App, EventStream, ServerConfig, serve
from chirp_trio.server.http1_exchange import HTTP1Exchange
from tests.integration.stacks.layers import (
    HIDDEN,
    SECRET,
    CopiedScope,
    Pretending,
    ReceiveOnly,
    Redacting,
    Sending,
)  # fmt: skip
from tests.integration.stacks.plans import Plan
from tests.integration.stacks.running import CHIRP_TRIO, LOGGED, Visits, read_for_real, servers

EVENTS = [("one", 0.01), (f"using key {SECRET}", 0.01), ("three", 0.01)]


async def test_a_filter_of_bodies_sees_them_all():
    visits = Visits()
    plan = Plan(1, "App", "function", [Redacting], 1, EVENTS, "fast", logged=False)
    async with servers(visits) as urls, trio.open_nursery() as nursery, visits.visit(plan, nursery, CHIRP_TRIO) as visit:
        body = await read_for_real(urls[CHIRP_TRIO], visit)

    assert body == f"data: one\n\ndata: using key {HIDDEN}\n\ndata: three\n\n".encode()


# -- where there is no body ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "status", "version"), [("GET", 204, b"1.1"), ("GET", 304, b"1.1"), ("HEAD", 200, b"1.1"), ("GET", 200, b"1.0")]
)
async def test_a_stream_sends_no_chunk_where_the_response_has_none(method, status, version):
    """Neither after a status that has no body, nor to a HEAD that middleware shows as GET, nor in HTTP/1.0."""
    app = App()

    @app.route("/")
    async def live():
        async def source():
            for _ in range(3):
                yield "HTTP/1.1 200 Evil"
                await trio.sleep(0.02)

        return EventStream(source)

    async def with_status(scope, receive, send):
        async def sending(message):
            if message["type"] == "http.response.start":
                message = {**message, "status": status}
            await send(message)

        # Where only the method differs, `send` is the server's own.
        await app({**scope, "method": "GET"}, receive, send if status == 200 else sending)

    async with trio.open_nursery() as nursery:
        [url] = await nursery.start(serve, served_by(app, with_status), ServerConfig(port=0))
        connection = await trio.open_tcp_stream("127.0.0.1", int(url.rpartition(":")[2]))
        async with connection:
            await connection.send_all(b"%s / HTTP/%s\r\nhost: test\r\nconnection: close\r\n\r\n" % (method.encode(), version))
            answer = b"".join([piece async for piece in connection])
        nursery.cancel_scope.cancel("the test is over")

    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d" % status)
    assert body == (b"data: HTTP/1.1 200 Evil\n\n" * 3 if version == b"1.0" else b"")


def served_by(app, requests):
    """The app, whose requests go through a function."""

    async def serving(scope, receive, send):
        await (requests if scope["type"] == "http" else app)(scope, receive, send)

    return serving


# -- what keeps the direct way ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("logged", [False, True], ids=["", "access log and proxies"])
@pytest.mark.parametrize(("place", "layers", "is_direct"), [
    ("App", [], True), ("App in App", [], True), ("EventStream", [], True), ("App", [ReceiveOnly, CopiedScope], True),
    ("App", [Sending], False), ("EventStream", [Pretending], False), ("Starlette", [], False),
])  # fmt: skip
async def test_who_is_written_to_directly(monkeypatch, place, layers, is_direct, logged):
    chunks = []
    monkeypatch.setattr(HTTP1Exchange, "write_nowait", count_calls(HTTP1Exchange.write_nowait, chunks))
    plan = Plan(1, place, "function", layers, len(layers) if place == "App" else 0, EVENTS, "fast", logged=logged)
    visits, name = Visits(), LOGGED if logged else CHIRP_TRIO
    async with servers(visits) as urls, trio.open_nursery() as nursery, visits.visit(plan, nursery, name) as visit:
        await read_for_real(urls[name], visit)

    assert bool(chunks) == is_direct


def count_calls(function, calls):
    def counting(*arguments):
        calls.append(arguments)
        return function(*arguments)

    return counting
