"""`chirp-trio tail`: follow an event stream from the terminal."""

import argparse
import importlib.util
import io
import json
import math
import os
import re
import select
import ssl
import stat
import sys
from collections.abc import Callable
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING

import trio

from ..errors import ConfigurationError
from ..wire import Comment, SSEEvent, check_one_line
from .forms import Form, choose_form, neutral
from .run import Commands

if TYPE_CHECKING:
    import httpx

# Exit codes, besides 2 for what cannot be asked for.
ENDED = 0
REFUSED = 3
UNREACHABLE = 4
INTERRUPTED = 130  # what a shell makes of a SIGINT

_METHOD = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, 9.1
_HEADER = re.compile(rf"(?P<name>{_METHOD.pattern}):[ \t]*(?P<value>[^\r\n]*?)[ \t]*")  # RFC 9110, 5.1 and 5.5


def add_commands(commands: Commands) -> None:
    """Add `tail`."""
    about = "Print the events of a stream as they come, and reconnect when the connection is lost."
    tail = commands.add_parser("tail", help="follow an event stream", description=about)
    add = tail.add_argument
    add("url", metavar="URL", help="where the stream is; `http://` may be left out")
    add("--header", "-H", action="append", default=[], metavar="'NAME: VALUE'", help="a header to send; may be given several "
        "times")  # fmt: skip
    add("--request", "-X", type=_method, metavar="METHOD", help="the method of the request (default: GET, or POST with "
        "--data); with any other than GET it ends when the first connection does")  # fmt: skip
    add("--data", metavar="TEXT", help="the body of the request: JSON where it is JSON, else a form, unless a header "
        "says what it is")  # fmt: skip
    add("--since", metavar="ID", help="begin after the event with this id: the first Last-Event-ID")
    add("--max", type=_count(1), metavar="COUNT", help="end after so many events")
    add("--json", action="store_true", help="print each event as a JSON object, on a line of its own")
    add("--raw", action="store_true", help="print the data as it came, with what may command a terminal")
    add("--comments", action="store_true", help="print comments too, and so the heartbeats")
    add("--quiet", "-q", action="store_true", help="say nothing of connections that come and go")
    add("--no-reconnect", action="store_true", help="end when the first connection does")
    add("--retries", type=_count(0), metavar="COUNT", help="give up when so many further attempts in a row have failed "
        "(default: never)")  # fmt: skip
    add("--connect-timeout", type=_seconds, default=10.0, metavar="SECONDS",
        help="how long making a connection may take (default: %(default)s)")  # fmt: skip
    add("--idle-timeout", type=_seconds, metavar="SECONDS", help="reconnect when nothing, not even a heartbeat, has come for "
        "so long (default: never)")  # fmt: skip
    add("--insecure", action="store_true", help="trust any certificate")
    tail.set_defaults(command=_tail)


def _tail(options: argparse.Namespace) -> int:
    if any(importlib.util.find_spec(name) is None for name in ("httpx", "rich")):
        raise ConfigurationError("tail needs httpx and rich: pip install 'chirp-trio[tail]'")
    if not isinstance(sys.stdout, io.TextIOWrapper):
        raise ConfigurationError("tail needs a standard output to print to")
    code = INTERRUPTED
    with suppress(KeyboardInterrupt):
        code = trio.run(_until_nobody_reads, options, _client(options), _url(options.url))
    return code


async def _until_nobody_reads(options: argparse.Namespace, client: httpx.AsyncClient, url: str) -> int:
    """Print what comes. A pipe whose reader has enough ends it at once, and not with the next event, which may be far off."""
    code = ENDED
    async with client, trio.open_nursery() as nursery:
        nursery.start_soon(_watch_reader, sys.stdout.fileno(), nursery.cancel_scope)
        try:
            code = await _print_events(options, client, url)
        except BrokenPipeError:
            # What is left in the buffer would be an error once more when Python ends.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        nursery.cancel_scope.cancel()
    return code


async def _watch_reader(output: int, ended: trio.CancelScope) -> None:
    # epoll tells of the end of a pipe to which one writes as if there were something to read. Others need not do so.
    if hasattr(select, "epoll") and stat.S_ISFIFO(os.fstat(output).st_mode):
        await trio.lowlevel.wait_readable(output)
        ended.cancel()


async def _print_events(options: argparse.Namespace, client: httpx.AsyncClient, url: str) -> int:
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
        reconnect=not options.no_reconnect and method == "GET",  # what it does may not be done twice
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
    file.reconfigure(errors="backslashreplace")  # its encoding may have no such character

    def write(item: SSEEvent[str] | Comment) -> None:
        file.write(form(item) + "\n")
        file.flush()

    return write


def _say(text: str) -> None:
    print(f"chirp-trio: {neutral(text)}", file=sys.stderr)


# -- what was asked for --------------------------------------------------------------------------------------------------


def _client(options: argparse.Namespace) -> httpx.AsyncClient:
    """What makes the requests. Each has a connection of its own: one that is left over may be dead, and nobody knows."""
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


def _method(text: str) -> str:
    if not _METHOD.fullmatch(text):
        raise argparse.ArgumentTypeError(f"it is {text!r}; it must be a method such as POST")
    return text


def _url(text: str) -> str:
    import httpx

    try:
        url = httpx.URL(text if "://" in text else f"http://{text}")
        usable = url.scheme in {"http", "https"} and url.host and (url.port or 0) <= 65535
    except (httpx.InvalidURL, UnicodeError) as error:
        raise ConfigurationError(f"{text!r} is no URL: {error}") from None
    if not usable:
        raise ConfigurationError(f"{text!r} is no URL of an event stream; it must be like 'http://127.0.0.1:8000/events'")
    return str(url)


def _count(least: int) -> Callable[[str], int]:
    def count(text: str) -> int:
        if not text.isdecimal() or len(text) > 15 or int(text) < least:
            raise argparse.ArgumentTypeError(f"it is {text!r}; it must be a whole number of at least {least}")
        return int(text)

    return count


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < math.inf:
        raise argparse.ArgumentTypeError(f"it is {text!r}; it must be a number of seconds above 0")
    return seconds
