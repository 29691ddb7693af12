"""What was published: taken as it was then, turned into bytes once for all who get it."""

from collections.abc import Callable
from typing import override

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
    encode_item,
    encode_json,
    unchecked_event,
)
from .unchanging import anew, copied, has_content

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
        at: When it was published, in seconds of trio's clock.
        size: About how many bytes it takes on the wire.
        stands_for: How many events are missing if it is.
    """

    stands_for: int = 1

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
        # Of a fragment every client wants one dialect or the other, so these bytes are nobody's.
        self.size = len(encode_item(content, None, for_event_source) if self._is_rendered else self.encode_for(None, None))

    @property
    def event(self) -> str | None:
        """Its event name, if it was published with one; `"chirp:gap"` where events are missing."""
        if isinstance(self._content, Comment):
            return None
        data, event = self._content.data, self._content.event
        return data.event if event is None and isinstance(data, Renderable) else event

    @property
    def seen(self) -> object:
        """What filters decide by: the value as it was when it was published, whatever has become of it since."""
        if self._seen is _UNREAD:
            assert isinstance(self._content, SSEEvent)
            self._seen = anew(self.value, self._content.data)
        return self._seen

    def _encode_for(self, event_type: str | None, render: Render) -> bytes:
        return self.encode_for(event_type, render)

    def encode_for(self, event_type: str | None, render: Render | None) -> bytes:
        """See `Encodable`: the same bytes for everybody with the same event type and the same dialect of htmx."""
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

    __slots__ = ("stands_for",)

    def __init__(self, topic: str, missed: int | None, id: str, number: int, at: float) -> None:
        value = {"topic": topic, "missed": missed}
        super().__init__(value, prepare(SSEEvent(value, "chirp:gap"), None), topic, id, number, at)
        self.stands_for = missed or 1


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
    def encode_for(self, event_type: str | None, render: Render | None) -> bytes:
        """The same bytes for everybody, but for the line with the id."""
        return with_id(self._published.encode_for(event_type, render), self.id)


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
        check_text("the published text", data)
    elif data is not ABSENT:
        data = encode_json(data).decode()
    return unchecked_event(data, event, None, retry)
