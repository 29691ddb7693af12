"""What was published: the truth that each client's story is compared with."""

from dataclasses import dataclass, field

COUNTDOWN = 30  # events of a stream that ends, and then answers 204


@dataclass(slots=True)
class Publications:
    """The values of one topic, which are the numbers from 1 on.

    A value whose request got no answer, because the server was killed, may have been published or not: it is uncertain,
    until somebody has it. A value that is waiting for its answer is that too, for the time being.

    Attributes:
        last: The last value that was sent to the server.
        answered: The last value whose request is over, whether it got an answer or not.
        uncertain: Those that may have been published or not.
        ids: What the server answered: ids to values.
    """

    last: int = 0
    answered: int = 0
    uncertain: set[int] = field(default_factory=set)
    ids: dict[str, int] = field(default_factory=dict)

    def between(self, first: int, last: int, step: int) -> tuple[int, int]:
        """How many values of a range that are multiples of `step` were published: at least, and at most."""
        most = last // step - (first - 1) // step
        unsure = sum(first <= value <= last and value % step == 0 for value in self.uncertain)
        return most - unsure, most


class Ledger:
    """All topics, and how often the server was started."""

    def __init__(self) -> None:
        self.generation = 0  # counted from 1 with the first server
        self.topics = {"memory": Publications(), "stored": Publications(), "countdown": Publications()}
        self.topics["countdown"].last = self.topics["countdown"].answered = COUNTDOWN

    def begin(self, topic: str, count: int) -> range:
        """The next values to publish."""
        publications = self.topics[topic]
        values = range(publications.last + 1, publications.last + 1 + count)
        publications.last = values[-1]
        return values

    def answer(self, topic: str, values: range, ids: list[str] | None) -> None:
        """The request that published them is over; with what ids, if it got an answer."""
        publications = self.topics[topic]
        publications.answered = values[-1]
        if ids is None:
            publications.uncertain.update(values)
        else:
            publications.ids.update(zip(ids, values, strict=True))

    def seen(self, topic: str, value: int) -> None:
        """Somebody has it, so it was published."""
        self.topics[topic].uncertain.discard(value)
