"""Data that the wire cannot turn into bytes by itself."""

from collections.abc import Callable


class Renderable:
    """Data that somebody has to turn into text before it can travel, such as a fragment of a template.

    The wire knows no templates. It only has to tell such data from JSON, so that a forgotten rendering is an error and
    not somebody's internals on the wire. `event` is the event name that the data itself asks for.
    """

    __slots__ = ()

    event: str | None

    def copied(self, copy: Callable[[object], object]) -> Renderable:  # noqa: ARG002 - for those in which something may
        """The same with copies of what may change, each made by that function; itself, as nothing may."""
        return self
