"""A store that several topics share, in memory: the third one behind the seam, which proves that it is one."""

import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import override

import trio

from chirp_trio.topics import Delivery, Epoch, Epochs, Journal, Record, Store


class Shelf:
    """One topic's events, for everybody."""

    def __init__(self, number: int) -> None:
        self.epochs = [Epoch(0, f"shelf{number}", 0)]
        self.records: list[tuple[Record, float]] = []
        self.arrived = trio.lowlevel.ParkingLot()
        self.journals: dict[SharedJournal, Counter[str | None]] = {}

    def put(self, record: Record) -> str:
        self.records.append((record, time.time()))
        self.arrived.unpark_all()
        return f"{self.epochs[0].name}-{len(self.records)}"


class SharedMemoryStore(Store):
    """Shelves by the names of topics. An event reaches a topic some turns of the loop after it was published."""

    is_shared = True

    def __init__(self) -> None:
        self.shelves: dict[str, Shelf] = {}
        self.listeners: dict[Callable[[str], object], None] = {}
        self.trouble = ""

    @override
    def tell(self, notice: str) -> None:
        for hear in tuple(self.listeners):
            hear(notice)

    @override
    @contextmanager
    def heard(self, hear: Callable[[str], object]) -> Iterator[None]:
        self.listeners[hear] = None
        try:
            yield
        finally:
            del self.listeners[hear]

    @override
    def journal(self, delivery: Delivery) -> Journal:
        return SharedJournal(delivery, self.shelves.setdefault(delivery.name, Shelf(len(self.shelves))), self)


class SharedJournal(Journal):
    """One topic that reads a shelf."""

    def __init__(self, delivery: Delivery, shelf: Shelf, store: SharedMemoryStore) -> None:
        self.delivery = delivery
        self.store = store
        self.shelf = shelf
        self.arrived = trio.lowlevel.ParkingLot()
        self.own = 0  # how many are on the shelf because of this topic, and have not been delivered

    @override
    @asynccontextmanager
    async def opened(self) -> AsyncGenerator[None]:
        records, capacity = self.shelf.records, self.delivery.capacity
        self.ids = Epochs(self.shelf.epochs)
        self.delivery.begin(self.ids, len(records), records[max(0, len(records) - capacity) :])
        self.shelf.journals[self] = Counter()
        self.tell_of_others()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.follow)
            failure = None
            try:
                yield
            except Exception as error:
                failure = error
            self.delivery.close()
            while not self.is_empty:
                await self.arrived.park()
            self.delivery.wake()
            nursery.cancel_scope.cancel()
        if failure is not None:
            raise failure

    async def follow(self) -> None:
        while True:
            while self.delivery.last == len(self.shelf.records):
                await self.shelf.arrived.park()
            for _ in range(5):
                await trio.lowlevel.checkpoint()
            self.delivery.deliver(*self.shelf.records[self.delivery.last])
            self.arrived.unpark_all()

    @property
    @override
    def is_empty(self) -> bool:
        return self.delivery.last == len(self.shelf.records)

    @property
    @override
    def trouble(self) -> str:
        return self.store.trouble

    @override
    def count_here(self, member: str | None, count: int) -> None:
        self.shelf.journals[self][member] = count
        for journal in self.shelf.journals:
            if journal is not self:
                journal.count_elsewhere(member)

    def tell_of_others(self) -> None:
        for member in {member for counts in self.shelf.journals.values() for member in counts}:
            self.count_elsewhere(member)

    def count_elsewhere(self, member: str | None) -> None:
        others = (counts for other, counts in self.shelf.journals.items() if other is not self)
        self.delivery.count_elsewhere(member, sum(counts[member] for counts in others))

    @override
    def publish_nowait(self, record: Record) -> str:
        return self.shelf.put(record)

    @override
    async def publish(self, record: Record) -> str:
        return self.shelf.put(record)

    @override
    async def find(self, last_event_id: str) -> None:
        for id in last_event_id.split(","):
            if self.ids.number_of(id, len(self.shelf.records)) is not None:
                while self.ids.number_of(id, self.delivery.last) is None:
                    await self.arrived.park()
