"""hypercorn's HTTP/1.1, which sees a client leave also after it has sent more than its request."""

from collections.abc import Awaitable, Callable
from typing import Any

import h11
import trio
from hypercorn.protocol.h11 import H11Protocol
from hypercorn.typing import H11SendableEvent

from ..errors import phrase

# What a client may send before its turn: the next request, or a few. Whoever sends more is cut off.
MAX_AHEAD = 64 * 1024


class AttentiveH11Protocol(H11Protocol):
    """HTTP/1.1 that goes on to read while a response is under way.

    hypercorn's stops where the client sends something after its request, be it an empty line, until the response is over.
    So it does not see the client leave; and a stream is only over when the client has left.

    Args:
        parts: What a protocol of hypercorn is made of.
        receive_some: Reads from the client.
        leave: Called when the client has left, or sends too much.
        may_change: Whether the client may change to HTTP/2.
    """

    def __init__(
        self, parts: Any, receive_some: Callable[[], Awaitable[bytes]], leave: Callable[[], None], *, may_change: bool
    ) -> None:
        super().__init__(*parts)
        self.can_read = _Turn(self._read_ahead)
        self._receive_some = receive_some
        self._leave = leave
        self._may_change = may_change

    async def _check_protocol(self, event: h11.Request) -> None:
        if self._may_change:
            await super()._check_protocol(event)
        # An upgrade need not be taken up (RFC 9110, 7.8). Who begins with HTTP/2 is told that it is not spoken here.
        elif event.http_version == b"2.0":
            await self._send_error_response(505)
            raise trio.BrokenResourceError("the client speaks HTTP/2")

    async def _send_h11_event(self, event: H11SendableEvent) -> None:
        if isinstance(event, h11.Response) and not event.reason:
            # It may be empty (RFC 9112, 4), but there are clients that count such a response as a failure.
            reason = phrase(event.status_code).encode("ascii")
            event = h11.Response(status_code=event.status_code, headers=event.headers, reason=reason)
        await super()._send_h11_event(event)

    async def _read_ahead(self) -> None:
        ahead = 0
        while ahead < MAX_AHEAD:
            try:
                data = await self._receive_some()
            except trio.BrokenResourceError, trio.ClosedResourceError:
                break
            if not data:
                break
            self.connection.receive_data(data)
            ahead += len(data)
        self._leave()
        await trio.sleep_forever()


class _Turn:
    """The event that hypercorn's reader waits for, which does something meanwhile."""

    def __init__(self, meanwhile: Callable[[], Awaitable[None]]) -> None:
        self._meanwhile = meanwhile
        self._waiting: trio.CancelScope | None = None  # around the reader, while it waits
        self._has_come = False

    async def clear(self) -> None:
        self._has_come = False

    async def wait(self) -> None:
        if not self._has_come:
            with trio.CancelScope() as self._waiting:
                await self._meanwhile()
            self._waiting = None

    async def set(self) -> None:
        self._has_come = True
        if self._waiting is not None:
            self._waiting.cancel("the response is over")

    def is_set(self) -> bool:
        return self._has_come
