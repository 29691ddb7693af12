"""Events to bytes. Every function returns one unbroken run of bytes with LF line ends.

Pure functions of their arguments: what they refuse, they refuse before a byte exists.
"""

import enum
import re

from .renderable import html_text
from .to_json import EncodeJSON, encode_json

# The standard's line ends and nothing else: U+2028, U+0085 and what else str.splitlines() knows are data.
_LINE_END = re.compile("\r\n|\r|\n")

# Milliseconds: 31,000 years. A bound, because Python writes and reads only numbers of a bounded length.
LONGEST_RETRY = 10**15

# Clients in wide use (openai-python, httpx-sse, fetch-event-source) take every blank line for the end of an event.
# So only events end with one: a comment, and a field that stands alone, are lines (WHATWG HTML, 9.2.6).
HEARTBEAT = b": heartbeat\n"


class Absent(enum.Enum):
    """The data of an event that has none, which is something else than null. An enum, so that copies of it are it."""

    ABSENT = "no data"


ABSENT = Absent.ABSENT


def encode_event(
    data: object, event: str | None, id: str | None, retry: int | None, encode_json: EncodeJSON = encode_json
) -> bytes:
    """One event, whole: its fields and the blank line that ends it. The fields are those of a checked `SSEEvent`.

    Raises:
        TypeError: The data is neither text nor JSON.
        ValueError: The data holds what cannot be carried.
    """
    if data is ABSENT and event is None:
        return encode_retry(retry) if id is None else encode_retry(retry) + encode_id(id)
    # Joined, not formatted: what extends str may have ideas of its own of what it looks like.
    head = ""
    if event is not None:
        head = "".join(("event: ", event, "\n"))
    if id is not None:
        head = "".join((head, "id: ", id, "\n"))
    return head.encode() + encode_retry(retry) + (b"\n" if data is ABSENT else encode_data(data, encode_json))


def encode_data(data: object, encode_json: EncodeJSON = encode_json) -> bytes:
    """An event that has nothing but data; `encode_event` puts the other fields in front of it."""
    if isinstance(data, str):
        if "\n" in data or "\r" in data:
            data = _LINE_END.sub("\ndata: ", data)
        try:
            return b"data: %b\n\n" % data.encode()
        except UnicodeEncodeError as error:
            raise ValueError(_uncarried("data", error)) from None
    if type(data) is not dict and (html := html_text(data)) is not None:
        return encode_data(html)
    return b"data: %b\n\n" % encode_json(data)


def encode_retry(retry: int | None) -> bytes:
    """The field alone; clients take it at the end of its line (WHATWG HTML, 9.2.6), so no blank line has to follow."""
    return b"" if retry is None else b"retry: %b\n" % int.__repr__(retry).encode()


def encode_id(id: str, *, is_block: bool = True) -> bytes:
    """An id alone, which is no event.

    Args:
        id: The id, checked.
        is_block: Whether a blank line ends it: a client that follows the standard has the id from then on. Without one it
            has it with the next event, if that has no other.
    """
    return b"id: %b\n%b" % (id.encode(), b"\n" if is_block else b"")


def encode_comment(text: str) -> bytes:
    """A comment, a line each of its lines, which clients ignore: between events it keeps the connection alive."""
    check_text("comment", text)
    return b": %b\n" % _LINE_END.sub("\n: ", text).encode()


def check_text(name: str, text: str) -> None:
    """Raise `ValueError` where UTF-8 cannot carry the text, that is, where it holds half of a surrogate pair."""
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise ValueError(_uncarried(name, error)) from None


def _uncarried(name: str, error: UnicodeEncodeError) -> str:
    half = error.object[error.start]
    return f"{name} holds {half!r} at position {error.start}: half of a surrogate pair, which UTF-8 cannot carry"
