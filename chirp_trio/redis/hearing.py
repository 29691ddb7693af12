"""What other processes tell: whose subscriptions they have, and notices."""

import json
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import trio

from ..logs import logger_of
from .attendance import Attendances
from .connection import Connection
from .peer_keys import PeerKeys, parse_field

logger = logger_of("topics")


class _Other:
    """Another process: what it has told last, and when."""

    count = 0
    seen_at = 0.0


class Hearing:
    """What others have told, and who listens.

    Args:
        keys: Where they tell it.
        attendances: Whose subscriptions there are.
        ttl: Seconds after which a process that tells nothing is looked for.
    """

    def __init__(self, keys: PeerKeys, attendances: Attendances, ttl: float) -> None:
        self._keys = keys
        self._attendances = attendances
        self._ttl = ttl
        self._others: dict[str, _Other] = {}
        self._to_read: set[str] = set()
        self._heard: dict[Callable[[str], object], None] = {}
        self._last_notice = b""  # the id of the last one that is known; empty: none yet
        self._is_behind = False  # whether there are some to read
        self._arrived = trio.lowlevel.ParkingLot()

    @contextmanager
    def heard(self, hear: Callable[[str], object]) -> Iterator[None]:
        """See `Store.heard()`."""
        self._heard[hear] = None
        try:
            yield
        finally:
            del self._heard[hear]

    def hear(self, notice: str) -> None:
        """Somebody has told that."""
        for hear in tuple(self._heard):
            hear(notice)

    def take(self, message: bytes) -> None:
        """Another process has told something."""
        try:
            told = json.loads(message)
            if not told:
                self._is_behind = True
            elif told[0] != self._keys.id:
                self._take_from(*told)
        except (ValueError, TypeError, AttributeError, IndexError) as error:
            logger.warning("what another process has told cannot be read: %s", error)
        self._arrived.unpark_all()

    def _take_from(self, id: str, count: int, changes: dict[str, int] | None) -> None:
        other = self._others.get(id)
        if other is not None and count <= other.count:
            return  # it was read by the other connection already
        if other is None or changes is None or count != other.count + 1:
            self._to_read.add(id)
            if other is not None:
                other.seen_at = -math.inf  # if there is nothing of it now, there is nothing
            return
        other.count = count
        other.seen_at = trio.current_time()
        for field, number in changes.items():
            self._attendances.set(other, parse_field(field), number)
        if not self._attendances.of(other):
            del self._others[id]

    async def use(self, connection: Connection, doorbell: Connection) -> None:
        """Be told on the doorbell, and read by the other connection, until one is lost."""
        await doorbell.ask("SUBSCRIBE", self._keys.channel, pushes=1).get()
        self._is_behind = True
        for other in self._others.values():  # they may have been away as well, and have a time to come back
            other.seen_at = trio.current_time()
        names = await connection("SMEMBERS", self._keys.names)
        self._to_read |= self._others.keys() | {name.decode() for name in names}
        while True:
            if self._is_behind:
                self._is_behind = False
                await self._read_notices(connection)
            now = trio.current_time()
            self._to_read |= {id for id, other in self._others.items() if other.seen_at + self._ttl <= now}
            to_read, self._to_read = self._to_read - {self._keys.id}, set()
            for id in to_read:
                await self._read_other(connection, id)
            if not self._to_read and not self._is_behind:
                with trio.move_on_after(self._ttl / 4):
                    await self._arrived.park()

    async def _read_other(self, connection: Connection, id: str) -> None:
        asked = self._others.get(id)
        seen_at = 0.0 if asked is None else asked.seen_at  # what it tells from now on is about what is read next
        found: dict[bytes, bytes] = await connection("HGETALL", self._keys.of(id))
        other = self._others.get(id)
        now = trio.current_time()
        if not found:
            if other is None:
                connection.ask("SREM", self._keys.names, id)
            elif seen_at + self._ttl <= now:
                self._attendances.forget(other)
                del self._others[id]
                connection.ask("SREM", self._keys.names, id)
            return
        if other is None:
            other = self._others[id] = _Other()
        count = int(found.pop(b"", b"0"))
        if -math.inf < other.seen_at <= now - self._ttl and count == other.count:
            other.seen_at = now - 3 / 4 * self._ttl  # it is about to expire, or has a message on its way
        elif id not in self._to_read:
            other.seen_at = now
        other.count = count
        counts = {parse_field(field): int(number) for field, number in found.items()}
        for key in self._attendances.of(other).keys() - counts.keys():
            self._attendances.set(other, key, 0)
        for key, number in counts.items():
            self._attendances.set(other, key, number)

    async def _read_notices(self, connection: Connection) -> None:
        if not self._last_notice and not self._heard:
            newest = await connection("XREVRANGE", self._keys.notices, "+", "-", "COUNT", 1)
            self._last_notice = newest[0][0] if newest else b"0-0"
            return
        for id, fields in await connection(
            "XRANGE", self._keys.notices, b"(" + self._last_notice if self._last_notice else "-", "+"
        ):
            self._last_notice = id
            parts: dict[bytes, bytes] = dict(zip(fields[::2], fields[1::2], strict=True))
            if parts.get(b"from") != self._keys.id.encode():
                self.hear(parts.get(b"notice", b"").decode(errors="replace"))
