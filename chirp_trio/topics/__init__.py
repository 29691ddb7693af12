"""Many connections: publish once, and every subscriber gets it, in order, or is told what it missed.

This room knows events and streams. It must not know apps, requests, templates or servers.
"""

from .merged import merge, merge_cursors
from .presence import Presence
from .published import Published
from .storage import SQLiteStore
from .subscription import Subscription
from .topic import Topic

__all__ = ["Presence", "Published", "SQLiteStore", "Subscription", "Topic", "merge", "merge_cursors"]
