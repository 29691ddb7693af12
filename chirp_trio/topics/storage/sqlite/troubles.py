"""Errors of a file: which kinds there are, and a cure for each."""

import sqlite3

from ....errors import StoreError

# How many characters of SQLite's message are shown: it may quote a whole event.
_SHOWN = 100

# By SQLite's primary result codes. Any other code, or none, means that the file is damaged.
_CURES = {
    sqlite3.SQLITE_PERM: "this user has to be allowed to write to the file and to its folder",
    sqlite3.SQLITE_BUSY: "another program holds it: that has to end its transaction, or the store's timeout has to be longer",
    sqlite3.SQLITE_LOCKED: "another program holds it: that has to end its transaction",
    sqlite3.SQLITE_NOMEM: "this process has too little memory",
    sqlite3.SQLITE_READONLY: "this user has to be allowed to write to the file and to its folder",
    sqlite3.SQLITE_INTERRUPT: "it works when it is tried again",
    sqlite3.SQLITE_IOERR: "the log of the system says more about the disk",
    sqlite3.SQLITE_FULL: "there has to be room on its disk",
    sqlite3.SQLITE_CANTOPEN: "this user has to be allowed to write to the file and to its folder",
    sqlite3.SQLITE_PROTOCOL: "another program holds it: that has to end its transaction",
    sqlite3.SQLITE_TOOBIG: "one event must not be so large",
    sqlite3.SQLITE_NOLFS: "the file is too large for its file system",
    sqlite3.SQLITE_AUTH: "this user has to be allowed to write to the file and to its folder",
    sqlite3.SQLITE_MISUSE: "this is an error of chirp_trio",
}


class DamagedFileError(StoreError):
    """The file cannot be read, or what is in it makes no sense."""


class LostFileError(StoreError):
    """The file is no longer the one that was opened. Nothing was written, and the whole history has to be written anew."""


class NotConnectedError(Exception):
    """Another topic has found the file lost. Nothing was tried, and the whole history has to be written anew."""


def explain(error: sqlite3.Error | OSError | OverflowError, where: str) -> StoreError:
    """The `StoreError` for an error of SQLite or the system, with a cure where one is known.

    Args:
        error: What was raised.
        where: The beginning of the message: which topic, in which file, and what cannot be done.
    """
    what = str(error)[:_SHOWN]
    if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.ProgrammingError):
        cure = _CURES.get(getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF)
        if cure is None:
            return DamagedFileError(f"{where}: {what}")
        return StoreError(f"{where}: {what}; {cure}")
    return StoreError(f"{where}: {what}")


def refusal(error: DamagedFileError) -> StoreError:
    """The error for a damaged file that is left as it is, with the cure."""
    return StoreError(f"{error}; SQLiteStore(on_damage='set_aside') goes on with a new file, and keeps this one beside it")
