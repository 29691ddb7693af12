"""The access log: a line for each request, when its response has ended.

hypercorn has one too. It knows neither how many bytes a response had nor, of a client that left, the status; and it may write
two lines for one of those, where an app does not notice.
"""

import logging
from typing import Any
from urllib.parse import quote

import trio

from ..asgi import ASGIApp, Message, Receive, Scope, Send
from ..logs import logger_of

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
        entry = _Entry(self._logger, scope, receive, send)
        extensions = scope.get("extensions") or {}
        if direct := extensions.get("chirp_trio.connection"):
            extensions["chirp_trio.connection"] = _Counted(direct, entry)
        try:
            await self._app(scope, entry.receive, entry.send)
        finally:
            entry.write()


class _Entry:
    """One request, from its beginning to its line in the log."""

    def __init__(self, logger: logging.Logger, scope: Scope, receive: Receive, send: Send) -> None:
        self._logger = logger
        self._scope = dict(scope)  # as it is now: whoever serves the request may change it
        self._receive = receive
        self._send = send
        self._began = trio.current_time()
        self._status = 0
        self._has_left = False
        self._is_complete = False
        self._is_written = False
        self.bytes = 0  # of the body

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.disconnect" and not self._is_complete:
            self._has_left = True
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
        elif message["type"] == "http.response.body":
            self.bytes += len(message.get("body", b""))
            # Noted before it is sent: hypercorn tells of a disconnect within that.
            self._is_complete = not message.get("more_body", False) and not self._has_left
        await self._send(message)
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
            # Nothing in it that could end the line, or colour a terminal.
            "method": quote(scope["method"], _PRINTABLE),
            "path": quote(path, _PRINTABLE),  # without the query, where secrets may be
            "version": scope["http_version"],
            "status": self._status or ("-" if self._has_left else 500),  # hypercorn answers for apps that do not
            "bytes": 0 if scope["method"] == "HEAD" else self.bytes,
            "seconds": trio.current_time() - self._began,
            "end": "client left" if self._has_left else "cut short" if self._status and not self._is_complete else "complete",
        }
        self._logger.info(_FORMAT, fields)


class _Counted:
    """The extension `chirp_trio.connection`, which is a way around `send()`, with its bytes counted."""

    def __init__(self, direct: Any, entry: _Entry) -> None:
        self._direct = direct
        self._entry = entry

    def write_nowait(self, data: bytes) -> object:
        self._entry.bytes += len(data)
        return self._direct.write_nowait(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._direct, name)

    def __deepcopy__(self, memo: object) -> _Counted:
        return self  # there is one connection, however often middleware copies the scope


def _access_logger() -> logging.Logger:
    """The logger of the access log, on standard error unless the application has given it somewhere else to go."""
    logger = logger_of("access")
    logger.setLevel(logging.INFO)
    if not logger.hasHandlers():
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%Y-%m-%d %H:%M:%S"))
        logger.addHandler(handler)
    return logger
