"""Policies for a subscriber that is too far behind: one for each name that `overflow` may have.

A policy is a function of a `Behind`. To add one, write it, and give it a name in `POLICIES` and in `Overflow`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from ..arguments import check_choice, check_function
from ..errors import ConfigurationError
from .history import Log
from .published import Gap, Published, stands_for, value_seen

type Overflow = Literal["disconnect", "drop-oldest", "latest"]
type Key = Callable[[Any], object]


@dataclass(frozen=True, slots=True)
class Behind:
    """The state of a subscriber that is too far behind.

    Attributes:
        log: The topic's events.
        position: The number of the event after which it would go on: the last one that it got, or that was forgotten.
        buffer: How many events it may be behind.
        wants: Tells whether it gets an event, by its filter.
        key: Tells what a value is about; None if the policy does not need that.
    """

    log: Log
    position: int
    buffer: int
    wants: Callable[[Published], bool]
    key: Key | None

    def wanted(self, most: int) -> list[Published]:
        """Those of the next `most` events that the subscriber wants."""
        return [event for event in self.log.since(self.position, most) if self.wants(event)]


class Skip(NamedTuple):
    """The decision of a policy.

    Attributes:
        position: The number of the event after which the subscriber goes on.
        lost: How many events it has lost.
        left: The events that it gets before it goes on.
    """

    position: int
    lost: int
    left: list[Published]


def disconnect(_behind: Behind) -> None:
    """End the subscription: the client connects again, and goes on where it was."""


def drop_oldest(behind: Behind) -> Skip:
    """Skip the events beyond the buffer."""
    position = max(behind.position, behind.log.last - behind.buffer)
    return Skip(position, sum(map(stands_for, behind.wanted(position - behind.position))), [])


def keep_latest(behind: Behind) -> Skip:
    """Skip all but the newest event for each key; of these, keep no more than the buffer."""
    assert behind.key is not None
    pending = behind.wanted(behind.log.last - behind.position)
    newest = {behind.key(value_seen(event)): event for event in pending if not isinstance(event, Gap)}
    left = sorted(newest.values(), key=lambda event: event.number)[-behind.buffer :]
    return Skip(behind.log.last, sum(map(stands_for, pending)) - len(left), left)


type Policy = Callable[[Behind], Skip | None]

POLICIES: Mapping[Overflow, Policy] = {"disconnect": disconnect, "drop-oldest": drop_oldest, "latest": keep_latest}
_NEED_KEY = frozenset(("latest",))


def check_overflow(overflow: object, key: object) -> None:
    """Raise unless it is the name of a policy, and there is a key if that needs one, and none otherwise."""
    check_choice("overflow", overflow, POLICIES)
    check_function("key", key)
    if overflow in _NEED_KEY and key is None:
        raise ConfigurationError(f"overflow={overflow!r} needs key, a function of a value that tells what the value is about")
    if overflow not in _NEED_KEY and key is not None:
        users = " or ".join(map(repr, sorted(_NEED_KEY)))
        raise ConfigurationError(f"key is given, but overflow={overflow!r} has no use for it; leave it out, or say {users}")
