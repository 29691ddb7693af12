"""Histories that survive their process: a topic's events are kept by a store first, and delivered then.

`seam` says what a store is, `record` what it keeps of an event; `sqlite` is one, which writes to a file. Nothing here knows
subscriptions or streams.
"""

from .record import RECORD_VERSION, Record
from .seam import Delivery, Journal, Store
from .sqlite import SQLiteStore

__all__ = ["RECORD_VERSION", "Delivery", "Journal", "Record", "SQLiteStore", "Store"]
