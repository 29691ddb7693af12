"""What is worth a notification: told from the samples, one after another."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from statistics import fmean

from feed import Feed
from machine import Process
from sampler import Sample

_LASTING = 5  # samples that a level is averaged over, for a short peak to be no alarm
_NAMED = 3  # kinds of processes that one notification names


class Watch:
    """Looks at every sample, and adds to a feed what has happened since the one before."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._processes: Sequence[Process] | None = None
        self._cpu = Alarm("CPU", above=80, below=60)
        self._memory = Alarm("Memory", above=90, below=85)

    def observe(self, sample: Sample) -> None:
        """Look at the next sample."""
        recent = sample.history[-_LASTING:]
        notes = [
            *compare(self._processes, sample.now.processes),
            *self._cpu.check([figures.cpu for figures in recent]),
            *self._memory.check([figures.memory.percent if figures.memory else None for figures in recent]),
        ]
        self._processes = sample.now.processes
        for kind, text in notes:
            self._feed.add(kind, text)


class Alarm:
    """Goes off when a level is high for some time, and once more when it is low again. Between the two, nothing changes."""

    def __init__(self, name: str, *, above: float, below: float) -> None:
        self._name = name
        self._above = above
        self._below = below
        self._is_on = False

    def check(self, levels: Sequence[float | None]) -> Iterator[tuple[str, str]]:
        """The notification for the last levels, if there is one to be made: its kind, and its text."""
        known = [level for level in levels if level is not None]
        if len(known) < _LASTING:
            return
        level = fmean(known)
        if not self._is_on and level > self._above:
            self._is_on = True
            yield "alarm", f"{self._name} above {self._above:g} %"
        elif self._is_on and level < self._below:
            self._is_on = False
            yield "calm", f"{self._name} below {self._below:g} % again"


def compare(before: Sequence[Process] | None, now: Sequence[Process] | None) -> Iterator[tuple[str, str]]:
    """The notifications for processes that have started and ended: their kinds, and their texts."""
    if before is None or now is None or before is now:
        return
    for verb, left, right in (("ended", now, before), ("started", before, now)):
        known = {process.pid for process in left}
        names = [process.name for process in right if process.pid not in known]
        if names:
            yield verb, f"{_enumerate(names)} {verb}"


def _enumerate(names: Sequence[str]) -> str:
    counted = Counter(names)
    shown = [
        name if number == 1 else f"{number} \N{MULTIPLICATION SIGN} {name}"
        for name, number in islice(counted.items(), _NAMED)
    ]
    more = len(names) - sum(islice(counted.values(), _NAMED))
    if more:
        shown.append(f"{more} more")
    return " and ".join(filter(None, (", ".join(shown[:-1]), shown[-1])))
