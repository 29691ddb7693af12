"""What has come of an event stream so far, and when."""

from collections import deque
from collections.abc import Mapping

import trio

from ..compression import Decompressor
from ..wire import Decoder, SSEEvent

HEARTBEAT = "heartbeat"

_SHOWN = 20  # of what came, how many pieces an error message holds
_LONGEST = 120  # and how many characters of each


class Received:
    """What has come of an event stream, over all its connections.

    Attributes:
        events: The events so far, whether they have been asked for or not.
        event_times: When each came: seconds after the first request, on the test's clock.
        comments: The comments so far, heartbeats among them.
        heartbeat_times: When each heartbeat came, as with events.
        retry: The reconnection time that the server asked for, in milliseconds, or None.
        wire: The body as it came over this connection, compressed if it was.
    """

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
        """The id that a reconnecting client sends: that of the last event that has come, whether it was asked for or not."""
        return self._decoder.last_event_id

    @property
    def heartbeats(self) -> int:
        """How many heartbeats have come."""
        return len(self.heartbeat_times)

    def describe(self) -> str:
        """What has come so far, and when, short enough for a message."""
        lines = [f"So far: {len(self.events)} events and {self.heartbeats} heartbeats"]
        if len(self.events) + len(self.comments) > len(self._timeline):
            lines.append("    ...")
        lines += [f"    after {when:g} s: {what}" for when, what in self._timeline]
        return "\n".join(lines)

    def _begin(self) -> None:
        """A connection begins. The id that the client has is not lost by that."""
        if self._began is None:
            self._began = trio.current_time()
        self._decoder = Decoder(last_event_id=self.last_event_id)
        self._decompressor = None
        self.wire = bytearray()

    def _take_in(self, piece: bytes, headers: Mapping[str, str]) -> list[SSEEvent[str]]:
        """Note what the next bytes of a body with these headers complete; returns the events.

        Raises:
            UnreadableEncoding: The body is in a coding that is not understood here.
            DecompressionError: It is not in the coding that the headers say.
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
    """A body is in a coding that is not understood here; the message says which, and what to do."""


def _decompressor(headers: Mapping[str, str]) -> Decompressor:
    """What makes the stream's bytes of the body's; httpx's own is for whole bodies, or cannot be interrupted.

    Raises:
        UnreadableEncoding: The body is neither gzip, deflate nor zstd, nor uncompressed.
    """
    encoding = headers.get("content-encoding", "").strip().lower()
    try:
        return Decompressor(encoding)
    except LookupError:
        raise UnreadableEncoding(
            f"its content-encoding {encoding} is not understood: a TestClient reads event streams as they are, or in gzip, "
            'deflate or zstd. Ask with headers={"accept-encoding": "gzip"}, or let what compresses leave out event streams'
        ) from None


def _brief(event: SSEEvent[str]) -> str:
    fields = {"event": event.event, "id": event.id, "retry": event.retry, "data": event.data}
    text = ", ".join(f"{name}={value!r}" for name, value in fields.items() if value is not None)
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"
