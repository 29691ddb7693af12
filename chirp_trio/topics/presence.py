"""Who comes to a topic and who leaves it, for those who want to know."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Literal

import trio

from ..threads import TrioRun

# How many changes are kept for one who does not read them.
_KEPT = 1000


@dataclass(frozen=True, slots=True)
class Presence:
    """Somebody came to a topic, or left it.

    Args:
        kind: `"join"` or `"leave"`.
        subscribers: How many there are now.

    Example:
        >>> async def watch(room):
        ...     async for change in room.presence():
        ...         print(change.kind, change.subscribers)
    """

    kind: Literal["join", "leave"]
    subscribers: int


class Observers:
    """Those who want to know who comes and leaves.

    Args:
        run: The trio run that they are in.
    """

    def __init__(self, run: TrioRun) -> None:
        self._run = run
        self._channels: dict[trio.MemorySendChannel[Presence], trio.MemoryReceiveChannel[Presence]] = {}
        self._is_closed = False

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
