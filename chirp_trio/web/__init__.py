"""Requests and responses: routes, handlers, and what a handler's return value becomes.

This room knows streams, topics and templates: it makes an app's topics, opens them while the app runs, and gives its streams
what renders fragments. Of the server it knows only that `App.run()` starts it.
"""

from .app import App, outline_of
from .config import AppConfig
from .forms import UploadFile
from .health import health
from .multi import Headers, MultiMapping
from .request import Request
from .response import Redirect, Response

__all__ = [
    "App",
    "AppConfig",
    "Headers",
    "MultiMapping",
    "Redirect",
    "Request",
    "Response",
    "UploadFile",
    "health",
    "outline_of",
]
