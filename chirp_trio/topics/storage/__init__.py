"""Histories that survive their process: a topic's events are written to a file first, and delivered then.

`store` says where and how, `journal` writes batch by batch and delivers, `database` is all that knows SQL and runs in threads
only, `stored` is an event as a row, `loading` makes a history of the rows. Nothing here knows subscriptions or streams.
"""

from .journal import Journal
from .store import SQLiteStore

__all__ = ["Journal", "SQLiteStore"]
