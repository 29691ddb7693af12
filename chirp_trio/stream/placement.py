"""Where a stream lives, and whose it is: two things, because whoever lets an app in does not become its owner."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Self

import trio

from ..asgi import Scope
from ..logs import logger_of
from .host import StreamHost
from .registry import StreamRegistry

logger = logger_of("stream")

# Where a lifespan, and each app for those that are mounted in it, leaves the placement in the state of a request.
STATE_KEY = "chirp_trio.streams"


@dataclass(frozen=True, slots=True)
class Placement:
    """The place of the streams of one request.

    Args:
        host: Where they live: what the lifespan of the outermost app has opened, as a rule; None where none has run.
        registries: Whose they are: the registry of each app that the request has passed, the outermost first. The limits
            of all of them bound a stream, and each shows it; the last is that of the app that answers.
    """

    host: StreamHost | None = None
    registries: tuple[StreamRegistry, ...] = ()

    def within(self, registry: StreamRegistry) -> Self:
        """The same place for an app of which this is the registry."""
        if self.registries and self.registries[-1] is registry:
            return self
        return type(self)(self.host, (*(other for other in self.registries if other is not registry), registry))

    def __deepcopy__(self, memo: object) -> Self:
        """Itself: middleware may copy a request's scope, and what is in it, and must not get another place by that."""
        return self


_NOWHERE = Placement()

# Of the apps whose lifespan runs, by their id: an app need not be hashable.
_placements = trio.lowlevel.RunVar[dict[int, Placement] | None]("placements", None)
_said_without_host = trio.lowlevel.RunVar[bool]("said_without_host", False)


def find_placement(scope: Scope) -> Placement:
    """What a lifespan, or an app around this one, has left in the request's state; an empty one if nobody has."""
    placement: Placement | None = (scope.get("state") or {}).get(STATE_KEY)
    if placement is None and "app" in scope and trio.lowlevel.in_trio_run():
        # Litestar gives its requests no state of its lifespans, and itself.
        placement = (_placements.get() or {}).get(id(scope["app"]))
    return placement if placement is not None else _NOWHERE


@contextmanager
def placed(app: object, placement: Placement) -> Generator[None]:
    """Let requests that know their app find the placement, as long as the block lasts."""
    placements = _placements.get()
    if placements is None:
        placements = {}
        _placements.set(placements)
    placements[id(app)] = placement
    try:
        yield
    finally:
        if placements.get(id(app)) is placement:
            del placements[id(app)]


def warn_of_missing_host() -> None:
    """Say, once in a trio run, what a stream without a host lacks."""
    if not _said_without_host.get():
        _said_without_host.set(True)
        logger.warning(
            "a stream runs without the app's lifespan, so a client that stops reading can hold its handler for ever: "
            "use lifespan=chirp_trio.stream_lifespan in Starlette and FastAPI, and app = stream_lifespan().wrap(app) around "
            "any other framework's app; an App needs nothing but a server, or a test client, that runs its lifespan"
        )
