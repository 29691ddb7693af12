"""What was published: taken as it was then, turned into bytes once for all who get it."""

import copy
import dataclasses
import json
from collections.abc import Callable
from typing import Any, override

from ..errors import ConfigurationError
from ..htmx import for_event_source
from ..wire import (
    ABSENT,
    HTML,
    PLAIN,
    Comment,
    Encodable,
    EncodeJSON,
    Render,
    Renderable,
    SSEEvent,
    as_html,
    check_text,
    copied_data,
    encode_item,
    encode_json,
    unchecked_event,
)

_UNREAD = object()  # what filters see has not been made yet

# Renders a fragment, with the values of this moment.
type Prepare = Callable[[Renderable], HTML]


class Published(Encodable):
    """One event of a topic.

    Attributes:
        value: What was published.
        topic: The topic's name.
        id: Its id in the topic, which is what a client sends back as `Last-Event-ID`; of several topics, if they are merged.
        number: Its place in the topic, counted from 1.
        at: When it was published, in seconds of trio's clock; 0 in a topic that has neither a `max_age` nor metrics.
        size: About how many bytes it takes on the wire.

    Example:
        >>> news = Topic("news")
        >>> sport = news.subscribe(filter=lambda event: event.value["about"] == "sport")
        >>> async def read():
        ...     async for event in sport:
        ...         print(event.id, event.value)
    """

    _stands_for: int = 1  # how many events are missing if this one is

    __slots__ = ("_content", "_encoded", "_is_rendered", "_seen", "at", "id", "number", "size", "topic", "value")

    def __init__(self, value: object, content: SSEEvent | Comment, topic: str, id: str, number: int, at: float) -> None:
        self.value = value
        self.topic = topic
        self.id = id
        self.number = number
        self.at = at
        if isinstance(content, SSEEvent):
            content = unchecked_event(content.data, content.event, id, content.retry)
        self._content = content
        # What is JSON, or HTML by its own account, is had again where somebody has a filter; for anything else that would be
        # too late.
        self._seen = _UNREAD if has_content(value) else copied(value)
        self._encoded: dict[tuple[str | None, Render | None], bytes] = {}
        self._is_rendered = isinstance(content, SSEEvent) and isinstance(content.data, HTML)
        # Every client wants a fragment in one dialect or the other, so the bytes that are counted here are not kept.
        self.size = len(encode_item(content, None, for_event_source) if self._is_rendered else self._encode_for(None, None))

    @property
    def event(self) -> str | None:
        """Its event name, if it was published with one; `"chirp:gap"` where events are missing."""
        if isinstance(self._content, Comment):
            return None
        data, event = self._content.data, self._content.event
        return data.event if event is None and isinstance(data, Renderable) else event

    @override
    def _encode_for(self, event_type: str | None, render: Render | None) -> bytes:
        """The same bytes for everybody with the same event type and the same dialect of htmx."""
        key = (event_type, render if self._is_rendered else None)
        encoded = self._encoded.get(key)
        if encoded is None:
            encoded = self._encoded[key] = encode_item(self._content, event_type, render or for_event_source)
        return encoded

    def __repr__(self) -> str:
        return f"Published({self.value!r}, id={self.id!r})"


class Gap(Published):
    """What tells a client that events are missing in its place. No filter is asked about it.

    Args:
        topic: The topic's name.
        missed: How many are missing; None: nobody knows.
        id: See `Published`.
        number: See `Published`.
        at: See `Published`.
    """

    __slots__ = ("_stands_for",)

    def __init__(self, topic: str, missed: int | None, id: str, number: int, at: float) -> None:
        value = {"topic": topic, "missed": missed}
        super().__init__(value, prepare(SSEEvent(value, "chirp:gap"), None), topic, id, number, at)
        self._stands_for = missed or 1


class Placed(Published):
    """An event among those of other topics: its id is the client's place in all of them."""

    __slots__ = ("_published",)

    def __init__(self, published: Published, id: str) -> None:
        self.value = published.value
        self.topic = published.topic
        self.id = id
        self.number = published.number
        self.at = published.at
        self.size = published.size
        self._content = published._content
        self._seen = published._seen
        self._published = published

    @override
    def _encode_for(self, event_type: str | None, render: Render | None) -> bytes:
        """The same bytes for everybody, but for the line with the id."""
        return with_id(self._published._encode_for(event_type, render), self.id)


def encode_published(event: Published, event_type: str | None, render: Render | None) -> bytes:
    """The event as bytes, made once for all streams with this event name and clients of this dialect of htmx."""
    return event._encode_for(event_type, render)


