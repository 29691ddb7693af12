"""`chirp-trio publish`: publish to a topic in Redis, from a terminal or a script."""

import json
import sys
from collections.abc import AsyncIterator
from typing import Any

import click
import trio

from ..errors import ConfigurationError, StoreError, sole
from ..wire import SSEEvent, check_one_line
from .forms import neutral
from .options import Checked, Command, count, seconds

# Exit codes, besides 2 for wrong arguments.
REFUSED = 3
UNREACHABLE = 4


@click.command(cls=Command, short_help="Publish to a topic in Redis.", help="Publish an event to a topic in Redis, "
    "and print its id. Without DATA, each line of standard input is one.")  # fmt: skip
@click.argument("topic", metavar="TOPIC")
@click.argument("data", required=False, metavar="[DATA]")
@click.option("--redis", default="redis://127.0.0.1:6379/0", metavar="URL", help="The server, as for RedisStore.")
@click.option("--prefix", default="chirp", metavar="TEXT", help="That of the store.")
@click.option("--event", metavar="NAME", help="The name of the event.")
@click.option("--json", is_flag=True, help="The data is JSON, which is checked.")
@click.option("--confirm", type=click.Choice(["written", "disk", "replica"]), default="written", help="What to wait for.")
@click.option("--max-length", type=Checked("integer", count(1)), default=10_000, metavar="COUNT", help="How many events of "
    "the topic the server keeps, at least: as the app's store says.")  # fmt: skip
@click.option("--timeout", type=Checked("number", seconds), default=5.0, metavar="SECONDS", help="How long the server may "
    "take.")  # fmt: skip
def command(topic: str, data: str | None, event: str | None, **given: Any) -> int:
    """Publish to a topic."""
    is_json: bool = given.pop("json")
    try:
        check_one_line("--event", event)
    except ValueError as error:
        raise ConfigurationError(str(error)) from None
    return trio.run(_publish, topic, data, event, is_json, given.pop("redis"), given)


async def _publish(name: str, data: str | None, event: str | None, is_json: bool, url: str, options: dict[str, Any]) -> int:
    from ..redis import RedisStore
    from ..topics import Topic

    store = RedisStore(url, **options)
    is_open = False
    try:
        async with Topic(name, history=1, store=store) as topic:
            is_open = True
            async for text in _lines(data):
                print(await topic.publish(_event(text, event, is_json)), flush=True)
    except Exception as raised:
        error = sole(raised)
        if not isinstance(error, StoreError):
            raise error from None
        print(f"chirp-trio: {neutral(str(error))}", file=sys.stderr)
        return REFUSED if is_open else UNREACHABLE
    return 0


async def _lines(data: str | None) -> AsyncIterator[str]:
    if data is not None:
        yield data
        return
    while line := await trio.to_thread.run_sync(sys.stdin.readline, abandon_on_cancel=True):
        yield line.rstrip("\r\n")


def _event(text: str, event: str | None, is_json: bool) -> SSEEvent:
    if not is_json:
        return SSEEvent(text, event=event)
    try:
        value = json.loads(text)
    except ValueError as error:
        raise ConfigurationError(f"the data is no JSON: {error}") from None
    return SSEEvent(text if isinstance(value, str) else value, event=event)
