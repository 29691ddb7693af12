"""What the lifecycle tests share: a source that writes down what happens to it, and apps around sources."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import trio

from chirp_trio import App, AppConfig, EventStream
from chirp_trio.asgi import Message, Receive, Scope, Send
from chirp_trio.server.serve import ShutdownSignal
from chirp_trio.testing import AppError, TestClient


class Source:
    """A source that counts its beginnings and its ends, and writes down how it was ended.

    It yields `items`, a second apart if `pause` is 1, and then does what `then` says: `"end"`, `"wait"` or `"raise"`.
    """

    def __init__(self, *items: object, pause: float = 0.0, then: str = "wait", cleanup: float = 0.0) -> None:
        self.items = items
        self.pause = pause
        self.then = then
        self.cleanup = cleanup
        self.opened = 0
        self.closed = 0
        self.yielded = 0
        self.ended_by: list[str] = []

    async def __call__(self) -> AsyncGenerator[object]:
        self.opened += 1
        try:
            for item in self.items:
                self.yielded += 1
                yield item
                if self.pause:
                    await trio.sleep(self.pause)
            if self.then == "raise":
                raise ValueError("the source's secret")
            if self.then == "wait":
                await trio.sleep_forever()
        except BaseException as error:
            self.ended_by.append(type(error).__name__)
            raise
        finally:
            self.closed += 1
            if self.cleanup:
                with trio.move_on_after(self.cleanup, shield=True):
                    await trio.sleep_forever()

    def __repr__(self) -> str:
        return f"Source(then={self.then!r})"


def app_of(source: Any, *, config: AppConfig | None = None, **options: Any) -> App:
    """An app whose `/` streams the source."""
    app = App(config)

    @app.route("/")
    async def stream() -> EventStream:
        return EventStream(source, **options)

    return app


class Visit:
    """A client that visits a stream, once, and what can interrupt that: a scenario for `cancel_everywhere()`.

    Args:
        source: The stream's.
        app: One that streams it; default: one of its own.
        **options: The stream's.
    """

    def __init__(self, source: Any, *, app: App | None = None, **options: Any) -> None:
        self.source = source
        self.app = app or app_of(source, **options)
        self.status: int | None = None
        self._handler = trio.CancelScope()
        self._visit = trio.CancelScope()
        self._client: TestClient | None = None

    async def __call__(self) -> None:
        async with TestClient(self._serve, raise_stream_errors=False) as self._client:
            with self._visit, trio.move_on_after(6), suppress(AppError):
                self.status = (await self._client.sse("/", timeout=100)).status

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._handler if scope["type"] == "http" else trio.CancelScope():
            await self.app(scope, receive, send)

    def interrupt(self, kind: str) -> None:
        match kind:
            case "handler cancelled":
                self._handler.cancel()
            case "client left":
                self._visit.cancel()
            case "server stops":
                if self._client is not None:
                    self._client.drain()
            case "closed":
                self.app.streams.close(lambda _: True)


class Call:
    """An app that runs for one call of it, as a server makes it for a client that reads all that comes: a scenario, too.

    It does what a `Visit` does, in a third of the time: there is no server to be started, and no client to be asked.

    Args:
        source: The stream's.
        app: One that streams it; default: one of its own.
        **options: The stream's.
    """

    def __init__(self, source: Any, *, app: App | None = None, **options: Any) -> None:
        self.source = source
        self.app = app or app_of(source, **options)
        self.status: int | None = None
        self._handler = trio.CancelScope()
        self._client = trio.CancelScope()
        self._is_read = False  # the request is
        self._has_left = trio.Event()
        self._is_stopping = trio.Event()
        self._to_client, self._from_app = trio.open_memory_channel[bytes](0)

    async def __call__(self) -> None:
        async with self.app.running(), trio.open_nursery() as nursery:
            nursery.start_soon(self._serve)
            with self._client, trio.move_on_after(2.5):
                async for _ in self._from_app:
                    pass
            self._has_left.set()
            self._from_app.close()

    async def _serve(self) -> None:
        scope = {
            "type": "http", "asgi": {"version": "3.0", "spec_version": "2.1"}, "http_version": "1.1", "method": "GET",
            "scheme": "http", "path": "/", "raw_path": b"/", "query_string": b"", "root_path": "", "headers": [],
            "client": ("127.0.0.1", 50000), "server": ("testserver", 80), "state": {},
            "extensions": {"chirp_trio.shutdown": ShutdownSignal(self._is_stopping)},
        }  # fmt: skip
        with self._to_client, self._handler:
            await self.app(scope, self._receive, self._send)

    async def _receive(self) -> Message:
        if not self._is_read:
            self._is_read = True
            await trio.lowlevel.checkpoint()
            return {"type": "http.request", "body": b"", "more_body": False}
        await self._has_left.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        await trio.lowlevel.checkpoint()
        if message["type"] == "http.response.start":
            self.status = message["status"]
        elif message["body"]:
            with suppress(trio.BrokenResourceError):  # the client has left
                await self._to_client.send(message["body"])

    def interrupt(self, kind: str) -> None:
        match kind:
            case "handler cancelled":
                self._handler.cancel()
            case "client left":
                self._client.cancel()
            case "server stops":
                self._is_stopping.set()
            case "closed":
                self.app.streams.close(lambda _: True)


@asynccontextmanager
async def client_of(source: Any, *, raise_stream_errors: bool = True, **options: Any) -> AsyncGenerator[TestClient]:
    """A client of such an app. When it is left, no task of the app may be left either."""
    before = tasks()
    async with TestClient(app_of(source, **options), raise_stream_errors=raise_stream_errors) as client:
        yield client
    assert tasks() == before, "the app left a task behind"


def tasks() -> int:
    """How many tasks there are."""
    return trio.lowlevel.current_statistics().tasks_living


def endings(caplog: Any) -> list[str]:
    """How streams ended, as the log has it."""
    found = [record.getMessage() for record in caplog.records if record.name == "chirp_trio.stream"]
    return [message.rpartition(", ")[2] for message in found if ": ended, " in message]


def logged(caplog: Any, level: int) -> list[str]:
    """The messages of this level and above."""
    return [record.getMessage() for record in caplog.records if record.levelno >= level]


def raw_app(source: Callable[[], Any], **options: Any) -> Any:
    """A bare ASGI app, without a lifespan, that serves an EventStream."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            raise NotImplementedError("no lifespan here")
        await EventStream(source, **options)(scope, receive, send)

    return app
