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
    """

    kind: str
    data: str
    event: str | None = None
    retry: int | None = None

    @classmethod
    def of(cls, value: object, content: SSEEvent | Comment) -> Self:
        """The record of a published value, and of what `prepare()` has made of it; or of what `load()` has given."""
        if isinstance(content, Comment):
            return cls("comment", str.__str__(content.text))
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
        return cls(kind, str.__str__(data), event, None if content.retry is None else int(content.retry))

    @classmethod
    def gap(cls, missed: int | None) -> Self:
        """The record that stands in the place of so many events which are missing; None: nobody knows how many."""
        return cls("gap", "" if missed is None else str(missed))

    def load(self) -> tuple[object, SSEEvent | Comment]:
        """What filters see of it, and what is sent: the same when it is published and after a restart.

        Raises:
            TypeError: It is nothing that `Record.of()` has made.
            ValueError: The same; or it is JSON that is nested too deeply to be read.
        """
        kind, text, event, retry = self
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

    def publish(self, topic: str, id: str, number: int, at: float) -> Published:
        """The event at that place of the topic; see `Published`.

        Raises:
            TypeError: See `load()`.
            ValueError: See `load()`.
        """
        if self.kind == "gap":
            return Gap(topic, int(self.data) if self.data else None, id, number, at)
        return Published(*self.load(), topic, id, number, at)
