"""A network between a browser and a server that can be taken away, and given back."""

import socket
from contextlib import suppress
from threading import Thread
from typing import Self

from playwright.sync_api import Page


class Network:
    """Passes connections on to a server, for as long as it is there."""

    def __init__(self, server: tuple[str, int]) -> None:
        self._server = server
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address: tuple[str, int] = self._listener.getsockname()
        self._open: list[socket.socket] = []
        Thread(target=self._accept, args=[self._listener], daemon=True).start()

    def take_away(self) -> None:
        """End every connection, and refuse all others."""
        for ended in (self._listener, *self._open):
            with suppress(OSError):
                ended.shutdown(socket.SHUT_RDWR)
            ended.close()
        self._open.clear()

    def give_back(self) -> None:
        """Be there again, at the same address."""
        self._listener = socket.create_server(self.address)
        Thread(target=self._accept, args=[self._listener], daemon=True).start()

    def lead_to(self, server: tuple[str, int]) -> None:
        """Pass on new connections to another server."""
        self._server = server

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                near = listener.accept()[0]
                far = socket.create_connection(self._server)
                self._open += [near, far]
                for one in (
                    near,
                    far,
                ):  # as proxies do; otherwise some pieces wait 40 ms for the one before to be acknowledged
                    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                for source, target in ((near, far), (far, near)):
                    Thread(target=_pass_on, args=[source, target], daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.take_away()


def skip_seconds(page: Page, seconds: float) -> None:
    """Have a page say at once what it says when nothing has come for so long: by animations, which are ahead then."""
    page.evaluate(f"for (const animation of document.getAnimations()) animation.currentTime += {seconds * 1000}")


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
