"""The same two streams with each peer: `/quiet`, which sends one event and then waits, and `/failing`, which never does."""

from collections.abc import Callable
from types import SimpleNamespace


def sources() -> SimpleNamespace:
    """The generators; each peer gets them in the shape that it asks for."""
    import anyio

    async def quiet(first):
        yield first
        await anyio.sleep_forever()

    async def failing(first):
        raise PermissionError("not for you")
        yield first

    return SimpleNamespace(quiet=quiet, failing=failing)


def chirp_trio():
    from chirp_trio import App, EventStream, HTTPError

    app = App()

    @app.route("/quiet")
    async def quiet():
        return EventStream(sources().quiet("first"))

    @app.route("/failing")
    async def failing():
        async def source():
            raise HTTPError(403, "not for you")
            yield

        return EventStream(source)

    return app


def sse_starlette():
    from sse_starlette import EventSourceResponse
    from starlette.applications import Starlette
    from starlette.routing import Route

    async def quiet(_request):
        return EventSourceResponse(sources().quiet({"data": "first"}))

    async def failing(_request):
        return EventSourceResponse(_forbidden({"data": "first"}))

    return Starlette(routes=[Route("/quiet", quiet), Route("/failing", failing)])


async def _forbidden(first):
    from starlette.exceptions import HTTPException

    raise HTTPException(403, "not for you")
    yield first


def fastapi():
    from fastapi import FastAPI
    from fastapi.sse import EventSourceResponse, ServerSentEvent

    app = FastAPI()

    @app.get("/quiet", response_class=EventSourceResponse)
    async def quiet():
        async for event in sources().quiet(ServerSentEvent(data="first")):
            yield event

    @app.get("/failing", response_class=EventSourceResponse)
    async def failing():
        async for event in _forbidden(ServerSentEvent(data="first")):
            yield event

    return app


def litestar():
    from litestar import Litestar, get
    from litestar.exceptions import PermissionDeniedException
    from litestar.response import ServerSentEvent

    async def forbidden():
        raise PermissionDeniedException("not for you")
        yield "first"

    @get("/quiet", sync_to_thread=False)
    def quiet() -> ServerSentEvent:
        return ServerSentEvent(sources().quiet("first"))

    @get("/failing", sync_to_thread=False)
    def failing() -> ServerSentEvent:
        return ServerSentEvent(forbidden())

    return Litestar([quiet, failing])


def quart_trio():
    from quart import abort
    from quart_trio import QuartTrio

    app = QuartTrio(__name__)

    async def forbidden():
        abort(403)
        yield b""

    async def response(source):
        made = await app.make_response((source, {"Content-Type": "text/event-stream"}))
        made.timeout = None
        return made

    @app.route("/quiet")
    async def quiet():
        return await response(sources().quiet(b"data: first\n\n"))

    @app.route("/failing")
    async def failing():
        return await response(forbidden())

    return app


def bengal_chirp():
    from chirp import App, EventStream

    app = App()

    @app.route("/quiet")
    async def quiet():
        return EventStream(sources().quiet("first"))

    @app.route("/failing")
    async def failing():
        return EventStream(sources().failing("first"))

    return app


Peer = Callable[[], object]
# As the columns of the table call them: the distribution, and what makes the app. None where there is nothing to run
# without a server beside it.
PEERS: dict[str, tuple[str, Peer | None]] = {
    "chirp_trio": ("chirp-trio", chirp_trio),
    "sse-starlette": ("sse-starlette", sse_starlette),
    "FastAPI": ("fastapi", fastapi),
    "Litestar": ("litestar", litestar),
    "Quart-Trio": ("quart-trio", quart_trio),
    "bengal-chirp": ("bengal-chirp", bengal_chirp),
    "pg-sse": ("pg-sse", None),
}
