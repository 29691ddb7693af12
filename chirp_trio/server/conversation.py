"""What a connection's protocol has of the server: the way to the client, the settings, and the app."""

import functools
import time
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any

from ..asgi import ASGIApp, Receive, Scope, Send
from ..failures import reraise, split_failure
from ..habits import note_habit
from ..logs import logger_of
from .config import ServerConfig
from .messages import Headers
from .sockets import Address
from .transport import Transport

logger = logger_of("server")


@dataclass(slots=True)
class Conversation:
    """One client's connection, as its protocol sees it.

    Args:
        app: The app.
        settings: What the server has been told.
        state: What the app's lifespan has left for its requests.
        transport: The way to the client.
        client: The client's address and port; None for a Unix socket.
        server: Where the client has connected to.
    """

    app: ASGIApp
    settings: ServerConfig
    state: dict[str, Any]
    transport: Transport
    client: Address
    server: Address
    linger: bool = field(default=False, init=False)  # the client may still be sending when the connection is closed
    has_had_turn: bool = field(default=False, init=False)  # its end was found as one of few in a turn of the event loop
    is_flood: bool = field(default=False, init=False)  # the client has been told that it sends too much that is of no use

    async def call_app(self, scope: Scope, receive: Receive, send: Send) -> bool:
        """Let the app answer a request; whether it raised nothing. What it raises is logged, and ends only its response."""
        try:
            await self.app(scope, receive, send)
        except BaseException as raised:
            signal, failure = split_failure(raised)
            try:
                if failure is not None:
                    note_habit(failure)
                    logger.exception(
                        "%s %s: the app raised", scope.get("method", "WebSocket"), scope["path"], exc_info=failure
                    )
                if signal is not None:
                    reraise(signal)
            finally:
                del signal, failure  # what is raised holds this frame
            return False
        return True

    def server_headers(self) -> Headers:
        """The headers that every response has."""
        header = self.settings.server_header
        date = (b"date", _date(int(time.time())))
        return [date] if header is None else [date, (b"server", header.encode("latin-1"))]


@functools.lru_cache(maxsize=1)
def _date(second: int) -> bytes:
    return formatdate(second, usegmt=True).encode("ascii")
