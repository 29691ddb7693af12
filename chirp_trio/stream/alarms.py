"""When to look at which stream: one alarm for each, and no more memory than that."""

from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .lifecycle import LiveStream

# How many seconds late an alarm may be. Where it is later, the server has stood still (a machine that was suspended, a
# container that was paused), and clients cannot help that.
STANDSTILL = 2.0

# How many emptied alarms may stay beyond one for each stream: below that, cleaning up is not worth it.
_SLACK = 16


class Alarms:
    """At most one alarm for each stream, the next one first.

    An alarm that is no longer wanted is emptied and left in the heap, because finding it there takes longer. Once most of
    them are empty, the heap is made anew, so that it is as large as there are streams, whatever times they ask for.
    """

    def __init__(self) -> None:
        self._heap: list[_Alarm] = []
        self._of: dict[LiveStream, _Alarm] = {}

    def __len__(self) -> int:
        """How many alarms are in memory, the emptied ones as well."""
        return len(self._heap)

    def set(self, stream: LiveStream, due: float) -> bool:
        """Set the stream's alarm, instead of the one that it has; whether it is the next one of all."""
        self.cancel(stream)
        alarm = self._of[stream] = _Alarm(due, stream)
        heappush(self._heap, alarm)
        return self._heap[0] is alarm

    def cancel(self, stream: LiveStream) -> None:
        """Take the stream's alarm away, if it has one."""
        alarm = self._of.pop(stream, None)
        if alarm is not None:
            alarm.stream = None
            self._tidy()

    def next_due(self) -> float | None:
        """When the next one is due, or earlier; None if there is none."""
        return self._heap[0].due if self._heap else None

    def pop(self, now: float) -> LiveStream | None:
        """Take away the next alarm that is due; its stream, or None if none is."""
        while self._heap and self._heap[0].due <= now:
            stream = heappop(self._heap).stream
            if stream is not None:
                del self._of[stream]
                self._tidy()
                return stream
        return None

    def _tidy(self) -> None:
        if len(self._heap) > 2 * len(self._of) + _SLACK:
            self._heap = [alarm for alarm in self._heap if alarm.stream is not None]
            heapify(self._heap)


class _Alarm:
    __slots__ = ("due", "stream")

    def __init__(self, due: float, stream: LiveStream) -> None:
        self.due = due
        self.stream: LiveStream | None = stream

    def __lt__(self, other: _Alarm) -> bool:
        return self.due < other.due
