"""Who comes to a topic and who leaves it, for those who want to know."""

from collections import Counter
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Literal

import trio

from ..threads import TrioRun
from ..wire import check_text

# How many changes are kept for one who does not read them.
_KEPT = 1000


@dataclass(frozen=True, slots=True)
class Presence:
    """Somebody came to a topic, or left it.

    Args:
        kind: `"join"` or `"leave"`.
        subscribers: How many there are now.
        member: Whose subscription it is, by the `member` of `Topic.subscribe()`; None where it was given none.
        connections: How many subscriptions that member has now: 1 after a join is its first, 0 after a leave was its last.
            0 where there is no member.

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
    """Raise unless it can be whose subscription one is: text, or None.

    Raises:
        TypeError: It is no text.
        ValueError: It holds what cannot be carried.
    """
    if member is None:
        return
    if not isinstance(member, str):
        raise TypeError(f"member is {member!r}; it must be text, such as a user's name, or None")
    check_text("member", member)


class Attendance:
    """How many subscriptions are read, and whose they are: here, and in other processes that share the topic's store.

    Args:
        run: The trio run that those who watch are in.
    """

    def __init__(self, run: TrioRun) -> None:
        self._here: Counter[str | None] = Counter()
        self._elsewhere: dict[str | None, int] = {}
        self._observers = _Observers(run)
        self.count = 0

    @property
    def members(self) -> dict[str, int]:
        """Who is there, and with how many subscriptions."""
        found = dict(self._elsewhere)
        for member, count in dict(self._here).items():
            found[member] = found.get(member, 0) + count
        return {member: count for member, count in found.items() if member is not None}

    def enter(self, member: str | None) -> int:
        """Count one more here; how many that member has here now."""
        self._here[member] += 1
        self._tell("join", member)
        return self._here[member]

    def leave(self, member: str | None) -> int:
        """Count one less here."""
        left = self._here[member] - 1
        self._here[member] = left
        if not left:
            del self._here[member]
        self._tell("leave", member)
        return left

    def set_elsewhere(self, member: str | None, count: int) -> None:
        """That member has so many in other processes now."""
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
    """Those who want to know who comes and leaves."""

    def __init__(self, run: TrioRun) -> None:
        self._run = run
        self._channels: dict[trio.MemorySendChannel[Presence], trio.MemoryReceiveChannel[Presence]] = {}
        self._is_closed = False

    def __bool__(self) -> bool:
        return bool(self._channels)

    async def changes(self) -> AsyncGenerator[Presence]:
        """The changes from now on, until it is closed."""
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
        """Tell everybody. Never blocks: one who is too far behind loses the oldest, because the newest is what holds."""
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
