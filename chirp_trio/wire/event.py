"""What a stream sends, as values that cannot be illegal and as bytes: one event, one comment, one item of a source.

Every function returns one unbroken run of bytes with LF line ends. They are pure functions of their arguments: what they
refuse, they refuse before a byte exists.
"""

import enum
import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from .html import as_html
from .renderable import NoData, Renderable, html_text
from .text import check_one_line, check_text, uncarried
from .to_json import EncodeJSON, encode_json

# The line ends of the standard only. U+2028, U+0085 and the others that str.splitlines() knows are data.
_LINE_END = re.compile("\r\n|\r|\n")

# Milliseconds: 31,000 years. There is a bound because Python reads and writes integers only up to a number of digits.
LONGEST_RETRY = 10**15

# Some widely used clients (openai-python, httpx-sse, fetch-event-source) end an event at every blank line.
# So only events end with one: a comment, and a field that stands alone, are lines (WHATWG HTML, 9.2.6).
HEARTBEAT = b": heartbeat\n"

# An event that is data in one line, and nothing else.
DATA_EVENT = b"data: %b\n\n"


class Absent(enum.Enum):
    """The data of an event without data, which is not the same as null. An enum, so that a copy is the same object."""

    ABSENT = "no data"


ABSENT = Absent.ABSENT

# The type of an event's data, for type checkers. It is declared as covariant, because pyright does not infer that for a
# dataclass.
Data = TypeVar("Data", covariant=True, default=object)

# Renders data to text. Takes the data and the event name so far; returns the text and the name to send it under, which may
# be another one in the client's dialect.
type Render = Callable[[Renderable, str | None], tuple[str, str | None]]

# The types of most items, the most frequent first. None of them has an `__html__` method or needs any other check.
PLAIN = (dict, str, list)


@dataclass(frozen=True, slots=True)
class SSEEvent(NoData, Generic[Data]):  # see `Data`
    r"""One server-sent event. For type checkers, one that has arrived is an `SSEEvent[str]`: its data is text.

    Args:
        data: Text as it is (line breaks are allowed: CRLF, CR and LF all arrive as LF), or a JSON value (dict, list,
            number, bool, None, a dataclass ...), or a `Fragment`; default: none, for a `retry` or an `id` alone, of which
            the client makes no event.
        event: The event type that the client listens for; default: none, which browsers call `message`.
        id: The id that a reconnecting client sends back as `Last-Event-ID`. `""` makes the client forget the id that it
            has; default: none, which leaves it alone.
        retry: How long the client waits before it reconnects, in milliseconds; default: none, which leaves it alone.

    Raises:
        ValueError: `event` or `id` holds CR, LF or NUL, `retry` is negative, text cannot be carried by UTF-8, or `event`
            has neither data nor a `retry`.
        TypeError: `event` or `id` is not text, `retry` is not an int, `data` is an event itself, or nothing is given.

    Example:
        >>> SSEEvent("User joined", event="user-join", id="evt-42", retry=5000).encode()
        'event: user-join\nid: evt-42\nretry: 5000\ndata: User joined\n\n'
        >>> SSEEvent(retry=5000).encode()
        'retry: 5000\n'
    """

    _instead = "a source yields it by itself"

    data: Data = ABSENT  # type: ignore[assignment]
    event: str | None = None
    id: str | None = None
    retry: int | None = None

    def __post_init__(self) -> None:
        check_one_line("event", self.event)
        check_one_line("id", self.id)
        _check_retry(self.retry)
        if isinstance(self.data, str):
            check_text("data", self.data)
        elif isinstance(self.data, SSEEvent):
            raise TypeError("data is an SSEEvent itself; it must be text, a JSON value or a Fragment")
        elif isinstance(self.data, Comment):
            raise TypeError("data is a Comment; a source yields it by itself")
        elif self.data is ABSENT and self.retry is None:
            if self.event is not None:
                raise ValueError(
                    f"event is {self.event!r}, and there is no data, so clients would see no event; data='' is empty"
                )
            if self.id is None:
                raise TypeError("SSEEvent() has nothing to send; give it data (text, JSON or a Fragment), a retry or an id")

    def encode(self) -> str:
        """The event as it travels: its fields, a line each, and the blank line that ends it.

        Raises:
            TypeError: `data` is neither text nor JSON; a `Fragment` has to be rendered by an app first.
            ValueError: `data` holds what cannot be carried.
        """
        return encode_event(self.data, self.event, self.id, self.retry).decode()


