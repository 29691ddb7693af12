"""`chirp-trio publish`: publish to a topic in Redis, from a terminal or a script."""

import json
import os
import sys
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import Any

import click
import trio

from ..errors import ConfigurationError, StoreError, sole
from ..topics import Store
from ..wire import SSEEvent, check_one_line
from .forms import neutral
from .kinds import Checked, Choice, count, seconds
from .options import Command

# Exit codes, besides 2 for wrong arguments.
REFUSED = 3
UNREACHABLE = 4
INTERRUPTED = 130  # what a shell makes of a SIGINT


@click.command(cls=Command, short_help="Publish to a topic in Redis.", help="Publish an event to a topic in Redis, "
    "and print its id. Without DATA, each line of standard input is one.")  # fmt: skip
@click.argument("topic", metavar="TOPIC")
@click.argument("data", required=False, metavar="[DATA]")
@click.option("--redis", default="redis://127.0.0.1:6379/0", metavar="URL", help="The server, as for RedisStore.")
@click.option("--prefix", default="chirp", metavar="TEXT", help="That of the store.")
@click.option("--event", metavar="NAME", help="The name of the event.")
@click.option("--json", is_flag=True, help="The data is JSON, which is checked, and sent as JSON: a string keeps its "
    "quotes.")  # fmt: skip
@click.option("--confirm", type=Choice("written", "disk", "replica"), default="written", help="What to wait for.")
@click.option("--max-length", type=Checked("integer", count(1)), default=10_000, metavar="COUNT", help="How many events of "
    "the topic the server keeps, at least: as the app's store says.")  # fmt: skip
@click.option("--timeout", type=Checked("number", seconds), default=5.0, metavar="SECONDS", help="How long the server may "
    "take.")  # fmt: skip
def command(topic: str, data: str | None, event: str | None, json: bool, redis: str, **options: Any) -> int:
    """Publish to a topic."""
    from ..redis import RedisStore

    try:
        check_one_line("--event", event)
        store = RedisStore(redis, **options)
    except (ValueError, ModuleNotFoundError) as error:
        raise ConfigurationError(str(error)) from None
    code = INTERRUPTED
    with suppress(KeyboardInterrupt):
        code = trio.run(_publish, topic, store, data, event, json)
    return code


async def _publish(name: str, store: Store, data: str | None, event: str | None, is_json: bool) -> int:
    from ..topics import Topic

    is_open = False
    try:
        async with Topic(name, history=1, store=store) as topic, aclosing(_texts(data)) as texts:
            is_open = True
            async for where, text in texts:
                try:
                    id = await topic.publish(_event(text, event, is_json))
                except (TypeError, ValueError) as problem:
                    raise ConfigurationError(f"{where} cannot be published: {problem}") from None
                _print(id)
    except Exception as raised:
        error = sole(raised)
        if isinstance(error, StoreError):
            print(f"chirp-trio: {neutral(str(error))}", file=sys.stderr)
            return REFUSED if is_open else UNREACHABLE
        if isinstance(error, ValueError) and not is_open:  # the topic cannot have that name
            raise ConfigurationError(str(error)) from None
        raise error from None
    return 0


def _print(id: str) -> None:
    """Print it, unless whoever reads it has had enough: what is published does not depend on that."""
    try:
        print(id, flush=True)
    except BrokenPipeError:
        # What is left in the buffer would be an error once more when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


async def _texts(data: str | None) -> AsyncGenerator[tuple[str, str | bytes]]:
    """What to publish, each with what messages call it."""
    if data is not None:
        yield "the data", data
        return
    if sys.stdin is None:
        raise ConfigurationError("there is neither DATA nor a standard input to read it from")
    # Neither Python's own file, which it waits for when it ends, nor a stream of trio's: it may be on a disk.
    file, number, rest = sys.stdin.fileno(), 0, b""
    while piece := await trio.to_thread.run_sync(os.read, file, 65536, abandon_on_cancel=True):
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            number += 1
            yield f"line {number}", line.removesuffix(b"\r")
    if rest:
        yield f"line {number + 1}", rest


def _event(data: str | bytes, event: str | None, is_json: bool) -> SSEEvent:
    try:
        text = data if isinstance(data, str) else data.decode()
    except UnicodeDecodeError as error:
        raise ValueError(f"it is no UTF-8: {error}") from None
    if not is_json:
        return SSEEvent(text, event=event)
    try:
        value = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"it is no JSON: {error}") from None
    # A string as a value would be sent as plain text, and clients that parse the data as JSON could not read it.
    return SSEEvent(text if isinstance(value, str) else value, event=event)


def _refuse(constant: str) -> object:
    raise ValueError(f"there is {constant} in it, which Python alone takes for a number")
