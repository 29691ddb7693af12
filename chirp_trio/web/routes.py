"""The decorators with which functions become handlers of paths."""

from collections.abc import Callable, Iterable
from typing import Any

from ..arguments import check_type
from ..compression import CompressionDictionary
from ..errors import ConfigurationError
from .dispatch import Dispatcher
from .response import Response

# A year: what is at this path never changes, because its hash is part of it.
_FOR_EVER = "public, max-age=31536000, immutable"


class Routes:
    """The decorators for handlers, as a base class of `App`.

    Args:
        dispatcher: Keeps the routes.
    """

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._routes = dispatcher

    def route[Handler: Callable[..., Any]](
        self, path: str, *, methods: Iterable[str] = ("GET",)
    ) -> Callable[[Handler], Handler]:
        """Answer requests for a path with the decorated function.

        The function is async, or plain and then runs in a thread. It takes the path's parameters and `request` by name,
        as many of them as it wants. It may return str or `HTML`, dict or list (JSON), bytes, None (204), a `Response`, a
        `Redirect`, a `Template`, `Fragment`, `Page`, `Stream`, `OOB` or `ValidationError`, an `EventStream`, any ASGI
        response, or a tuple of one of the first with a status, headers or both.

        Args:
            path: Begins with a slash. `{name}` is a parameter, `{name:int}` one with a converter: `str` (the default, up
                to the next slash), `int`, `float`, `uuid` or `path` (with slashes). The first route that fits is taken.
            methods: The HTTP methods; default: GET. GET includes HEAD.

        Raises:
            ConfigurationError: The path, the methods or the function cannot work.
        """
        if not isinstance(path, str):
            raise TypeError(f"route({path!r}): the path must be text, as in @app.route('/path')")

        def register(handler: Handler) -> Handler:
            self._routes.add_route(path, methods, handler)
            return handler

        return register

    def get[Handler: Callable[..., Any]](self, path: str) -> Callable[[Handler], Handler]:
        """Answer GET and HEAD requests for a path with the decorated function: `route(path, methods=["GET"])`."""
        return self.route(path, methods=("GET",))

    def post[Handler: Callable[..., Any]](self, path: str) -> Callable[[Handler], Handler]:
        """Answer POST requests for a path with the decorated function: `route(path, methods=["POST"])`."""
        return self.route(path, methods=("POST",))

    def put[Handler: Callable[..., Any]](self, path: str) -> Callable[[Handler], Handler]:
        """Answer PUT requests for a path with the decorated function: `route(path, methods=["PUT"])`."""
        return self.route(path, methods=("PUT",))

    def patch[Handler: Callable[..., Any]](self, path: str) -> Callable[[Handler], Handler]:
        """Answer PATCH requests for a path with the decorated function: `route(path, methods=["PATCH"])`."""
        return self.route(path, methods=("PATCH",))

    def delete[Handler: Callable[..., Any]](self, path: str) -> Callable[[Handler], Handler]:
        """Answer DELETE requests for a path with the decorated function: `route(path, methods=["DELETE"])`."""
        return self.route(path, methods=("DELETE",))

    def dictionary(self, dictionary: CompressionDictionary, *, match: str) -> str:
        """Serve a dictionary, and tell clients which streams it is for (RFC 9842, 2.1).

        Args:
            dictionary: The dictionary, which is passed to the streams as `compress` too.
            match: The path of these streams, in which `*` stands for anything, such as `"/live/*"`.

        Returns:
            The path that it is served at, for the page: `<link rel="compression-dictionary" href="...">`.

        Raises:
            TypeError: `dictionary` is no dictionary, or `match` no text.
            ConfigurationError: `match` is no path.
        """
        check_type("dictionary", dictionary, CompressionDictionary, "a CompressionDictionary")
        check_type("match", match, str, "a path that begins with a slash, in printable ASCII")
        if not match.startswith("/") or not match.isascii() or not match.isprintable():
            raise ConfigurationError(f"match is {match!r}; it must be a path that begins with a slash, in printable ASCII")
        if '"' in match or "\\" in match:
            raise ConfigurationError(f"match is {match!r}; it must be without quotes and backslashes")
        headers = {"use-as-dictionary": f'match="{match}"', "cache-control": _FOR_EVER}
        path = f"/dictionaries/{dictionary.hash.hex()[:32]}"

        def serve_dictionary() -> Response:
            return Response(dictionary.content, 200, headers, "application/octet-stream")

        self._routes.add_route(path, ("GET",), serve_dictionary)
        return path
