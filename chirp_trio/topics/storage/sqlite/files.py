"""The files that SQLite has, seen from outside: whether they are those that were opened. Everything here blocks."""

import time
from contextlib import suppress
from itertools import count
from pathlib import Path

from ....errors import StoreError
from .troubles import LostFileError


class Files:
    """A database, and its write-ahead log, which is in a file of its own; as they were when somebody looked at them.

    What the system knows a file by cannot belong to another one as long as it is open.

    Args:
        path: That of the database.
    """

    def __init__(self, path: str) -> None:
        self._database = Path(path)
        self._log = Path(f"{path}-wal")
        self._seen: dict[Path, tuple[int, int]] = {}

    def look(self) -> None:
        """They are as they have to be."""
        self._seen = self._identities()

    def are_the_same(self) -> bool:
        """Whether nothing was removed, or replaced."""
        return self._identities() == self._seen

    def check(self) -> None:
        """Raise `LostFileError` where SQLite would go on writing to a file that is in no folder any more, or empty."""
        if not self.are_the_same():
            raise LostFileError("has lost its file: it was removed or replaced; a new one is made with the next event")
        if not self._database.stat().st_size:
            raise LostFileError("has lost its file: it was emptied; it is written anew with the next event")

    def check_folder(self) -> None:
        """Raise `StoreError` where there is none."""
        if not self._database.parent.is_dir():
            raise StoreError(f"cannot be opened: there is no folder {str(self._database.parent)!r}")

    def has_stale_log(self) -> bool:
        """Whether the log is that of the database which was there before. SQLite would apply it to the one that is there."""
        there, seen = self._identities(), self._seen
        return (
            self._log in there
            and there[self._log] == seen.get(self._log)
            and there.get(self._database) != seen.get(self._database)
        )

    def remove_log(self) -> None:
        """Remove it, if it can be."""
        with suppress(OSError):
            self._log.unlink()

    def log_size(self) -> int:
        """How many bytes the log has."""
        try:
            return self._log.stat().st_size
        except FileNotFoundError:
            return 0

    def set_aside(self) -> str:
        """Give the files other names; that of the database.

        Raises:
            StoreError: They are others by now.
            OSError: They cannot be renamed.
        """
        if self._identities().get(self._database) != self._seen.get(self._database):
            raise StoreError("was in a file that was damaged, and that somebody has replaced")
        path = str(self._database)
        at = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        names = (f"{path}.damaged-{at}{f'-{number}' if number else ''}" for number in count())
        name = next(name for name in names if not Path(name).exists())
        for suffix in ("-wal", "-shm", ""):  # in this order, so that never a log is left to a file that is not its own
            with suppress(FileNotFoundError):
                Path(path + suffix).rename(name + suffix)
        return name

    def _identities(self) -> dict[Path, tuple[int, int]]:
        found = {}
        for path in (self._database, self._log):
            with suppress(OSError):
                status = path.stat()
                found[path] = (status.st_dev, status.st_ino)
        return found
