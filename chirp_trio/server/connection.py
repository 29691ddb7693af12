"""One client's connection, from its first byte to its last, in one task. What goes wrong in it is nobody else's."""

import socket
import ssl
from typing import Any

import trio

from ..asgi import ASGIApp
from ..failures import failure_of
from ..logs import logger_of
from .config import ServerConfig
from .conversation import Conversation
from .http1 import HTTP1
from .http2 import HTTP2
from .transport import LAST_WRITE_TIMEOUT, Transport

logger = logger_of("server")

# Seconds that a connection stays open, and is not read, whose client sends too much that is of no use. What it sends costs
# nobody anything then, and each new connection would cost this server more than that client.
_HELD = 2.0


class Connection:
    """An accepted connection.

    Args:
        app: The app.
        settings: What the server has been told.
        state: What the app's lifespan has left for its requests.
        accepted: The connection: a socket that does not block. It is closed in the end.
        tls: Speak TLS with this context; None means clear text.
        turns: How many connections may end in one turn of the event loop, as many may have one deadline; default: all.
    """

    def __init__(
        self, app: ASGIApp, settings: ServerConfig, state: dict[str, Any], accepted: socket.socket,
        tls: ssl.SSLContext | None, turns: trio.CapacityLimiter | None = None,
    ) -> None:  # fmt: skip
        self._app = app
        self._settings = settings
        self._state = state
        self._turns = turns
        self._transport = Transport(accepted, tls, settings.write_timeout, turns)
        self._handshake = trio.CancelScope()
        self._holding = trio.CancelScope()
        self._protocol: HTTP1 | HTTP2 | None = None
        self._is_stopping = False

    async def run(self) -> None:
        """Serve the client until it or the server is done."""
        linger = False
        try:
            protocol = await self._shake_hands()
            if protocol is not None:
                client, server = self._transport.addresses
                conversation = Conversation(self._app, self._settings, self._state, self._transport, client, server)
                await self._converse(conversation, protocol)
                linger = conversation.linger
                if conversation.is_flood:
                    await self._hold()
            if self._turns is not None:
                async with self._turns:  # which takes a turn
                    pass
        except trio.BrokenResourceError:
            pass  # the client left, or never spoke TLS
        except BaseException as raised:
            logger.exception("a connection failed", exc_info=failure_of(raised))
        finally:
            await self._transport.close(linger=linger)

    async def _shake_hands(self) -> str | None:
        """The protocol that was settled on; None if the client does not come to an end."""
        if not self._transport.is_encrypted:
            return "http/1.1"
        patience = LAST_WRITE_TIMEOUT if self._is_stopping else self._settings.handshake_timeout
        self._handshake.deadline = trio.current_time() + patience
        with self._handshake:
            return await self._transport.handshake() or "http/1.1"
        return None

    async def _converse(self, conversation: Conversation, protocol: str) -> None:
        began: bytes | None = b""
        if protocol != "h2":
            http1 = HTTP1(conversation)
            self._take(http1)
            began = await http1.serve()
        if began is not None:
            http2 = HTTP2(conversation)
            self._take(http2)
            await http2.serve(began)

    async def _hold(self) -> None:
        self._protocol = None
        self._holding.deadline = trio.current_time() + _HELD
        with self._holding:
            await trio.sleep_forever()
        self._transport.reset_when_closed()

    def _take(self, protocol: HTTP1 | HTTP2) -> None:
        self._protocol = protocol
        if self._is_stopping:
            protocol.stop()

    def stop(self) -> None:
        """Take no further request, and have no patience with a client that does not read."""
        self._is_stopping = True
        self._handshake.deadline = trio.current_time() + LAST_WRITE_TIMEOUT
        self._holding.cancel("the server stops")
        self._transport.hurry(LAST_WRITE_TIMEOUT)
        if self._protocol is not None:
            self._protocol.stop()

    def ask_to_leave(self) -> None:
        """Tell the app that its responses are to end."""
        if self._protocol is not None:
            self._protocol.ask_to_leave()
