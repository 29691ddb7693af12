"""hypercorn's trio worker, started and stopped the way that long-lived streams need it.

This room knows an app through ASGI alone. What it tells the app beyond ASGI is one extension, `chirp_trio.shutdown`.
"""

from .config import ServerConfig
from .serve import run, serve

__all__ = ["ServerConfig", "run", "serve"]
