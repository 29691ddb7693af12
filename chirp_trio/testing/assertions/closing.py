"""`assert_closed_cleanly`: whether a stream has ended as it should."""

from collections.abc import Sequence
from types import NoneType

from ...arguments import check_type
from ...wire import SSEEvent
from ..result import SSEResult
from ..sse import SSEStream
from .messages import cut, did_you_mean

ERROR = "chirp:error"  # the event that tells a client of an error
_ENDINGS = ("completed", "max_events", "disconnected", "refused")


def assert_closed_cleanly(stream: SSEResult | SSEStream, *, ended: str | None = None, last_event: str | None = None) -> None:
    """Assert that a stream is over, was not refused, and has told its client of no error.

    Args:
        stream: A stream that is over: the result of `client.sse()`, or a stream of `client.stream_sse()`.
        ended: How it must have ended, as in `SSEResult.ended`; default: `"completed"`, `"max_events"` or `"disconnected"`.
        last_event: The name that the last event must have, such as the one that `sse-close` names; default: any.

    Raises:
        AssertionError: The stream is still open, was refused, ended in another way, or told of an error; the message shows
            that error, and the log has more of it.

    Example:
        >>> import trio
        >>> from chirp_trio import App, EventStream
        >>> from chirp_trio.testing import TestClient
        >>> app = App()
        >>> @app.route("/live")
        ... async def live():
        ...     async def source():
        ...         yield SSEEvent("", event="done")
        ...     return EventStream(source)
        >>> async def test_live():
        ...     async with TestClient(app) as client:
        ...         assert_closed_cleanly(await client.sse("/live"), ended="completed", last_event="done")
        >>> trio.run(test_live)
    """
    check_type("ended", ended, (str, NoneType), "text, or None")
    check_type("last_event", last_event, (str, NoneType), "the name of an event, or None")
    if ended is not None and ended not in _ENDINGS:
        raise ValueError(f"ended is {ended!r}; it must be one of {', '.join(map(repr, _ENDINGS))}")
    if not isinstance(stream, SSEResult | SSEStream):
        raise TypeError(f"stream is {cut(repr(stream))}; it must be an SSEResult or an SSEStream")
    if stream.ended is None:
        raise AssertionError(f"the stream is still open; what came: {cut(repr(stream.events))}")
    if stream.ended == "refused" != ended:
        text = f": {cut(stream.text)}" if isinstance(stream, SSEResult) and stream.text else ""
        raise AssertionError(f"the response was no event stream: status {stream.status}{text}")
    if stream.ended != ended if ended is not None else stream.ended not in _ENDINGS:
        wanted = f"as {ended!r}" if ended is not None else "in a proper way"
        came = f"as {stream.ended!r} after {len(stream.events)} events"
        raise AssertionError(f"the stream should have ended {wanted}, and ended {came}: {cut(repr(stream.events))}")
    _check_events(stream.events, last_event)


def _check_events(events: Sequence[SSEEvent], last_event: str | None) -> None:
    for number, event in enumerate(events, 1):
        if event.event == ERROR:
            raise AssertionError(
                f"the stream told of an error, in event {number} of {len(events)}: {event.data}; the log has more of it"
            )
    if last_event is None:
        return
    last = (events[-1].event or "message") if events else None
    if last != last_event:
        came = f"the event {last!r}" if last else "no event at all"
        hint = did_you_mean(last_event, {event.event for event in events if event.event} - {last_event})
        raise AssertionError(f"the last event should be {last_event!r}, and was {came}{hint}; what came: {cut(repr(events))}")
