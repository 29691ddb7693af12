"""What a topic is in the server, as it was answered, and how much of it to ask for at a time."""

from bisect import bisect_right
from operator import attrgetter

from ..topics import Epoch, Record

_LEAST, _FIRST, _MOST = 1, 10, 1000
_FEW_BYTES, _MANY_BYTES = 256 * 1024, 1024 * 1024


class Page:
    """How many events to ask for at a time: few at first, and then by how large they were the last time.

    Attributes:
        count: So many.
    """

    def __init__(self) -> None:
        self.count = _FIRST

    def adapt(self, size: int, *, is_full: bool) -> None:
        """So many bytes have come, with as many events as were asked for, or fewer."""
        if size > _MANY_BYTES:
            self.count = max(_LEAST, self.count // 2)
        elif size < _FEW_BYTES and is_full:
            self.count = min(_MOST, self.count * 2)


def parse_state(state: list[bytes | None]) -> tuple[list[Epoch], int]:
    """The epochs, and the number of the newest event; of a topic that is not there, an epoch without a name."""
    epochs, last = state[1], state[2]
    if epochs is None or last is None:
        return [Epoch(0, "", 0)], 0
    pairs = [text.split(":") for text in epochs.decode().split(" ")]
    return [Epoch(int(first), name, 0) for first, name in pairs], int(last)


def name_at(epochs: list[Epoch], number: int) -> str:
    """The name of the epoch that the event with this number is of."""
    return epochs[max(0, bisect_right(epochs, number, key=attrgetter("first")) - 1)].name


def parse_entry(id: bytes, fields: list[bytes]) -> tuple[int, Record, float]:
    """An event of the stream: its number, and see `parse_fields()`."""
    return int(id[: id.index(b"-")]), *parse_fields(fields)


def parse_fields(fields: list[bytes]) -> tuple[Record, float]:
    """What was published, and when, in seconds of the wall clock."""
    at: bytes | None
    if len(fields) == 6 and fields[0] == b"at" and fields[2] == b"kind" and fields[4] == b"data":  # nearly all are so
        _, at, _, kind, _, data = fields
        event = retry = None
    else:
        parts = dict(zip(fields[::2], fields[1::2], strict=True))
        kind, data = parts.get(b"kind", b"text"), parts.get(b"data", b"")
        at, event, retry = parts.get(b"at"), parts.get(b"event"), parts.get(b"retry")
    try:
        given_retry = None if retry is None else int(retry)
        seconds = 0.0 if at is None else int(at) / 1000
    except ValueError:
        given_retry, seconds = None, 0.0
    name = None if event is None else event.decode(errors="replace")
    return Record(kind.decode(errors="replace"), data.decode(errors="replace"), name, given_retry), seconds
