"""Bytes to events: the standard's algorithm, for any split of the bytes.

WHATWG HTML, section 9.2.6 "Interpreting an event stream". Where servers and clients often differ from it, a comment
says which sentence decides.
"""

import re
from collections.abc import Iterator

from ..errors import EventTooLarge
from .event import LONGEST_RETRY, Comment, SSEEvent, unchecked_event
from .text import check_one_line

_LINE_END = re.compile(rb"\r\n|\r|\n")
_BOM = b"\xef\xbb\xbf"


class Decoder:
    r"""Turns the bytes of an event stream into events and comments, wherever the bytes are cut.

    Args:
        max_event_bytes: How large one event (or one line, or one comment) may be, in bytes, before `EventTooLarge` is
            raised; default: 16 MiB. It bounds the memory that a hostile stream can take.
        last_event_id: The id that the client has from an earlier connection; default: none.

    Attributes:
        last_event_id: The id to send as `Last-Event-ID` when reconnecting; `""` while there is none. It stays until
            another event changes it, also beyond the end of a connection, if the next one's decoder begins with it.
        retry: The reconnection time that the stream asked for, in milliseconds, or None.

    Example:
        >>> decoder = Decoder()
        >>> decoder.feed(b"event: ping\ndata: on")
        []
        >>> decoder.feed(b"e\n\n: heartbeat\n")
        [SSEEvent(data='one', event='ping', id=None, retry=None), Comment(text='heartbeat')]
    """

    def __init__(self, *, max_event_bytes: int = 16 * 1024 * 1024, last_event_id: str | None = None) -> None:
        if not isinstance(max_event_bytes, int) or isinstance(max_event_bytes, bool):
            raise TypeError(f"max_event_bytes is {max_event_bytes!r}; it must be an int of at least 1")
        if max_event_bytes < 1:
            raise ValueError(f"max_event_bytes is {max_event_bytes!r}; it must be an int of at least 1")
        check_one_line("last_event_id", last_event_id)
        self.last_event_id = last_event_id or ""
        self.retry: int | None = None
        self._max = max_event_bytes
        self._too_large = False
        self._latest_id = self.last_event_id  # what becomes the last event id when the event that it belongs to is complete
        self._line = bytearray()  # a line whose end has not come yet
        self._start: bytes | None = b""  # the stream's first bytes, until it is clear whether they are a BOM
        self._after_cr = False  # the last byte was a CR, so an LF that follows belongs to it
        self._forget_fields()

    def _forget_fields(self) -> None:
        self._data: bytearray | None = None
        self._event: str | None = None
        self._id: str | None = None
        self._retry: int | None = None
        self._size = 0

    def feed(self, data: bytes) -> list[SSEEvent[str] | Comment]:
        """Take the next bytes; return what they complete, in order.

        An event is complete at the blank line that ends it. What the stream's end leaves incomplete never comes, as the
        standard wants. An event's `id` and `retry` are those of its own fields, and None where it had none.

        Raises:
            TypeError: `data` is not bytes.
            EventTooLarge: An event, line or comment is larger than `max_event_bytes`; what came before has been returned. The
                decoder cannot be used after that.
        """
        if not isinstance(data, bytes | bytearray | memoryview):
            raise TypeError(f"data is {data!r:.200}; it must be bytes")
        found: list[SSEEvent[str] | Comment] = []
        try:
            for line in self._lines(self._without_bom(data)):
                item = self._interpret(line)
                if item is not None:
                    found.append(item)
        except EventTooLarge:
            self._too_large = True
            self._line.clear()
            self._forget_fields()
        if self._too_large and not found:
            raise EventTooLarge(f"an event of the stream is larger than max_event_bytes, {self._max} bytes")
        return found

    def _without_bom(self, data: bytes) -> bytes:
        # A byte order mark at the very beginning is dropped; any other one is data.
        if self._start is None:
            return data
        data = self._start + data
        if len(data) < len(_BOM) and _BOM.startswith(data):
            self._start = data
            return b""
        self._start = None
        return data.removeprefix(_BOM)

    def _lines(self, data: bytes) -> Iterator[bytes]:
        # A CR ends its line at once, without waiting for the LF that may belong to it: an event must not be late
        # because of how its bytes were cut.
        if not data or self._too_large:
            return
        if self._after_cr:
            data = data.removeprefix(b"\n")
        *complete, rest = _LINE_END.split(data)
        self._after_cr = data.endswith(b"\r")
        for piece in complete:
            self._count(piece)
            if self._line:
                yield bytes(self._line) + piece
                self._line.clear()
            else:
                yield piece
        self._count(rest)
        self._line += rest

    def _count(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size > self._max:
            raise EventTooLarge

    def _interpret(self, line: bytes) -> SSEEvent[str] | Comment | None:
        if not line:
            return self._dispatch()
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")  # one space after the colon is dropped; a second one is data
        match name:
            case b"":
                self._size -= len(line)  # a comment keeps nothing for the next event
                return Comment(_decode(value))
            case b"data" if self._data is not None:
                self._data += b"\n" + value
            case b"data":
                self._data = bytearray(value)
            case b"event":
                self._event = _decode(value)
            case b"id" if b"\0" not in value:
                self._id = self._latest_id = _decode(value)
            case b"retry" if value.isdigit():
                self._retry = self.retry = min(int(value.lstrip(b"0")[:16] or b"0"), LONGEST_RETRY)
            case _:
                pass  # an unknown field is ignored
        return None

    def _dispatch(self) -> SSEEvent[str] | None:
        # No data, no event; but its id counts, and stays. A single empty data field is data.
        self.last_event_id = self._latest_id
        event: SSEEvent[str] | None = None
        if self._data is not None:
            event = unchecked_event(_decode(self._data), self._event, self._id, self._retry)
        self._forget_fields()
        return event


def is_event_stream(content_type: str) -> bool:
    """Whether this `Content-Type` is an event stream's. A parameter, such as a charset, changes nothing: it is UTF-8."""
    return content_type.partition(";")[0].strip().lower() == "text/event-stream"


def _decode(value: bytes | bytearray) -> str:
    # Malformed UTF-8 becomes U+FFFD and never stops the stream. Cutting into lines and fields first is the same as decoding
    # first, because no byte of a longer character is a CR, an LF or a colon.
    return value.decode("utf-8", "replace")
