"""The subscribers of a topic: who they are, and who comes and leaves."""

from collections import Counter
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Literal

import trio

from ..threads import TrioRun
from ..wire import check_text

# How many changes wait for an iterator that does not read them.
_KEPT = 1000


@dataclass(frozen=True, slots=True)
class Presence:
    """A subscription to a topic has begun to be read, or is no longer read.

    Args:
        kind: `"join"` or `"leave"`.
        subscribers: How many subscriptions are being read now.
        member: The `member` that `Topic.subscribe()` was given; None if there was none.
        connections: How many subscriptions this member has now: after its first join 1, after its last leave 0. Without a
            member 0.

    Example:
        >>> async def watch(room):
        ...     async for change in room.presence():
        ...         print(change.kind, change.subscribers)
    """

    kind: Literal["join", "leave"]
    subscribers: int
    member: str | None = None
    connections: int = 0


def check_member(member: object) -> None:
    """Raise an error unless it can be the `member` of a subscription: text, or None.

    Raises:
        TypeError: It is no text.
        ValueError: It holds text that cannot be sent.
    """
    if member is None:
        return
    if not isinstance(member, str):
        raise TypeError(f"member is {member!r}; it must be text, such as a user's name, or None")
    check_text("member", member)


class Attendance:
    """The number of subscriptions that are read, for each member: here, and in other processes that share the store.

    Args:
        run: The trio run in which changes are iterated.
    """

    def __init__(self, run: TrioRun) -> None:
        self._here: Counter[str | None] = Counter()
        self._elsewhere: dict[str | None, int] = {}
        self._observers = _Observers(run)
        self.count = 0

    @property
    def members(self) -> dict[str, int]:
        """The number of subscriptions of each member, here and elsewhere."""
        found = dict(self._elsewhere)
        for member, count in dict(self._here).items():
            found[member] = found.get(member, 0) + count
        return {member: count for member, count in found.items() if member is not None}

    def enter(self, member: str | None) -> int:
        """Count one more subscription here, and return how many this member has here now."""
        self._here[member] += 1
        self._tell("join", member)
        return self._here[member]

    def leave(self, member: str | None) -> int:
        """Count one subscription less here, and return how many this member has here now."""
        left = self._here[member] - 1
        self._here[member] = left
        if not left:
            del self._here[member]
        self._tell("leave", member)
        return left

    def set_elsewhere(self, member: str | None, count: int) -> None:
        """Note how many subscriptions this member has in other processes now."""
        before = self._elsewhere.get(member, 0)
        for number in range(before + 1, count + 1):
            self._elsewhere[member] = number
            self._tell("join", member)
        for number in range(before - 1, count - 1, -1):
            self._elsewhere[member] = number
            self._tell("leave", member)
        if not count:
            self._elsewhere.pop(member, None)

    def changes(self) -> AsyncGenerator[Presence]:
        """See `Topic.presence()`."""
        return self._observers.changes()

    def open(self) -> None:
        """There will be changes again."""
        self._observers.open()

    def close(self) -> None:
        """There will be no more changes."""
        self._observers.close()

    def _tell(self, kind: Literal["join", "leave"], member: str | None) -> None:
        self.count += 1 if kind == "join" else -1
        if self._observers:
            connections = 0 if member is None else self._here[member] + self._elsewhere.get(member, 0)
            self._observers.tell(Presence(kind, self.count, member, connections))


class _Observers:
    """The iterators of changes."""

    def __init__(self, run: TrioRun) -> None:
        self._run = run
        self._channels: dict[trio.MemorySendChannel[Presence], trio.MemoryReceiveChannel[Presence]] = {}
        self._is_closed = False

    def __bool__(self) -> bool:
        return bool(self._channels)

    async def changes(self) -> AsyncGenerator[Presence]:
        """The changes from now on, until the topic is closed."""
        self._run.check("Topic.presence()", "iterate it in a task of trio's", is_bound=True)
        send, receive = trio.open_memory_channel[Presence](_KEPT)
        self._channels[send] = receive
        if self._is_closed:
            self.close()
        try:
            with receive:
                async for change in receive:
                    yield change
        finally:
            self._channels.pop(send, None)

    def tell(self, change: Presence) -> None:
        """Give a change to all iterators. Never blocks: one that is too far behind loses its oldest changes."""
        for send, receive in self._channels.items():
            try:
                send.send_nowait(change)
            except trio.WouldBlock:
                receive.receive_nowait()
                send.send_nowait(change)

    def open(self) -> None:
        """There will be changes again."""
        self._is_closed = False

    def close(self) -> None:
        """There will be no more changes."""
        self._is_closed = True
        channels, self._channels = self._channels, {}
        for send in channels:
            send.close()
