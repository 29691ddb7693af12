"""One client's connection, from its first request to its end, in one task. An error in it affects no other connection."""

from collections.abc import Callable
from typing import Any

import trio

from ..asgi import ASGIApp
from ..failures import failure_of
from ..logs import logger_of
from .arrivals import Arrival
from .config import ServerConfig
from .conversation import Conversation
from .http1 import HTTP1
from .http2 import HTTP2
from .transport import LAST_WRITE_TIMEOUT
from .turns import Turns

logger = logger_of("server")

# Seconds that a connection stays open without being read when its client has sent too many useless frames. Its bytes cost
# nothing then, while a new connection would cost this server more than that client.
_HELD = 2.0


class Connection:
    """A connection that is being served.

    Args:
        app: The app.
        settings: The server's settings.
        state: The state that the app's lifespan has made for its requests.
        arrival: The new connection, with its first request. It is closed in the end.
        turns: A limit for the connections that end in one turn of the event loop, since many may have the same deadline;
            default: none.
        over: Called with the connection when it is closed; default: nothing is called.
    """

    __slots__ = (
        "_app", "_arrival", "_holding", "_is_stopping", "_over", "_protocol", "_settings", "_state", "_transport", "_turns",
    )  # fmt: skip

    def __init__(
        self, app: ASGIApp, settings: ServerConfig, state: dict[str, Any], arrival: Arrival,
        turns: Turns | None = None, over: Callable[[Connection], object] | None = None,
    ) -> None:  # fmt: skip
        self._app = app
        self._settings = settings
        self._state = state
        self._turns = turns
        self._over = over
        self._arrival = arrival
        self._transport = arrival.transport
        self._holding: trio.CancelScope | None = None  # around the wait of a connection that is no longer served
        self._protocol: HTTP1 | HTTP2 | None = None
        self._is_stopping = False

    async def run(self) -> None:
        """Serve the client until the client or the server ends the connection.

        It is one long function, because an open stream would keep the frame of each function on its way.
        """
        linger = False
        try:
            client, server = self._transport.addresses
            conversation = Conversation(self._app, self._settings, self._state, self._transport, client, server)
            began: bytes | None
            if self._arrival.is_http2:
                began = self._arrival.reader.take_rest()
            else:
                http1 = HTTP1(conversation, self._arrival.reader)
                self._take(http1)
                began = await http1.serve(self._arrival.take_first())
            if began is not None:
                http2 = HTTP2(conversation)
                self._take(http2)
                await http2.serve(began)
            linger = conversation.linger
            if conversation.is_flood:
                await self._hold()
            if self._turns is not None and not conversation.has_had_turn:
                await self._turns.take()
        except trio.BrokenResourceError:
            pass  # the client left
        except BaseException as raised:
            logger.exception("a connection failed", exc_info=failure_of(raised))
        finally:
            try:
                await self._transport.close(linger=linger)
            finally:
                self._arrival.leave()
                if self._over is not None:
                    self._over(self)

    async def _hold(self) -> None:
        self._protocol = None
        self._holding = trio.CancelScope(deadline=trio.current_time() if self._is_stopping else trio.current_time() + _HELD)
        with self._holding:
            await trio.sleep_forever()
        self._transport.reset_when_closed()

    def _take(self, protocol: HTTP1 | HTTP2) -> None:
        self._protocol = protocol
        if self._is_stopping:
            protocol.stop()

    def stop(self) -> None:
        """Take no further request, and wait only a moment for a client that does not read."""
        self._is_stopping = True
        if self._holding is not None:
            self._holding.cancel("the server stops")
        self._transport.hurry(LAST_WRITE_TIMEOUT)
        if self._protocol is not None:
            self._protocol.stop()

    def ask_to_leave(self) -> None:
        """Ask the app to end its responses."""
        if self._protocol is not None:
            self._protocol.ask_to_leave()
