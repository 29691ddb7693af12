"""What the tests of topics with a store share: a file, what is in a topic, and a disk that is slow or refuses to write."""

import sqlite3
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, closing, contextmanager

import trio
import trio.testing

from chirp_trio import SQLiteStore, Topic
from chirp_trio.testing.clock import clock_held_for_threads
from chirp_trio.topics.topic import audience_of


@asynccontextmanager
async def opened(topic: Topic) -> AsyncGenerator[Topic]:
    """The topic, open, on a clock that does not jump while something is written."""
    with clock_held_for_threads():
        async with topic:
            yield topic


def remembered(topic: Topic) -> list[object]:
    """The values in its history, the oldest first."""
    return [event.value for event in audience_of(topic).log.since(0, 10**9)]


async def values(topic: Topic, last_event_id: str | None = None, **options: object) -> list[object]:
    """What somebody gets who comes back to a topic that is at rest."""
    got: list[object] = []
    async with trio.open_nursery() as nursery:

        async def read() -> None:
            async for event in topic.subscribe(last_event_id, **options):
                got.append(event.value)  # noqa: PERF401 - what has come when this is cancelled counts

        nursery.start_soon(read)
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    return got


@contextmanager
def halted(store: SQLiteStore) -> Generator[None]:
    """A disk that takes its time: whatever is to be written waits until the end of the block."""
    with store._turns:
        yield


@contextmanager
def locked(store: SQLiteStore) -> Generator[None]:
    """Another process that writes to the file, and does not come to an end: whoever else wants to gets an error."""
    with closing(sqlite3.connect(store.path, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield


def rows(store: SQLiteStore, statement: str = "SELECT number FROM events ORDER BY number") -> list[object]:
    """What is in the file: the first column."""
    with closing(sqlite3.connect(store.path)) as connection:
        return [row[0] for row in connection.execute(statement)]
