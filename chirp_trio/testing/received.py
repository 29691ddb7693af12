"""The events and comments of a stream that have come so far, and when each came."""

from collections import deque
from collections.abc import Mapping

import trio

from ..compression import Decompressor
from ..wire import Decoder, SSEEvent

HEARTBEAT = "heartbeat"

_SHOWN = 20  # how many events and comments an error message shows
_LONGEST = 120  # how many characters of each


class Received:
    """All that has come of an event stream, over all its connections; `SSEStream` tells what its attributes are."""

    def __init__(self, last_event_id: str | None) -> None:
        self.events: list[SSEEvent[str]] = []
        self.event_times: list[float] = []
        self.comments: list[str] = []
        self.heartbeat_times: list[float] = []
        self.retry: int | None = None
        self.wire = bytearray()
        self._began: float | None = None
        self._decoder = Decoder(last_event_id=last_event_id)
        self._decompressor: Decompressor | None = None  # of this connection, once something has come over it
        self._timeline: deque[tuple[float, str]] = deque(maxlen=_SHOWN)

    @property
    def last_event_id(self) -> str:
        """The id that a reconnecting client sends: that of the last event that has come, even one that is not taken yet."""
        return self._decoder.last_event_id

    @property
    def heartbeats(self) -> int:
        """How many heartbeats have come."""
        return len(self.heartbeat_times)

    def describe(self) -> str:
        """What has come so far, and when, in a few lines for a message."""
        lines = [f"So far: {len(self.events)} events and {self.heartbeats} heartbeats"]
        if len(self.events) + len(self.comments) > len(self._timeline):
            lines.append("    ...")
        lines += [f"    after {when:g} s: {what}" for when, what in self._timeline]
        return "\n".join(lines)

    def _begin(self) -> None:
        """Begin a new connection. The last event id is kept."""
        if self._began is None:
            self._began = trio.current_time()
        self._decoder = Decoder(last_event_id=self.last_event_id)
        self._decompressor = None
        self.wire = bytearray()

    def _take_in(self, piece: bytes, headers: Mapping[str, str]) -> list[SSEEvent[str]]:
        """Note the events and comments that the next piece of a body completes, and return the events.

        Raises:
            UnreadableEncoding: The body's content coding is not supported.
            DecompressionError: The body is not in the coding that its headers name.
        """
        if self._decompressor is None:
            self._decompressor = _decompressor(headers)
        self.wire += piece
        return [event for data in self._decompressor.feed(piece) for event in self._decode(data)]

    def _decode(self, data: bytes) -> list[SSEEvent[str]]:
        assert self._began is not None
        now = trio.current_time() - self._began
        events = []
        for item in self._decoder.feed(data):
            if isinstance(item, SSEEvent):
                events.append(item)
                self.event_times.append(now)
                self._timeline.append((now, _brief(item)))
            else:
                self.comments.append(item.text)
                if item.text == HEARTBEAT:
                    self.heartbeat_times.append(now)
                self._timeline.append((now, f": {item.text}"[:_LONGEST]))
        self.events += events
        if self._decoder.retry is not None:
            self.retry = self._decoder.retry
        return events


class UnreadableEncoding(Exception):
    """The content coding of a body is not supported; the message names it, and the cure."""


def _decompressor(headers: Mapping[str, str]) -> Decompressor:
    """The decompressor for a body with these headers; httpx's own are for whole bodies, or cannot be cancelled.

    Raises:
        UnreadableEncoding: The body's content coding is not gzip, deflate or zstd.
    """
    encoding = headers.get("content-encoding", "").strip().lower()
    try:
        return Decompressor(encoding)
    except LookupError:
        raise UnreadableEncoding(
            f"its content-encoding is {encoding!r}; a TestClient reads event streams that are uncompressed, or in gzip, "
            'deflate or zstd. Ask with headers={"accept-encoding": "gzip"}, or keep the middleware from compressing streams'
        ) from None


def _brief(event: SSEEvent[str]) -> str:
    fields = {"event": event.event, "id": event.id, "retry": event.retry, "data": event.data}
    text = ", ".join(f"{name}={value!r}" for name, value in fields.items() if value is not None)
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"
