"""`LiveStreams`: the streams of an app, for those who want to see them, count them or end them."""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

import trio

from ..threads import outside_of_trio
from .ending import Ending
from .registry import StreamRegistry
from .snapshot import StreamSnapshot


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

    def close(self, predicate: Callable[[StreamSnapshot], bool]) -> int:
        """End the streams for which the predicate holds, as `Ending.CLOSED`. Never blocks.

        Their sources are cancelled, and their clients get a proper end. A client that comes back is a new request, so let
        the handler refuse it.

        Args:
            predicate: Called with a snapshot of each stream that is open. If it raises, no stream is ended.

        Returns:
            How many streams were ended.

        Raises:
            RuntimeError: It was called in a thread that is not trio's; `trio.from_thread.run_sync` leads back.

        Example:
            >>> from chirp_trio import App
            >>> app = App()
            >>> async def log_out(user):
            ...     return app.streams.close(lambda stream: stream.label == user)
            >>> trio.run(log_out, "ada")
            0
        """
        if not trio.lowlevel.in_trio_run():
            raise outside_of_trio(
                "LiveStreams.close()",
                "in a thread, such as that of a plain handler, call trio.from_thread.run_sync(app.streams.close, predicate)",
            )
        open_streams = [stream for stream in self._registry.live if stream.ending is None]
        chosen = [stream for stream in open_streams if predicate(stream.snapshot(self._registry))]
        for stream in chosen:
            stream.end(Ending.CLOSED)
        return len(chosen)

    @property
    def opened(self) -> int:
        """How many streams have begun, since the app was made."""
        return self._registry.opened

    @property
    def refused(self) -> int:
        """How many were refused, because there were too many already."""
        return self._registry.refused

    @property
    def ended(self) -> Mapping[Ending, int]:
        """How many have ended, by how they did. Every ending is in it."""
        return MappingProxyType({ending: self._registry.ended[ending] for ending in Ending})

    @property
    def events(self) -> int:
        """How many events there have been, in all streams that there are or were."""
        return self._registry.events + sum(stream.event_count for stream in tuple(self._registry.live))

    @property
    def bytes(self) -> int:
        """How many bytes these are, encoded."""
        return self._registry.bytes + sum(stream.byte_count for stream in tuple(self._registry.live))
