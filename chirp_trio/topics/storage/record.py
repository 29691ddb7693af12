"""An event as a store has it: what it takes to send it again, and nothing that only this process understands."""

from typing import NamedTuple, Self

from ...wire import ABSENT, HTML, Comment, SSEEvent, encode_json
from ..published import Gap, Published, decode_json

RECORD_VERSION = 1
_KINDS = frozenset(("text", "json", "comment", "fragment", "absent", "gap"))


class Record(NamedTuple):
    """One event, without its place: what a store keeps, and gives back as it is.

    `RECORD_VERSION` is the version of this format. A store writes it down once, and refuses what has a greater one.

    Attributes:
        kind: What `data` is: `"text"`, `"json"`, `"comment"`, `"fragment"` (HTML, with its options, in JSON), `"absent"`
            (empty text, for an event that has none), or `"gap"` (the number of events that are missing; empty text where
            nobody knows it).
        data: Its data.
        event: The event name that it was published with; default: none.
        retry: Its `retry`, in milliseconds; default: none.

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
        """The record that stands in the place of so many events which are missing; None: nobody knows how many."""
        return cls("gap", "" if missed is None else str(missed))

    def check(self) -> None:
        """Make sure that a store has given back what it was given.

        Raises:
            TypeError: It is no record of an event that was published.
            ValueError: The same; or it is JSON that is nested too deeply to be read.
        """
        if self.kind != "gap":
            load(self)
        elif self.data and not self.data.isdecimal():
            raise ValueError(f"it is a gap of {self.data!r:.30}, which is no number")


def record_of(value: object, content: SSEEvent | Comment) -> Record:
    """The record of a published value, and of what `prepare()` has made of it; or of what `load()` has given."""
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
    # What extends text or a number is stored as what it extends.
    event = None if content.event is None else str.__str__(content.event)
    return Record(kind, str.__str__(data), event, None if content.retry is None else int(content.retry))


def load(record: Record) -> tuple[object, SSEEvent | Comment]:
    """What filters see of it, and what is sent: the same when it is published and after a restart.

    Raises:
        TypeError: It is nothing that was published.
        ValueError: The same; or it is JSON that is nested too deeply to be read.
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
    """The event that a record is, at that place of the topic; see `Published`.

    Raises:
        TypeError: See `load()`.
        ValueError: See `load()`.
    """
    if record.kind == "gap":
        return Gap(topic, int(record.data) if record.data else None, id, number, at)
    return Published(*load(record), topic, id, number, at)
