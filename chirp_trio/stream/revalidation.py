"""Asking the application, again and again, whether a stream may go on. Streams that need it have one of these."""

from collections.abc import Awaitable, Callable
from typing import Protocol

import trio

from ..asgi import note_asyncio
from ..failures import reraise, split_failure
from ..logs import logger_of
from .ending import Ending
from .parking import ParkingSpot
from .snapshot import StreamSnapshot

logger = logger_of("stream")

type Revalidate = Callable[[], Awaitable[bool]]


class Asked(Protocol):
    """The stream, as far as asking needs it."""

    ending: Ending | None

    def end(self, ending: Ending) -> None:
        """End it."""

    def beat(self) -> None:
        """Send a heartbeat."""

    def snapshot(self) -> StreamSnapshot:
        """What can be seen of it now."""

    def tell_of(self, what: str, error: Exception) -> None:
        """Tell a test client of an error that only the log has got."""


class Revalidation:
    """The question, and the last answer to it.

    It is the user's code, so it is asked in the source's task, before an event, and in a task of its own in the stream's
    nursery, before a heartbeat.

    Args:
        ask: The question.
        interval: Seconds that an answer holds for.
    """

    __slots__ = ("_answered_at", "_ask", "_due", "_interval", "_refused")

    def __init__(self, ask: Revalidate, interval: float) -> None:
        self._ask = ask
        self._interval = interval
        self._answered_at = trio.current_time()  # the handler has just made the stream: that is the first answer
        self._refused = False
        self._due = ParkingSpot()

    def before_heartbeat(self) -> None:
        """Let `run()` ask, and send a heartbeat if it may. Never blocks."""
        self._due.wake()

    async def run(self, stream: Asked) -> None:
        """Ask before each heartbeat, until cancelled."""
        while True:
            await self._due.park()
            await self._ask_for(stream)
            if not self._refused:
                stream.beat()

    @property
    def holds(self) -> bool:
        """Whether the last answer holds, and was that the stream may go on."""
        return not self._refused and trio.current_time() < self._answered_at + self._interval

    async def allows(self, stream: Asked) -> bool:
        """Whether an event may be sent. A refusal is a checkpoint, and what cancels the source."""
        if stream.ending is None and trio.current_time() >= self._answered_at + self._interval:
            await self._ask_for(stream)
        if self._refused:
            await trio.lowlevel.checkpoint()
        return not self._refused

    async def _ask_for(self, stream: Asked) -> None:
        try:
            allowed = await self._ask()
        except BaseException as raised:
            signal, failure = split_failure(raised)
            try:
                if failure is not None:
                    note_asyncio(failure)
                    path = stream.snapshot().path
                    logger.exception("%s: its revalidate raised, which counts as a refusal", path, exc_info=failure)
                    stream.tell_of("its revalidate raised", failure)
                if signal is not None:
                    reraise(signal)
            finally:
                del signal, failure  # what is raised holds this frame
            allowed = False
        self._answered_at = trio.current_time()
        if not allowed:
            self._refused = True
            stream.end(Ending.CLOSED)


class StreamGate:
    """The question, as the sink of one stream has it: see `Gate`."""

    __slots__ = ("_revalidation", "_stream")

    def __init__(self, revalidation: Revalidation, stream: Asked) -> None:
        self._revalidation = revalidation
        self._stream = stream

    @property
    def is_open(self) -> bool:
        """See `Gate`."""
        return self._revalidation.holds

    async def ask(self) -> None:
        """See `Gate`."""
        if not await self._revalidation.allows(self._stream):
            await trio.sleep_forever()  # the stream has ended, and its source is cancelled
