"""Serving an app: for the commands that do."""

import errno
import socket
import ssl
import threading
import time
import webbrowser
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial

from ..asgi import ASGIApp
from ..errors import ConfigurationError
from ..server import ServerConfig, run
from ..server.parent import Parent
from ..web.config import debugging
from .find import find

_ATTEMPTS, _BETWEEN = 60, 0.5  # how many times to check whether a server is up, and the seconds before each check
_FREE_PORTS = 1024  # from here on, everybody may listen


def find_app(target: str | None, *, is_factory: bool = False, is_debugging: bool = False) -> tuple[ASGIApp, str]:
    """The app, and its name; see `find()`. With `is_debugging`, apps that are made by its import are in debug mode."""
    token = debugging.set(is_debugging)
    try:
        return find(target, is_factory=is_factory)
    finally:
        debugging.reset(token)


def serve_app(
    app: ASGIApp,
    config: ServerConfig,
    name: str,
    *,
    is_opening: bool = False,
    announce: Callable[[Sequence[str]], object] | None = None,
    parent: Parent | None = None,
) -> int:
    """Serve an app until a signal, alone or as a worker of a parent; return the exit code.

    Args:
        app: The app.
        config: The settings.
        name: The app's name, for messages.
        is_opening: Whether to open a browser.
        announce: Called with the URLs when the server listens.
        parent: The process that has started this one as a worker; None: there is none.

    Raises:
        ConfigurationError: The address, or the certificate, cannot be used.
        LifespanError: The app's lifespan failed.
    """

    def tell(urls: Sequence[str]) -> None:
        if announce is not None:
            announce(urls)
        if is_opening:
            _open_browser(urls)

    with _told(config):
        run(app, config, name=name, announce=tell, parent=parent)
    return 0


def serve_in_workers(command: Sequence[str], number: int, config: ServerConfig, *, is_opening: bool = False) -> int:
    """Serve an app by several processes until a signal; return the exit code.

    Raises:
        ConfigurationError: The address cannot be used.
    """
    from ..server.workers import run_workers  # most servers need only one process

    with _told(config):
        return run_workers(command, number, config, announce=_open_browser if is_opening else None)


@contextmanager
def _told(config: ServerConfig) -> Iterator[None]:
    """Turn errors of an address or a certificate into a `ConfigurationError`."""
    try:
        yield
    except ssl.SSLError as error:
        raise ConfigurationError(
            f"certfile is {str(config.certfile)!r} and keyfile is {str(config.keyfile)!r}; they must be a certificate and "
            f"its private key in PEM: {error.reason or error}"
        ) from error
    except OSError as error:
        raise ConfigurationError(f"{error.strerror or error}{_other_port(error, config)}") from error


def _other_port(error: OSError, config: ServerConfig) -> str:
    """The end of a message about a port that cannot be had: another one."""
    if config.bind:
        return ""
    if error.errno == errno.EADDRINUSE:
        return f"; another port is --port {config.port % 65535 + 1}"
    if error.errno == errno.EACCES and config.port < _FREE_PORTS:
        return f"; ports below {_FREE_PORTS} are for root: another port is --port 8000"
    return ""


def open_once_up(config: ServerConfig) -> None:
    """Open the page in a browser once a server listens there, which may be another process; give up after a while."""

    def wait() -> None:
        for _ in range(_ATTEMPTS):
            time.sleep(_BETWEEN)
            with suppress(OSError), socket.create_connection((here(config.host), config.port)):
                webbrowser.open(f"http://{here(config.host)}:{config.port}")
                return

    if not config.bind and config.port:
        threading.Thread(target=wait, name="chirp_trio browser", daemon=True).start()


def here(host: str) -> str:
    """The address by which a client on this machine reaches a server that listens on `host`."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - nothing listens there


def _open_browser(urls: Sequence[str]) -> None:
    url = next((url for url in urls if not url.startswith("http://unix:")), None)
    if url is not None:
        reached = url.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:")
        # In a thread, because starting a browser may take long.
        threading.Thread(target=partial(webbrowser.open, reached), name="chirp_trio browser", daemon=True).start()
