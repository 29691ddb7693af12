"""Events joined into pieces of some kilobytes, for subscribers that are behind, often at the same place."""

from ..wire import Render
from .history import Log
from .published import encode_published

# The bytes from which a piece is complete, the most events in a piece, and the most pieces that are kept.
_BYTES = 8 * 1024
_EVENTS = 512
_KEPT = 256


class Chunks:
    """Reads a log in pieces. A piece that several subscribers read is joined only once."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._joined: dict[tuple[int, str | None, Render | None], tuple[bytes, int]] = {}

    def since(self, number: int, event_type: str | None, render: Render | None) -> tuple[bytes, int]:
        """Events after that number as bytes, and the number of the last of them; `b""` if there are none."""
        key = (number, event_type, render)
        joined, last = self._joined.get(key, (b"", number))
        if last == self._log.last or last - number >= _EVENTS or len(joined) >= _BYTES:
            return joined, last
        pieces = [joined] if joined else []
        size = len(joined)
        for event in self._log.since(last, _EVENTS - (last - number)):
            piece = encode_published(event, event_type, render)
            if size >= _BYTES or (pieces and len(piece) >= _BYTES):
                break
            pieces.append(piece)
            size += len(piece)
            last = event.number
        # A single event needs no joining. Keeping it here would only delay that its memory is freed.
        if len(pieces) == 1:
            return pieces[0], last
        if len(self._joined) >= _KEPT:
            self._joined.clear()
        self._joined[key] = b"".join(pieces), last
        return self._joined[key]
