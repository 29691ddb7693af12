"""Starting the server anew, at the wish of a page: where `chirp-trio demo` is around it."""

import os
import signal
from pathlib import Path


class Restart:
    """What the page can have done, and what outlives it: both are in the folder that `CHIRP_TRIO_DEMO_FOLDER` names.

    `chirp-trio demo` makes the folder. Where it serves this machine alone, it looks, once the server has stopped, whether
    there is a file `again` in it, and starts the server anew then.

    Attributes:
        store: The file for what is remembered; None: in memory.
        is_possible: Whether the server can be started anew.
    """

    def __init__(self) -> None:
        folder = os.environ.get("CHIRP_TRIO_DEMO_FOLDER")
        self._folder = Path(folder) if folder else None
        self.store = self._folder / "samples.db" if self._folder else None

    @property
    def is_possible(self) -> bool:
        return self._folder is not None and (self._folder / "may-restart").exists()

    def begin(self) -> None:
        """Have the server stop as a signal does, in good order, and be started anew."""
        assert self._folder is not None
        (self._folder / "again").touch()
        signal.raise_signal(signal.SIGTERM)
