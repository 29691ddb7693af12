"""What is remembered: a topic with a value for each sample, which outlives the server where there is a file for it."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any, cast

from feed import Feed, Note
from machine import Figures, Usage
from sampler import SPAN, Sample

from chirp_trio import App, SQLiteStore, Topic

REMEMBERED = 600  # samples: who is away for ten minutes gets every one


class Record:
    """The samples and the notifications, in the order in which they came.

    Args:
        topic: Where they are published.
    """

    def __init__(self, topic: Topic) -> None:
        self.topic = topic
        self._noted = 0

    async def recall(self, feed: Feed) -> list[Figures]:
        """Begin with what the servers before this one have left: notifications for the feed, and samples for the charts."""
        begin = await self.topic.publish({"time": _now(), "notes": []})
        past: list[Figures] = []
        async for event in self.topic.subscribe(replay=REMEMBERED):
            if event.id == begin:
                break
            if event.event == "chirp:gap":
                continue
            value = cast(dict[str, Any], event.value)
            feed.take([Note(number, datetime.fromisoformat(time), *rest) for number, time, *rest in value["notes"]])
            if "figures" in value:
                past.append(_figures(value["figures"]))
        self._noted = feed.newest
        return past[-SPAN:]

    def add(self, sample: Sample, feed: Feed) -> None:
        """Publish a sample, and the notifications since the one before."""
        notes = [
            [note.number, note.time.isoformat(), note.kind, note.text] for note in feed.notes if note.number > self._noted
        ]
        self._noted = feed.newest
        figures = asdict(sample.now) | {"time": sample.now.time.isoformat()}
        for name in ("processes", "cores"):  # which no chart is drawn of
            del figures[name]
        self.topic.publish_nowait({"time": _now(), "notes": notes[::-1], "figures": figures})


@asynccontextmanager
async def open_record(app: App, file: Path | None) -> AsyncGenerator[Record]:
    """The record; without a file it is as old as this process."""
    store = SQLiteStore(file) if file is not None else None
    async with app.topic("samples", history=REMEMBERED, store=store) as topic:
        yield Record(topic)


def _now() -> float:
    """In milliseconds, as browsers count."""
    return datetime.now().timestamp() * 1000


def _figures(stored: dict[str, Any]) -> Figures:
    usages = {name: Usage(**stored[name]) for name in ("memory", "swap", "disk") if stored[name]}
    load = tuple(stored["load"]) if stored["load"] else None
    return Figures(**(stored | usages | {"time": datetime.fromisoformat(stored["time"]), "load": load}))
