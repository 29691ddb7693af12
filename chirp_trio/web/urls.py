"""URLs of an app's own paths, with the prefix that clients use, and with values for their parameters."""

import re
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from urllib.parse import quote, unquote, urlencode

from ..asgi import Scope
from ..errors import ConfigurationError
from .routing import CONVERTERS, PARAMETER, Route, is_below

_SAFE = "/!$&'()*+,;=:@~"  # what may stand in a path as it is (RFC 3986, 3.3)
_HOST = re.compile(r"[A-Za-z0-9._~%-]+(?::[0-9]*)?|\[[0-9A-Fa-f:.]+\](?::[0-9]*)?")


class Serving:
    """The request that is being answered, for code of its handler in any thread, task or source."""

    __slots__ = ("app", "root_path")

    def __init__(self, app: object, root_path: str) -> None:
        self.app = app
        self.root_path = root_path


# Another object for each request, so that it tells requests apart as well.
serving: ContextVar[Serving | None] = ContextVar("chirp_trio.serving", default=None)


class Paths:
    """Makes paths of an app's routes.

    Args:
        routes: The app's routes, as they are when a path is made.
        is_mounted: Whether a path belongs to a mounted app.
    """

    def __init__(self, routes: Callable[[], Sequence[Route]], is_mounted: Callable[[str], bool]) -> None:
        self._routes = routes
        self._is_mounted = is_mounted
        self._last_root_path = ""  # that of the newest request, or of the lifespan

    def enter(self, scope: Scope) -> Serving:
        """What a request leaves for those who ask for paths while it is answered."""
        self._last_root_path = root_path_of(scope)
        return Serving(self, self._last_root_path)

    def path_for(self, name: str, /, **parameters: object) -> str:
        """A path with the prefix of the request that is being answered, or else of the newest one; see `make`."""
        current = serving.get()
        known = current is not None and current.app is self
        return self.make(current.root_path if known and current is not None else self._last_root_path, name, parameters)

    def make(self, root_path: str, name: str, parameters: Mapping[str, object]) -> str:
        """The path of a route.

        Args:
            root_path: What stands before it.
            name: The name of the route's handler, or its pattern, or a path without parameters.
            parameters: Values for the pattern's parameters; the others become the query, but for those that are None.

        Raises:
            ConfigurationError: No route is meant, or several are, or a value does not fit.
        """
        if not isinstance(name, str):
            raise TypeError(f"path_for({name!r}): the name must be text: that of a route's handler, or a path")
        pattern = self._pattern(name, parameters)
        used = {found[1].partition(":")[0] for found in PARAMETER.finditer(pattern)}
        path = PARAMETER.sub(lambda found: _filled(found[1], parameters, pattern), quote(pattern, safe=_SAFE + "{}"))
        if path.startswith("//"):
            raise ConfigurationError(f"path_for({name!r}): {path!r} would be the URL of another host")
        query = {key: value for key, value in parameters.items() if key not in used and value is not None}
        try:
            return quote(root_path, safe=_SAFE) + path + (f"?{urlencode(query, doseq=True)}" if query else "")
        except UnicodeEncodeError as error:
            raise _uncarried(name, error) from None

    def _pattern(self, name: str, parameters: Mapping[str, object]) -> str:
        routes = self._routes()
        if name.startswith("/"):
            if any(route.path == name for route in routes):
                return name
            if "{" not in name and (self._is_mounted(name) or any(route.match(name) is not None for route in routes)):
                return name
            raise ConfigurationError(f"path_for({name!r}): no route has this path; there are: {_shown(routes)}")
        named = {route.path: set(route.converters) for route in routes if handler_label(route.handler) == name}
        if not named:
            names = ", ".join(sorted({handler_label(route.handler) for route in routes})) or "none"
            raise ConfigurationError(f"path_for({name!r}): no route has a handler of this name; there are: {names}")
        fitting = {path: wanted for path, wanted in named.items() if wanted <= set(parameters)}
        if not fitting:
            wanted = " or ".join(f"{', '.join(map(repr, sorted(want)))} ({path})" for path, want in named.items())
            given = ", ".join(map(repr, parameters)) or "nothing"
            raise ConfigurationError(f"path_for({name!r}): it wants {wanted}, and got {given}")
        most = max(len(wanted) for wanted in fitting.values())
        best = [path for path, wanted in fitting.items() if len(wanted) == most]
        if len(best) > 1:
            raise ConfigurationError(f"path_for({name!r}): several routes have this name; give the path: {' or '.join(best)}")
        return best[0]


def handler_label(handler: object) -> str:
    """The name of a handler's route."""
    while not hasattr(handler, "__name__") and hasattr(handler, "func"):  # a functools.partial
        handler = handler.func
    return getattr(handler, "__name__", None) or type(handler).__name__


def root_path_of(scope: Scope) -> str:
    """What stands before the app's own paths, which ASGI calls `root_path`; without a slash at its end."""
    return str(scope.get("root_path") or "").rstrip("/")


def local_path(scope: Scope) -> str:
    """The path below what the app is mounted at, which ASGI calls `root_path`."""
    path, root = str(scope["path"]), root_path_of(scope)
    return path[len(root) :] or "/" if root and is_below(path, root) else path


def url_of(scope: Scope) -> str:
    """The URL of a request, as its client knows it."""
    path, raw, root = str(scope["path"]), scope.get("raw_path"), root_path_of(scope)
    sent = raw.partition(b"?")[0].decode("latin-1") if isinstance(raw, bytes) else ""
    if unquote(sent) != path:  # middleware has changed the path, and nothing else
        sent = quote(path, safe=_SAFE)
    if root and not is_below(path, root):  # a proxy has taken the prefix away
        sent = quote(root, safe=_SAFE) + sent
    query = scope.get("query_string", b"").decode("latin-1")
    return f"{scope.get('scheme', 'http')}://{_host(scope)}{sent}{'?' + query if query else ''}"


def _host(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name.lower() == b"host" and _HOST.fullmatch(value.decode("latin-1")):
            return str(value.decode("latin-1"))
    host, port = scope.get("server") or ("localhost", None)
    if port is None:
        return "localhost" if "/" in host else str(host)  # the path of a Unix socket is no host
    host = f"[{host}]" if ":" in host else host
    return host if port == {"http": 80, "https": 443}.get(scope.get("scheme", "http")) else f"{host}:{port}"


def _filled(parameter: str, parameters: Mapping[str, object], pattern: str) -> str:
    name, _, kind = parameter.partition(":")
    kind = kind or "str"
    if name not in parameters:
        raise ConfigurationError(f"path_for({pattern!r}): {name!r} is missing")
    text = "" if parameters[name] is None else str(parameters[name])
    if not re.fullmatch(CONVERTERS[kind][0], text, re.DOTALL) or {".", ".."} & set(text.split("/")):
        raise ConfigurationError(
            f"path_for({pattern!r}): {name} is {parameters[name]!r}, which a parameter with the converter {kind!r} cannot be"
        )
    try:
        return quote(text, safe="/" if kind == "path" else "")
    except UnicodeEncodeError as error:
        raise _uncarried(pattern, error) from None


def _uncarried(name: str, error: UnicodeEncodeError) -> ConfigurationError:
    half = error.object[error.start]
    return ConfigurationError(f"path_for({name!r}): a value holds {half!r}: half of a surrogate pair, which no URL can carry")


def _shown(routes: Sequence[Route]) -> str:
    return ", ".join(dict.fromkeys(route.path for route in routes)) or "none"
