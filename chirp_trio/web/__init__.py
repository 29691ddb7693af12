"""Requests and responses: routes, handlers, and what a handler's return value becomes.

This room knows streams and templates, and hands ready responses to them. It must not know topics, nor how a server works.
"""

from .app import App
from .config import AppConfig
from .forms import UploadFile
from .health import health
from .multi import Headers, MultiMapping
from .request import Request
from .response import Redirect, Response

__all__ = ["App", "AppConfig", "Headers", "MultiMapping", "Redirect", "Request", "Response", "UploadFile", "health"]
