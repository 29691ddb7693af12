"""`EventStream` as a response of Starlette's own kind. It is the public one wherever Starlette is installed, and behaves as
the other one does.

Starlette calls whatever a route returns. FastAPI asks for its class first, and turns what is no Starlette response into JSON.
"""

import inspect
from dataclasses import FrozenInstanceError
from functools import wraps
from typing import Any, Never, override

from starlette.background import BackgroundTask
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import Response

from .asgi import Receive, Scope, Send, require_trio
from .errors import HTTPError
from .headers import encode_headers, header_pairs
from .openapi import event_stream_schema
from .stream import EventStream as ASGIEventStream
from .stream import respond
from .stream.placement import find_placement


class _Missing:
    """An attribute that Starlette's responses have, and an event stream has not."""

    def __set_name__(self, _owner: type, name: str) -> None:
        self._name = name

    def __get__(self, _instance: object, owner: type) -> Never:
        raise AttributeError(
            f"{owner.__name__!r} object has no attribute {self._name!r}: an EventStream cannot be changed once it is made; "
            "give it headers=..., such as {'set-cookie': 'seen=yes; Path=/; SameSite=lax'}"
        )


class EventStream(ASGIEventStream, Response):  # type: ignore[misc]  # noqa: D101 - headers do not change; assigned
    __doc__ = ASGIEventStream.__doc__

    status_code = 200
    media_type = "text/event-stream"
    background: BackgroundTask | None = None

    # What would change a response after it was made. There is none of it without Starlette either.
    set_cookie = _Missing()
    delete_cookie = _Missing()
    init_headers = _Missing()
    render = _Missing()

    @property
    def raw_headers(self) -> tuple[tuple[bytes, bytes], ...]:  # type: ignore[override]
        """The further headers, as ASGI has them: Starlette's name."""
        return encode_headers(header_pairs(self.headers))

    @override
    def __dir__(self) -> list[str]:
        return [name for name in super().__dir__() if hasattr(self, name)]

    @override
    def __setattr__(self, name: str, value: object) -> None:
        if type(self) is EventStream and name != "background":  # which FastAPI sets
            raise FrozenInstanceError(f"cannot assign to field {name!r}")
        super().__setattr__(name, value)

    @override
    def __delattr__(self, name: str) -> None:
        if type(self) is EventStream:
            raise FrozenInstanceError(f"cannot delete field {name!r}")
        super().__delattr__(name)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the stream as an ASGI response, and then run Starlette's background task, if there is one.

        An `HTTPError` is answered by the framework: by a handler that the app has for it, or as an error of its own.
        """
        if "starlette.exception_handlers" in scope:
            require_trio()
            try:
                await respond(self, scope, receive, send, find_placement(scope))
            except HTTPError as error:
                handlers, _ = scope["starlette.exception_handlers"]
                if any(kind in handlers for kind in type(error).__mro__):
                    raise
                raise HTTPException(error.status, error.detail, Headers(raw=list(encode_headers(error.headers)))) from error
        else:
            await super().__call__(scope, receive, send)
        if self.background is not None:
            await self.background()

    @classmethod
    def responses(cls, item: Any = str) -> dict[int | str, dict[str, Any]]:
        """What FastAPI's OpenAPI document is to say of a stream: for `responses=`, beside `response_class=EventStream`.

        Args:
            item: The type of what the source yields, and what is the data of each event: a model, a dataclass, a union of
                them, or any other type that pydantic knows; default: text.

        Returns:
            A description of the response 200, with OpenAPI's `itemSchema` (3.2, section 4.14.4) for the events.

        Raises:
            pydantic.PydanticSchemaGenerationError: `item` is no type that pydantic knows.

        Example:
            >>> EventStream.responses(int)[200]["content"]["text/event-stream"]["itemSchema"]["properties"]["data"]
            {'type': 'string', 'contentMediaType': 'application/json', 'contentSchema': {'type': 'integer'}}
        """
        return {200: {"content": {cls.media_type: {"itemSchema": event_stream_schema(item)}}}}


class _Signature:
    """The signature of the class, and not of those that are derived from it."""

    def __get__(self, _instance: object, owner: type) -> inspect.Signature:
        if owner is not EventStream:
            raise AttributeError("__signature__")
        return inspect.signature(ASGIEventStream)


@wraps(ASGIEventStream.__init__)
def _initialize(stream: EventStream, *arguments: Any, **options: Any) -> None:
    if "background" in options:  # as FastAPI calls the class for what an endpoint returns, or yields, that is no response
        raise TypeError(
            "an endpoint with response_class=EventStream must return an EventStream, as in `return EventStream(source)`; "
            "it returned, or yielded, something else"
        )
    ASGIEventStream.__init__(stream, *arguments, **options)


# FastAPI reads the status that it documents from the default of a parameter `status_code`, and fails where there is none.
# So there seems to be one; a stream that begins has no other status.
_parameters = inspect.signature(ASGIEventStream.__init__).parameters.values()
_status_code = inspect.Parameter("status_code", inspect.Parameter.KEYWORD_ONLY, default=200, annotation=int)
_initialize.__signature__ = inspect.Signature([*_parameters, _status_code])  # type: ignore[attr-defined]
EventStream.__init__ = _initialize  # type: ignore[method-assign, assignment]
EventStream.__signature__ = _Signature()  # type: ignore[attr-defined]
