"""`Templates`: an app's templates, filters and globals. No file is read before the first template is needed."""

from collections.abc import Callable, Generator, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .values import TemplateValue

if TYPE_CHECKING:  # it loads kida
    from .engine import Engine


class Templates:
    """The templates in a folder, ready to be rendered.

    Args:
        directory: The folder, or several, which are searched in turn. It need not exist before a template is rendered.
        auto_reload: Whether a template that changes on disk is read again; default: no.
    """

    def __init__(self, directory: str | Path | Iterable[str | Path], *, auto_reload: bool = False) -> None:
        folders = [directory] if isinstance(directory, str | Path) else directory
        self._folders = [Path(folder).absolute() for folder in folders]
        self._auto_reload = auto_reload
        self._filters: dict[str, Callable[..., Any]] = {}
        self._variables: dict[str, object] = {}
        self._loaded: Engine | None = None

    def add_filter(self, name: str, function: Callable[..., Any]) -> None:
        """Make `{{ value | name }}` call `function(value)`. To be done before the first rendering."""
        self._filters[name] = function
        if self._loaded is not None:
            self._loaded.add_filter(name, function)

    def add_global(self, name: str, value: object) -> None:
        """Make `{{ name }}` known to every template. To be done before the first rendering."""
        self._variables[name] = value
        if self._loaded is not None:
            self._loaded.add_global(name, value)

    def load(self) -> None:
        """Load the engine now, if there are templates, so that a server's first request need not wait for it."""
        if any(folder.is_dir() for folder in self._folders):
            _ = self._engine

    def render(self, value: TemplateValue, block: str | None = None) -> str:
        """The text of a whole template, or of one of its blocks.

        Raises:
            TemplateNotFound: There is no such template; the message lists those that exist.
            BlockNotFound: The template has no such block; the message lists those that exist.
            TemplateError: It cannot be rendered; the message names template, block, line and cause.
        """
        return self._engine.render(value, block)

    def render_stream(self, value: TemplateValue) -> Generator[str]:
        """The text of a whole template, in pieces, each rendered when it is asked for. Raises as `render` does."""
        return self._engine.render_stream(value)

    def names(self) -> list[str]:
        """The names of the templates that exist."""
        return self._engine.names()

    def source(self, name: str) -> tuple[str, str]:
        """The text of a template, and the file that it is in; raises as `render` does."""
        return self._engine.source(name)

    def text_of(self, name: str) -> str:
        """What a template has as text, without what it computes, its comments and its statements; raises as `render` does."""
        return self._engine.text_of(name)

    def blocks(self, name: str) -> list[str] | None:
        """The blocks of a template, its parents' included; None if they cannot be known, because one of them is broken."""
        return self._engine.blocks(name)

    @property
    def _engine(self) -> Engine:
        if self._loaded is None:
            from .engine import Engine

            engine = Engine(self._folders, auto_reload=self._auto_reload)
            for name, function in self._filters.items():
                engine.add_filter(name, function)
            for name, value in self._variables.items():
                engine.add_global(name, value)
            self._loaded = engine
        return self._loaded
