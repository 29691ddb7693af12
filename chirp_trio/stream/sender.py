"""The way from a stream's writer to its client: ASGI's `send()`, or a direct connection if the server offers one.

The way around is taken only where `send` is the server's own. Middleware that has put something in between wants to see
every message, may still hold some that were sent before, and may change them.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import trio

from ..asgi import Message, Receive, Scope, Send, is_own, send_nowait, unobserved

# Seconds that a timer may be late. If one is later, the server itself was suspended (with its machine or container), for
# which clients are not to blame.
STANDSTILL = 2.0


class Direct(Protocol):
    """The extension `chirp_trio.connection` of an ASGI scope, which `chirp_trio.server` offers."""

    is_open: bool
    body_bytes: int  # how many bytes of the body it has been given, other than by `send()`
    progress: int  # a number that changes when the client takes bytes while others wait for that

    async def send(self, message: Message) -> None:
        """ASGI's `send()` of the same request, as the server gives it to the app."""

    def start_nowait(self, message: Message, first: bytes) -> bool:
        """Begin the response, with the first piece of its body; whether all of it was taken."""

    def write_nowait(self, data: bytes) -> bool:
        """Send a piece of the body without waiting; return whether all of it was taken."""

    async def drain(self) -> None:
        """Wait until the rest of it has been taken."""

    async def receive(self) -> Message:
        """ASGI's `receive()` of the same request."""

    def watch(self, left: Callable[[], None]) -> bool:
        """Call a function where `receive()` would say that the client has left; whether that is possible now."""

    def abort(self) -> None:
        """Let the connection be reset when it is closed."""


class Sent:
    """What has been sent to one client. The writer inherits it: as an object of its own, it would cost each event more.

    Args:
        since: When the stream began, on trio's clock.

    Attributes:
        event_count: How many events were put, without those in the outbox, which are counted when they are taken.
        last_sent: When an event or a heartbeat was last sent, on trio's clock; before that, when the stream began.
        first_event_at: When the first event was sent; None before that.
    """

    __slots__ = ("_at_once", "_byte_count", "_bytes_before", "event_count", "first_event_at", "last_sent")

    def __init__(self, since: float) -> None:
        self.event_count = 0
        self.last_sent = since
        self.first_event_at: float | None = None
        self._byte_count = 0
        # Where an event may be written to at once; None while something waits, or a task writes. Of a thousand streams, only
        # this is asked. What is written there is counted there, and not here as well.
        self._at_once: Direct | None = None
        self._bytes_before = 0  # how many bytes that connection had been given before

    @property
    def byte_count(self) -> int:
        """How many bytes the events of `event_count` were, before any compression."""
        return self._byte_count + (0 if self._at_once is None else self._at_once.body_bytes - self._bytes_before)

    def _end_at_once(self) -> None:
        """Let events wait: something else is to be written before them."""
        if self._at_once is not None:
            self._byte_count += self._at_once.body_bytes - self._bytes_before
            self._at_once = None


