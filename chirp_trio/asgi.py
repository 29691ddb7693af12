"""What every room shares of ASGI: the shapes, the headers, and the check at each door that this is trio."""

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from types import MethodType
from typing import Any, final

import trio

from .errors import WrongRuntimeError

type Scope = MutableMapping[str, Any]
type Message = MutableMapping[str, Any]
type Receive = Callable[[], Awaitable[Message]]
type Send = Callable[[Message], Awaitable[None]]
type ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

# Takes what went wrong, in a few words, and the error.
type ErrorListener = Callable[[str, Exception], None]

WRONG_RUNTIME = (
    "chirp_trio runs on trio only: start the server with `hypercorn --worker-class trio` or `chirp-trio run`, "
    "and tests with pytest-trio, or Starlette's TestClient with backend='trio'"
)


def require_trio() -> None:
    """Raise `WrongRuntimeError`, in one sentence that names the cure, unless trio runs the caller."""
    if not trio.lowlevel.in_trio_task():
        raise WrongRuntimeError(WRONG_RUNTIME)


def error_listener(scope: Scope) -> ErrorListener | None:
    """Who wants to be told of errors that go no further than the log: a test client, by an extension of the scope."""
    listener: ErrorListener | None = (scope.get("extensions") or {}).get("chirp_trio.errors")
    return listener


@final
class ObservedSend:
    """A `send` of our own that shows each message to somebody, and hands it on at once and unchanged.

    It is the only thing between an app and a server that may be looked behind: whatever else wraps `send` may hold messages
    back, or change them.

    Args:
        send: What it hands on to.
        before: Called with each message before that. What it raises is raised to the app, and the message goes no further.
        after: Called once the message has been sent; default: nobody is.
    """

    __slots__ = ("_after", "_before", "behind")

    def __init__(self, send: Send, before: Callable[[Message], None], after: Callable[[Message], None] | None = None) -> None:
        self.behind = send
        self._before = before
        self._after = after

    def __call__(self, message: Message) -> Awaitable[None]:
        """Send the message."""
        self._before(message)
        return self.behind(message) if self._after is None else self._send_and_tell(message, self._after)

    async def _send_and_tell(self, message: Message, after: Callable[[Message], None]) -> None:
        await self.behind(message)
        after(message)


def is_own_send(send: Send, owner: object) -> bool:
    """Whether this is the owner's own method `send`, and nothing but an `ObservedSend` stands before it."""
    while type(send) is ObservedSend:
        send = send.behind
    # By identity all along: what is foreign may claim to be equal to anything.
    return type(send) is MethodType and send.__self__ is owner and send.__func__ is getattr(type(owner), "send", None)


_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# Nothing that could end the header, and no white space at either end, which is not part of a value.
_HEADER_VALUE = re.compile(r"(?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?")


# Response headers, as a mapping, or as pairs where a name may come twice.
type HeadersInput = Mapping[str, str] | Iterable[tuple[str, str]]


def header_pairs(headers: HeadersInput) -> tuple[tuple[str, str], ...]:
    """Response headers, however they were given, as pairs of name and value."""
    return tuple(headers.items() if isinstance(headers, Mapping) else headers)


def encode_headers(headers: Iterable[tuple[str, str]]) -> tuple[tuple[bytes, bytes], ...]:
    """Response headers as ASGI wants them: names in lower case, both as bytes.

    Raises:
        TypeError: A name or a value is not text.
        ValueError: A name is no token, or a value is not what RFC 9110 (5.5) allows: it holds a line break, say, or
            begins with a space.
    """
    encoded = []
    for name, value in headers:
        if not isinstance(name, str) or not isinstance(value, str):
            raise TypeError(f"the header {name!r}: {value!r} must be a str and a str")
        if not _HEADER_NAME.fullmatch(name):
            raise ValueError(f"the header name {name!r} is no HTTP token")
        if not _HEADER_VALUE.fullmatch(value):
            raise ValueError(
                f"the header {name!r} has the value {value!r}; it must be Latin-1 without control characters, and neither "
                "begin nor end with a space"
            )
        encoded.append((name.lower().encode("ascii"), value.encode("latin-1")))
    return tuple(encoded)
