"""What chirp_trio itself does for this page: its streams, what they carry, and what of it goes over the wire."""

from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

import trio

from chirp_trio import LiveStreams

type ASGIApp = Callable[..., Awaitable[None]]
type Message = MutableMapping[str, Any]


@dataclass(frozen=True, slots=True)
class Rates:
    """What went out since the look before; None where that is not known yet.

    Attributes:
        events: Events in a second.
        bytes: Their bytes in a second, before compression.
        saved: The share of all bytes so far that compression has saved, in percent.
    """

    events: float | None = None
    bytes: float | None = None
    saved: float | None = None


class Wire:
    """Middleware that counts the bytes of event streams as they go out, compressed where they are.

    Attributes:
        bytes: How many there were.
    """

    def __init__(self) -> None:
        self.bytes = 0

    def __call__(self, app: ASGIApp) -> ASGIApp:
        async def counted(scope: Message, receive: object, send: ASGIApp) -> None:
            async def count(message: Message) -> None:
                self.bytes += len(message.get("body", b""))
                await send(message)

            await app(scope, receive, count if scope.get("path") == "/live" else send)

        return counted


class Traffic:
    """Looks at the streams of an app, now and then.

    Args:
        streams: The streams.
        wire: Counts what is sent of them.
    """

    def __init__(self, streams: LiveStreams, wire: Wire) -> None:
        self._streams = streams
        self._wire = wire
        self._before: tuple[float, int, int] | None = None
        self.rates = Rates()

    def look(self) -> None:
        """Take the rates anew."""
        now = trio.current_time(), self._streams.events, self._streams.bytes
        if self._before is not None and now[0] > self._before[0]:
            seconds, events, sent = (late - early for late, early in zip(now, self._before, strict=True))
            saved = 100 * (1 - self._wire.bytes / now[2]) if now[2] else None
            self.rates = Rates(events / seconds, sent / seconds, saved if saved is None else max(0.0, saved))
        self._before = now
