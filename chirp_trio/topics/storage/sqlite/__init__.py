"""A store that keeps histories in a file of SQLite; only one process at a time has a topic open.

`store` is the public class, and `options` has its settings. `journal` writes events in batches, and then delivers them.
`database` has all SQL, and runs in threads only. `loading` turns rows into a history.
"""

from .store import SQLiteStore

__all__ = ["SQLiteStore"]
