"""One topic of a server: what is published here goes there, and what has come there is delivered here."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import override

import trio

from ..errors import StoreError
from ..logs import logger_of
from ..topics import Delivery, Journal, Record
from .calls import Event
from .link import Link
from .options import Options
from .position import Position

logger = logger_of("topics")

# Seconds for what is not written and delivered yet when the topic's owner ends.
_LAST_TIMEOUT = 10.0


class RedisJournal(Journal):
    """See `Journal`.

    Args:
        delivery: Its topic.
        options: What the store is told.
        link: What reads and writes for it.
    """

    def __init__(self, delivery: Delivery, options: Options, link: Link) -> None:
        self._delivery = delivery
        self._options = options
        self._link = link
        self.position = Position(delivery, options)
        self._owners = 0
        self._count = 0  # of events that wait to be written
        self._size = 0  # and their bytes
        self._newest: tuple[str, int] | None = None  # of those that are written
        self._room = trio.lowlevel.ParkingLot()
        self._turn = trio.Lock()  # to open it

    # -- for what writes ------------------------------------------------------------------------------------------------

    def done(self, count: int, size: int, name: str, number: int) -> None:
        """See `Writer`."""
        self._newest = self.position.acknowledged = name, number
        self._take_off(count, size)

    def failed(self, count: int, size: int, unheard: int, error: str) -> None:
        """See `Writer`."""
        if unheard:
            logger.error("%d events were lost, because they could not be written: %s", unheard, error)
            if self.position.has_begun:
                self.position.tell_loss(unheard)
        self._take_off(count, size)

    def _take_off(self, count: int, size: int) -> None:
        self._count -= count
        self._size -= size
        self._room.unpark_all()
        self.position.changed.unpark_all()

    # -- publishing -----------------------------------------------------------------------------------------------------

    @property
    @override
    def is_empty(self) -> bool:
        if not self.position.is_open:
            return True
        return not self._count and (self._newest is None or self.position.has_had(*self._newest))

    @override
    def publish_nowait(self, record: Record) -> str:
        if self._is_full():
            raise trio.WouldBlock(
                f"the topic {self.position.topic!r}: {self._count} events of {self._size} bytes wait to be written; its "
                f"RedisStore allows max_waiting={self._options.max_waiting} events and "
                f"max_waiting_bytes={self._options.max_waiting_bytes}; `await topic.publish(...)` waits for room"
            )
        self._put(Event(self, record, trio.current_time(), is_awaited=False))
        return ""

    @override
    async def publish(self, record: Record) -> str:
        begun = trio.current_time()
        if self._is_full():
            await self._wait_for_room()
        event = Event(self, record, begun, is_awaited=True)
        self._put(event)
        return await event.wait()

    async def _wait_for_room(self) -> None:
        with trio.move_on_after(self._options.timeout):
            while self._is_full() and not self._delivery.is_closed:
                await self._room.park()
        if self._delivery.is_closed:
            raise trio.ClosedResourceError(f"the topic {self.position.topic!r} is closed")
        if self._is_full():
            trouble = self._link.trouble or f"what waits before it was not written within {self._options.timeout} s"
            raise StoreError(f"the topic {self.position.topic!r} in Redis was not written: {trouble}")

    @override
    async def find(self, last_event_id: str) -> None:
        with trio.move_on_after(self._options.timeout):
            self._link.listening.ring(self.position)
            await self.position.wait_until_complete()

    @override
    def count_here(self, member: str | None, count: int) -> None:
        if self.position.is_open:
            self._link.peers.count(self._delivery, member, count)

    @property
    @override
    def trouble(self) -> str:
        return self._link.trouble

    @override
    def end(self) -> None:
        self._room.unpark_all()

    def _put(self, event: Event) -> None:
        self._count += 1
        self._size += event.size
        self._link.publishing.put(event)

    def _is_full(self) -> bool:
        return self._count >= self._options.max_waiting or self._size >= self._options.max_waiting_bytes

    # -- opening and closing --------------------------------------------------------------------------------------------

    @override
    @asynccontextmanager
    async def opened(self) -> AsyncGenerator[None]:
        failure = None
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._link.run)
            self._owners += 1
            try:
                await self._open()
                yield
            except Exception as error:  # the block's own, which must not come out as a group
                failure = error
            finally:
                self._owners -= 1
                if not self._owners:
                    await self._close()
            nursery.cancel_scope.cancel("the block is left")
        if failure is not None:
            raise failure

    async def _open(self) -> None:
        async with self._turn:
            if self.position.is_open:
                return
            self.position.is_open = True
            self._link.listening.add(self.position)
            self._link.peers.add(self._delivery)
            while not self.position.has_begun:
                with trio.move_on_after(self._options.timeout) as waiting:  # for each piece of the history
                    await self.position.changed.park()
                if waiting.cancelled_caught:
                    break
            if self.position.has_begun:
                return
            trouble = self._link.trouble or f"it has not answered within {self._options.timeout} s"
            if self._options.at_start == "wait":
                raise StoreError(
                    f"the topic {self.position.topic!r} in Redis at {self._options.address} cannot be opened: {trouble}"
                )
            self.position.begin_without()

    async def _close(self) -> None:
        """Write and deliver what is left, within a time, and read no longer."""
        self._delivery.close()
        self._link.peers.remove(self._delivery)
        with trio.move_on_after(_LAST_TIMEOUT, shield=True):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._link.run)  # where this was cancelled, nobody else may do it
                while not self.is_empty:
                    self._link.listening.ring(self.position)
                    await self.position.changed.park()
                await self._link.peers.wait_until_told()
                nursery.cancel_scope.cancel("everything is written")
        self._link.publishing.drop(self)
        self._link.listening.remove(self.position)
        self.position.close()
        self._newest = None
        self._delivery.wake()
