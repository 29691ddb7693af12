"""Revalidation: asking the application at intervals whether a stream may go on."""

from collections.abc import Awaitable, Callable

import trio

from ..failures import reraise, split_failure
from ..habits import note_habit
from ..logs import logger_of
from .outcome import Outcome
from .snapshot import Ending
from .waiting import ParkingSpot
from .writer import Writer

logger = logger_of("stream")

type Revalidate = Callable[[], Awaitable[bool]]


class Revalidation:
    """The function given as `revalidate`, and its last answer. It is the `Gate` of the stream's events.

    The question is the user's code. So it is asked in the source's task, before an event, and in a task of its own in the
    stream's nursery, before a heartbeat.

    Args:
        question: The question.
        interval: Seconds that an answer holds for.
        outcome: The state of the stream, which a refusal ends.
        writer: What sends the stream's heartbeats.
    """

    __slots__ = ("_answered_at", "_due", "_interval", "_is_refused", "_outcome", "_question", "_writer")

    def __init__(self, question: Revalidate, interval: float, outcome: Outcome, writer: Writer) -> None:
        self._question = question
        self._interval = interval
        self._outcome = outcome
        self._writer = writer
        self._answered_at = trio.current_time()  # the handler has just allowed the stream, which counts as the first answer
        self._is_refused = False
        self._due = ParkingSpot()

    def before_heartbeat(self) -> None:
        """Let `run()` ask, and then send a heartbeat if the stream may go on. Never blocks."""
        self._due.wake()

    async def run(self) -> None:
        """Ask before each heartbeat, until cancelled."""
        while True:
            await self._due.park()
            await self._ask()
            if not self._is_refused:
                self._writer.beat()

    @property
    def is_open(self) -> bool:
        """Whether the last answer still holds, and was that the stream may go on."""
        return not self._is_refused and trio.current_time() < self._answered_at + self._interval

    async def allows(self) -> bool:
        """Whether an event may be sent; asks where the last answer is too old. A refusal ends the stream.

        A refusal is a checkpoint too: the source's task is cancelled in it.
        """
        if self._outcome.ending is None and trio.current_time() >= self._answered_at + self._interval:
            await self._ask()
        if self._is_refused:
            await trio.lowlevel.checkpoint()
        return not self._is_refused

    async def ask(self) -> None:
        """Return once an event may be sent; see `Gate`."""
        if not await self.allows():
            await trio.sleep_forever()  # the stream has ended, and its source is cancelled

    async def _ask(self) -> None:
        try:
            is_allowed = await self._question()
        except BaseException as raised:
            signal, failure = split_failure(raised)
            try:
                if failure is not None:
                    note_habit(failure)
                    path = self._outcome.path
                    logger.exception("%s: its revalidate raised, which counts as a refusal", path, exc_info=failure)
                    self._outcome.tell_listener("its revalidate raised", failure)
                if signal is not None:
                    reraise(signal)
            finally:
                del signal, failure  # what is raised holds this frame
            is_allowed = False
        self._answered_at = trio.current_time()
        if not is_allowed:
            self._is_refused = True
            self._outcome.end(Ending.CLOSED)
