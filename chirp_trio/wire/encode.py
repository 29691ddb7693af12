"""Events to bytes. Every function returns one unbroken run of bytes with LF line ends.

Pure functions of their arguments: what they refuse, they refuse before a byte exists.
"""

import dataclasses
import re
from collections.abc import Callable

import msgspec

# The standard's line ends and nothing else: U+2028, U+0085 and what else str.splitlines() knows are data.
_LINE_END = re.compile("\r\n|\r|\n")

_JSON = (dict, list, int, float, type(None))
_ACCEPTED = "text, dict, list, int, float, bool, None, a dataclass, a Fragment, an SSEEvent or a Comment"

# Milliseconds: 31,000 years. A bound, because Python writes and reads only numbers of a bounded length.
LONGEST_RETRY = 10**15

# Clients in wide use (openai-python, httpx-sse, fetch-event-source) take every blank line for the end of an event.
# So only events end with one: a comment, and a field that stands alone, are lines (WHATWG HTML, 9.2.6).
HEARTBEAT = b": heartbeat\n"


class Renderable:
    """Data that somebody has to turn into text before it can travel, such as a fragment of a template.

    The wire knows no templates. It only has to tell such data from JSON, so that a forgotten rendering is an error and
    not somebody's internals on the wire. `event` is the event name that the data itself asks for.
    """

    __slots__ = ()

    event: str | None

    def copied(self, copy: Callable[[object], object]) -> Renderable:  # noqa: ARG002 - for those in which something may
        """The same with copies of what may change, each made by that function; itself, as nothing may."""
        return self


def encode_event(data: object, event: str | None, id: str | None, retry: int | None) -> bytes:
    """One event, whole: its fields and the blank line that ends it. The fields are those of a checked `SSEEvent`.

    Raises:
        TypeError: The data is neither text nor JSON.
        ValueError: The data holds what cannot be carried.
    """
    # Joined, not formatted: what extends str may have ideas of its own of what it looks like.
    head = ""
    if event is not None:
        head = "".join(("event: ", event, "\n"))
    if id is not None:
        head = "".join((head, "id: ", id, "\n"))
    if retry is not None:
        head = "".join((head, "retry: ", int.__repr__(retry), "\n"))
    return head.encode() + encode_data(data)


def encode_data(data: object) -> bytes:
    """An event that has nothing but data; `encode_event` puts the other fields in front of it."""
    if isinstance(data, str):
        if "\n" in data or "\r" in data:
            data = _LINE_END.sub("\ndata: ", data)
        try:
            return b"data: %b\n\n" % data.encode()
        except UnicodeEncodeError as error:
            raise ValueError(_uncarried("data", error)) from None
    return b"data: %b\n\n" % encode_json(data)


def encode_json(value: object) -> bytes:
    """A value as JSON (RFC 8259), compact, on one line. NaN and the infinities, which JSON has not, become null.

    Inside it may be what `msgspec.json` knows besides: tuples and sets (as arrays), dates and times (ISO 8601), UUIDs and
    decimals (as text), enums (as their values), bytes (as Base64).

    Raises:
        TypeError: The value, or something in it, is not JSON; the message names the type.
        ValueError: It refers to itself, is nested too deeply, or holds text that UTF-8 cannot carry.
    """
    if not isinstance(value, _JSON) and (not dataclasses.is_dataclass(value) or isinstance(value, type | Renderable)):
        name = type(value).__name__
        if isinstance(value, Renderable):
            raise TypeError(f"a {name} cannot be sent before it is rendered, which takes an App with templates")
        raise TypeError(f"a value of type {name} cannot be sent as event data; allowed are {_ACCEPTED}")
    try:
        return _encode_json(value)
    except RecursionError:
        raise ValueError(f"a {type(value).__name__} that refers to itself, or is nested too deeply, is no JSON") from None
    except UnicodeEncodeError as error:
        raise ValueError(_uncarried("text in the JSON", error)) from None


def encode_id(id: str, *, is_block: bool = True) -> bytes:
    """An id alone, which is no event.

    Args:
        id: The id, checked.
        is_block: Whether a blank line ends it: a client that follows the standard has the id from then on. Without one it
            has it with the next event, if that has no other.
    """
    return b"id: %b\n%b" % (id.encode(), b"\n" if is_block else b"")


def encode_retry(retry: int) -> bytes:
    """A reconnection time alone, in milliseconds: a line, at the end of which the client has it."""
    return b"retry: %d\n" % retry


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


def _plain(value: object) -> object:
    """What extends text or a number is, in JSON, what it extends."""
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    raise TypeError(f"a value or a key of type {type(value).__name__} cannot be sent as JSON")


_encode_json = msgspec.json.Encoder(enc_hook=_plain).encode
