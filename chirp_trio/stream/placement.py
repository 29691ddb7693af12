"""The host of a stream, and the apps that it belongs to. They may differ: a mounted app uses the outer app's lifespan.

It is what the parts of a request that concern streams say: the state that a lifespan has left, and the server's signals.
"""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Self

import trio

from ..asgi import Scope, Send, unobserved
from ..logs import logger_of
from .host import Signal, StreamHost
from .registry import StreamRegistry

logger = logger_of("stream")

# Where a lifespan, and each app for those that are mounted in it, leaves the placement in the state of a request.
STATE_KEY = "chirp_trio.streams"

# Where an app leaves the pattern of its route in the request's scope.
ROUTE_KEY = "chirp_trio.route"


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

    def around(self, inner: Placement) -> Placement:
        """The same place for an app that has one of its own: its streams live here, if there is a host, and are of both."""
        further = (registry for registry in inner.registries if registry not in self.registries)
        return Placement(self.host or inner.host, (*self.registries, *further))

    def __deepcopy__(self, memo: object) -> Self:
        """Itself: middleware may copy a request's scope, and what is in it, and must not get another place by that."""
        return self


_NOWHERE = Placement()

# Of the apps whose lifespan runs, by their id: an app need not be hashable. It may run several, one around the other.
_placements = trio.lowlevel.RunVar[dict[int, list[Placement]] | None]("placements", None)
_said_without_host = trio.lowlevel.RunVar[bool]("said_without_host", False)


def find_placement(scope: Scope) -> Placement:
    """The placement that a lifespan or an outer app has put into the request's state; an empty one if none has.

    And what the lifespan of the framework's app has that answers, if the request knows it. Litestar gives its requests no
    state of its lifespans; Starlette gives them that of the outermost app only, and not what all of its lifespans say.
    """
    placement: Placement = (scope.get("state") or {}).get(STATE_KEY, _NOWHERE)
    own = placement_of(scope["app"]) if "app" in scope else _NOWHERE
    return placement if own is placement or own is _NOWHERE else placement.around(own)


def placement_of(app: object) -> Placement:
    """The placement given by the running lifespans of an app; an empty one if there are none."""
    placements = (_placements.get() or {}).get(id(app)) if trio.lowlevel.in_trio_run() else None
    return placements[-1] if placements else _NOWHERE


@contextmanager
def placed(app: object, placement: Placement) -> Generator[Placement]:
    """Make the placement available, during the block, to requests that know their app.

    Yields:
        The placement, and in it what the app's other lifespans say that run already.
    """
    if app is None:  # it is not known which one
        yield placement
        return
    before = placement_of(app)
    placement = Placement(placement.host, before.around(placement).registries)
    placements = _placements.get()
    if placements is None:
        placements = {}
        _placements.set(placements)
    placements.setdefault(id(app), []).append(placement)
    try:
        yield placement
    finally:
        placements[id(app)].remove(placement)
        if not placements[id(app)]:
            del placements[id(app)]


def warn_of_missing_host() -> None:
    """Warn, once in a trio run, what a stream without a host lacks."""
    if not _said_without_host.get():
        _said_without_host.set(True)
        logger.warning(
            "a stream runs without the app's lifespan, so a client that stops reading can hold its handler for ever: "
            "use lifespan=chirp_trio.stream_lifespan in Starlette and FastAPI, and app = stream_lifespan().wrap(app) around "
            "any other framework's app; an App needs nothing but a server, or a test client, that runs its lifespan"
        )


def find_shutdown(scope: Scope, send: Send) -> Signal | None:
    """The signal of the server that it is about to stop; None if there is none. Our server offers it as an ASGI extension.

    hypercorn's command line tells its own connections and no app, so its signal is borrowed from behind `send`; where it
    is not found, streams are cancelled when hypercorn's graceful_timeout is over.
    """
    signal = (scope.get("extensions") or {}).get("chirp_trio.shutdown")
    if signal is None:
        context = getattr(getattr(unobserved(send), "__self__", None), "context", None)
        signal = getattr(context, "terminated", None)
    return signal if hasattr(signal, "wait") else None