def value_seen(event: Published) -> object:
    """What filters decide by: the value as it was when it was published, whatever has become of it since."""
    if event._seen is _UNREAD:
        assert isinstance(event._content, SSEEvent)
        event._seen = anew(event.value, event._content.data)
    return event._seen


def stands_for(event: Published) -> int:
    """How many events are missing if this one is: a gap stands for several."""
    return event._stands_for


def content_of(event: Published) -> SSEEvent | Comment:
    """What is sent for it, before it is bytes."""
    return event._content


def with_id(encoded: bytes, id: str) -> bytes:
    """The bytes of an event with this id in the place of the one that it has. A comment has none, and gets none."""
    if encoded.startswith(b":"):
        return encoded
    # The fields before the id are one line each: at most one, with the event's name.
    begin = 0 if encoded.startswith(b"id: ") else encoded.index(b"\n") + 1
    return b"%bid: %b%b" % (encoded[:begin], id.encode(), encoded[encoded.index(b"\n", begin) :])


def prepare(value: object, render: Prepare | None, encode_json: EncodeJSON = encode_json) -> SSEEvent | Comment:
    """What will be sent for a value, with nothing in it that can change any more; its id is still missing.

    Raises:
        TypeError: The value can neither be sent nor rendered.
        ValueError: It holds what cannot be carried, or an event with an id of its own.
    """
    if isinstance(value, Comment):
        return value
    event = retry = None
    data = value
    if isinstance(value, SSEEvent):
        if value.id is not None:
            raise ConfigurationError(f"the event has the id {value.id!r}; a topic gives its events ids of its own")
        data, event, retry = value.data, value.event, value.retry
    html = as_html(data) if type(data) not in PLAIN else None
    if html is not None:
        data = html
    elif isinstance(data, Renderable):
        if render is None:
            raise ConfigurationError(
                f"a {type(data).__name__} needs templates: make the topic with app.topic(...), which binds it to the app's"
            )
        data = render(data)
    elif isinstance(data, str):
        if not data.isascii():
            check_text("the published text", data)
    elif data is not ABSENT:
        data = encode_json(data).decode()
    return unchecked_event(data, event, None, retry)


# -- values as they were at a moment, for filters, which look at them later ------------------------------------------------

# A tuple, because a union written into a test is made anew at each call.
_UNCHANGING = (str, int, float, Comment, type(None))


def has_content(value: object) -> bool:
    """Whether the value, or what the event carries, can be had again from what is sent for it, whatever becomes of it."""
    data = value.data if isinstance(value, SSEEvent) else value
    if type(data) in (dict, list):
        return True
    if data is ABSENT or isinstance(data, (_UNCHANGING, Renderable)):
        return False
    return not dataclasses.is_dataclass(data)


def anew(value: object, content: object) -> object:
    """The value anew, from what was made of it: JSON as text, or `HTML`, where it is that by its own account."""
    decoded = decode_json(content) if isinstance(content, str) else content
    return unchecked_event(decoded, value.event, None, value.retry) if isinstance(value, SSEEvent) else decoded


def decode_json(text: str) -> Any:
    """JSON, read again.

    Raises:
        ValueError: It is nested too deeply for that.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("JSON that is nested so deeply cannot be read again") from None


def copied(value: object) -> object:
    """The value as it is now: what may change in it is copied.

    These are dataclasses, the variables of fragments, and the dicts, lists, tuples and sets in them. An object of any other
    class, which may be among the variables of a fragment, is left as it is: nobody knows what it is made of.
    """
    if isinstance(value, _UNCHANGING):
        return value
    if isinstance(value, SSEEvent):
        data = copied(value.data)
        return value if data is value.data else unchecked_event(data, value.event, value.id, value.retry)
    return _copied(value, {})


def _copied(value: object, copies: dict[int, object]) -> object:
    # `copies` has those that are made already, by the identities of what they are made of: a dict may be in itself.
    if id(value) in copies:
        return copies[id(value)]
    if isinstance(value, dict | list):
        container = copies[id(value)] = copy.copy(value)
        for key in value if isinstance(value, dict) else range(len(value)):
            container[key] = _copied(value[key], copies)
        return container
    if type(value) in (tuple, set, frozenset):
        assert isinstance(value, tuple | set | frozenset)
        return type(value)([_copied(item, copies) for item in value])
    if isinstance(value, Renderable):
        return copied_data(value, lambda variable: _copied(variable, copies))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        record = copies[id(value)] = copy.copy(value)
        for field in dataclasses.fields(value):
            object.__setattr__(record, field.name, _copied(getattr(value, field.name), copies))
        return record
    return value
