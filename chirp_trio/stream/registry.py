"""The book of an app's streams: who is in, who may come in, and what came of those who are gone.

A slot is an entry in it and nothing else, so that none can be lost: a stream has one exactly for as long as it is served.
Nothing is counted here while a stream goes on; each counts for itself, and is added up when it is over.
"""

import inspect
import logging
import math
import random
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

import trio

from ..addresses import owner_of
from ..asgi import note_asyncio
from ..errors import ConfigurationError, HTTPError
from ..failures import failure_of
from ..logs import logger_of
from .client import BYE, HELLO, ClientKind
from .ending import Ending
from .limits import Limits
from .snapshot import StreamSnapshot

if TYPE_CHECKING:
    from .lifecycle import LiveStream

logger = logger_of("stream")

type Hook = Callable[[StreamSnapshot], object]

# How far the age that a stream may reach is from `max_age`, at most, as a share of it.
_JITTER = 0.1


class StreamRegistry:
    """The streams that are served, in the order of their beginning.

    Args:
        limits: Their bounds; default: `Limits()`.
        chance: Where random times come from; default: the system.
    """

    def __init__(self, limits: Limits | None = None, *, chance: random.Random | None = None) -> None:
        self._limits = limits if limits is not None else Limits()
        self._chance = chance if chance is not None else random.SystemRandom()
        # Kept only where it is limited. Those of whom nobody knows who they are, are one client: None.
        self._of_client: Counter[str | None] = Counter()
        self.live: dict[LiveStream, None] = {}
        self.on_open: list[Hook] = []
        self.on_close: list[Hook] = []
        self.opened = 0
        self.refused = 0
        self.ended: Counter[Ending] = Counter()
        self.events = 0  # of streams that are over
        self.bytes = 0  # the same

    def check_room(self, client: str | None) -> None:
        """Refuse one stream more, if it would be one too many.

        Raises:
            HTTPError: 503, if there are as many as there may be; 429, if there are as many of this client.
        """
        limits = self._limits
        if limits.max_streams is not None and len(self.live) >= limits.max_streams:
            raise self._refuse(503, "The server has as many event streams as it may have.")
        most = limits.max_streams_per_client
        if most is not None and self._of_client[_owner_of(client)] >= most:
            raise self._refuse(429, "There are as many event streams to this address as there may be.")

    def add(self, stream: LiveStream) -> None:
        """Take a stream in, for which there is room."""
        if self._limits.max_streams_per_client is not None:
            self._of_client[_owner_of(stream.client)] += 1
        self.live[stream] = None
        self.opened += 1

    def remove(self, stream: LiveStream) -> None:
        """Let a stream go that is over."""
        del self.live[stream]
        if self._limits.max_streams_per_client is not None:
            client = _owner_of(stream.client)
            self._of_client[client] -= 1
            if not self._of_client[client]:
                del self._of_client[client]
        assert stream.ending is not None
        self.ended[stream.ending] += 1
        self.events += stream.event_count
        self.bytes += stream.byte_count
        self._call(self.on_close, stream)

    def announce(self, stream: LiveStream) -> None:
        """Tell the hooks of a stream that was taken in, and that they may do anything with."""
        self._call(self.on_open, stream)

    def deadline(self) -> float:
        """When a stream that begins now is too old, on trio's clock. Of those that begin together, not all end together."""
        if self._limits.max_age is None:
            return math.inf
        return trio.current_time() + self._limits.max_age * self._chance.uniform(1 - _JITTER, 1 + _JITTER)

    def greeting(self, kind: ClientKind) -> bytes:
        """What a client is told when its stream begins: the reconnection time; `b""` if it is told nothing.

        It is there to take back what a server that stopped has said, which clients keep.
        """
        seconds = self._limits.reconnection_time
        if seconds is None or self._limits.reconnect_after is None or not kind.is_event_client:
            return b""
        return kind.encode_reconnection_time(round(1000 * seconds), HELLO)

    def farewell(self, kind: ClientKind) -> bytes:
        """What a client is told first when the server is about to stop: when to come back; `b""` if it is told nothing."""
        pause = self._limits.reconnect_after
        return b"" if pause is None else kind.encode_reconnection_time(round(1000 * self._chance.uniform(*pause)), BYE)

    def _refuse(self, status: int, detail: str) -> HTTPError:
        self.refused += 1
        pause = self._limits.reconnect_after
        seconds = 1 if pause is None else math.ceil(self._chance.uniform(*pause))
        return HTTPError(status, detail, {"retry-after": str(seconds)})

    def _call(self, hooks: list[Hook], stream: LiveStream) -> None:
        if not hooks:
            return
        snapshot = stream.snapshot(self)
        for hook in hooks:
            try:
                hook(snapshot)
            except BaseException as raised:
                error = failure_of(raised)
                note_asyncio(error)
                name = getattr(hook, "__qualname__", hook)
                logger.exception("%s: the hook %s failed", snapshot.path, name, exc_info=error)
                stream.tell_of(f"the hook {name} failed", error)


def check_hook[Function: Hook](name: str, hook: Function) -> Function:
    """The hook, if it can be one.

    Raises:
        ConfigurationError: It is not callable, or async.
    """
    if not callable(hook) or inspect.iscoroutinefunction(hook):
        raise ConfigurationError(f"{name}({hook!r}): it must be a function that is not async, as below @{name}")
    return hook


def log_ending(stream: LiveStream) -> None:
    """Log how a stream ended, for people and for machines."""
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


def _owner_of(client: str | None) -> str | None:
    return None if client is None else owner_of(client)
