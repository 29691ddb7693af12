"""The one task that takes the figures, for everybody who watches."""

import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import trio
from charts import Chart, draw, round_top
from machine import Figures, Process

INTERVAL = 1.0  # seconds from one sample to the next
SPAN = 120  # samples in a chart
LEAST = 15  # samples that a chart has room for at first: it begins with what there is, and grows


@dataclass(frozen=True)
class Sample:
    """The figures of a moment, and those that led to it. Its charts are drawn once, when the first visitor needs them.

    Attributes:
        now: The figures of the moment.
        history: The same for the charts, the oldest first and those of now among them.
    """

    now: Figures
    history: Sequence[Figures]

    @property
    def span(self) -> int:
        """How many samples the charts have room for: those that there are, within bounds."""
        return min(max(len(self.history), LEAST), SPAN)

    @cached_property
    def cpu(self) -> Chart:
        return draw([figures.cpu for figures in self.history], span=self.span, top=100)

    @cached_property
    def memory(self) -> Chart:
        values = [figures.memory.percent if figures.memory else None for figures in self.history]
        return draw(values, span=self.span, top=100)

    @cached_property
    def received(self) -> Chart:
        values = [figures.received for figures in self.history]
        return draw(values, span=self.span, top=round_top(values, least=10_000))

    @cached_property
    def sent(self) -> Chart:
        values = [figures.sent for figures in self.history]
        return draw(values, span=self.span, top=round_top(values, least=10_000))

    @cached_property
    def load(self) -> Chart:
        values = [figures.load[0] if figures.load else None for figures in self.history]
        return draw(values, span=self.span, top=round_top(values, least=len(self.now.cores or (1,))))

    def busiest(self, count: int) -> list[Process]:
        """The processes that take the most of the CPU and, where that is equal, of the memory."""
        processes = self.now.processes or ()
        return sorted(processes, key=lambda process: (process.cpu or 0, process.memory or 0), reverse=True)[:count]

    def process(self, pid: int) -> Process | None:
        """One process."""
        return next((process for process in self.now.processes or () if process.pid == pid), None)


class Sampler:
    """Takes a sample at regular intervals.

    Args:
        read: Reads the figures. Called in a thread, so it may block.
    """

    def __init__(self, read: Callable[[], Figures]) -> None:
        self._read = read
        self._history: deque[Figures] = deque(maxlen=SPAN)
        self.latest: Sample

    async def run(
        self,
        on_sample: Callable[[Sample], None],
        past: Sequence[Figures] = (),
        *,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Take samples until cancelled. Has started when there is a first one.

        Args:
            on_sample: Called with each sample before anybody else sees it.
            past: What the charts begin with, the oldest first.
            task_status: For `nursery.start()`.
        """
        self._history.extend(past)
        is_first = True
        due = trio.current_time()
        while True:
            now = await trio.to_thread.run_sync(self._read, abandon_on_cancel=True)
            self._history.append(replace(now, processes=None))  # no chart is drawn of them, and they are many
            self.latest = Sample(now, tuple(self._history))
            on_sample(self.latest)
            if is_first:
                is_first = False
                task_status.started()
            # On the beat, however long the reading took; what was missed (a laptop's lid was closed) is not made up for.
            due += INTERVAL * max(1, math.ceil((trio.current_time() - due) / INTERVAL))
            await trio.sleep_until(due)
