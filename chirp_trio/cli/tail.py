"""`chirp-trio tail`: follow an event stream from the terminal."""

import importlib.util
import io
import json
import os
import re
import select
import ssl
import stat
import sys
from collections.abc import Callable, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click
import trio

from ..errors import ConfigurationError
from ..wire import Comment, SSEEvent, check_one_line
from .forms import Form, choose_form, neutral
from .kinds import Checked, count, seconds
from .options import Command

if TYPE_CHECKING:
    import httpx

# Exit codes, besides 2 for wrong arguments.
ENDED = 0
REFUSED = 3
UNREACHABLE = 4
INTERRUPTED = 130  # as shells report a SIGINT

_METHOD = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, 9.1
_HEADER = re.compile(rf"(?P<name>{_METHOD.pattern}):[ \t]*(?P<value>[^\r\n]*?)[ \t]*")  # RFC 9110, 5.1 and 5.5


def _method(text: str) -> str:
    if not _METHOD.fullmatch(text):
        raise ValueError("a method such as POST")
    return text


@dataclass(frozen=True, slots=True)
class Options:
    """The arguments and options of the command."""

    url: str
    header: Sequence[str]
    request: str | None
    data: str | None
    since: str | None
    max: int | None
    json: bool
    raw: bool
    comments: bool
    quiet: bool
    no_reconnect: bool
    retries: int | None
    connect_timeout: float
    idle_timeout: float | None
    insecure: bool


@click.command(cls=Command, help="Print the events of a stream as they come, and reconnect when the connection is lost.",
    short_help="Follow an event stream.")  # fmt: skip
@click.argument("url", metavar="URL")
@click.option("--header", "-H", multiple=True, type=Checked("text", str, separator="\n"), metavar="'NAME: VALUE'",
    help="A header to send. May be given several times.")  # fmt: skip
@click.option("--request", "-X", type=Checked("text", _method), metavar="METHOD", help="The method of the "
    "request: GET unless something is said, or POST with --data. With any other than GET it ends when the first connection "
    "does.")  # fmt: skip
@click.option("--data", metavar="TEXT", help="The body of the request: JSON where it is JSON, else a form, unless a "
    "header says "
    "what it is.")  # fmt: skip
@click.option("--since", metavar="ID", help="Begin after the event with this id: the first Last-Event-ID.")
@click.option("--max", type=Checked("integer", count(1)), metavar="COUNT", help="End after so many events.")
@click.option("--json", is_flag=True, help="Print each event as a JSON object, on a line of its own.")
@click.option("--raw", is_flag=True, help="Print the data as it came, with what may command a terminal.")
@click.option("--comments", is_flag=True, help="Print comments too, and so the heartbeats.")
@click.option("--quiet", "-q", is_flag=True, help="Say nothing of connections that come and go.")
@click.option("--no-reconnect", is_flag=True, help="End when the first connection does.")
@click.option("--retries", type=Checked("integer", count(0)), metavar="COUNT", help="Give up when so many further "
    "attempts in a "
    "row have failed; without it, never.")  # fmt: skip
@click.option("--connect-timeout", type=Checked("number", seconds), default=10.0, metavar="SECONDS", help="How long making a "
    "connection may take.")  # fmt: skip
@click.option("--idle-timeout", type=Checked("number", seconds), metavar="SECONDS", help="Reconnect when nothing, not even a "
    "heartbeat, has come for so long; without it, never.")  # fmt: skip
@click.option("--insecure", is_flag=True, help="Trust any certificate.")
def command(**given: Any) -> int:
    """Print the events of a stream as they come, and reconnect when the connection is lost."""
    return _tail(Options(**given))


def _tail(options: Options) -> int:
    if any(importlib.util.find_spec(name) is None for name in ("httpx", "rich")):
        raise ConfigurationError("tail needs httpx and rich: pip install 'chirp-trio[tail]'")
    if not isinstance(sys.stdout, io.TextIOWrapper):
        raise ConfigurationError("tail needs a standard output to print to")
    code = INTERRUPTED
    with suppress(KeyboardInterrupt):
        code = trio.run(_until_nobody_reads, options, _client(options), _url(options.url))
    return code


async def _until_nobody_reads(options: Options, client: httpx.AsyncClient, url: str) -> int:
    """Print the events. If the reader of a pipe closes it, this ends at once, not only with the next event."""
    code = ENDED
    async with client, trio.open_nursery() as nursery:
        nursery.start_soon(_watch_reader, sys.stdout.fileno(), nursery.cancel_scope)
        try:
            code = await _print_events(options, client, url)
        except BrokenPipeError:
            # Bytes that are left in the buffer would raise the same error again when Python ends.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        nursery.cancel_scope.cancel()
    return code


