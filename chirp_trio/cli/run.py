"""`chirp-trio run` and `chirp-trio demo`: serve an app."""

import argparse
import importlib.util
import ssl
import sys
from pathlib import Path

from ..asgi import ASGIApp
from ..errors import ConfigurationError
from ..output import unblocked_output
from ..server import ServerConfig, run
from ..server.reload import end_with_reloader, run_with_reload
from .load import load_app

_TIMEOUTS = [
    ("--graceful-timeout", 3.0, "how long requests may go on once the server is to stop"),
    ("--startup-timeout", None, "how long the app's lifespan may take to start"),
    ("--shutdown-timeout", 10.0, "how long the app's lifespan may take to end"),
    ("--handshake-timeout", 10.0, "how long a TLS handshake may take"),
    ("--head-timeout", 10.0, "how long the head of a request may take"),
    ("--body-timeout", 60.0, "how long a piece of a request's body may take"),
    ("--keep-alive-timeout", 75.0, "how long a connection may be idle after a response; a proxy's has to be shorter"),
    ("--write-timeout", 30.0, "how long a client may take no bytes before it is given up"),
]
_NUMBERS = [
    ("--max-connections", 16_384, "how many connections may be open"),
    ("--max-connections-per-client", 1_024, "how many of them may come from one address, or IPv6 network of 64 bits"),
]

type Commands = argparse._SubParsersAction[argparse.ArgumentParser]


def add_commands(commands: Commands) -> None:
    """Add `run` and `demo`."""
    serving = commands.add_parser("run", help="serve an app", description="Serve an app until Ctrl-C or SIGTERM.")
    serving.add_argument("app", metavar="MODULE:APP", help="where the app is, such as `app:app` or `examples/clock.py:app`")
    _add_address(serving)
    _add_operations(serving)
    serving.add_argument("--reload", action="store_true", help="restart when a Python file or a template changes")
    serving.add_argument("--reload-dir", action="append", default=[], type=Path, metavar="FOLDER", help="look for changes "
        "below this folder (default: the current one); may be given several times")  # fmt: skip
    serving.add_argument("--reload-include", action="append", default=[], metavar="PATTERN", help="look for changes of these "
        "files too, such as `*.css`; may be given several times")  # fmt: skip
    serving.set_defaults(command=_run, output=unblocked_output)

    demo = commands.add_parser("demo", help="serve a live dashboard of this machine", description="A live dashboard.")
    _add_address(demo)
    demo.set_defaults(command=_demo, output=unblocked_output)


def _add_address(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8000, help="port to listen on, 0 for a free one (default: %(default)s)")


def _add_operations(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--bind", action="append", default=[], metavar="ADDRESS", help="where to listen, in place of host and port: "
        "`127.0.0.1:8000`, `[::1]:8000`, `unix:/run/app.sock` or `fd://3`; may be given several times")  # fmt: skip
    add("--reuse-port", action="store_true", help="let several processes listen on the same port")
    add("--certfile", metavar="FILE", help="a TLS certificate (PEM)")
    add("--keyfile", metavar="FILE", help="its private key (PEM)")
    add("--no-http2", action="store_true", help="do not offer HTTP/2")
    add("--http2-cleartext", action="store_true", help="speak HTTP/2 without TLS with clients that begin with it")
    add("--root-path", default="", metavar="PREFIX", help="what stands before the app's own paths, such as `/shop`; a proxy "
        "may take it away or not")  # fmt: skip
    add("--trusted-proxy", action="append", default=[], metavar="ADDRESS", help="a proxy, or a network of proxies, that may "
        "say who the client is; `unix` for those on a Unix socket; may be given several times")  # fmt: skip
    for option, default, what in _TIMEOUTS:
        add(option, type=float, default=default, metavar="SECONDS", help=f"{what} (default: {default or 'no limit'})")
    for option, default, what in _NUMBERS:
        add(option, type=int, default=default, metavar="NUMBER", help=f"{what} (default: %(default)s)")
    add("--access-log", action="store_true", help="log a line for each request")
    add("--server-header", default="chirp_trio", metavar="TEXT", help="what the `server` header of responses says "
        "(default: %(default)s)")  # fmt: skip
    add("--no-server-header", action="store_true", help="leave that header out")


def _run(options: argparse.Namespace) -> int:
    config = ServerConfig(
        host=options.host,
        port=options.port,
        bind=options.bind,
        reuse_port=options.reuse_port,
        certfile=options.certfile,
        keyfile=options.keyfile,
        http2=not options.no_http2,
        http2_cleartext=options.http2_cleartext,
        root_path=options.root_path,
        trusted_proxies=options.trusted_proxy,
        **{_setting(option): getattr(options, _setting(option)) for option, *_ in (*_TIMEOUTS, *_NUMBERS)},
        access_log=options.access_log,
        server_header=None if options.no_server_header else options.server_header,
    )
    for folder in options.reload_dir:
        if not folder.is_dir():
            raise ConfigurationError(f"--reload-dir is {str(folder)!r}; there is no such folder")
    if options.reload and not end_with_reloader():
        if any(address.startswith("fd://") for address in options.bind):
            raise ConfigurationError(
                "--reload starts the server anew again and again, which cannot be with a socket from fd://"
            )
        command = [sys.executable, "-m", "chirp_trio.cli", *options.arguments]
        return run_with_reload(command, options.reload_dir or [Path.cwd()], options.reload_include)
    return _serve(load_app(options.app), config, options.app)


def _setting(option: str) -> str:
    """The name of an option as a setting of `ServerConfig`."""
    return option.removeprefix("--").replace("-", "_")


def _demo(options: argparse.Namespace) -> int:
    config = ServerConfig(host=options.host, port=options.port)
    if importlib.util.find_spec("psutil") is None:
        raise ConfigurationError("the demo reads this machine's figures with psutil: pip install 'chirp-trio[demo]'")
    return _serve(load_app(f"{_examples() / 'dashboard' / 'dashboard.py'}:app"), config, "the demo")


def _serve(app: ASGIApp, config: ServerConfig, name: str) -> int:
    try:
        run(app, config, name=name)
    except ssl.SSLError as error:
        raise ConfigurationError(f"certfile and keyfile cannot be used: {error.reason or error}") from error
    except OSError as error:
        raise ConfigurationError(error.strerror or str(error)) from error
    return 0


def _examples() -> Path:
    """Where the examples are: inside the package where it was installed from a wheel, beside it in a checkout."""
    package = Path(__file__).parents[1]
    inside = package / "examples"
    return inside if inside.is_dir() else package.parent / "examples"
