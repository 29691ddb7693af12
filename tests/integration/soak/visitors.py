"""Honest clients: browsers with tabs, fast, slow or stalling, who leave at any byte and come back as `EventSource` does."""

from dataclasses import dataclass
from random import Random
from typing import Protocol

import trio

from chirp_trio import Decoder, SSEEvent
from tests.integration.soak.connections import HTTP1, HTTP2, Address, AnyConnection, Ended, Malformed
from tests.integration.soak.ledger import Ledger
from tests.integration.soak.model import Model

SILENCE = 10.0  # seconds; a heartbeat comes each second
TAIL = 300  # bytes


class World(Protocol):
    """What visitors have to know of the run."""

    ledger: Ledger
    address: Address | None  # None while there is no server
    seed: int
    is_over: bool  # everything is published: read on until nothing is missing, and leave
    kills: int

    def report(self, who: str, text: str, tail: bytes) -> None:
        """Something is wrong."""

    def report_late(self, who: str, text: str, tail: bytes) -> None:
        """Something has not come in time, which is wrong if the machine has let everybody run."""


@dataclass(frozen=True, slots=True)
class Visit:
    """What a client does between its coming and its leaving, drawn by lot before it comes."""

    protocol: str
    most: int | None  # bytes after which a tab leaves, wherever that is; None: it does not
    seconds: float
    pause: float  # seconds between two reads
    stall: float  # seconds without reading, in the middle
    by_reset: bool
    receive_buffer: int | None

    @classmethod
    def draw(cls, lot: Random) -> Visit:
        pace = lot.choices(["fast", "slow", "stalling"], [6, 2, 2])[0]
        return cls(
            protocol=lot.choice(["http/1.1", "h2", "h2"]),
            most=lot.choice([None, None, lot.randrange(600), lot.randrange(20_000)]),
            seconds=lot.expovariate(1 / 6),
            pause=lot.uniform(0.01, 0.1) if pace == "slow" else 0,
            stall=lot.choice([0.5, 2, 5]) if pace == "stalling" else 0,
            by_reset=lot.random() < 0.5,
            receive_buffer=None if pace == "fast" else 4096,
        )

    @property
    def is_patient(self) -> bool:
        """Whether the server has no reason to give it up."""
        return not self.pause and not self.stall


# Reads all, as fast as it can: the last visit.
LAST = Visit("h2", None, 60, 0, 0, by_reset=False, receive_buffer=None)


class Tab:
    """An `EventSource`, with what it has had so far.

    Attributes:
        is_closed: It was answered with 204, which is for good.
    """

    def __init__(self, world: World, name: str, lot: Random) -> None:
        self._world = world
        topics = lot.choice([["memory"], ["stored"], ["memory", "stored"], ["stored", "memory"], ["countdown"]])
        step = lot.choice([1, 1, 3])
        overflow = lot.choice(["disconnect", "disconnect", "drop-oldest", "latest"])
        self.path = "/countdown" if topics == ["countdown"] else f"/streams/{'+'.join(topics)}/{step}/{overflow}"
        self.name = f"{name} {self.path}"
        self.model = Model(world.ledger, topics, 1 if topics == ["countdown"] else step, overflow == "latest", self.report)
        self.is_closed = False
        self.visits = 0
        self.last_event_id = ""
        self.reconnection_time = 0.1  # seconds; browsers have some seconds
        self._decoder = Decoder()
        self._tail = b""
        self._left: int | None = None

    @property
    def is_done(self) -> bool:
        return self.is_closed or (self._world.is_over and self.path != "/countdown" and self.model.has_all)

    def begin(self, most: int | None) -> None:
        """A connection is to be opened."""
        self.visits += 1
        self._decoder = Decoder(last_event_id=self.last_event_id or None)
        self._left = most

    def answered(self, status: int) -> None:
        """Its response has begun."""
        if status == 204:
            self.is_closed = True
        elif status != 200:
            self.report(f"it was answered with {status}")

    def feed(self, body: bytes) -> bool:
        """Take a piece of the body; whether it goes on reading."""
        if self._left is not None:
            body = body[: self._left]
            self._left -= len(body)
        self._tail = (self._tail + body)[-TAIL:]
        if not self.last_event_id:  # its place comes first, and may be in one piece with the first event
            first, blank, body = body.partition(b"\n\n")
            self._decode(first + blank)
        self._decode(body)
        if self._decoder.retry is not None:
            self.reconnection_time = self._decoder.retry / 1000
        return self._left != 0 and not self.is_done

    def _decode(self, body: bytes) -> None:
        events = [event for event in self._decoder.feed(body) if isinstance(event, SSEEvent)]
        for event in events:
            self.model.event(event)
        id = self._decoder.last_event_id
        if id != (events[-1].id if events and events[-1].id else self.last_event_id):
            self.model.place(id)
        self.last_event_id = id

    def report(self, text: str) -> None:
        self._world.report(f"{self.name}, visit {self.visits}", text, self._tail)

    def report_late(self, text: str) -> None:
        self._world.report_late(f"{self.name}, visit {self.visits}", text, self._tail)


