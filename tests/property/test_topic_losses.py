"""Batches that cannot be written, and restarts: what was delivered stays, and what was lost is a gap in its place."""

import tempfile
from pathlib import Path

import trio
import trio.testing
from hypothesis import example, given, settings
from hypothesis import strategies as st

from chirp_trio import SQLiteStore, Topic
from chirp_trio.topics.topic import audience_of
from tests.lifecycle.stores import locked, opened, values
from tests.strategies import examples

steps = st.lists(
    st.one_of(
        st.tuples(st.just("publish"), st.integers(1, 4)),
        st.tuples(st.just("lose"), st.integers(1, 4)),
        st.tuples(st.just("restart"), st.just(0)),
    ),
    max_size=25,
)


@settings(max_examples=examples(60))
@example([("lose", 3), ("publish", 1), ("restart", 0)])
@example([("publish", 2), ("lose", 3), ("lose", 1), ("restart", 0), ("publish", 1), ("restart", 0)])
@given(steps)
def test_every_id_that_somebody_has_had_leads_to_exactly_what_came_after_it(script):
    with tempfile.TemporaryDirectory() as folder:
        history = History(SQLiteStore(Path(folder, "topics.db"), timeout=0))
        trio.run(play, history, script, clock=trio.testing.MockClock(autojump_threshold=0))


async def play(history, script):
    script = [*script, ("restart", 0)]
    while script:
        async with opened(Topic("topic", store=history.new_store())) as topic:
            history.start(topic)
            await check(topic, history)
            while script:
                what, count = script.pop(0)
                if what == "restart":
                    break
                await publish(topic, history, count, is_lost=what == "lose")
            await check(topic, history)


class History:
    """What was delivered: the ids and values, in order; and the ids that are nobody's."""

    def __init__(self, store):
        self.store = store
        self.delivered = []
        self.nobodys = []
        self.written = 1  # how many of those are in the file
        self.published = 0

    def new_store(self):
        """The store as the process has it that is started now."""
        return self.store

    def start(self, topic):
        if not self.delivered:
            self.delivered = [(topic.cursor, "before everything")]
        self.take_back()
        self.written = len(self.delivered)

    def take_back(self):
        """Take from what was delivered what is not there after a restart."""
        # A gap is written with what comes after it, so the last ones are not in the file.
        while len(self.delivered) > 1 and is_gap(self.delivered[-1][1]):
            self.nobodys.append(self.delivered.pop()[0])

    def publish(self, topic, numbers):
        return [topic.publish_nowait(number) for number in numbers]

    async def lose(self, topic, numbers):
        """Publish what cannot be written; the ids that it would have had, the last one for the gap."""
        with locked(self.store):
            ids = self.publish(topic, numbers)
            await self.settle(topic)
        return ids

    async def settle(self, topic):
        """Return once everything that was published is delivered, or lost."""
        while not topic._journal.is_empty:
            await trio.testing.wait_all_tasks_blocked(0.001)

    async def values(self, topic, ids):
        """What each gets of those who come back with these ids."""
        return [await values(topic, id) for id in ids]


def is_gap(value):
    return isinstance(value, dict)


async def publish(topic, history, count, is_lost):
    numbers = range(history.published, history.published + count)
    history.published += count
    if not is_lost:
        ids = history.publish(topic, numbers)
        history.delivered += zip(ids, numbers, strict=True)
        history.written = len(history.delivered)
    else:
        ids = await history.lose(topic, numbers)
        history.delivered.append((ids[-1], {"topic": "topic", "missed": count}))
        history.nobodys += ids[:-1]
    await history.settle(topic)


async def check(topic, history):
    everything = [value for _, value in history.delivered]
    expected = [(id, everything[place + 1 :]) for place, (id, _) in enumerate(history.delivered)]
    expected += [(id, [{"topic": "topic", "missed": None}]) for id in history.nobodys]
    # What is not in the file yet has the id of what is after its own, for another process.
    *_, written = (id for id, value in history.delivered[: history.written])
    assert topic.cursor.split(",") == list(dict.fromkeys([history.delivered[-1][0], written]))
    expected.append((f"nobodys,{written}", everything[history.written :]))
    ids = [id for id, _ in expected]
    assert list(zip(ids, await history.values(topic, ids), strict=True)) == expected
    assert [event.number for event in audience_of(topic).log.since(0, 1000)] == list(range(1, len(everything)))
