"""One request to an app, and its response, with the errors of both: the part that is the same in memory and on a server."""

import math
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Generator
from contextlib import contextmanager
from typing import Self, override

import httpx
import trio

from ..asgi import ASGIApp, Message, ObservedSend, Receive, Scope, Send
from ..errors import sole
from .deadline import AppStillRunning, last_deadline


class AppError(AssertionError):
    """The app broke the ASGI protocol, or reported an error of its own while it answered.

    Example:
        >>> from chirp_trio.testing import TestClient
        >>> async def app(scope, receive, send):
        ...     await send({"type": "http.response.body"})  # before the start
        >>> async def main():
        ...     async with TestClient(app) as client:
        ...         await client.get("/")
        >>> trio.run(main)
        Traceback (most recent call last):
        ...
        chirp_trio.testing.exchange.AppError: ...
    """


class Answer:
    """An app's answer to one request: its progress, and its errors.

    Args:
        name: The method and path, for messages.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.is_entered = False  # the app has been called
        self.has_begun = False  # it has begun its response
        self.is_complete = False  # it has sent the end of the body
        self.is_left = False  # the client has disconnected
        self.ended = trio.Event()  # the app has returned
        self._error: Exception | None = None  # what the app raised
        self._reported: list[tuple[str, Exception]] = []  # errors that the app only logged and told its client of
        self._noted: Exception | None = None  # the first of these, even if the test does not ask for them

    def __str__(self) -> str:
        return self.name

    def __deepcopy__(self, memo: object) -> Self:
        return self  # middleware may copy a request's scope, and `report` is in it

    async def run(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the app answer.

        Raises:
            AppError: The app broke the ASGI protocol, or returned without a response.
            Exception: What the app raised.
        """
        self.is_entered = True
        try:
            await app(scope, receive, ObservedSend(send, before=self._check))
            # As with a server: no response is an error here; half a response is one for the client that reads it.
            if not self.has_begun and not self.is_left:
                raise AppError(f"{self}: the app returned without a response") from self._noted
        except Exception as error:
            self._error = sole(error)
            raise
        finally:
            self.ended.set()

    def _check(self, message: Message) -> None:
        kind = message["type"]
        if kind not in {"http.response.start", "http.response.body"}:
            return  # extensions are checked by the server that offers them
        if self.is_complete:
            raise AppError(f"{self}: {kind} after the end of the response")
        if kind == "http.response.start":
            if self.has_begun:
                raise AppError(f"{self}: http.response.start for the second time")
            self.has_begun = True
        elif not self.has_begun:
            raise AppError(f"{self}: {kind} before http.response.start")
        elif not message.get("more_body", False):
            self.is_complete = True

    # -- its errors -----------------------------------------------------------------------------------------------------

    def report(self, what: str, error: Exception) -> None:
        """Note an error that the app does not raise. The library finds this function as `chirp_trio.errors` in the scope."""
        self._reported.append((what, error))
        self.note(what, error)

    def note(self, _what: str, error: Exception) -> None:
        """Note an error that the test does not ask for; it is only shown as the cause of another error."""
        self._noted = self._noted or error

    @property
    def cause(self) -> Exception | None:
        """The first error that has not been raised in the test."""
        return self._error or (self._reported[0][1] if self._reported else None)

    def errors(self) -> list[str]:
        """The errors that have not been raised in the test, a line for each."""
        lines = [f"{self}: {what}: {type(error).__name__}: {error}" for what, error in self._reported]
        if self._error is not None:
            lines.append(f"{self}: the app raised {type(self._error).__name__}: {self._error}")
        return lines

    def raise_errors(self) -> None:
        """Raise what the app raised, or else what it reported; once."""
        raised, cause, lines = self._error, self.cause, self.errors()
        self._error = None
        self._reported.clear()
        if raised is not None:
            raise raised
        if cause is not None:
            raise AppError("\n".join(lines)) from cause


