"""From an app's name to a server that serves it."""

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

_ATTEMPTS, _BETWEEN = 60, 0.5  # times to look whether a server is up, and seconds between two of them


def find_app(target: str | None, *, is_factory: bool = False, is_debugging: bool = False) -> tuple[ASGIApp, str]:
    """The app, and what to call it; see `find()`. With `is_debugging`, all apps that are made meanwhile are in debug mode."""
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
        name: What to call the app.
        is_opening: Whether a browser is opened.
        announce: Called with the URLs, once the server listens.
        parent: What has started this process as a worker, if anything has.

    Raises:
        ConfigurationError: The address, or the certificate, cannot be used.
        LifespanError: The app failed.
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
    """Have an app served by several processes until a signal; return the exit code.

    Raises:
        ConfigurationError: The address cannot be used.
    """
    from ..server.workers import run_workers  # most servers are one process

    with _told(config):
        return run_workers(command, number, config, announce=_open_browser if is_opening else None)


@contextmanager
def _told(config: ServerConfig) -> Iterator[None]:
    """Have what is wrong with an address or a certificate told in a sentence."""
    try:
        yield
    except ssl.SSLError as error:
        raise ConfigurationError(f"certfile and keyfile cannot be used: {error.reason or error}") from error
    except OSError as error:
        cure = (
            f"; another port is --port {config.port % 65535 + 1}"
            if error.errno == errno.EADDRINUSE and not config.bind
            else ""
        )
        raise ConfigurationError(f"{error.strerror or error}{cure}") from error


def open_once_up(config: ServerConfig) -> None:
    """Open the page in a browser once somebody listens there, such as another process; give up after a while."""

    def wait() -> None:
        for _ in range(_ATTEMPTS):
            time.sleep(_BETWEEN)
            with suppress(OSError), socket.create_connection((here(config.host), config.port)):
                webbrowser.open(f"http://{here(config.host)}:{config.port}")
                return

    if not config.bind and config.port:
        threading.Thread(target=wait, name="chirp_trio browser", daemon=True).start()


def here(host: str) -> str:
    """The address by which this machine reaches what listens on an address."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - nothing listens there


def _open_browser(urls: Sequence[str]) -> None:
    url = next((url for url in urls if not url.startswith("http://unix:")), None)
    if url is not None:
        reached = url.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:")
        # Whatever a browser does as it starts, the server does not wait for it.
        threading.Thread(target=partial(webbrowser.open, reached), name="chirp_trio browser", daemon=True).start()
