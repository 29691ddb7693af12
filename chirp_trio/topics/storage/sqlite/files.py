"""A database's files, checked without SQLite: whether they are still those that were opened. Everything here blocks."""

import time
from contextlib import suppress
from itertools import count
from pathlib import Path

from ....errors import StoreError
from .troubles import LostFileError


class Files:
    """The file of a database, and that of its write-ahead log, as `look()` has found them.

    A file is known by its device and inode, which no other file can get as long as this one is open.

    Args:
        path: The path of the database.
    """

    def __init__(self, path: str) -> None:
        self._database = Path(path)
        self._log = Path(f"{path}-wal")
        self._seen: dict[Path, tuple[int, int]] = {}

    def look(self) -> None:
        """Remember the files that are there now."""
        self._seen = self._identities()

    def are_the_same(self) -> bool:
        """Whether the files are still those that were remembered."""
        return self._identities() == self._seen

    def check(self) -> None:
        """Raise `LostFileError` if a file was removed, replaced or emptied, which SQLite itself would not notice."""
        if not self.are_the_same():
            raise LostFileError("has lost its file: it was removed or replaced; a new one is made with the next event")
        if not self._database.stat().st_size:
            raise LostFileError("has lost its file: it was emptied; it is written anew with the next event")

    def check_folder(self) -> None:
        """Raise `StoreError` if the folder of the database does not exist."""
        if not self._database.parent.is_dir():
            raise StoreError(f"cannot be opened: there is no folder {str(self._database.parent)!r}; make it first")

    def has_stale_log(self) -> bool:
        """Whether the log belongs to the former database. SQLite would apply it to the one that is there now."""
        there, seen = self._identities(), self._seen
        return (
            self._log in there
            and there[self._log] == seen.get(self._log)
            and there.get(self._database) != seen.get(self._database)
        )

    def remove_log(self) -> None:
        """Remove the log, if it can be removed."""
        with suppress(OSError):
            self._log.unlink()

    def log_size(self) -> int:
        """The size of the log, in bytes."""
        try:
            return self._log.stat().st_size
        except FileNotFoundError:
            return 0

    def set_aside(self) -> str:
        """Rename the files, and return the database's new name.

        Raises:
            StoreError: The database was replaced meanwhile.
            OSError: A file cannot be renamed.
        """
        if self._identities().get(self._database) != self._seen.get(self._database):
            raise StoreError("was in a file that was damaged, and that somebody has replaced")
        path = str(self._database)
        at = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        names = (f"{path}.damaged-{at}{f'-{number}' if number else ''}" for number in count())
        name = next(name for name in names if not Path(name).exists())
        for suffix in ("-wal", "-shm", ""):  # the database last, so that no log is ever left beside another one
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
