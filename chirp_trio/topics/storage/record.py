"""The form in which a store keeps an event: all that is needed to send the event again, from any process."""

from typing import NamedTuple, Self

from ...wire import ABSENT, HTML, Comment, SSEEvent, encode_json
from ..published import Gap, Published, decode_json

RECORD_VERSION = 1
_KINDS = frozenset(("text", "json", "comment", "fragment", "absent", "gap"))


class Record(NamedTuple):
    """One event in the form that a store keeps, without its number and id. A store gives it back unchanged.

    `RECORD_VERSION` is the version of this format. A store notes it beside its records, and refuses those of a greater one.

    Attributes:
        kind: What `data` is: `"text"`, `"json"`, `"comment"`, `"fragment"` (HTML, with its options, in JSON), `"absent"`
            (empty text, for an event without data), or `"gap"` (how many events are missing; empty text if that is not
            known).
        data: The event's data, as text.
        event: The event's name; default: none.
        retry: The event's `retry`, in milliseconds; default: none.

    Example:
        >>> Record("json", '{"n":1}', event="count").check()
        >>> Record.gap(3)
        Record(kind='gap', data='3', event=None, retry=None)
    """

    kind: str
    data: str
    event: str | None = None
    retry: int | None = None

    @classmethod
    def gap(cls, missed: int | None) -> Self:
        """The record that takes the place of missing events; None: it is not known how many they are."""
        return cls("gap", "" if missed is None else str(missed))

    def check(self) -> None:
        """Check a record that a store has read: whether it can be that of a published event.

        Raises:
            TypeError: A part of it has a wrong type.
            ValueError: A part of it has a wrong value, or holds JSON that is nested too deeply to be read.
        """
        if self.kind != "gap":
            load(self)
        elif self.data and not self.data.isdecimal():
            raise ValueError(f"it is a gap of {self.data!r:.30}, which is no number")


def record_of(value: object, content: SSEEvent | Comment) -> Record:
    """The record of an event, from the value that filters see and the content that is sent; the opposite of `load()`."""
    if isinstance(content, Comment):
        return Record("comment", str.__str__(content.text))
    data = content.data
    if isinstance(data, HTML):
        kind, data = "fragment", encode_json([data.markup, data.event, data.target, data.swap]).decode()
    elif data is ABSENT:
        kind, data = "absent", ""
    else:
        # Text is sent as it is. What is read of JSON may be text too.
        kind = "text" if (value.data if isinstance(value, SSEEvent) else value) is data else "json"
    assert isinstance(data, str)
    # Instances of subclasses of str and int are stored as plain text and numbers.
    event = None if content.event is None else str.__str__(content.event)
    return Record(kind, str.__str__(data), event, None if content.retry is None else int(content.retry))


def load(record: Record) -> tuple[object, SSEEvent | Comment]:
    """The value that filters see, and the content that is sent: the same after a restart as when it was published.

    Raises:
        TypeError: A part of the record has a wrong type.
        ValueError: A part of the record has a wrong value, or holds JSON that is nested too deeply to be read.
    """
    kind, text, event, retry = record
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


def load_event(record: Record, topic: str, id: str, number: int, at: float) -> Published:
    """The published event of a record, at its place in the topic; see `Published`.

    Raises:
        TypeError: See `load()`.
        ValueError: See `load()`.
    """
    if record.kind == "gap":
        return Gap(topic, int(record.data) if record.data else None, id, number, at)
    return Published(*load(record), topic, id, number, at)
