"""The journal of one topic: it writes what is published in batches, and delivers it when it is written."""

import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
from typing import override

import trio

from ....errors import StoreError
from ....logs import logger_of
from ....threads import NoThreadError, run_in_own_thread
from ...history import Epochs
from ...published import Gap
from ..record import Record, load_event
from ..seam import Delivery, Journal
from .database import Batch, Database
from .entries import Entry, Pending, row_of
from .loading import Withheld, open_history
from .options import Options, Turns
from .troubles import NotConnectedError

logger = logger_of("topics")

# When the topic is closed: seconds for writing what still waits, and then for closing the file.
_LAST_WRITE_TIMEOUT = 10.0
_CLOSE_TIMEOUT = 1.0
# How many events are delivered without a checkpoint.
_AT_ONCE = 100


class SQLiteJournal(Journal):
    """Writes published events in a thread, and then delivers them in the same order.

    Events that come during a transaction wait for the next one. An event gets its id when it is published; if its
    transaction fails, these ids are withdrawn, and one gap takes the place of the transaction's events.

    Args:
        delivery: The journal's access to its topic.
        store: The store's settings.
        turns: The lock that the store's topics share.
    """

    def __init__(self, delivery: Delivery, store: Options, turns: Turns) -> None:
        self._topic = delivery.topic
        self._history = delivery.history
        self._store = store
        self._turns = turns
        # New for each opening: see `_open`.
        self._database: Database
        self._epochs: Epochs  # the history's
        self._epochs_changed: bool  # since they were last written
        self._is_lost: bool  # the file: everything has to be written again
        self._withheld: Withheld | None
        self._opened = 0.0
        self._owners = 0
        self._is_open = False
        self._writing = Pending()  # what the transaction that is under way writes
        self._next = Pending()  # what has come since
        self._count = 0  # of the events in both
        self._size = 0  # and their bytes
        self._last = 0  # the number of the newest event, delivered or not
        self._gaps: list[Entry] = []  # delivered, but not written
        self._work = trio.lowlevel.ParkingLot()
        self._room = trio.lowlevel.ParkingLot()
        self._turn = trio.Lock()  # to use the database

    # -- publishing -----------------------------------------------------------------------------------------------------

    @property
    @override
    def is_empty(self) -> bool:
        return not self._count

    @override
    def publish_nowait(self, record: Record) -> str:
        if self._is_full():
            raise trio.WouldBlock(
                f"the topic {self._topic.name!r}: {self._count} events of {self._size} bytes wait to be written; its "
                f"SQLiteStore allows max_waiting={self._store.max_waiting} events and "
                f"max_waiting_bytes={self._store.max_waiting_bytes}; `await topic.publish(...)` waits for room"
            )
        number = self._last + 1
        event = load_event(record, self._topic.name, self._epochs.id_of(number), number, self._history.now())
        self._next.entries.append(Entry(event, time.time(), record))
        self._last = number
        self._size += event.size
        self._count += 1
        self._work.unpark_all()
        return event.id

    @override
    async def publish(self, record: Record) -> str:
        while self._is_full() and not self._topic.is_closed:
            await self._room.park()
        if self._topic.is_closed:
            raise trio.ClosedResourceError(f"the topic {self._topic.name!r} is closed")
        id = self.publish_nowait(record)
        pending = self._next
        await pending.over.wait()
        if pending.error is not None:
            raise StoreError(str(pending.error)) from pending.error
        return id

    @override
    def end(self) -> None:
        self._room.unpark_all()

    def _is_full(self) -> bool:
        return self._count >= self._store.max_waiting or self._size >= self._store.max_waiting_bytes

    # -- opening and closing --------------------------------------------------------------------------------------------

    @override
    @asynccontextmanager
    async def opened(self) -> AsyncGenerator[None]:
        async with self._turn:
            if not self._is_open:
                await self._open()
            self._owners += 1
        failure = None
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._write_batches)
                try:
                    yield
                except Exception as error:  # the block's own, which must not come out as a group
                    failure = error
                nursery.cancel_scope.cancel("the block is left")
        finally:
            self._owners -= 1
            with trio.move_on_after(_LAST_WRITE_TIMEOUT + _CLOSE_TIMEOUT, shield=True):
                async with self._turn:
                    if not self._owners:
                        await self._close()
        if failure is not None:
            raise failure

    async def _open(self) -> None:
        # Not the former one: a thread that was given up may have yet to close that.
        self._database = Database(self._store, self._topic.name, self._turns)
        now = self._history.now()
        read = partial(open_history, self._store, self._database, self._history.new_log(), now, now - time.time())
        try:
            log, self._epochs, self._withheld = await run_in_own_thread(read)
        except NoThreadError as error:
            raise StoreError(f"the topic {self._topic.name!r} cannot be opened: {error}") from error
        self._opened = now
        self._is_lost = False
        self._epochs_changed = False
        self._last = log.last
        self._gaps.clear()
        self._is_open = True
        self._topic.begin(log, self._epochs)

    async def _close(self) -> None:
        """Write what still waits, within a time limit, and close the file."""
        self._topic.close()
        self._is_open = False
        try:
            with trio.move_on_after(_LAST_WRITE_TIMEOUT):
                while not self.is_empty:
                    await self._write_batch()
            while not self.is_empty:
                self._lose(StoreError(f"the topic {self._topic.name!r} was closed, and its store did not answer in time"))
        finally:
            self._database.wanted = None
            # Should it take too long, the thread goes on alone, and closes the file whenever it can.
            try:
                await run_in_own_thread(self._database.close, abandon_on_cancel=True)
            except NoThreadError:
                self._database.close(may_wait=False)

    # -- writing --------------------------------------------------------------------------------------------------------

    async def _write_batches(self) -> None:
        while True:
            if self.is_empty:
                await self._work.park()
            async with self._turn:
                if not self.is_empty:  # with several owners, another one may have done it
                    await self._write_batch()

    async def _write_batch(self) -> None:
        # Entries that are left are those of a call that was cancelled. They may be written already; once more does no harm.
        if not self._writing.entries:
            self._writing, self._next = self._next, Pending()
        batch = self._database.wanted = self._batch()
        try:
            await run_in_own_thread(self._database.write, batch, abandon_on_cancel=True)
        except NotConnectedError:  # since the file was lost, which has cost an earlier batch
            self._is_lost = True
        except StoreError as error:
            self._lose(error)
        except NoThreadError as error:
            self._lose(StoreError(f"the topic {self._topic.name!r} cannot be written: {error}"))
        else:
            self._withheld = None if self._is_lost else self._withheld  # which were in the file only
            self._is_lost = False
            self._gaps.clear()
            self._history.release_id()
            self._epochs_changed = False
            await self._deliver()

    def _batch(self) -> Batch:
        log, epochs = self._history.log, self._epochs
        if self._is_lost:
            rows = [(entry.event.number, entry.at, *entry.record) for entry in self._writing.entries]
            ahead = time.time() - self._history.now() if self._history.needs_clock else None
            remembered = log.since(0, len(log))
            whole = map(partial(row_of, ahead=ahead), remembered)  # the thread asks for them
            return Batch(log.first, log.first - 1, rows, epochs.all, whole)
        first = self._first()
        entries = [*(gap for gap in self._gaps if gap.event.number >= first), *self._writing.entries]
        rows = [(entry.event.number, entry.at, *entry.record) for entry in entries]
        return Batch(first, rows[0][0] - 1, rows, epochs.all if self._epochs_changed else None)

    def _first(self) -> int:
        """The number of the oldest event to keep in the file: what may be too old only by a wrong clock is not deleted."""
        log = self._history.log
        if self._withheld is not None and log.max_age is not None:
            if not self._withheld.are_too_old(log.max_age, self._history.now() - self._opened):
                return max(self._withheld.first, log.last + 1 - log.most)
            self._withheld = None
        return log.first

    async def _deliver(self) -> None:
        entries = self._writing.entries
        while True:
            for _ in range(min(_AT_ONCE, len(entries))):
                event = entries.popleft().event
                self._count -= 1
                self._size -= event.size
                self._topic.deliver(event)
            if not entries:
                break
            await trio.lowlevel.checkpoint()
        self._end_batch()

    def _lose(self, error: StoreError) -> None:
        """Put one gap in the place of the events that could not be written. Later events keep their ids."""
        if not self._writing.entries:
            self._writing, self._next = self._next, Pending()
        lost = len(self._writing.entries)
        log = self._history.log
        number = log.last + 1
        self._history.hold_id()
        self._epochs.skip(number, lost - 1)
        self._epochs.forget((first := self._first()) - 1)
        self._epochs_changed = True
        for entry in self._next.entries:
            entry.event.number -= lost - 1
        self._last -= lost - 1
        self._count -= lost
        self._size -= sum(entry.event.size for entry in self._writing.entries)
        gap = Gap(self._topic.name, lost, self._history.id_of(number), number, self._history.now())
        self._gaps = [entry for entry in self._gaps if entry.event.number >= first]
        self._gaps.append(Entry(gap, time.time(), Record.gap(lost)))
        self._writing.entries.clear()
        self._writing.error = error
        logger.error("%d events were lost, because they could not be written: %s", lost, error)
        self._topic.deliver(gap)
        self._end_batch()

    def _end_batch(self) -> None:
        self._writing.over.set()
        self._room.unpark_all()
        if self._topic.is_closed and self.is_empty:
            self._topic.wake()
