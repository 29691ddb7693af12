"""Telling other processes whose subscriptions this one has, and notices."""

import json
import random
from itertools import batched

import trio

from ..logs import logger_of
from .attendance import Attendances, Key
from .connection import Connection
from .peer_keys import PeerKeys, field_of

logger = logger_of("topics")

# Changes wait for so many seconds after others were told, and so many are told at a time.
_PAUSE, _CHANGES = 0.05, 500
# Notices that wait to be told, and those that the server keeps, at most and for so many milliseconds.
_NOTICES, _KEPT = 10_000, 24 * 3600 * 1000
# Seconds for the last changes of a process that stops.
_LAST_TIMEOUT = 1.0


class Telling:
    """What is to be told, and who does it.

    Args:
        keys: Where.
        attendances: Whose subscriptions there are.
        ttl: Seconds for which the server remembers this process, unless it is told again.
    """

    def __init__(self, keys: PeerKeys, attendances: Attendances, ttl: float) -> None:
        self._keys = keys
        self._attendances = attendances
        self._ttl = ttl
        self._notices: dict[str, None] = {}
        self._count = 0  # of what was told
        self._work = trio.lowlevel.ParkingLot()
        self._done = trio.lowlevel.ParkingLot()
        self._is_done = True
        self._is_known = False  # whether the server should have the hash

    def tell(self, notice: str) -> None:
        """See `Store.tell()`."""
        if len(self._notices) >= _NOTICES:
            logger.error("a notice is not told to other processes, because %d wait already: %s", _NOTICES, notice)
        else:
            self._notices[notice] = None
            self.wake()

    def wake(self) -> None:
        """There is something to tell."""
        self._is_done = False
        self._work.unpark_all()

    async def wait_until_told(self) -> None:
        """Wait until there is nothing more to tell, for a moment at most."""
        with trio.move_on_after(_LAST_TIMEOUT):
            while not self._is_done:
                await self._done.park()

    async def use(self, connection: Connection) -> None:
        """Tell by this connection, until it is lost."""
        await self._tell_all(connection)
        beat_at = trio.current_time() + self._beat()
        while True:
            with trio.move_on_at(beat_at):
                while not self._notices and not self._attendances.changed:
                    self._is_done = True
                    self._done.unpark_all()
                    await self._work.park()
            await self._tell_notices(connection)
            changed = self._attendances.changed
            keys = list(changed)[:_CHANGES]
            for key in keys:
                del changed[key]
            if not keys and trio.current_time() < beat_at:
                continue
            await self._tell(connection, keys)
            beat_at = trio.current_time() + self._beat()
            await trio.sleep(_PAUSE)

    def _beat(self) -> float:
        return self._ttl / 3 * random.uniform(0.8, 1)  # noqa: S311

    async def _tell_all(self, connection: Connection) -> None:
        self._attendances.changed.clear()
        self._count += 1
        connection.ask("MULTI")
        connection.ask("DEL", self._keys.own)
        for some in batched(self._attendances.own.items(), _CHANGES, strict=False):
            connection.ask("HSET", self._keys.own, *(word for key, count in some for word in (field_of(key), count)))
        await self._finish(connection, None)

    async def _tell(self, connection: Connection, keys: list[Key]) -> None:
        own = self._attendances.own
        if not self._is_known:
            if own:
                await self._tell_all(connection)
            return
        self._count += 1
        changes = {field_of(key): own.get(key, 0) for key in keys}
        connection.ask("MULTI")
        connection.ask("EXISTS", self._keys.own)
        if present := [word for field, count in changes.items() if count for word in (field, count)]:
            connection.ask("HSET", self._keys.own, *present)
        if absent := [field for field, count in changes.items() if not count]:
            connection.ask("HDEL", self._keys.own, *absent)
        results = await self._finish(connection, changes)
        if own and not results[0]:  # the server has forgotten it
            await self._tell_all(connection)

    async def _finish(self, connection: Connection, changes: dict[str, int] | None) -> list[int]:
        self._is_known = bool(self._attendances.own)
        if self._is_known:
            connection.ask("SADD", self._keys.names, self._keys.id)
            connection.ask("HSET", self._keys.own, "", self._count)
            connection.ask("PEXPIRE", self._keys.own, int(self._ttl * 1000))
        else:
            connection.ask("SREM", self._keys.names, self._keys.id)
            connection.ask("DEL", self._keys.own)
        connection.ask("PUBLISH", self._keys.channel, json.dumps([self._keys.id, self._count, changes]))
        results: list[int] = await connection("EXEC")
        return results

    async def _tell_notices(self, connection: Connection) -> None:
        while self._notices:
            notice = next(iter(self._notices))
            del self._notices[notice]
            connection.ask("MULTI")
            connection.ask("XADD", self._keys.notices, "MAXLEN", "~", _NOTICES, "*", "from", self._keys.id, "notice", notice)
            connection.ask("PEXPIRE", self._keys.notices, _KEPT)
            connection.ask("PUBLISH", self._keys.channel, "[]")
            try:
                await connection("EXEC")
            except BaseException:
                self._notices[notice] = None  # it may be told twice
                raise
