"""What every room shares of ASGI: the shapes, and the check at each door that this is trio."""

from collections.abc import Awaitable, Callable, MutableMapping
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

    __slots__ = ("after", "before", "behind")

    def __init__(self, send: Send, before: Callable[[Message], None], after: Callable[[Message], None] | None = None) -> None:
        self.behind = send
        self.before = before
        self.after = after

    def __call__(self, message: Message) -> Awaitable[None]:
        """Send the message."""
        self.before(message)
        return self.behind(message) if self.after is None else self._send_and_tell(message, self.after)

    async def _send_and_tell(self, message: Message, after: Callable[[Message], None]) -> None:
        await self.behind(message)
        after(message)


def unobserved(send: Send) -> Send:
    """What stands behind all that is an `ObservedSend`."""
    while type(send) is ObservedSend:
        send = send.behind
    return send


def send_nowait[Result](send: Send, message: Message, deliver: Callable[[Message], Result]) -> Result:
    """Deliver a message at once, and not by `send`: each `ObservedSend` there sees it all the same.

    Args:
        send: What the message would be sent by otherwise.
        message: The message.
        deliver: What delivers it.

    Returns:
        What `deliver` returns.
    """
    if type(send) is not ObservedSend:
        return deliver(message)
    send.before(message)
    result = send_nowait(send.behind, message, deliver)
    if send.after is not None:
        send.after(message)
    return result


def is_own(method: Send | Receive, owner: object, name: str) -> bool:
    """Whether this is the owner's own method of that name, and not what stands before it, however it behaves."""
    # By identity all along: what is foreign may claim to be equal to anything.
    return type(method) is MethodType and method.__self__ is owner and method.__func__ is getattr(type(owner), name, None)