async def _watch_reader(output: int, ended: trio.CancelScope) -> None:
    # epoll reports the end of a pipe's reader as if there were something to read. Other selectors may not.
    if hasattr(select, "epoll") and stat.S_ISFIFO(os.fstat(output).st_mode):
        await trio.lowlevel.wait_readable(output)
        ended.cancel()


async def _print_events(options: Options, client: httpx.AsyncClient, url: str) -> int:
    from .follow import Connected, Refused, Unreachable, Waiting, follow

    assert isinstance(sys.stdout, io.TextIOWrapper)
    write = _writer(sys.stdout, choose_form(sys.stdout, as_json=options.json, raw=options.raw))
    events = 0
    method = options.request or ("GET" if options.data is None else "POST")
    heard = follow(
        client,
        url,
        method=method,
        content=None if options.data is None else os.fsencode(options.data),
        last_event_id=options.since,
        reconnect=not options.no_reconnect and method == "GET",  # another method may have effects that must not happen twice
        retries=options.retries,
    )
    try:
        async with aclosing(heard):
            async for item in heard:
                match item:
                    case SSEEvent():
                        write(item)
                        events += 1
                        if events == options.max:
                            return ENDED
                    case Comment() if options.comments:
                        write(item)
                    case Waiting(reason, seconds) if not options.quiet:
                        _say(f"{reason}; trying again in {seconds:.1f} s")
                    case Connected(again=True) if not options.quiet:
                        _say("connected again")
    except Refused as error:
        _say(f"{url}: {error}")
        return REFUSED
    except Unreachable as error:
        _say(f"{url}: {error}")
        return UNREACHABLE
    return ENDED


def _writer(file: io.TextIOWrapper, form: Form) -> Callable[[SSEEvent[str] | Comment], None]:
    """Write events into a file, each at once."""
    file.reconfigure(errors="backslashreplace")  # for characters that its encoding does not have

    def write(item: SSEEvent[str] | Comment) -> None:
        file.write(form(item) + "\n")
        file.flush()

    return write


def _say(text: str) -> None:
    print(f"chirp-trio: {neutral(text)}", file=sys.stderr)


# -- arguments and options -----------------------------------------------------------------------------------------------


def _client(options: Options) -> httpx.AsyncClient:
    """The HTTP client. Each request gets a new connection, because an old one may be dead without a sign."""
    import httpx

    from .follow import HEADERS

    try:
        check_one_line("--since", options.since)
    except ValueError as error:
        raise ConfigurationError(str(error)) from None
    headers = httpx.Headers(HEADERS)
    if options.data is not None:
        headers["Content-Type"] = "application/json" if _is_json(options.data) else "application/x-www-form-urlencoded"
    headers.update(httpx.Headers([_header(line) for line in options.header]))
    try:
        return httpx.AsyncClient(
            headers=headers,
            timeout=httpx.Timeout(options.idle_timeout, connect=options.connect_timeout),
            limits=httpx.Limits(max_keepalive_connections=0),
            verify=False if options.insecure else ssl.create_default_context(),
        )
    except (ImportError, ValueError, httpx.InvalidURL) as error:
        raise ConfigurationError(f"a proxy that the environment names cannot be used: {error}") from None


def _header(line: str) -> tuple[bytes, bytes]:
    found = _HEADER.fullmatch(line)
    if found is None:
        raise ConfigurationError(f"--header is {line!r}; it must be like 'Name: value'")
    if found["name"].lower() == "last-event-id":
        raise ConfigurationError("--header is a Last-Event-ID, which changes with the events; --since gives the first one")
    return found["name"].encode(), os.fsencode(found["value"])


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError, RecursionError:
        return False
    return True


def _url(text: str) -> str:
    import httpx

    hint = ""
    if text.isdecimal():
        hint = f"; a port of this machine is written :{text}"
    elif text.startswith("/"):
        hint = f"; with a port of this machine it is :8000{text}"
    address = f"localhost{text}" if re.match(r":\d", text) else text  # as httpie does
    try:
        url = httpx.URL(address if "://" in address else f"http://{address}")
        usable = not hint and url.scheme in {"http", "https"} and url.host and " " not in url.host.replace("%20", " ")
        port = url.port or 0
    except (httpx.InvalidURL, UnicodeError) as error:
        raise ConfigurationError(f"{text!r} is no URL: {error}") from None
    if not usable:
        raise ConfigurationError(
            f"{text!r} is no URL of an event stream; it must be like 'http://127.0.0.1:8000/events'{hint}"
        )
    if port > 65535:
        raise ConfigurationError(f"the port of {text!r} is {port}; it must be a number from 1 to 65535")
    return str(url)
