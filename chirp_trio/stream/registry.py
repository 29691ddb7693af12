"""The streams of one app: which are open, whether another one is allowed, and how many there have been.

`StreamRegistry` is for the library, `LiveStreams` is what users see of it.
"""

import inspect
import math
import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Protocol

import trio

from ..addresses import owner_of
from ..arguments import check_function, check_type
from ..errors import ConfigurationError, HTTPError
from ..failures import failure_of
from ..habits import note_habit
from ..logs import logger_of
from ..threads import outside_of_trio
from ..wire import check_text
from .client import BYE, HELLO, ClientKind
from .limits import Limits
from .snapshot import Ending, StreamSnapshot

logger = logger_of("stream")

type Hook = Callable[[StreamSnapshot], object]

# The greatest random deviation from `max_age`, as a share of it.
_JITTER = 0.1


class Registered(Protocol):
    """A stream, as the registry of its app sees it."""

    client: str | None  # its address

    @property
    def ending(self) -> Ending | None:
        """How it ended; None while it is open."""

    @property
    def event_count(self) -> int:
        """How many events its client has got, or will get: its source's, and reports of errors."""

    @property
    def byte_count(self) -> int:
        """How many bytes these are."""

    def end(self, ending: Ending) -> None:
        """End it. Never blocks."""

    def snapshot(self, registry: StreamRegistry | None = None) -> StreamSnapshot:
        """What can be seen of it now, in this registry; default: in that of the app that answers."""

    def tell_listener(self, what: str, error: Exception) -> None:
        """Tell a test client of an error that otherwise goes no further than the log."""


class StreamRegistry:
    """The streams that are served, in the order of their beginning.

    A stream occupies a slot exactly as long as it is in this registry, so no slot can be lost.
    Nothing is counted here while a stream goes on; each counts for itself, and is added up when it is over.

    Args:
        limits: Their bounds; default: `Limits()`.
        chance: Where random times come from; default: the system.
    """

    def __init__(self, limits: Limits | None = None, *, chance: random.Random | None = None) -> None:
        self.limits = limits if limits is not None else Limits()
        self._chance = chance if chance is not None else random.SystemRandom()
        # Kept only if there is a limit. All clients without a known address count as one: None.
        self._of_client: Counter[str | None] = Counter()
        self.live: dict[Registered, None] = {}
        self.on_open: list[Hook] = []
        self.on_close: list[Hook] = []
        self.tell_others: dict[Callable[[str], object], None] = {}  # to close what has a label, in other processes
        self.opened = 0
        self.refused = 0
        self.ended: Counter[Ending] = Counter()
        self.events = 0  # of streams that are over
        self.bytes = 0  # the same

    def check_room(self, client: str | None) -> None:
        """Refuse a new stream if that would exceed a limit.

        Raises:
            HTTPError: 503, if there are as many as there may be; 429, if there are as many of this client.
        """
        limits = self.limits
        if limits.max_streams is not None and len(self.live) >= limits.max_streams:
            raise self._refuse(503, "The server has as many event streams as it may have.")
        most = limits.max_streams_per_client
        if most is not None and self._of_client[_owner_of(client)] >= most:
            raise self._refuse(429, "There are as many event streams to this address as there may be.")

    def add(self, stream: Registered) -> None:
        """Add a stream. There has to be room for it."""
        if self.limits.max_streams_per_client is not None:
            self._of_client[_owner_of(stream.client)] += 1
        self.live[stream] = None
        self.opened += 1

    def remove(self, stream: Registered) -> None:
        """Remove a stream that is over."""
        del self.live[stream]
        if self.limits.max_streams_per_client is not None:
            client = _owner_of(stream.client)
            self._of_client[client] -= 1
            if not self._of_client[client]:
                del self._of_client[client]
        assert stream.ending is not None
        self.ended[stream.ending] += 1
        self.events += stream.event_count
        self.bytes += stream.byte_count
        self._call(self.on_close, stream)

    def close(self, predicate: Callable[[StreamSnapshot], bool]) -> int:
        """End the streams for which that holds; how many."""
        chosen = [stream for stream in self.live if stream.ending is None and predicate(stream.snapshot(self))]
        for stream in chosen:
            stream.end(Ending.CLOSED)
        return len(chosen)

    def announce(self, stream: Registered) -> None:
        """Tell the hooks of a stream that was taken in, and that they may do anything with."""
        self._call(self.on_open, stream)

    def deadline(self) -> float:
        """The time on trio's clock at which a stream that begins now is too old. Streams that begin together end apart."""
        if self.limits.max_age is None:
            return math.inf
        return trio.current_time() + self.limits.max_age * self._chance.uniform(1 - _JITTER, 1 + _JITTER)

    def greeting(self, kind: ClientKind) -> bytes:
        """The bytes that begin a stream: the reconnection time, or `b""`.

        It replaces the one that a stopping server has sent, which clients remember.
        """
        seconds = self.limits.reconnection_time
        if seconds is None or self.limits.reconnect_after is None or not kind.is_event_client:
            return b""
        return kind.encode_reconnection_time(round(1000 * seconds), HELLO)

    def farewell(self, kind: ClientKind) -> bytes:
        """The bytes that a client gets first when the server is about to stop: a reconnection time, or `b""`."""
        pause = self.limits.reconnect_after
        return b"" if pause is None else kind.encode_reconnection_time(round(1000 * self._chance.uniform(*pause)), BYE)

    def _refuse(self, status: int, detail: str) -> HTTPError:
        self.refused += 1
        pause = self.limits.reconnect_after
        seconds = 1 if pause is None else math.ceil(self._chance.uniform(*pause))
        return HTTPError(status, detail, {"retry-after": str(seconds)})

    def _call(self, hooks: list[Hook], stream: Registered) -> None:
        if not hooks:
            return
        snapshot = stream.snapshot(self)
        for hook in hooks:
            try:
                hook(snapshot)
            except BaseException as raised:
                error = failure_of(raised)
                note_habit(error)
                name = getattr(hook, "__qualname__", hook)
                logger.exception("%s: the hook %s failed", snapshot.path, name, exc_info=error)
                stream.tell_listener(f"the hook {name} failed", error)


