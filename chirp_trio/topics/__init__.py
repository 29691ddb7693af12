"""Many connections: publish once, and every subscriber gets it, in order, or is told what it missed.

    topic            what users publish to: it has an audience, a history and, with a store, a journal
    published        one event: a value as it was when it was published, and its bytes
    history          the events that are remembered, and their ids
    audience         who is subscribed; `seats` gives each of them the next event
    subscriber       one subscriber's place; `overflow` says what becomes of one that is too far behind
    feed             what puts a subscriber's events into a stream without a task
    subscription     what users read; `merged` reads several at once
    storage          stores: what keeps a history beyond the process

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
