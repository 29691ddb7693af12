"""Server-Sent Events for trio: live HTML, JSON and text from structured concurrency.

A handler returns an `EventStream`; its source yields text, JSON, `Fragment`s of templates, or `SSEEvent`s. See `App` for the
web application, `EventStream` for streams in anybody's ASGI app, `serve` for the server, `chirp_trio.testing` for tests.
"""

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
from .server import ServerConfig, serve
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
from .version import __version__  # noqa: F401  # as is the custom, not in `__all__`
from .web import App, AppConfig, Redirect, Request, Response, UploadFile
from .wire import HTML, Comment, Decoder, SSEEvent

try:
    from .starlette import EventStream
except ModuleNotFoundError:  # without Starlette nobody asks for a response of its kind
    from .stream import EventStream  # type: ignore[assignment]

__all__ = [
    "HTML",
    "OOB",
    "App",
    "AppConfig",
    "BlockNotFound",
    "ChirpError",
    "ClientDisconnected",
    "Comment",
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
    "last_event_id",
    "merge",
    "merge_cursors",
    "serve",
    "stream_lifespan",
]