class Sender:
    """The way to one client. Only one task uses it at a time.

    Attributes:
        direct: The way around `send()`, once the response has begun from here: with the same `send` somebody else can begin
            another one in its place. None where there is none. It serves only while it `is_open`.
        has_begun: Whether the response has begun from here.
        blocked_since: Since when the client has taken nothing of what is being sent, on trio's clock; None while nothing is.
    """

    __slots__ = ("_connection", "_own", "_progress", "_send", "blocked_since", "direct", "has_begun")

    def __init__(self, scope: Scope, send: Send) -> None:
        self._send = send
        # Also used behind middleware: the client at the other end is the same.
        self._connection: Direct | None = (scope.get("extensions") or {}).get("chirp_trio.connection")
        is_direct = self._connection is not None and is_own(unobserved(send), self._connection, "send")
        self._own: Direct | None = self._connection if is_direct else None
        self._progress = 0  # of the client, when it was looked at last
        self.direct: Direct | None = None
        self.has_begun = False
        self.blocked_since: float | None = None

    async def start(self, headers: Sequence[tuple[bytes, bytes]]) -> None:
        """Begin the response, with status 200."""
        await self._timed(self._send(_start_message(headers)))
        self._note_begun()

    @property
    def can_start_nowait(self) -> bool:
        """Whether the response can be begun by `start_nowait()`."""
        return self._own is not None and not self.has_begun

    @property
    def can_write_nowait(self) -> bool:
        """Whether bytes can be written without blocking: to the response, or with its head, if it has not begun."""
        return self.can_start_nowait if self.direct is None else self.direct.is_open

    def start_nowait(self, headers: Sequence[tuple[bytes, bytes]], first: bytes) -> bool:
        """Begin the response as `start()` does, and write the first piece of its body with it, without blocking.

        Returns:
            Whether the client has taken all of it.
        """
        assert self._own is not None
        connection = self._own
        is_taken = send_nowait(self._send, _start_message(headers), lambda message: connection.start_nowait(message, first))
        self._note_begun()
        return is_taken

    def _note_begun(self) -> None:
        self.has_begun = True
        self.direct = self._own

    async def write(self, data: bytes) -> None:
        """Send a piece of the body. May block for as long as the client does not read.

        With `send()` the caller may then not be cancellable either; on a direct connection it is.
        """
        if not self.is_direct:
            await self._timed(self._send({"type": "http.response.body", "body": data, "more_body": True}))
        elif self.direct is not None and not self.direct.write_nowait(data):
            await self.drain()

    async def drain(self) -> None:
        """Wait until the client has taken what the direct connection has left."""
        if self.direct is not None:
            await self._timed(self.direct.drain())

    async def finish(self, last: bytes = b"") -> None:
        """End the body, with these as its last bytes."""
        await self._timed(self._send({"type": "http.response.body", "body": last, "more_body": False}))

    def abort(self) -> None:
        """Give the client up: discard what it has not read, if the server can do that."""
        if self._own is not None:
            self._own.abort()

    @property
    def is_direct(self) -> bool:
        """Whether the direct way can be used now."""
        return self.direct is not None and self.direct.is_open

    def watch(self, receive: Receive, left: Callable[[], None]) -> bool:
        """Have the server say that the client has left, so that nobody has to wait in `receive`; whether it does."""
        return self._own is not None and is_own(receive, self._own, "receive") and self._own.watch(left)

    # -- the client's patience ------------------------------------------------------------------------------------------

    async def wait_until_sent(self, sent: trio.Event, timeout: float, *, is_patient: bool) -> None:
        """Wait for this, but not for a client that takes nothing for so many seconds; nor, impatiently, for a slow one."""
        began = trio.current_time()
        while not sent.is_set() and not self._is_blocked(began, timeout, is_patient=is_patient):
            with trio.move_on_after(timeout, shield=True) as waiting:
                await sent.wait()
            if waiting.cancelled_caught and trio.current_time() > waiting.deadline + STANDSTILL:
                began = trio.current_time()
                self.forgive(began)

    def _is_blocked(self, began: float, timeout: float, *, is_patient: bool) -> bool:
        self.look(now := trio.current_time())
        since = self.blocked_since
        return since is not None and now >= (max(began, since) if is_patient else began) + timeout

    def look(self, now: float) -> None:
        """Check whether the client has taken bytes since the last call; if so, restart its time limit."""
        if self.blocked_since is not None and self._seen_progress() != self._progress:
            self._progress = self._seen_progress()
            self.blocked_since = now

    def forgive(self, now: float) -> None:
        """Restart the client's time limit, because the server itself was suspended."""
        if self.blocked_since is not None:
            self.blocked_since = now

    def _seen_progress(self) -> int:
        """A number that changes when the client takes bytes; always 0 if that cannot be observed."""
        return 0 if self._connection is None else self._connection.progress

    async def _timed(self, sending: Awaitable[None]) -> None:
        self._progress = self._seen_progress()
        self.blocked_since = trio.current_time()
        await sending
        self.blocked_since = None


def _start_message(headers: Sequence[tuple[bytes, bytes]]) -> Message:
    return {"type": "http.response.start", "status": 200, "headers": headers}
