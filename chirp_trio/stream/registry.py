"""The book of an app's streams: who is in, and what came of those who are gone.

Nothing is counted here while a stream goes on; each counts for itself, and is added up when it is over.
"""

import logging
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

import trio

from .ending import Ending
from .snapshot import StreamSnapshot

if TYPE_CHECKING:
    from .lifecycle import LiveStream

logger = logging.getLogger("chirp_trio.stream")

type Hook = Callable[[StreamSnapshot], object]


class StreamRegistry:
    """The streams that are served, in the order of their beginning."""

    def __init__(self) -> None:
        self.live: dict[LiveStream, None] = {}
        self.on_open: list[Hook] = []
        self.on_close: list[Hook] = []
        self.opened = 0
        self.ended: Counter[Ending] = Counter()
        self.events = 0  # of streams that are over
        self.bytes = 0  # the same

    def add(self, stream: LiveStream) -> None:
        """Take a stream in."""
        self.live[stream] = None
        self.opened += 1

    def remove(self, stream: LiveStream) -> None:
        """Let a stream go that is over."""
        del self.live[stream]
        assert stream.ending is not None
        self.ended[stream.ending] += 1
        self.events += stream.events
        self.bytes += stream.bytes
        _log(stream)
        _call(self.on_close, stream)

    def announce(self, stream: LiveStream) -> None:
        """Tell the hooks of a stream that was taken in, and that they may do anything with."""
        _call(self.on_open, stream)


def _call(hooks: list[Hook], stream: LiveStream) -> None:
    if not hooks:
        return
    snapshot = stream.snapshot()
    for hook in hooks:
        try:
            hook(snapshot)
        except Exception:
            logger.exception("%s: the hook %s failed", snapshot.path, getattr(hook, "__qualname__", hook))


def _log(stream: LiveStream) -> None:
    if logger.isEnabledFor(logging.DEBUG):
        seen = stream.snapshot()
        fields = {
            "path": seen.path,
            "route": seen.route,
            "client": seen.client,
            "label": seen.label,
            "ending": str(seen.ending),
            "duration": trio.current_time() - seen.opened_at,
            "events": seen.events,
            "bytes": seen.bytes,
        }
        logger.debug("%s: ended, %s", seen.path, seen.ending, extra=fields)
