"""Other ASGI apps below a path of an app."""

from ..asgi import ASGIApp, Message, ObservedSend, Receive, Scope, Send
from ..errors import ConfigurationError
from ..failures import failure_of, reraise
from ..stream import Placement, StreamHost
from ..stream.placement import STATE_KEY, find_shutdown
from .response import ResponseBroken
from .routing import is_below
from .urls import local_path, root_path_of


class Mounts:
    """Prefixes, and the apps behind them."""

    def __init__(self) -> None:
        self._apps: list[tuple[str, ASGIApp]] = []

    def add(self, prefix: str, app: ASGIApp) -> None:
        """See `App.mount`."""
        if not isinstance(prefix, str):
            raise TypeError(f"the prefix is {prefix!r}; it must be text, as in app.mount('/static', ...)")
        if not callable(app):
            raise TypeError(f"the app at {prefix!r} is {app!r}; it must be an ASGI app")
        if not prefix.startswith("/") or prefix.endswith("/"):
            raise ConfigurationError(f"the prefix {prefix!r} must begin with '/' and not end with it")
        if any(prefix == other for other, _ in self._apps):
            raise ConfigurationError(f"the prefix {prefix!r} belongs to another app already")
        self._apps.append((prefix, app))

    def all(self) -> list[tuple[str, ASGIApp]]:
        """The prefixes, and their apps."""
        return list(self._apps)

    def has(self, path: str) -> bool:
        """Whether a path below the app's own prefix belongs to one of them."""
        return any(is_below(path, prefix) for prefix, _ in self._apps)

    def find(self, scope: Scope, placement: Placement) -> ASGIApp | None:
        """The mounted app that a path belongs to, and the scope for it; None if the path belongs to none."""
        path = local_path(scope)
        for prefix, app in self._apps:
            if is_below(path, prefix):
                root = root_path_of(scope)
                # ASGI's paths begin with the root_path; behind a proxy that takes it away, they do not.
                full = scope["path"] if is_below(scope["path"], root) else root + scope["path"]
                state = {**(scope.get("state") or {}), STATE_KEY: placement}
                inner = {**scope, "path": full, "root_path": root + prefix, "state": state}
                inner.pop("starlette.exception_handlers", None)  # what it raises is for this app, and not for one around it
                return _Mounted(app, inner, placement.host)
        return None


class _Mounted:
    def __init__(self, app: ASGIApp, scope: Scope, host: StreamHost | None) -> None:
        self._app = app
        self._scope = scope
        self._host = host

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        """Call the app.

        Raises:
            ResponseBroken: It raised in the middle of its HTTP response.
        """
        if self._host is not None:
            self._host.close_when(find_shutdown(self._scope, send))
        begun = False

        def note(_message: Message) -> None:
            nonlocal begun
            begun = True

        try:
            await self._app(self._scope, receive, ObservedSend(send, before=note))
        except BaseException as raised:
            error = failure_of(raised)
            if begun and self._scope["type"] == "http":
                raise ResponseBroken from error
            reraise(error)
