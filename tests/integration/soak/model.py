"""What one client must have seen: every event once and in order, or a `chirp:gap` exactly where something is missing."""

import json
from collections.abc import Callable
from dataclasses import dataclass

from chirp_trio import SSEEvent
from tests.integration.soak.ledger import Ledger


@dataclass(frozen=True, slots=True)
class Span:
    """What lies between two events that a client got one after the other, and what it was told about it.

    Attributes:
        before: The value of the earlier event.
        after: That of the later one.
        told: How many events are missing, by the gaps in between; None: one of them said that nobody knows.
        is_excused: Whether such a gap had to come, even though nothing might be missing: the topic's memory was lost.
    """

    before: int
    after: int
    told: int | None
    is_excused: bool


class Story:
    """What has come of one topic to one client.

    Args:
        topic: The topic's name.
        step: The filter: only multiples of this are wanted.
        skips: Whether the newest of each key come, so that what a gap tells of may lie further on.
    """

    def __init__(self, ledger: Ledger, topic: str, step: int, skips: bool, report: Callable[[str], None]) -> None:
        self.last: int | None = 0 if topic == "countdown" else None
        self._ledger = ledger
        self._topic = topic
        self._step = step
        self._skips = skips
        self._report = report
        self._told: int | None = 0
        self._gap_at = ""  # the id of the last gap
        self._generation = 0  # of the server that sent the last event
        self._allowance = 0  # of events that a gap has told of, and that were not missing where it stood
        self._open: list[Span] = []  # those that end where the publisher still waits for an answer

    @property
    def has_all(self) -> bool:
        """Whether it has the last value of all, which every filter lets through, or was told that it misses that."""
        publications = self._ledger.topics[self._topic]
        return publications.last in (self.last, publications.ids.get(self._gap_at))

    def place(self, id: str) -> None:
        """The client begins here: an id has come before any event."""
        if self.last is None:
            self.last = self._ledger.topics[self._topic].ids.get(id)
            self._generation = self._ledger.generation

    def gap(self, missed: int | None, ids: str) -> None:
        """A `chirp:gap` has come."""
        self._gap_at = next((id for id in ids.split(",") if id in self._ledger.topics[self._topic].ids), "")
        self._told = None if missed is None or self._told is None else self._told + missed

    def event(self, value: int) -> None:
        """An event has come."""
        publications = self._ledger.topics[self._topic]
        if value > publications.last:
            self._report(f"{self._topic} {value} was never published; the last one is {publications.last}")
        if value % self._step:
            self._report(f"{self._topic} {value} came through a filter for multiples of {self._step}")
        self._ledger.seen(self._topic, value)
        if self.last is not None and value <= self.last:
            self._report(f"{self._topic} {value} came after {self.last}")
        elif self.last is not None:
            is_excused = self._topic == "memory" and self._generation != self._ledger.generation
            span = Span(self.last, value, self._told, is_excused)
            if span.told != 0 or value - self.last > 1:
                self._judge(span)
        self.last = value
        self._told = 0
        self._generation = self._ledger.generation

    def settle(self) -> None:
        """Everything is published: judge what could not be judged before."""
        for span in self._open:
            self._judge(span)
        self._open.clear()

    def _judge(self, span: Span) -> None:
        publications = self._ledger.topics[self._topic]
        if span.after - 1 > publications.answered:
            self._open.append(span)
            return
        least, most = publications.between(span.before + 1, span.after - 1, self._step)
        _, of_all = publications.between(
            span.before + 1, span.after - 1, 1
        )  # nobody knows which of the forgotten were wanted
        if self._skips and span.told is not None:
            self._skip(span, span.told, least)
        elif span.told is None:
            if of_all == 0 and not span.is_excused:
                self._report(f"{self._topic}: a gap between {span.before} and {span.after}, where nothing is missing")
        elif not least <= span.told <= (of_all if self._step > 1 else most):
            missing = f"{least} to {most}" if least < most else f"{most}"
            where = f"between {span.before} and {span.after}"
            self._report(f"{self._topic}: {missing} of {of_all} are missing {where}, and {span.told} were told of")

    def _skip(self, span: Span, told: int, least: int) -> None:
        """With the newest of each key, a gap stands before events that are not in a row."""
        self._allowance += told - least
        if self._allowance < 0:
            where = f"between {span.before} and {span.after}"
            self._report(f"{self._topic}: {-self._allowance} are missing {where} that no gap has told of")


class Model:
    """One stream's client: the stories of its topics, and the ids that it got."""

    def __init__(self, ledger: Ledger, topics: list[str], step: int, skips: bool, report: Callable[[str], None]) -> None:
        self.stories = {topic: Story(ledger, topic, step, skips, report) for topic in topics}
        self._report = report
        self._places: dict[str, int] = {}  # epoch to number, of the last id
        self._gone: set[str] = set()  # epochs that later ids do not name any more

    @property
    def has_all(self) -> bool:
        return all(story.has_all for story in self.stories.values())

    def event(self, event: SSEEvent[str]) -> None:
        """Take an event, with its id."""
        if event.id is not None:
            self.id(event.id)
        content = json.loads(event.data)
        if event.event == "chirp:gap":
            self.stories[content["topic"]].gap(content["missed"], event.id or "")
        elif event.event is not None:
            self._report(f"an event {event.event!r}: {event.data}")
        else:
            if len(content["padding"]) != padding(content["value"]):
                self._report(f"{content['topic']} {content['value']} has lost a part")
            self.stories[content["topic"]].event(content["value"])

    def place(self, id: str) -> None:
        """Take an id that no event has, and that is where the client goes on."""
        for part in id.split(","):
            for story in self.stories.values():
                story.place(part)
        self.id(id)

    def id(self, id: str) -> None:
        """Take an id, which is past those before it: in no topic does it go back."""
        places = {}
        for part in id.split(","):
            epoch, _, number = part.rpartition("-")
            places[epoch] = int(number)
        back = [epoch for epoch, number in places.items() if number < self._places.get(epoch, 0) or epoch in self._gone]
        if back:
            self._report(f"the id {id} came after {self._places}, and goes back")
        self._gone |= self._places.keys() - places.keys()
        self._places = places


def padding(value: int) -> int:
    """How many bytes an event has beside its value, so that some are large."""
    return 60_000 if value % 500 == 0 else value * 37 % 700
