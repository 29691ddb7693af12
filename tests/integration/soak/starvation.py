"""Whether the machine lets the server and its clients run. Who has no core cannot keep to a time, and is not to blame."""

import time
from pathlib import Path

TICK = 0.25  # seconds
MEMORY = 20.0  # seconds; longer than all that the clients and the server wait for
SHARE = 0.5  # of a tick


class Starvation:
    """How long the threads that matter have waited for a core, as Linux counts it; elsewhere nobody is ever starved.

    A server that blocks its own loop is not starved: it has the core.

    Attributes:
        seconds: For how long one of them was starved, in all.
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        self._waited: dict[int, float] = {}
        self._at = time.monotonic()
        self._starved_at = -MEMORY

    def look(self, *processes: int) -> float:
        """Look at the main threads of some processes; how many seconds of those since the last look are lost."""
        now = time.monotonic()
        waited = {process: _waited(process) for process in processes}
        lost = [value - self._waited[process] for process, value in waited.items() if process in self._waited]
        passed = now - self._at
        self._waited, self._at = waited, now
        if max(lost, default=0) < SHARE * passed:
            return 0.0
        self._starved_at = now
        self.seconds += passed
        return passed

    @property
    def is_recent(self) -> bool:
        """Whether one of them was starved so short a time ago that it may be why something comes late, or is cut off."""
        return time.monotonic() - self._starved_at < MEMORY


def _waited(process: int) -> float:
    try:
        return int(Path(f"/proc/{process}/schedstat").read_text().split()[1]) / 1e9
    except OSError, IndexError:
        return 0.0
