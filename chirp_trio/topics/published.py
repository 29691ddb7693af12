"""Published events: values as they were when they were published, and their bytes, which are made once for all clients."""

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

_UNREAD = object()  # the value for filters has not been made yet

# Renders a fragment with its variables as they are now.
type Prepare = Callable[[Renderable], HTML]


class Published(Encodable):
    """One event of a topic.

    Attributes:
        value: The published value.
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
        # A value that is sent as JSON, or has `__html__`, can be made again for a filter; any other has to be copied now.
        self._seen = _UNREAD if has_content(value) else copied(value)
        self._encoded: dict[tuple[str | None, Render | None], bytes] = {}
        self._is_rendered = isinstance(content, SSEEvent) and isinstance(content.data, HTML)
        # Each client gets a fragment in its own dialect, so the bytes that are counted here are not kept.
        self.size = len(encode_item(content, None, for_event_source) if self._is_rendered else self._encode_for(None, None))

    @property
    def event(self) -> str | None:
        """The event's name, if it was published with one; `"chirp:gap"` for a gap."""
        if isinstance(self._content, Comment):
            return None
        data, event = self._content.data, self._content.event
        return data.event if event is None and isinstance(data, Renderable) else event

    @override
    def _encode_for(self, event_type: str | None, render: Render | None) -> bytes:
        """The event's bytes, which are the same for all clients with the same event type and dialect of htmx."""
        key = (event_type, render if self._is_rendered else None)
        encoded = self._encoded.get(key)
        if encoded is None:
            encoded = self._encoded[key] = encode_item(self._content, event_type, render or for_event_source)
        return encoded

    def __repr__(self) -> str:
        return f"Published({self.value!r}, id={self.id!r})"


class Gap(Published):
    """An event that tells a client that events are missing in its place. Filters do not see it.

    Args:
        topic: The topic's name.
        missed: How many events are missing; None: that is not known.
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
        self._published = published

    @override
    def _encode_for(self, event_type: str | None, render: Render | None) -> bytes:
        """The bytes of the event itself, with another line for the id."""
        return with_id(self._published._encode_for(event_type, render), self.id)


def encode_published(event: Published, event_type: str | None, render: Render | None) -> bytes:
    """The event as bytes, made once for all streams with this event name and clients of this dialect of htmx."""
    return event._encode_for(event_type, render)


def value_seen(event: Published) -> object:
    """The value that filters get: as it was when it was published, even if the object has changed since."""
    if event._seen is _UNREAD:
        assert isinstance(event._content, SSEEvent)
        event._seen = anew(event.value, event._content.data)
    return event._seen


def stands_for(event: Published) -> int:
    """How many events are lost with this one: a gap stands for several."""
    return event._stands_for


def content_of(event: Published) -> SSEEvent | Comment:
    """The content of an event, from which its bytes are made."""
    return event._content


def with_id(encoded: bytes, id: str) -> bytes:
    """The bytes of an event, with this id instead of its own. A comment has no id, and gets none."""
    if encoded.startswith(b":"):
        return encoded
    # The fields before the id are one line each: at most one, with the event's name.
    begin = 0 if encoded.startswith(b"id: ") else encoded.index(b"\n") + 1
    return b"%bid: %b%b" % (encoded[:begin], id.encode(), encoded[encoded.index(b"\n", begin) :])


def prepare(value: object, render: Prepare | None, encode_json: EncodeJSON = encode_json) -> SSEEvent | Comment:
    """The content to be sent for a value, without an id. Nothing in it can change any more.

    Raises:
        TypeError: The value can neither be sent nor rendered.
        ValueError: It holds text that cannot be sent, or is an event with an id.
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


# -- values as they were when they were published, for filters -------------------------------------------------------------

# A tuple, because a union in an `isinstance()` would be made anew at each call.
_UNCHANGING = (str, int, float, Comment, type(None))


def has_content(value: object) -> bool:
    """Whether the value can be made again from the content that is sent for it, even if the object changes."""
    data = value.data if isinstance(value, SSEEvent) else value
    if type(data) in (dict, list):
        return True
    if data is ABSENT or isinstance(data, (_UNCHANGING, Renderable)):
        return False
    return not dataclasses.is_dataclass(data)


def anew(value: object, content: object) -> object:
    """The value, made again from its content: from JSON as text, or from `HTML`."""
    decoded = decode_json(content) if isinstance(content, str) else content
    return unchecked_event(decoded, value.event, None, value.retry) if isinstance(value, SSEEvent) else decoded


def decode_json(text: str) -> Any:
    """The value of a JSON text.

    Raises:
        ValueError: It is nested too deeply.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("JSON that is nested so deeply cannot be read again") from None


def copied(value: object) -> object:
    """The value as it is now: the parts of it that may change are copied.

    These are dataclasses, the variables of fragments, and the dicts, lists, tuples and sets in them. An object of any other
    class, which may be a variable of a fragment, is not copied: its parts are not known.
    """
    if isinstance(value, _UNCHANGING):
        return value
    if isinstance(value, SSEEvent):
        data = copied(value.data)
        return value if data is value.data else unchecked_event(data, value.event, value.id, value.retry)
    return _copied(value, {})


def _copied(value: object, copies: dict[int, object]) -> object:
    # `copies` has the copies so far, by the identity of the original: a dict may contain itself.
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
