"""Whether a stream has ended as it should."""

from ...wire import SSEEvent
from ..sse import SSEResult, SSEStream
from .messages import cut, did_you_mean

ERROR = "chirp:error"  # what tells a client of an error
_ENDINGS = ("completed", "max_events", "disconnected", "refused")


def assert_closed_cleanly(stream: SSEResult | SSEStream, *, ended: str | None = None, last_event: str | None = None) -> None:
    """Assert that a stream is over, was a stream at all, and told its client of no error.

    Args:
        stream: A stream that is over: the result of `client.sse()`, or what `client.stream_sse()` gave, after its block.
        ended: How it must have ended, as in `SSEResult.ended`; default: in any way but `"refused"`.
        last_event: The name of the event that must be its last, such as the one that `sse-close` names; default: any.

    Raises:
        AssertionError: It is still open, was refused, ended in another way, or told of an error; the message shows the
            error, which the log has in full.

    Example:
        >>> event = SSEEvent("", event="done")
        >>> result = SSEResult(200, {}, (event,), (), "completed", duration=1)
        >>> assert_closed_cleanly(result, ended="completed", last_event="done")
    """
    if ended is not None and ended not in _ENDINGS:
        raise ValueError(f"ended is {ended!r}; it must be one of {', '.join(map(repr, _ENDINGS))}")
    match stream:
        case SSEStream():
            if ended is not None:
                raise TypeError(f"ended is {ended!r}, and only the result of client.sse() tells how a stream ended")
            if not stream.is_over:
                raise AssertionError(f"the stream is still open. {stream.describe()}")
            refused = not stream.is_event_stream
            text = ""
        case SSEResult():
            if ended is not None and ended != stream.ended:
                raise AssertionError(f"the stream should have ended as {ended!r}, and {_describe(stream)}")
            refused = stream.ended == "refused" != ended
            text = stream.text
        case _:
            raise TypeError(f"stream is {cut(repr(stream))}; it must be an SSEResult or an SSEStream")
    if refused:
        raise AssertionError(f"the response was no event stream: status {stream.status}{f': {cut(text)}' if text else ''}")
    _check_events(stream.events, last_event)


def _check_events(events: tuple[SSEEvent, ...] | list[SSEEvent], last_event: str | None) -> None:
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


def _describe(result: SSEResult) -> str:
    more = f" (status {result.status}: {cut(result.text)})" if result.ended == "refused" else f": {cut(repr(result.events))}"
    return f"ended as {result.ended!r} after {len(result.events)} events and {result.duration:g} s{more}"
