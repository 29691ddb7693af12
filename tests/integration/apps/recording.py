"""What every app here does besides its work: it records the life of its sources, and logs each error in two lines."""

import json
import logging
from collections import Counter
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager, contextmanager

import trio

record: Counter[str] = Counter()


@contextmanager
def recorded(source: str) -> Iterator[None]:
    """Put it around all that a source does."""
    record[f"{source} opened"] += 1
    try:
        yield
    finally:
        record[f"{source} closed"] += 1


async def report() -> dict[str, int]:
    """The record, and the number of tasks that live in this process.

    Without the two tasks of each idle connection: hypercorn keeps those for seconds after the client has left.
    """
    await trio.sleep(0.01)  # the connection that asks was idle until now
    idle = sum(task.name.endswith("._idle_timeout") for task in _below(trio.lowlevel.current_root_task()))
    return {**record, "tasks": trio.lowlevel.current_statistics().tasks_living - 2 * idle}


@asynccontextmanager
async def last_report(_app: object = None) -> AsyncGenerator[dict[str, object]]:
    """A lifespan that prints the record when the app has stopped, and which tasks of streams are left then: none."""
    yield {}
    tasks = [task.name for task in _below(trio.lowlevel.current_root_task())]
    left = [name for name in tasks if "stream" in name.lower()]
    print("last report:", json.dumps({**record, "left": left}), flush=True)


def _below(task: trio.lowlevel.Task) -> Iterator[trio.lowlevel.Task]:
    for nursery in task.child_nurseries:
        for child in nursery.child_tasks:
            yield child
            yield from _below(child)


class _Formatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        record.exc_text = None  # that of an error whose text has several lines has been written already
        return super().format(record)

    def formatException(self, exception: tuple) -> str:
        # The first clause, and no traceback: a traceback that a test finds in the log is nobody's intention.
        return f"{exception[0].__name__}: {exception[1]}".partition(";")[0]


def log_everything() -> None:
    """Send what chirp_trio logs to standard error, in one line for a record and one for its exception."""
    handler = logging.StreamHandler()
    handler.setFormatter(_Formatter("%(levelname)s %(name)s: %(message)s"))
    logger = logging.getLogger("chirp_trio")
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
