"""Whose subscriptions there are, topic by topic: those of this process's topics, and those of other processes."""

from collections import Counter

from ..topics import Delivery

# A topic's name, and a member; None: nobody in particular.
type Key = tuple[str, str | None]


class Attendances:
    """Counts by where they come from, added up: each topic here is told of what there is elsewhere.

    Attributes:
        own: Those of this process, of all its topics; none is 0.
        changed: Of these, what has changed since somebody has looked.
    """

    def __init__(self) -> None:
        self.own: dict[Key, int] = {}
        self.changed: dict[Key, None] = {}
        self._of: dict[object, dict[Key, int]] = {}  # by topics here, and by other processes
        self._totals: dict[str, Counter[str | None]] = {}  # by topics
        self._open: dict[str, dict[Delivery, None]] = {}  # topics here, by their names

    @property
    def is_open(self) -> bool:
        """Whether there is any topic here."""
        return bool(self._open)

    def add(self, delivery: Delivery) -> None:
        """Tell a topic of what there is elsewhere."""
        self._open.setdefault(delivery.name, {})[delivery] = None
        for member, count in self._totals.get(delivery.name, {}).items():
            delivery.count_elsewhere(member, count)

    def remove(self, delivery: Delivery) -> None:
        """Do so no longer, and forget what it had."""
        self.forget(delivery)
        others = self._open[delivery.name]
        del others[delivery]
        if not others:
            del self._open[delivery.name]
        for member in self._totals.get(delivery.name, ()):
            delivery.count_elsewhere(member, 0)

    def of(self, source: object) -> dict[Key, int]:
        """What comes from there."""
        return self._of.get(source, {})

    def forget(self, source: object) -> None:
        """Nothing comes from there any more."""
        for key in tuple(self.of(source)):
            self.set(source, key, 0)

    def set(self, source: object, key: Key, count: int) -> None:
        """So many come from there."""
        counts = self._of.setdefault(source, {})
        change = count - counts.get(key, 0)
        if count:
            counts[key] = count
        else:
            counts.pop(key, None)
            if not counts:
                del self._of[source]
        if not change:
            return
        name, member = key
        totals = self._totals.setdefault(name, Counter())
        totals[member] += change
        total = totals[member]
        if not total:
            del totals[member]
            if not totals:
                del self._totals[name]
        if isinstance(source, Delivery):
            self.own[key] = self.own.get(key, 0) + change
            if not self.own[key]:
                del self.own[key]
            self.changed[key] = None
        for delivery in self._open.get(name, ()):
            if delivery is not source:
                delivery.count_elsewhere(member, total - self.of(delivery).get(key, 0))
