"""`Outline`: the parts of an app, for tools that examine it without running it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ..asgi import ASGIApp
from ..templates import Templates
from ..topics import Topic
from .routing import Route


@dataclass(frozen=True, slots=True)
class Outline:
    """The parts of an app.

    Attributes:
        routes: Its routes, in the order in which they are asked.
        mounts: The prefixes of mounted apps, and the apps.
        has_middleware: Whether something else sees the requests first.
        templates: Its templates.
        functions: Its handlers, and what else it was given.
        topics: Those that were made before it runs.
    """

    routes: Sequence[Route]
    mounts: Sequence[tuple[str, ASGIApp]]
    has_middleware: bool
    templates: Templates
    functions: Sequence[Callable[..., Any]]
    topics: Sequence[Topic]
