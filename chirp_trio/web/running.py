"""An app while it runs: its topics, its lifespan, and the host of its streams."""

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, nullcontext
from typing import Any

from ..asgi import Scope
from ..logs import logger_of
from ..stream import Placement, StreamHost, StreamRegistry, open_stream_host
from ..stream.placement import STATE_KEY, find_placement
from ..topics import Store, Topic
from ..topics.topic import audience_of
from .joining import joined

logger = logger_of("web")


class Running:
    """The parts of an app that exist only while it runs, once for each lifespan that runs.

    Args:
        registry: The registry of the app's streams.
        enter: What enters the lifespan that the app was given; None if it was given none.
    """

    def __init__(
        self, registry: StreamRegistry, enter: Callable[[], AbstractAsyncContextManager[Mapping[str, Any] | None]] | None
    ) -> None:
        self._registry = registry
        self._enter = enter
        self._hosts: dict[StreamHost, Callable[[], bool]] = {}  # and whether their servers have been told to stop
        self._lifespans = 0  # how many run, from before the user's until after it
        self._topics: list[Topic] = []  # made before one runs
        self._stored: dict[Topic, Store] = {}  # of these, to be open while one runs
        self._said_that_none_runs = False

    @property
    def topics(self) -> Sequence[Topic]:
        """Those that were made before a lifespan ran."""
        return tuple(self._topics)

    @property
    def is_ready(self) -> bool:
        """Whether there is a host that is not about to close, nor its server, and all stores can be reached."""
        journals = (audience_of(topic).journal for topic in self._stored)
        return any(not host.is_closing and not is_draining() for host, is_draining in self._hosts.items()) and not any(
            journal.trouble for journal in journals if journal is not None
        )

    def own(self, topic: Topic, store: Store | None) -> None:
        """Have the topic open while a lifespan runs, if it has a store. One that is made later is for its maker to open."""
        if not self._lifespans:
            self._topics.append(topic)
            if store is not None:
                self._stored[topic] = store

    def place(self, scope: Scope) -> Placement:
        """The placement of a request's streams: their host, and the registries of the app and of the apps around it."""
        if not self._lifespans and (self._enter is not None or self._stored):
            self._warn()
        placement = find_placement(scope)
        if placement.host is None and self._hosts:  # of a server without lifespan state, or of a mounted app's own lifespan
            placement = Placement(next(iter(self._hosts)), placement.registries)
        return placement.within(self._registry)

    @asynccontextmanager
    async def run(self, scope: Scope) -> AsyncGenerator[Mapping[str, Any]]:
        """The app between its first request and its last: its topics, the user's lifespan, and the host of the streams.

        In this order, because sources may use what the lifespan has opened, and all of them may publish.
        """
        self._lifespans += 1
        try:
            async with AsyncExitStack() as stack:
                for topic in self._topics:
                    audience_of(topic).run.claim()  # so that other threads find the way here before anybody has subscribed
                for topic in self._stored:
                    await stack.enter_async_context(audience_of(topic).opened())
                stack.enter_context(joined(self._registry, self._stored.values()))
                entered = self._enter() if self._enter is not None else nullcontext()
                state = await stack.enter_async_context(entered)
                host = await stack.enter_async_context(open_stream_host(self._registry.limits.max_write_delay))
                signal = (scope.get("extensions") or {}).get("chirp_trio.shutdown")
                host.close_when(signal)
                self._hosts[host] = getattr(signal, "is_draining", bool)
                try:
                    # Whoever wraps this app, with a lifespan around this one, has its streams in its registry as well.
                    placement = Placement(host, find_placement(scope).registries).within(self._registry)
                    yield {**(state or {}), STATE_KEY: placement}
                finally:
                    self._hosts.pop(host, None)
        finally:
            self._lifespans -= 1

    def _warn(self) -> None:
        if not self._said_that_none_runs:
            self._said_that_none_runs = True
            logger.warning(
                "an App has a lifespan, or topics with a store, and nobody runs it: a server or a test client does for the "
                "app that it is given; for a mounted one, enter `async with app.running():` in the lifespan of the outer one"
            )
