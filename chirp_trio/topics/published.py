"""What was published: taken as it was then, turned into bytes once for all who get it."""

from collections.abc import Callable

from ..errors import ConfigurationError
from ..stream.items import Encodable, Render, encode_item
from ..wire import Comment, Renderable, SSEEvent, check_text, encode_json

# Turns a fragment into one that is rendered already, with the values of this moment.
type Prepare = Callable[[Renderable], Renderable]


class Published(Encodable):
    """One event of a topic.

    Attributes:
        value: What was published.
        id: Its id in the topic, which is what a client sends back as `Last-Event-ID`.
        number: Its place in the topic, counted from 1.
        at: When it was published, in seconds of trio's clock.
        size: About how many bytes it takes on the wire.
    """

    __slots__ = ("_encoded", "_item", "at", "id", "number", "size", "value")

    def __init__(self, value: object, item: SSEEvent | Comment, id: str, number: int, at: float) -> None:
        self.value = value
        self.id = id
        self.number = number
        self.at = at
        self._item = item
        self._encoded: dict[tuple[str | None, Render | None], bytes] = {}
        self.size = len(self.encode_for(None, None)) if not _is_fragment(item) else len(str(item))

    def encode_for(self, event_type: str | None, render: Render | None) -> bytes:
        """See `Encodable`: the same bytes for everybody with the same event type and the same dialect of htmx."""
        key = (event_type, render)
        encoded = self._encoded.get(key)
        if encoded is None:
            encoded = self._encoded[key] = encode_item(self._item, event_type, render)
        return encoded

    def __repr__(self) -> str:
        return f"Published({self.value!r}, id={self.id!r})"


def prepare_item(value: object, id: str, prepare: Prepare | None) -> SSEEvent | Comment:
    """What will be sent for a value, with nothing in it that can change any more.

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
    if isinstance(data, Renderable):
        if prepare is None:
            raise ConfigurationError(
                f"a {type(data).__name__} needs templates: make the topic with app.topic(...), which binds it to the app's"
            )
        data = prepare(data)
    elif isinstance(data, str):
        check_text("the published text", data)
    else:
        data = encode_json(data).decode()
    return SSEEvent(data, event, id, retry)


def _is_fragment(item: SSEEvent | Comment) -> bool:
    return isinstance(item, SSEEvent) and isinstance(item.data, Renderable)