@dataclass(frozen=True, slots=True)
class Comment(NoData):
    """A comment in an event stream. Clients ignore it; a source may yield one for people who watch the raw stream.

    Args:
        text: What stands after the colon; each line of it becomes a comment.

    Raises:
        TypeError: It is not text.
        ValueError: UTF-8 cannot carry it.

    Example:
        >>> Comment("nothing new yet").text
        'nothing new yet'
    """

    _instead = "a source yields it by itself"

    text: str

    def __post_init__(self) -> None:
        if not isinstance(self.text, str):
            raise TypeError(f"the text of a Comment is {self.text!r}; it must be a str")
        check_text("the text of a Comment", self.text)


class Encodable(ABC):
    """An item that encodes itself, as a published event does; `encode_item` calls it."""

    __slots__ = ()

    @abstractmethod
    def _encode_for(self, event_type: str | None, render: Render) -> bytes:
        """The item's bytes, for a stream with this event name and a client of this dialect."""


def unchecked_event[Given](data: Given, event: str | None, id: str | None, retry: int | None) -> SSEEvent[Given]:
    """An event whose parts have been checked already, or were received from a server, where `event` may hold a NUL."""
    made: SSEEvent[Given] = object.__new__(SSEEvent)
    object.__setattr__(made, "data", data)
    object.__setattr__(made, "event", event)
    object.__setattr__(made, "id", id)
    object.__setattr__(made, "retry", retry)
    return made


def _check_retry(retry: object) -> None:
    if retry is None:
        return
    if not isinstance(retry, int) or isinstance(retry, bool):
        raise TypeError(f"retry is {retry!r}; it must be an int (milliseconds), or None")
    if not 0 <= retry <= LONGEST_RETRY:
        shown = repr(retry) if abs(retry) < 10**100 else "a number of very many digits"
        raise ValueError(f"retry is {shown}; it must be zero or more milliseconds, and at most 10**15")


# -- as bytes -----------------------------------------------------------------------------------------------------------


def encode_item(
    item: object,
    event_type: str | None,
    render: Render,
    encode_json: EncodeJSON = encode_json,
    *,
    has_id_at_blank_line: bool = False,
) -> bytes:
    """One item of a source as the bytes of one event.

    The event's name is the `SSEEvent`'s own, else the one that a fragment asks for, else `event_type`, else none.

    Args:
        item: What the source yielded.
        event_type: The name of events that have none of their own.
        render: Turns fragments and HTML into text, in the dialect of the client.
        encode_json: Turns values into JSON.
        has_id_at_blank_line: Whether an id without an event ends with a blank line; see `encode_id`.

    Raises:
        TypeError: The item can neither be sent nor rendered.
        ValueError: It holds what cannot be carried.
        Exception: Whatever rendering raised.
    """
    if type(item) in PLAIN:
        if event_type is None:
            return encode_data(item, encode_json)
        return encode_event(item, event_type, None, None, encode_json)
    if isinstance(item, Comment):
        return encode_comment(item.text)
    if isinstance(item, Encodable):
        return item._encode_for(event_type, render)
    event = id = retry = None
    data = item
    if isinstance(item, SSEEvent):
        data, event, id, retry = item.data, item.event, item.id, item.retry
    if not isinstance(data, Renderable) and type(data) is not str:
        data = as_html(data) or data
    if isinstance(data, Renderable):
        if event is None:
            event = data.event
        if event is None:
            event = event_type
        data, event = render(data, event)
    elif event is None and data is not ABSENT:
        event = event_type
    if data is ABSENT and event is None and id is not None:
        return encode_retry(retry) + encode_id(id, is_block=has_id_at_blank_line)
    if event is None and id is None and retry is None:
        return encode_data(data, encode_json)
    return encode_event(data, event, id, retry, encode_json)


def is_event(item: object) -> bool:
    """Whether clients dispatch an event for the item. They do not for a comment, or for a `retry` or an `id` alone."""
    if type(item) in PLAIN or not isinstance(item, (SSEEvent, Comment)):
        return True
    return isinstance(item, SSEEvent) and (item.data is not ABSENT or item.event is not None)


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
    # Joined, not formatted, because a subclass of str may format itself in another way.
    head = ""
    if event is not None:
        head = "".join(("event: ", event, "\n"))
    if id is not None:
        head = "".join((head, "id: ", id, "\n"))
    return head.encode() + encode_retry(retry) + (b"\n" if data is ABSENT else encode_data(data, encode_json))


def encode_data(data: object, encode_json: EncodeJSON = encode_json) -> bytes:
    """The data field and the end of the event; `encode_event` puts the other fields in front of it."""
    if type(data) is dict:
        return DATA_EVENT % encode_json(data)
    if isinstance(data, str):
        if "\n" in data or "\r" in data:
            data = _LINE_END.sub("\ndata: ", data)
        try:
            return DATA_EVENT % data.encode()
        except UnicodeEncodeError as error:
            raise uncarried("data", error) from None
    if (html := html_text(data)) is not None:
        return encode_data(html)
    return DATA_EVENT % encode_json(data)


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
