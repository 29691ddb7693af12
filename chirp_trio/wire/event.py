"""What travels on the wire, as values that cannot be illegal: one event, one comment."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from .encode import ABSENT, LONGEST_RETRY, check_text, encode_event
from .renderable import NoData

# What an event carries, for type checkers. An event with text is an event with some object: that has to be said, since
# pyright does not see it in a dataclass, which may be copied with other data.
Data = TypeVar("Data", covariant=True, default=object)

# What ends a line in an event stream (WHATWG HTML, "Parsing an event stream"), and NUL, for which the standard makes an
# id be ignored. None of them can be carried by a field that is one line.
_FORBIDDEN = {"\r": "a carriage return", "\n": "a line feed", "\0": "a NUL"}


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

    @staticmethod
    def unchecked[Given](data: Given, event: str | None, id: str | None, retry: int | None) -> SSEEvent[Given]:
        """An event of parts that have been checked, or that came from elsewhere, where `event` may hold a NUL."""
        made: SSEEvent[Given] = object.__new__(SSEEvent)
        object.__setattr__(made, "data", data)
        object.__setattr__(made, "event", event)
        object.__setattr__(made, "id", id)
        object.__setattr__(made, "retry", retry)
        return made


@dataclass(frozen=True, slots=True)
class Comment(NoData):
    """A comment in an event stream. Clients ignore it; a source may yield one, to be seen by who looks at the wire.

    Args:
        text: What stands after the colon; each line of it becomes a comment.

    Raises:
        TypeError: It is not text.
        ValueError: UTF-8 cannot carry it.
    """

    _instead = "a source yields it by itself"

    text: str

    def __post_init__(self) -> None:
        if not isinstance(self.text, str):
            raise TypeError(f"the text of a Comment is {self.text!r}; it must be a str")
        check_text("the text of a Comment", self.text)


def check_one_line(name: str, text: object) -> None:
    """Raise unless `text` is None, or text that fits into a field of one line."""
    if text is None:
        return
    if not isinstance(text, str):
        raise TypeError(f"{name} is {text!r}; it must be a str without line breaks, or None")
    for character, called in _FORBIDDEN.items():
        if character in text:
            raise ValueError(f"{name} is {text!r}; it must be one line of text, and holds {called}")
    check_text(name, text)


def _check_retry(retry: object) -> None:
    if retry is None:
        return
    if not isinstance(retry, int) or isinstance(retry, bool):
        raise TypeError(f"retry is {retry!r}; it must be an int (milliseconds), or None")
    if not 0 <= retry <= LONGEST_RETRY:
        shown = repr(retry) if abs(retry) < 10**100 else "a number of very many digits"
        raise ValueError(f"retry is {shown}; it must be zero or more milliseconds, and at most 10**15")