class Exchange(Answer, ABC):
    """A request of the test, and its response. Subclasses know how the bytes travel.

    Args:
        name: The method and path, for messages.
        nursery: The nursery of the task that sends a request body in pieces.
        end_timeout: Seconds that the app may take to end once its client has left.
    """

    def __init__(self, name: str, nursery: trio.Nursery, end_timeout: float) -> None:
        super().__init__(name)
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.is_closed = False  # the test has closed the response, or has given the request up
        self.upload_error: Exception | None = None  # what the test's own body of the request raised
        self._nursery = nursery
        self._end_timeout = end_timeout
        self._uploading = trio.CancelScope()

    @abstractmethod
    async def open(self, request: httpx.Request) -> None:
        """Send the request, and wait for the status and the headers. `status` stays 0 if the app sends none."""

    @abstractmethod
    async def receive(self) -> bytes:
        """The next piece of the body; `b""` at the end, complete or not. A call that is cancelled loses nothing."""

    @abstractmethod
    async def _send_piece(self, piece: bytes) -> None:
        """Send a piece of the request's body."""

    @abstractmethod
    async def _end_body(self) -> None:
        """Send the end of the request's body."""

    @property
    @abstractmethod
    def is_whole(self) -> bool:
        """Whether the client has got the end of the body."""

    @property
    def is_settled(self) -> bool:
        """Whether both sides are done, and there is no error to raise."""
        return self.is_closed and self.ended.is_set() and self.cause is None

    def check_end(self) -> None:
        """Raise an error if the body has ended before it was complete."""
        if not self.is_whole and not self.is_left:
            self.raise_errors()
            cut = (
                "the server cut the response off" if self.is_complete else "the app returned before its response was complete"
            )
            raise AppError(f"{self}: {cut}") from self._noted

    def disconnect(self) -> None:
        """Close the connection, as a client does. Never blocks."""
        self.is_left = True
        self._uploading.cancel("the client has left")

    async def leave(self) -> None:
        """Disconnect, and wait until the app has noticed and ended.

        Raises:
            AppStillRunning: The app has not ended in time.
        """
        self.is_closed = True
        self.disconnect()
        async with last_deadline(2 * self._end_timeout, lambda: f"{self}: the app still runs after its client has left"):
            with trio.move_on_after(self._end_timeout, shield=True):
                await self.ended.wait()
        if not self.ended.is_set():
            raise AppStillRunning(f"{self}: the app still runs {self._end_timeout:g} s after its client has left")

    def _start_upload(self, request: httpx.Request) -> None:
        """Send the request's body in a task, because the response may begin before its end."""
        assert isinstance(request.stream, httpx.AsyncByteStream)
        self._nursery.start_soon(self._upload, request.stream)

    async def _upload(self, body: httpx.AsyncByteStream) -> None:
        # httpx holds the generator that the test gave it, and does not close it.
        given = getattr(body, "_stream", None)
        pieces = aiter(body)
        with self._uploading:
            try:
                async for piece in pieces:
                    if piece:
                        await self._send_piece(piece)
                await self._end_body()
            except trio.BrokenResourceError, trio.ClosedResourceError:
                pass  # the server does not read the rest
            except Exception as error:
                self.upload_error = error
                self.disconnect()
            finally:
                for generator in (pieces, given):
                    if isinstance(generator, AsyncGenerator):
                        await generator.aclose()


@contextmanager
def read_timeout(name: str, seconds: float | None) -> Generator[None]:
    """Give up after this many seconds, as httpx does with its timeout; None: never."""
    with trio.move_on_after(math.inf if seconds is None else seconds) as scope:
        yield
    if scope.cancelled_caught:
        raise httpx.ReadTimeout(f"{name}: nothing came within {seconds:g} s")


class Body(httpx.AsyncByteStream):
    """A response's body, in the pieces in which it comes. A test that does not read it is a slow client.

    Args:
        exchange: The request and its response.
        timeout: Seconds to wait for each piece; None: for ever.
    """

    def __init__(self, exchange: Exchange, timeout: float | None) -> None:
        self._exchange = exchange
        self._timeout = timeout

    @override
    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        with read_timeout(self._exchange.name, self._timeout):
            piece = await self._exchange.receive()
        if not piece:
            self._exchange.check_end()
            raise StopAsyncIteration
        return piece

    @override
    async def aclose(self) -> None:
        """Disconnect, wait until the app has noticed and ended, and raise what it raised."""
        await self._exchange.leave()
        self._exchange.raise_errors()
