"""The access log: a line for each request, when its response has ended.

hypercorn's own access log has neither the number of bytes of a response nor, when a client has left, the status; and it may
write two lines for such a request, if the app does not notice that the client has left.
"""

import logging
import sys
from urllib.parse import quote

import trio

from ..asgi import ASGIApp, Message, ObservedSend, Receive, Scope, Send
from ..logs import logger_of
from ..output import unblocked

_FORMAT = '%(client)s "%(method)s %(path)s HTTP/%(version)s" %(status)s %(bytes)d bytes %(seconds).3f s %(end)s'
_PRINTABLE = "".join(map(chr, range(0x21, 0x7F))).replace('"', "")  # the quote would end the request line


class AccessLog:
    """An ASGI app whose requests are logged.

    Args:
        app: The app.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._logger = _access_logger()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        entry = _Entry(self._logger, scope, receive)
        try:
            await self._app(scope, entry.receive, ObservedSend(send, before=entry.note, after=entry.note_sent))
        finally:
            entry.write()


class _Entry:
    """One request, from its beginning to its line in the log."""

    def __init__(self, logger: logging.Logger, scope: Scope, receive: Receive) -> None:
        self._logger = logger
        self._scope = dict(scope)  # a copy: the app may change its own
        self._direct = (scope.get("extensions") or {}).get("chirp_trio.connection")
        self._receive = receive
        self._began = trio.current_time()
        self._status = 0
        self._has_left = False
        self._is_complete = False
        self._is_written = False
        self._bytes = 0  # of the body, sent by `send()`

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.disconnect" and not self._is_complete:
            self._has_left = True
        return message

    def note(self, message: Message) -> None:
        """Note what is about to be sent."""
        if message["type"] == "http.response.start":
            self._status = message["status"]
        elif message["type"] == "http.response.body":
            self._bytes += len(message.get("body", b""))
            if not message.get("more_body", False):
                self._is_complete = not self._has_left  # before it is sent: hypercorn reports a disconnect during that

    def note_sent(self, _message: Message) -> None:
        """Write the line once the last message has been sent."""
        if self._is_complete:
            self.write()

    def write(self) -> None:
        """Write the line, unless it is written already."""
        if self._is_written:
            return
        self._is_written = True
        scope = self._scope
        path = scope.get("raw_path") or scope["path"].encode()
        client = scope.get("client")
        fields = {
            "client": client[0] if client else "-",
            # Quoted, so that a client can neither end the line nor send codes to a terminal.
            "method": quote(scope["method"], _PRINTABLE),
            "path": quote(path, _PRINTABLE),  # without the query, which may hold secrets
            "version": scope["http_version"],
            "status": self._status or ("-" if self._has_left else 500),  # the server has answered for the app
            "bytes": 0 if scope["method"] == "HEAD" else self._bytes + (self._direct.body_bytes if self._direct else 0),
            "seconds": trio.current_time() - self._began,
            "end": "client left" if self._has_left else "cut short" if self._status and not self._is_complete else "complete",
        }
        self._logger.info(_FORMAT, fields)


def _access_logger() -> logging.Logger:
    """The logger of the access log: on standard error, unless the application has given it a handler."""
    logger = logger_of("access")
    logger.setLevel(logging.INFO)
    if not logger.hasHandlers():
        handler = logging.StreamHandler(unblocked(sys.stderr) if sys.stderr is not None else None)
        handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%Y-%m-%d %H:%M:%S"))
        logger.addHandler(handler)
    return logger
