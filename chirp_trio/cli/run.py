"""`chirp-trio run`: serve an app."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from ..errors import ConfigurationError
from ..server import ServerConfig
from ..server.parent import find_parent
from ..server.reload import end_with_reloader, run_with_reload
from .kinds import SECONDS, WHOLE, Choice
from .options import ServerCommand, address_options, app_argument, env_file_option
from .sources import given_as, leave_out_overridden_address

_TIMEOUTS = [
    ("--graceful-timeout", 3.0, "How long requests may go on once the server is to stop."),
    ("--drain-delay", 0.0, "How long requests are still taken once the server is to stop, and not ready any more."),
    ("--startup-timeout", None, "How long the app's lifespan may take to start; without it, as long as it takes."),
    ("--shutdown-timeout", 10.0, "How long the app's lifespan may take to end."),
    ("--handshake-timeout", 10.0, "How long a TLS handshake may take."),
    ("--head-timeout", 10.0, "How long the head of a request may take."),
    ("--body-timeout", 60.0, "How long a piece of a request's body may take."),
    ("--keep-alive-timeout", 75.0, "How long a connection may be idle after a response; a proxy's has to be shorter."),
    ("--write-timeout", 30.0, "How long a client may take no bytes before it is given up."),
]
_NUMBERS = [
    ("--max-connections", 16_384, "How many connections may be open."),
    ("--max-connections-per-client", 1_024, "How many of them may come from one address, or IPv6 network of 64 bits."),
]


def _operations[Function: Callable[..., Any]](function: Function) -> Function:
    """The options that `ServerConfig` has as settings, beside the address."""
    options = [
        click.option("--bind", multiple=True, metavar="ADDRESS", help="Where to listen, in place of host and port: "
            "`127.0.0.1:8000`, `[::1]:8000`, "
            "`unix:/run/app.sock` or `fd://3`. May be given several times."),
        click.option("--reuse-port", is_flag=True, help="Let several processes listen on the same port."),
        click.option("--certfile", metavar="FILE", help="A TLS certificate (PEM)."),
        click.option("--keyfile", metavar="FILE", help="Its private key (PEM)."),
        click.option("--no-http2", is_flag=True, help="Do not offer HTTP/2."),
        click.option("--http2-cleartext", is_flag=True, help="Speak HTTP/2 without TLS with clients that begin with it."),
        click.option("--root-path", default="", show_default=False, metavar="PREFIX", help="What stands before the "
            "app's own paths, such as "
            "`/shop`; a proxy may take it away or not."),
        click.option("--trusted-proxy", multiple=True, metavar="ADDRESS", help="A proxy, or a network of proxies, "
            "that may say who the client is; "
            "`unix` for those on a Unix socket. May be given several times."),
        *[click.option(name, type=SECONDS, default=value, metavar="SECONDS", help=what) for name, value, what in _TIMEOUTS],
        *[click.option(name, type=WHOLE, default=value, metavar="NUMBER", help=what) for name, value, what in _NUMBERS],
        click.option("--access-log/--no-access-log", default=None, help="Log a line for each request. Without either, "
            "that is "
            "done in development: with --debug or --reload, and where standard error is a terminal."),
        click.option("--server-header", default="chirp_trio", metavar="TEXT", help="What the `server` header of "
            "responses says."),
        click.option("--no-server-header", is_flag=True, help="Leave that header out."),
    ]  # fmt: skip
    for option in reversed(options):
        function = option(function)
    return function


@click.command(cls=ServerCommand, help="Serve an app until Ctrl-C or SIGTERM.", short_help="Serve an app.")
@app_argument
@address_options
@_operations
@click.option("--workers", type=WHOLE, default=1, metavar="NUMBER", help="How many processes serve the app. A topic of "
    "several needs a store that they share.")  # fmt: skip
@click.option("--factory", is_flag=True, help="What is named is a function that makes the app.")
@click.option("--debug", is_flag=True, help="Debug mode: errors are shown in the browser, on this machine.")
@click.option("--reload", is_flag=True, help="Restart when a Python file or a template changes.")
@click.option("--reload-dir", multiple=True, metavar="FOLDER", help="Look for changes below this folder, in place of the "
    "current one. May be given several times.")  # fmt: skip
@click.option("--reload-include", multiple=True, metavar="PATTERN", help="Look for changes of these files too, such as "
    "`*.css`. May be given several times.")  # fmt: skip
@click.option("--open", is_flag=True, help="Open the page in a browser.")
@env_file_option
@click.option("--log-level", type=Choice("debug", "info", "warning", "error", "critical"),
    help="What is logged at least: warnings, unless something is said.")  # fmt: skip
@click.option("--log-format", type=Choice("text", "json"), default="text", help="How a line of the log looks.")
@click.option("--log-config", metavar="FILE", help="Configure logging by this file, as the standard library does: JSON or "
    "TOML (a dictionary), or INI.")  # fmt: skip
@click.pass_context
def command(context: click.Context, /, **options: Any) -> int:
    """Serve an app until Ctrl-C or SIGTERM."""
    from .log import configure_logging, configure_logging_by

    app, is_debugging = options.pop("app"), options.pop("debug")
    is_factory, is_reloading = options.pop("factory"), options.pop("reload")
    folders, patterns = [Path(folder) for folder in options.pop("reload_dir")], options.pop("reload_include")
    is_opening, workers = options.pop("open"), options.pop("workers")
    level, form, file = options.pop("log_level"), options.pop("log_format"), options.pop("log_config")

    if options.pop("no_server_header"):
        options["server_header"] = None
    options["http2"] = not options.pop("no_http2")
    options["trusted_proxies"] = options.pop("trusted_proxy")
    if options["access_log"] is None:
        options["access_log"] = is_debugging or is_reloading or sys.stderr.isatty()
    leave_out_overridden_address(context, options)
    config = ServerConfig(**options)
    for folder in folders:
        if not folder.is_dir():
            raise ConfigurationError(f"{given_as(context, 'reload_dir')} is {str(folder)!r}; there is no such folder")
    for name, value in (("reload_dir", folders), ("reload_include", patterns)):
        if value and not is_reloading:
            raise ConfigurationError(f"{given_as(context, name)} is for --reload, which is not given; give both, or neither")
    if workers < 1:
        raise ConfigurationError(f"{given_as(context, 'workers')} is {workers}; it must be a whole number, one or more")
    if workers > 1 and is_reloading:
        raise ConfigurationError(
            f"{given_as(context, 'reload')} is for one process, and {given_as(context, 'workers')} is {workers}; give the "
            "one or the other"
        )
    from .serving import find_app, open_once_up, serve_app, serve_in_workers

    given, parent = context.obj, find_parent()
    if workers > 1 and parent is None:
        return serve_in_workers(_same_command(given), workers, config, is_opening=is_opening)
    if is_reloading and not end_with_reloader():
        if is_opening:
            open_once_up(config)
        return _run_reloader(given, config, folders, patterns)

    if file is not None:
        configure_logging_by(Path(file))
    found, name = find_app(app, is_factory=is_factory, is_debugging=is_debugging)
    configure_logging(level, form)  # now: what the app does about it goes first
    return serve_app(found, config, name, is_opening=is_opening, parent=parent)


def _run_reloader(given: list[str], config: ServerConfig, folders: list[Path], patterns: list[str]) -> int:
    """Have another process serve, again and again."""
    if any(address.startswith("fd://") for address in config.addresses):
        raise ConfigurationError("--reload starts the server anew again and again, which cannot be with a socket from fd://")
    return run_with_reload(_same_command(given), folders or [Path.cwd()], patterns)


def _same_command(given: list[str]) -> list[str]:
    """What another process is given to run this command, once more or once less often."""
    # Each of them would open the page once more.
    os.environ.pop("CHIRP_TRIO_OPEN", None)
    return [sys.executable, "-m", "chirp_trio.cli", *(argument for argument in given if argument != "--open")]
