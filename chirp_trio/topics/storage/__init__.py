"""Topic histories that survive a restart: a store keeps each event before the topic's subscribers get it.

`seam` defines what a store is, and `record` what a store keeps of an event. `sqlite` is the store that writes to a file.
Nothing here knows about subscriptions or streams.
"""

from .record import RECORD_VERSION, Record
from .seam import Delivery, Journal, Store
from .sqlite import SQLiteStore

__all__ = ["RECORD_VERSION", "Delivery", "Journal", "Record", "SQLiteStore", "Store"]