class Browser:
    """Some tabs, which share a connection where HTTP/2 is spoken."""

    def __init__(self, world: World, number: int) -> None:
        self._world = world
        self._number = number
        self._visits = 0
        lot = Random(f"{world.seed} browser {number}")
        self.tabs = [Tab(world, f"browser {number} tab {place}", lot) for place in range(lot.choice([1, 1, 2, 4]))]

    async def browse(self) -> None:
        """Come and go until all is read."""
        while tabs := [tab for tab in self.tabs if not tab.is_done]:
            self._visits += 1
            lot = Random(f"{self._world.seed} browser {self._number} visit {self._visits}")
            visit = LAST if self._world.is_over else Visit.draw(lot)
            if visit.protocol == "h2" and self._world.address is not None and self._world.address.trust is not None:
                await self._visit(HTTP2, tabs, visit, lot)
            else:
                async with trio.open_nursery() as nursery:
                    for tab in tabs:
                        nursery.start_soon(self._visit, HTTP1, [tab], visit, Random(lot.random()))

    async def _visit(self, protocol: type[AnyConnection], tabs: list[Tab], visit: Visit, lot: Random) -> None:
        try:
            address = self._world.address
            if address is not None:
                connection = protocol(await address.connect(protocol.protocol, receive_buffer=visit.receive_buffer))
                try:
                    await self._read(connection, tabs, visit, lot)
                finally:
                    with trio.CancelScope(shield=True, deadline=trio.current_time() + 1):
                        await connection.leave(by_reset=visit.by_reset)
        except OSError, trio.BrokenResourceError:
            pass  # there is no server at the moment, or it was killed while it was asked
        except Malformed as error:
            tabs[0].report(f"not HTTP: {error}")
        await trio.sleep(max(lot.random() * 0.1, *(tab.reconnection_time for tab in tabs)))

    async def _read(self, connection: AnyConnection, tabs: list[Tab], visit: Visit, lot: Random) -> None:
        world = self._world
        kills = world.kills
        until = trio.current_time() + visit.seconds
        stall_at = until - visit.seconds / 2 if visit.stall else until
        opened: dict[int, Tab] = {}
        begun: set[int] = set()
        for tab in tabs:
            tab.begin(visit.most)
            opened[await connection.get(tab.path, tab.last_event_id)] = tab
        while opened and (now := trio.current_time()) < until and (visit is LAST or not world.is_over):
            if now >= stall_at and visit.stall:
                await trio.sleep(visit.stall)
                stall_at = until
            parts = None
            with trio.move_on_after(SILENCE):
                parts = await connection.read()
            if parts is None:
                opened.popitem()[1].report_late(f"nothing came for {SILENCE} seconds; {visit}")
                return
            for number, part in parts:
                if (tab := opened.get(number)) is None:
                    continue
                if isinstance(part, bytes):
                    if not tab.feed(part):
                        del opened[number]
                        await self._again(connection, tab, number, lot.choice([None, lot.randrange(1, 2000)]), opened)
                elif isinstance(part, Ended):
                    del opened[number]
                    may_be_cut = world.kills != kills or not visit.is_patient or number not in begun
                    if not part.is_complete and not may_be_cut:  # not even by a server that is told to stop
                        tab.report_late(f"its stream was cut off; {visit}")
                else:
                    begun.add(number)
                    tab.answered(part.status)
            await trio.sleep(visit.pause)

    async def _again(
        self, connection: AnyConnection, tab: Tab, number: int, most: int | None, opened: dict[int, Tab]
    ) -> None:
        """A tab leaves alone, and comes back on the same connection."""
        if isinstance(connection, HTTP2):
            await connection.reset(number)
            if connection.takes_requests and not tab.is_done:
                tab.begin(most)
                opened[await connection.get(tab.path, tab.last_event_id)] = tab
