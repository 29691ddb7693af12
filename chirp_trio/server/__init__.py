"""An ASGI server for trio, made for responses that stay open.

    accepting        accepts connections, up to the limits (`listeners`: on which addresses)
    arrivals         new connections until their first request has come, all in one task: the handshake (`tls`), the head
    connection       one connection from then on, in a task of its own that speaks a protocol
    http1, http2     the protocols, each with an `exchange` for a request and its response; `websocket` for WebSockets
    transport        the bytes of a connection, in and out; `tls_transport` encrypts them on the way
    worker, serve    a run of the server: the app's `lifespan`, connections, the stop; `run` for a process, with signals
    workers          several processes that serve, and the parent that keeps them running (`children`, `parent`)

The server knows an app through ASGI alone. Beyond ASGI it offers the app two extensions, `chirp_trio.shutdown` and
`chirp_trio.connection`.
"""

from .config import ServerConfig
from .run import run
from .serve import serve

__all__ = ["ServerConfig", "run", "serve"]
