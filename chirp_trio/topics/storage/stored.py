"""An event as a store has it: what it takes to send it again, and nothing that only this process understands."""

from typing import NamedTuple

from ...wire import ABSENT, HTML, Comment, SSEEvent, encode_json
from ..unchanging import decode_json


class Stored(NamedTuple):
    """The parts of an event that are the same whatever its number.

    Attributes:
        kind: What `data` is: `"text"`, `"json"`, `"comment"`, `"fragment"` (HTML, with its options, in JSON), `"absent"`
            (empty text, for an event that has none), or `"gap"` (the number of events that are missing).
        data: Its data.
        event: The event name that it was published with.
        retry: Its `retry`, in milliseconds.
    """

    kind: str
    data: str
    event: str | None
    retry: int | None


_KINDS = frozenset(("text", "json", "comment", "fragment", "absent", "gap"))


def dump(value: object, content: SSEEvent | Comment) -> Stored:
    """A published value, and what `prepare()` has made of it, as it is stored; or what `load()` has given."""
    if isinstance(content, Comment):
        return Stored("comment", str.__str__(content.text), None, None)
    data = content.data
    if isinstance(data, HTML):
        kind, data = "fragment", encode_json([data.markup, data.event, data.target, data.swap]).decode()
    elif data is ABSENT:
        kind, data = "absent", ""
    else:
        # Text is sent as it is. What is read of JSON may be text too.
        kind = "text" if (value.data if isinstance(value, SSEEvent) else value) is data else "json"
    assert isinstance(data, str)
    # What extends text or a number is stored as what it extends.
    event = None if content.event is None else str.__str__(content.event)
    return Stored(kind, str.__str__(data), event, None if content.retry is None else int(content.retry))


def load(stored: Stored) -> tuple[object, SSEEvent | Comment]:
    """What filters see of a stored event, and what is sent: the same when it is published and after a restart.

    Raises:
        TypeError: It is nothing that `dump()` has made.
        ValueError: The same; or it is JSON that is nested too deeply to be read.
    """
    kind, text, event, retry = stored
    if kind not in _KINDS or not isinstance(text, str):
        raise ValueError(f"it is {kind!r:.30}, and a {type(text).__name__}")
    if kind == "comment":
        return Comment(text), Comment(text)
    data: object = text
    value: object = text
    name = event
    if kind == "json":
        value = decode_json(text)
    elif kind == "absent":
        value = data = ABSENT
    elif kind == "fragment":
        markup, own, target, swap = decode_json(text)
        value, data = markup, HTML(markup, event=own, target=target, swap=swap)
        if name is None:
            name = own
    if name is not None or retry is not None:
        value = SSEEvent(value, name, None, retry)
    return value, SSEEvent(data, event, None, retry)
