"""What a source yields, to bytes: the event's name is decided here, and nowhere else."""

from abc import ABC, abstractmethod
from collections.abc import Callable

from ..htmx import for_event_source
from ..wire import (
    ABSENT,
    Comment,
    EncodeJSON,
    Renderable,
    SSEEvent,
    as_html,
    encode_comment,
    encode_data,
    encode_event,
    encode_json,
    encode_retry,
)
from .client import EVENT_READER, ClientKind

# Turns data that the wire does not know into text. Takes the data and the event name so far; returns the text and the
# name to send it under, which a dialect of the client's may change.
type Render = Callable[[Renderable, str | None], tuple[str, str | None]]


# What most items are. None of these is HTML by its own account, or anything else that has to be asked for.
PLAIN = (str, dict, list)


class Encodable(ABC):
    """An item that knows its bytes."""

    __slots__ = ()

    @abstractmethod
    def encode_for(self, event_type: str | None, render: Render | None) -> bytes:
        """The item's bytes, for a stream with this event name and a client of this dialect."""


def is_event(item: object) -> bool:
    """Whether a client makes an event of it: not of a comment, nor of a `retry` or an `id` alone."""
    if type(item) in PLAIN or not isinstance(item, (SSEEvent, Comment)):
        return True
    return isinstance(item, SSEEvent) and (item.data is not ABSENT or item.event is not None)


def encode_item(
    item: object,
    event_type: str | None,
    render: Render | None,
    encode_json: EncodeJSON = encode_json,
    kind: ClientKind = EVENT_READER,
) -> bytes:
    """One item of a source as the bytes of one event.

    An id without an event is told as clients of this kind understand it; default: of any kind, who have it with the next
    event. The name is the `SSEEvent`'s own, else the one that a fragment asks for, else `event_type`, else none.

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
        return item.encode_for(event_type, render)
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
        data, event = (render or for_event_source)(data, event)
    elif event is None and data is not ABSENT:
        event = event_type
    if data is ABSENT and event is None and id is not None:
        return encode_retry(retry) + kind.encode_place(id)
    if event is None and id is None and retry is None:
        return encode_data(data, encode_json)
    return encode_event(data, event, id, retry, encode_json)
