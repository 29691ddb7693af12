"""What keeps a process connected to its server for all topics: what reads, the doorbell for it, and what writes."""

import random
from collections.abc import Awaitable, Callable
from typing import Any

import trio

from ..logs import logger_of
from .connection import Connection, reason_of
from .listening import Listening
from .options import Options
from .peers import Peers
from .publishing import Publishing
from .server import TROUBLES, Server, UnusableServerError, connected

logger = logger_of("topics")

# Seconds until a connection is tried again, by lot: up to the first, then up to twice as many each time, and never more
# than the last.
_FIRST_PAUSE = 0.1
_LAST_PAUSE = 4.0


class Link:
    """One process and one server. Runs while any topic is open, in the task of one that is.

    Attributes:
        listening: What reads.
        publishing: What writes.
        peers: What is told to other processes, and by them.
        trouble: Why there is no connection to read by; empty while there is one.
    """

    def __init__(self, options: Options) -> None:
        self._options = options
        self._turn = trio.Lock()
        self._warned: tuple[str, ...] = ()
        self._connected = trio.lowlevel.ParkingLot()
        self.listening = Listening()
        self.publishing = Publishing(options)
        self.peers = Peers(options)
        self.trouble = "it has not been connected to yet"

    async def run(self) -> None:
        """Be connected, until cancelled. Of several tasks that call this one does it, and another one after that."""
        async with self._turn, trio.open_nursery() as nursery:
            nursery.start_soon(self._keep, self._listen)
            nursery.start_soon(self._keep, self.publishing.use)
            nursery.start_soon(self.publishing.watch, lambda: self.trouble)

    async def _keep(self, use: Callable[[Connection, Server], Awaitable[None]]) -> None:
        pause = _FIRST_PAUSE
        told = ""
        has_worked = True
        while True:
            was_away, has_worked = not has_worked, False
            try:
                async with connected(self._options) as (connection, server):
                    has_worked = True
                    if was_away:
                        self._connected.unpark_all()  # the other connection need not wait any longer
                    if told:
                        logger.info("Redis at %s answers again", self._options.address)
                    await use(connection, server)
            except TROUBLES as error:
                trouble: BaseException = error
            except BaseExceptionGroup as group:  # several tasks were told of it, or it came while all of this was cancelled
                found, rest = group.split(TROUBLES)
                if found is None or rest is not None:
                    raise rest or group from None
                trouble = found
                while isinstance(trouble, BaseExceptionGroup):
                    trouble = trouble.exceptions[0]
            told_before, told = "" if has_worked else told, reason_of(trouble)
            if use == self._listen:
                self.trouble = told
                if told != told_before:  # once, and not at each try
                    logger.warning("Redis at %s cannot be used, and is tried again: %s", self._options.address, told)
            pause = _FIRST_PAUSE if has_worked else min(pause * 2, _LAST_PAUSE)
            with trio.move_on_after(pause * random.random()):  # noqa: S311 - so that not all processes come at once
                await self._connected.park()

    async def _listen(self, connection: Connection, server: Server) -> None:
        if server.warnings != self._warned:
            self._warned = server.warnings
            for warning in server.warnings:
                logger.warning("Redis at %s: %s", self._options.address, warning)
        # What is subscribed to has a connection of its own: servers close one that has asked for more than some MiB besides.
        async with connected(self._options, self._take) as (bell, other):
            if other.life != server.life:
                raise UnusableServerError("two connections have led to two servers")
            self.trouble = ""
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self.peers.read, connection, bell)
                nursery.start_soon(self.peers.write, connection)
                await self.listening.use(connection, bell, server)

    def _take(self, push: list[Any]) -> None:
        if push[1] != self.peers.keys.channel:
            self.listening.take(push)
        elif push[0] == b"message":
            self.peers.take(push[2])
