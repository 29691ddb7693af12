"""A file of SQLite as a store: one process at a time has a topic open.

`store` says where and how, `journal` writes batch by batch and delivers, `database` is all that knows SQL and runs in threads
only, `loading` makes a history of the rows.
"""

from .store import SQLiteStore

__all__ = ["SQLiteStore"]
