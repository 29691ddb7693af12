"""What travels on the wire, as values that cannot be illegal: one event, one comment."""

from dataclasses import dataclass
from typing import Self

from .encode import LONGEST_RETRY, check_text, encode_event

# What ends a line in an event stream (WHATWG HTML, "Parsing an event stream"), and NUL, for which the standard makes an
# id be ignored. None of them can be carried by a field that is one line.
_FORBIDDEN = {"\r": "a carriage return", "\n": "a line feed", "\0": "a NUL"}


@dataclass(frozen=True, slots=True)
class SSEEvent:
    r"""One server-sent event.

    Args:
        data: Text as it is (line breaks are allowed: CRLF, CR and LF all arrive as LF), or a JSON value (dict, list,
            number, bool, None, a dataclass), or a `Fragment`.
        event: The event type that the client listens for; default: none, which browsers call `message`.
        id: The id that a reconnecting client sends back as `Last-Event-ID`. `""` makes the client forget the id that it
            has; default: none, which leaves it alone.
        retry: How long the client waits before it reconnects, in milliseconds; default: none, which leaves it alone.

    Raises:
        ValueError: `event` or `id` holds CR, LF or NUL, `retry` is negative, or text cannot be carried by UTF-8.
        TypeError: `event` or `id` is not text, `retry` is not an int, or `data` is an event itself.

    Example:
        >>> SSEEvent("User joined", event="user-join", id="evt-42", retry=5000).encode()
        'event: user-join\nid: evt-42\nretry: 5000\ndata: User joined\n\n'
    """

    data: object
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

    def encode(self) -> str:
        """The event as it travels: its fields, a line each, and the blank line that ends it.

        Raises:
            TypeError: `data` is neither text nor JSON; a `Fragment` has to be rendered by an app first.
            ValueError: `data` holds what cannot be carried.
        """
        return encode_event(self.data, self.event, self.id, self.retry).decode()

    @classmethod
    def unchecked(cls, data: object, event: str | None, id: str | None, retry: int | None) -> Self:
        """An event of parts that have been checked, or that came from elsewhere, where `event` may hold a NUL."""
        self = object.__new__(cls)
        object.__setattr__(self, "data", data)
        object.__setattr__(self, "event", event)
        object.__setattr__(self, "id", id)
        object.__setattr__(self, "retry", retry)
        return self


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment in an event stream. Clients ignore it; a source may yield one, to be seen by who looks at the wire."""

    text: str


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