class LiveStreams:
    """The event streams of an app: `App.streams`, or `StreamLifespan.streams`.

    Its length is how many there are. Iterating it gives a `StreamSnapshot` of each, the oldest first; it may be done while
    streams come and go.

    Example:
        >>> from chirp_trio import App
        >>> app = App()
        >>> len(app.streams), [stream.path for stream in app.streams]
        (0, [])
    """

    def __init__(self, registry: StreamRegistry) -> None:
        self._registry = registry

    def __len__(self) -> int:
        return len(self._registry.live)

    def __iter__(self) -> Iterator[StreamSnapshot]:
        return (stream.snapshot(self._registry) for stream in tuple(self._registry.live))

    def on_close(self, hook: Hook) -> None:
        """Call the function, which is not async, with a `StreamSnapshot` whenever a stream is over; see `App.on_close`.

        Raises:
            TypeError: It is not callable.
            ConfigurationError: It is async.
        """
        self._registry.on_close.append(check_hook("on_close", hook))

    def close(self, predicate: Callable[[StreamSnapshot], bool] | None = None, *, label: str | None = None) -> int:
        """End the streams for which the predicate holds, or that have the label, as `Ending.CLOSED`. Never blocks.

        Their sources are cancelled, and their clients get a proper end. A client that comes back is a new request, so let
        the handler refuse it.

        Those with the label end in all processes that share a store of this app's topics, such as a `RedisStore`; in one that
        cannot be told now, when it can be.

        Args:
            predicate: Called with a snapshot of each stream that is open. If it raises, no stream is ended. Default: `label`
                says which.
            label: What the streams were given as their `label`; default: the predicate says which.

        Returns:
            How many streams were ended in this process.

        Raises:
            TypeError: Neither was given, or both, or one that is no function or no text.
            ValueError: The label cannot be carried.
            RuntimeError: It was called in a thread that is not trio's; `trio.from_thread.run_sync` leads back.

        Example:
            >>> from chirp_trio import App
            >>> app = App()
            >>> async def log_out(user):
            ...     return app.streams.close(label=user)
            >>> trio.run(log_out, "ada")
            0
        """
        if not trio.lowlevel.in_trio_run():
            raise outside_of_trio(
                "LiveStreams.close()",
                "in a thread, such as that of a plain handler, call trio.from_thread.run_sync(app.streams.close, predicate)",
            )
        if (predicate is None) == (label is None):
            raise TypeError(
                "LiveStreams.close() takes a predicate, a function of a StreamSnapshot; or a label, and no predicate"
            )
        check_function("predicate", predicate)
        if label is None:
            assert predicate is not None
            return self._registry.close(predicate)
        check_type("label", label, str, "text, which other processes can be told")
        check_text("label", label)
        count = self._registry.close(lambda stream: stream.label == label)
        for tell in self._registry.tell_others:
            tell(label)
        return count

    @property
    def opened(self) -> int:
        """How many streams have begun, since the app was made."""
        return self._registry.opened

    @property
    def refused(self) -> int:
        """How many were refused because of a limit."""
        return self._registry.refused

    @property
    def ended(self) -> Mapping[Ending, int]:
        """How many have ended, for each kind of ending. Every kind is a key."""
        return MappingProxyType({ending: self._registry.ended[ending] for ending in Ending})

    @property
    def events(self) -> int:
        """How many events there have been, in all streams that there are or were."""
        return self._registry.events + sum(stream.event_count for stream in tuple(self._registry.live))

    @property
    def bytes(self) -> int:
        """How many bytes these are, encoded."""
        return self._registry.bytes + sum(stream.byte_count for stream in tuple(self._registry.live))


def check_hook[Function: Hook](name: str, hook: Function) -> Function:
    """The hook, if it can be one.

    Raises:
        TypeError: It is not callable.
        ConfigurationError: It is async.
    """
    if not callable(hook):
        raise TypeError(f"{name}({hook!r}): the hook must be a function that is not async, as below @{name}")
    if inspect.iscoroutinefunction(hook):
        raise ConfigurationError(f"{name}({hook!r}): the hook must be a function that is not async, as below @{name}")
    return hook


def _owner_of(client: str | None) -> str | None:
    return None if client is None else owner_of(client)
