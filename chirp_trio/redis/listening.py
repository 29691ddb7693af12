"""Reading for all topics of a process: a doorbell tells which has something new, and that is asked for."""

import random
import time
from collections.abc import Iterable
from itertools import batched, islice
from typing import Any

import trio

from ..logs import logger_of
from ..topics import Record
from ..topics.history import new_name
from .connection import Connection, ServerError
from .position import Position
from .server import Server, UnusableServerError, ask_info, life_of

logger = logger_of("topics")

# A bell may be lost, so places are compared now and then: after so many seconds, by lot.
_COMPARE_AFTER = (5.0, 25.0)
# So many topics are asked for at a time, subscribed to with one command, and compared at a time.
_TOPICS_AT_ONCE = 16
_CHANNELS_AT_ONCE = 500
# Of what the library in the server writes.
_VERSION = b"1"
# For so many milliseconds it is known that a loss was told.
_REPORT_KEPT = 24 * 3600 * 1000


class Listening:
    """The topics that are open, and which of them have something new."""

    def __init__(self) -> None:
        self._open: dict[bytes, dict[Position, None]] = {}  # by channels
        self._rung: dict[Position, None] = {}
        self._bell = trio.lowlevel.ParkingLot()
        self._doorbell: Connection | None = None

    def add(self, position: Position) -> None:
        """Read for one topic more."""
        others = self._open.setdefault(position.channel, {})
        if not others and self._doorbell is not None:
            self._doorbell.ask("SUBSCRIBE", position.channel, pushes=1)
        others[position] = None
        self.ring(position)

    def remove(self, position: Position) -> None:
        """Do so no longer."""
        others = self._open[position.channel]
        del others[position]
        self._rung.pop(position, None)
        if not others:
            del self._open[position.channel]
            if self._doorbell is not None:
                self._doorbell.ask("UNSUBSCRIBE", position.channel, pushes=1)

    def ring(self, position: Position) -> None:
        """There may be something new."""
        self._rung[position] = None
        self._bell.unpark_all()

    def take(self, push: list[Any]) -> None:
        """Somebody has published; or from now on that is heard, and what was published before that has not been."""
        if push[0] not in (b"message", b"subscribe"):
            return
        told = _parse_bell(push[2]) if push[0] == b"message" else None
        for position in self._open.get(push[1], ()):
            if told is None or not position.hear(*told):
                self.ring(position)

    async def use(self, connection: Connection, doorbell: Connection, server: Server) -> None:
        """Read by one connection what another one rings for, until either is lost."""
        self._doorbell = doorbell
        try:
            for channels in batched(tuple(self._open), _CHANNELS_AT_ONCE, strict=False):
                await doorbell.ask("SUBSCRIBE", *channels, pushes=len(channels)).get()
            life = server.life
            while True:
                if not self._rung:
                    with trio.move_on_after(random.uniform(*_COMPARE_AFTER)):  # noqa: S311
                        await self._bell.park()
                if self._rung:
                    await self._fetch(connection, life)
                else:
                    await doorbell("PING")
                    life = await self._compare(connection)
        finally:
            self._doorbell = None

    def _all(self) -> Iterable[Position]:
        return [position for positions in self._open.values() for position in positions]

    async def _fetch(self, connection: Connection, life: bytes) -> None:
        positions = list(islice(self._rung, _TOPICS_AT_ONCE))
        asked = []
        for position in positions:
            del self._rung[position]
            asked.append((position, position.ask(connection)))
        for position, (meta, entries, meta_after) in asked:
            state, found, after = await meta.get(), await entries.get(), await meta_after.get()
            if not position.is_open:
                continue
            if state[1] != after[1]:
                self.ring(position)
                continue
            if state[3] not in (None, _VERSION):
                logger.error("the topic %r in Redis was written by another version of chirp_trio", position.topic)
                continue
            if state[0] != life and await self._enter(connection, position, life, has_state=state[0] is not None):
                self.ring(position)
                continue
            if position.receive(state, found):
                self.ring(position)
            if position.lost is not None:
                await self._report(connection, position, *position.lost)
            await trio.lowlevel.checkpoint()

    async def _enter(self, connection: Connection, position: Position, life: bytes, *, has_state: bool) -> bool:
        """Begin an epoch of this life of the server; whether there is one."""
        now = int(time.time() * 1000)
        try:
            found = await connection("FCALL", "chirp_look_1", 2, position.events, position.meta, new_name(), now)
        except ServerError as error:
            if not has_state:
                raise
            logger.warning("the topic %r can be read, and not be written to: %s", position.topic, error)
            return False
        if found[2] != life:
            raise UnusableServerError("it has been promoted meanwhile")
        return True

    async def _report(self, connection: Connection, position: Position, count: int | None, epoch: str) -> None:
        """Tell everybody of events that the server has lost: once, whichever processes have had them."""
        gap = Record.gap(count)
        fields = ("kind", gap.kind, "data", gap.data)
        keys = (position.events, position.meta, b"%b:lost:%b" % (position.events, epoch.encode()))
        now = int(time.time() * 1000)
        head = (position.channel, new_name(), now, position.length, _REPORT_KEPT)
        try:
            await connection("FCALL", "chirp_publish_1", len(keys), *keys, *head, len(fields), *fields)
            position.lost = None
        except ServerError as error:
            logger.warning("the topic %r: nobody else can be told of what was lost: %s", position.topic, error)

    async def _compare(self, connection: Connection) -> bytes:
        """Look whether a bell was lost, and whether the server is still the one that can be written to."""
        info = await ask_info(connection)
        if info.get("role") != "master":
            raise UnusableServerError("it has become a replica: the url has to lead to the master")
        life = life_of(info)
        for positions in batched(self._all(), _CHANNELS_AT_ONCE, strict=False):
            asked = [(position, position.ask_state(connection)) for position in positions]
            for position, answer in asked:
                state = await answer.get()
                if position.is_open and (state[0] != life or not position.is_at(state)):
                    self.ring(position)
        return life


def _parse_bell(message: bytes) -> tuple[str, int, list[list[bytes]]] | None:
    """The epoch, the number of the first event, and the fields of all; None: it has none, because they are too large."""
    if not message.startswith(b"*"):
        return None
    from hiredis import ProtocolError, Reader

    reader = Reader()
    reader.feed(message)
    try:
        name, first, *events = reader.gets()
        return name.decode(), int(first), events
    except ProtocolError, AttributeError, TypeError, ValueError:  # it is somebody else's
        return None
