"""An ASGI server for trio, made for responses that stay open.

    accepting        takes in connections, as many as may be (see `listeners` for where)
    arrivals         all of them until their first requests have come, in one task: the handshake (`tls`), and the head
    connection       one of them from then on, in a task of its own that speaks a protocol
    http1, http2     the protocols, each with an `exchange` for a request and its response; `websocket` for what is neither
    transport        the bytes of a connection, in and out; `tls_transport` encrypts them on the way
    worker, serve    a run of the server: the app's `lifespan`, connections, the stop; `run` for a process, with signals
    workers          several processes, and what keeps them running (`children`); each of them knows its `parent`

It knows an app through ASGI alone. What it tells the app beyond ASGI are two extensions, `chirp_trio.shutdown` and
`chirp_trio.connection`.
"""

from .config import ServerConfig
from .run import run
from .serve import serve

__all__ = ["ServerConfig", "run", "serve"]
