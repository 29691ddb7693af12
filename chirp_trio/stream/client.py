"""The client of a stream, as its request tells: what kind of client it is, and the id of the last event that it received."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from ..arguments import check_type
from ..asgi import Scope
from ..wire import encode_id, encode_retry

# Parameters of the URL that hold a last event id, the newest first. Clients that cannot send the header write their own:
# event-source-polyfill and reconnecting-eventsource the first one, eventsource-polyfill the second. The third one is the
# application's, which wrote it into the page.
_IN_QUERY = ("lastEventId", "evs_last_event_id", "last_event_id")

# The events that htmx 4 dispatches in the page for a reconnection time: at a stream's beginning, and when the server stops.
HELLO = b"chirp:hello"
BYE = b"chirp:bye"

# The headers that tell kinds of clients apart, and what each has in it then.
_TELLING = {b"accept": b"text/event-stream", b"hx-request": b"true", b"cache-control": b"no-cache", b"pragma": b"no-cache"}

# A request's headers, as ASGI has them.
type RawHeaders = Iterable[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class ClientKind:
    """How one kind of client is told its last event id and its reconnection time, without an event.

    Args:
        is_event_client: Whether it has asked for an event stream, and so may be told things.
        has_id_at_blank_line: Whether an id alone has to end with a blank line, and may.
        end_of_retry: What comes after the line with a reconnection time; `%b` is for a name.
    """

    is_event_client: bool
    has_id_at_blank_line: bool
    end_of_retry: bytes = b""

    def encode_place(self, id: str) -> bytes:
        """An id without an event: where the client goes on, should it lose its connection now."""
        return encode_id(id, is_block=self.has_id_at_blank_line)

    def encode_reconnection_time(self, milliseconds: int, name: bytes) -> bytes:
        """How long the client waits before it comes back; `HELLO` or `BYE` says when it is told that."""
        return encode_retry(milliseconds) + self.end_of_retry.replace(b"%b", name)


# The standard's EventSource on the standard's fetch: a blank line alone means nothing to it, and it remembers an id and a
# reconnection time that come without an event.
EVENT_SOURCE = ClientKind(is_event_client=True, has_id_at_blank_line=True, end_of_retry=b"\n")
# Clients that send the headers of EventSource without its fetch. Most of them accept an id at a blank line, as the standard
# says.
LIKE_EVENT_SOURCE = ClientKind(is_event_client=True, has_id_at_blank_line=True)
# Accepts an id at a blank line, and a reconnection time only together with data or a name.
HTMX4 = ClientKind(is_event_client=True, has_id_at_blank_line=True, end_of_retry=b"event: %b\n\n")
# Many of these clients make an event of every blank line.
EVENT_READER = ClientKind(is_event_client=True, has_id_at_blank_line=False)
# Clients that did not ask for an event stream: they get nothing but events.
BYTE_READER = ClientKind(is_event_client=False, has_id_at_blank_line=False)


def kind_of_client(scope: Scope) -> ClientKind:
    """The kind of client that sent a request, by the headers.

    The standard's EventSource asks with GET, `Accept: text/event-stream` and the cache mode "no-store" (WHATWG HTML, 9.2.2),
    of which fetch makes `Cache-Control: no-cache` and `Pragma: no-cache` (WHATWG Fetch, 4.5).
    """
    headers: RawHeaders = scope.get("headers", ())
    told = _told_by(headers)
    if b"accept" not in told:
        return BYTE_READER
    if scope["method"] != "GET":
        return EVENT_READER
    if b"hx-request" in told:
        return HTMX4
    if b"cache-control" not in told:
        return EVENT_READER
    return EVENT_SOURCE if b"pragma" in told else LIKE_EVENT_SOURCE


def is_htmx4_stream(headers: RawHeaders) -> bool:
    """Whether the request is htmx 4's for an event stream. It uses `fetch`; htmx 2 uses the browser's `EventSource`."""
    return {b"hx-request", b"accept"} <= _told_by(headers)


def last_event_id(scope: Scope) -> str | None:
    """The id of the last event that a reconnecting client received; None for a new client.

    From the `Last-Event-ID` header or, where there is none, from the URL: `lastEventId` or `evs_last_event_id`, with which
    polyfills of `EventSource` come back, or else `last_event_id`, which is for what the application itself writes into a
    page. It is the client's word: anything may be in it.

    It is for apps of other frameworks; `Request.last_event_id` is the same. (A framework's own access to headers takes
    them for Latin-1, but `EventSource` sends this one as UTF-8: WHATWG HTML, 9.2.3.)

    Args:
        scope: The request's ASGI scope, such as `request.scope` in Starlette and FastAPI.

    Example:
        >>> last_event_id({"headers": [(b"last-event-id", "41 ✅".encode())], "query_string": b""})
        '41 ✅'
        >>> last_event_id({"headers": [], "query_string": b"lastEventId=41&last_event_id=7"})
        '41'
    """
    check_type("scope", scope, Mapping, "the scope of a request, such as request.scope")
    for name, value in scope.get("headers", ()):
        if name.lower() == b"last-event-id":
            text: str = value.decode("utf-8", "replace")
            return text
    # If a parameter is repeated, the last one counts, because some polyfills append theirs to the page's URL.
    query = dict(parse_qsl(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True))
    return next((query[name] for name in _IN_QUERY if name in query), None)


def _told_by(headers: RawHeaders) -> set[bytes]:
    """Which of the headers that tell kinds apart say what they may say."""
    return {
        name.lower() for name, value in headers if (part := _TELLING.get(name.lower())) is not None and part in value.lower()
    }
