"""Every error that chirp_trio raises on purpose.

    ChirpError
     ├── ConfigurationError (ValueError)   an option, a route or an argument that cannot work; raised where it is given
     ├── WrongRuntimeError (RuntimeError)  the event loop is not trio's
     ├── LifespanError                     the app's lifespan failed, so the server stopped
     ├── HTTPError                         raise it in a handler or a source: it becomes that status
     ├── ClientDisconnected                the client left while its request body was being read
     ├── TemplateError                     a template that cannot be rendered; names template, block and line
     │    ├── TemplateNotFound             and which templates exist
     │    └── BlockNotFound                and which blocks exist
     ├── StoreError                        a topic's history could not be read from its store, or written to it
     └── EventTooLarge (ValueError)        an event stream held an event larger than the decoder's bound

Wrong *types* are `TypeError` and wrong *values* are `ValueError`, as everywhere in Python; both name the argument, the
value and what is allowed.
"""

from http import HTTPStatus

from .headers import HeadersInput, encode_headers, header_pairs


class ChirpError(Exception):
    """The base of every error below; never raised itself.

    Example:
        >>> try:
        ...     Topic("news", history=-1)
        ... except ChirpError as error:
        ...     print(type(error).__name__)
        ConfigurationError
    """


class ConfigurationError(ChirpError, ValueError):
    """An option, a route or an argument that cannot work. Raised where it is given, not when it is used.

    Example:
        >>> Topic("news", history=-1)
        Traceback (most recent call last):
        ...
        chirp_trio.errors.ConfigurationError: ...
    """


class WrongRuntimeError(ChirpError, RuntimeError):
    """chirp_trio runs on trio only, and was called on another event loop.

    Example:
        >>> issubclass(WrongRuntimeError, RuntimeError)
        True
    """


class LifespanError(ChirpError):
    """The app's lifespan failed, so the server that ran it stopped.

    Example:
        >>> import trio
        >>> async def main():
        ...     try:
        ...         await serve(App(), ServerConfig(port=8000))
        ...     except LifespanError as error:
        ...         print(f"the app did not start, or did not stop: {error}")
    """


class HTTPError(ChirpError):
    """Raise it in a handler, or in a source before its first event, to answer with that status.

    Args:
        status: An HTTP status from 400 to 599.
        detail: One sentence for the client; default: the status's standard phrase. It is sent as it is, so keep
            internals out of it.
        headers: Further response headers, as a mapping or as pairs of name and value; default: none.

    Raises:
        TypeError: `status` is no int, `detail` is not text, or `headers` are neither.
        ValueError: The status is none of an error's, or a header cannot be sent.

    Example:
        >>> raise HTTPError(403, "this room is private")
        Traceback (most recent call last):
        ...
        chirp_trio.errors.HTTPError: 403 this room is private
    """

    def __init__(self, status: int, detail: str | None = None, headers: HeadersInput = ()) -> None:
        if not isinstance(status, int):
            raise TypeError(f"HTTPError: status is {status!r}; it must be an int from 400 to 599")
        if not 400 <= status <= 599:
            raise ValueError(f"HTTPError: status is {status!r}; it must be an int from 400 to 599")
        if detail is not None and not isinstance(detail, str):
            raise TypeError(
                f"HTTPError: detail is {detail!r}; it must be text. To answer with more than a sentence, return a Response "
                "with that status, or raise an exception of your own, and answer it by @app.error"
            )
        self.status = int(status)
        self.detail = detail if detail is not None else phrase(self.status)
        self.headers = header_pairs(headers)
        encode_headers(self.headers)  # it raises for those that cannot be sent
        super().__init__(f"{self.status} {self.detail}")


class ClientDisconnected(ChirpError):
    """The client left while its request body was being read. Nobody is there to be answered.

    Example:
        >>> app = App()
        >>> @app.post("/notes")
        ... async def save(request: Request):
        ...     try:
        ...         return await request.text()
        ...     except ClientDisconnected:
        ...         return "", 400  # which nobody gets
    """


class TemplateError(ChirpError):
    """A template that cannot be rendered.

    Example:
        >>> app = App()
        >>> @app.error(TemplateError)
        ... def broken(request, error):
        ...     return "This page cannot be shown", 500
    """


class TemplateNotFound(TemplateError):
    """No such template; the message lists those that exist.

    Example:
        >>> app = App()
        >>> @app.error(TemplateNotFound)
        ... def missing(request, error):
        ...     return "There is no such page", 404
    """


class BlockNotFound(TemplateError):
    """No such block in the template; the message lists those that exist.

    Example:
        >>> app = App()
        >>> @app.error(BlockNotFound)
        ... def missing(request, error):
        ...     return "There is no such part of the page", 404
    """


class StoreError(ChirpError):
    """A topic's history could not be read from its store, or an event could not be written to it, and nobody gets it.

    Example:
        >>> async def publish(news, headline):
        ...     try:
        ...         await news.publish(headline)
        ...     except StoreError as error:
        ...         print(f"nobody gets it: {error}")
    """


class EventTooLarge(ChirpError, ValueError):
    """An event stream held an event (or a line) larger than the decoder's bound.

    Example:
        >>> Decoder(max_event_bytes=10).feed(b"data: more than ten bytes")
        Traceback (most recent call last):
        ...
        chirp_trio.errors.EventTooLarge: ...
    """


def phrase(status: int) -> str:
    """The standard phrase of an HTTP status (RFC 9110): `"Not Found"` for 404."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"


def text_of(error: BaseException) -> str:
    """What an error says of itself. Its class is anybody's, and may fail at that."""
    try:
        return str(error)
    except Exception:
        return "<its text cannot be had>"


def sole(error: Exception) -> Exception:
    """What a group of one holds, all the way down; anything else as it is.

    A nursery wraps whatever leaves it in a group, so an `HTTPError` raised inside a source's own nursery arrives as one.
    """
    while isinstance(error, ExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error
