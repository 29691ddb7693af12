"""Many connections: publish once, and every subscriber gets it, in order, or is told what it missed.

This room knows events and streams. It must not know apps, requests, templates or servers.
"""

from .history import Epoch, Epochs, Ids
from .merged import merge, merge_cursors
from .presence import Presence
from .published import Published
from .storage import RECORD_VERSION, Delivery, Journal, Record, SQLiteStore, Store
from .subscription import Subscription
from .topic import Topic

__all__ = [
    "RECORD_VERSION",
    "Delivery",
    "Epoch",
    "Epochs",
    "Ids",
    "Journal",
    "Presence",
    "Published",
    "Record",
    "SQLiteStore",
    "Store",
    "Subscription",
    "Topic",
    "merge",
    "merge_cursors",
]
