"""Server-Sent Events for trio: live HTML, JSON and text from structured concurrency.

A handler returns an `EventStream`; its source yields text, JSON, `Fragment`s of templates, or `SSEEvent`s. See `App` for the
web application, `EventStream` for streams in anybody's ASGI app, `serve` for the server, `chirp_trio.testing` for tests.
"""

import sys as _sys
from importlib import import_module as _import_module
from opcode import opname as _opcodes
from types import FrameType as _FrameType
from typing import TYPE_CHECKING, Any

from .compression import CompressionDictionary
from .errors import (
    BlockNotFound,
    ChirpError,
    ClientDisconnected,
    ConfigurationError,
    EventTooLarge,
    HTTPError,
    LifespanError,
    StoreError,
    TemplateError,
    TemplateNotFound,
    WrongRuntimeError,
)
from .habits import cure_for_export as _cure_for_export
from .stream import (
    Ending,
    Limits,
    LiveStreams,
    StreamLifespan,
    StreamSnapshot,
    last_event_id,
    stream_lifespan,
)
from .templates import OOB, Fragment, Page, Stream, Template, ValidationError
from .topics import Presence, Published, SQLiteStore, Subscription, Topic, merge, merge_cursors
from .web import App, AppConfig, Redirect, Request, Response, UploadFile, health
from .wire import HTML, Comment, Decoder, SSEEvent

if TYPE_CHECKING:
    from .redis import RedisStore
    from .responses import EventStream
    from .server import ServerConfig, serve
    from .version import __version__  # noqa: F401  # as is the custom, not in `__all__`

__all__ = [
    "HTML",
    "OOB",
    "App",
    "AppConfig",
    "BlockNotFound",
    "ChirpError",
    "ClientDisconnected",
    "Comment",
    "CompressionDictionary",
    "ConfigurationError",
    "Decoder",
    "Ending",
    "EventStream",
    "EventTooLarge",
    "Fragment",
    "HTTPError",
    "LifespanError",
    "Limits",
    "LiveStreams",
    "Page",
    "Presence",
    "Published",
    "Redirect",
    "RedisStore",
    "Request",
    "Response",
    "SQLiteStore",
    "SSEEvent",
    "ServerConfig",
    "StoreError",
    "Stream",
    "StreamLifespan",
    "StreamSnapshot",
    "Subscription",
    "Template",
    "TemplateError",
    "TemplateNotFound",
    "Topic",
    "UploadFile",
    "ValidationError",
    "WrongRuntimeError",
    "health",
    "last_event_id",
    "merge",
    "merge_cursors",
    "serve",
    "stream_lifespan",
]


# What costs much to import, and what an app can be made without, by its module: imported when it is first asked for.
_LATER = {
    "EventStream": "responses",
    "RedisStore": "redis",
    "ServerConfig": "server",
    "__version__": "version",
    "serve": "server",
}


def _is_import(frame: _FrameType) -> bool:
    """Whether a frame is at the `import` of `from ... import ...`."""
    return _opcodes[frame.f_code.co_code[frame.f_lasti]] == "IMPORT_FROM"


if not TYPE_CHECKING:  # to a type checker every name would be one that the package has

    def __getattr__(name: str) -> Any:
        if name not in _LATER:
            cure = _cure_for_export(name)
            if cure is not None and _is_import(_sys._getframe(1)):  # which would not show an AttributeError
                raise ImportError(f"chirp_trio has no {name!r}: {cure}", name=__name__)
            missing = f"module {__name__!r} has no attribute {name!r}" + (f": {cure}" if cure is not None else "")
            raise AttributeError(missing, name=name, obj=_sys.modules[__name__])
        value = getattr(_import_module(f"{__name__}.{_LATER[name]}"), name)
        globals()[name] = value  # and the next time nobody asks here
        return value


def __dir__() -> list[str]:
    return sorted({*__all__, *(name for name in globals() if name.startswith("__")), "__version__"})
