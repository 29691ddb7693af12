"""The parts of the server that a connection's protocol uses: the transport to the client, the settings, and the app."""

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
        settings: The server's settings.
        state: The state that the app's lifespan has made for its requests.
        transport: The connection's bytes.
        client: The client's address and port; None for a Unix socket.
        server: The address and port that the client has connected to.
    """

    app: ASGIApp
    settings: ServerConfig
    state: dict[str, Any]
    transport: Transport
    client: Address
    server: Address
    linger: bool = field(default=False, init=False)  # the client may still be sending when the connection is closed
    has_had_turn: bool = field(default=False, init=False)  # its end was found as one of few in a turn of the event loop
    is_flood: bool = field(default=False, init=False)  # the client was told that it sends too many useless frames

    async def call_app(self, scope: Scope, receive: Receive, send: Send) -> bool:
        """Call the app for a request; return whether it raised nothing. An error is logged, and ends only its response."""
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
                del signal, failure  # an error that is raised refers to this frame, and so to them
            return False
        return True

    def server_headers(self) -> Headers:
        """The headers of every response."""
        header = self.settings.server_header
        date = (b"date", _date(int(time.time())))
        return [date] if header is None else [date, (b"server", header.encode("latin-1"))]


@functools.lru_cache(maxsize=1)
def _date(second: int) -> bytes:
    return formatdate(second, usegmt=True).encode("ascii")
