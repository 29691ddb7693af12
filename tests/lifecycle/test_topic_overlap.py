"""Two servers on one file: who was at the old one, and comes to the new one, gets everything that the new one has taken."""

import pytest
import trio
import trio.testing

from chirp_trio import App, EventStream, SQLiteStore, StoreError, Topic, merge, merge_cursors
from chirp_trio.testing import TestClient
from tests.lifecycle.feeds import told
from tests.lifecycle.stores import locked, opened


@pytest.fixture
def store(tmp_path):
    return SQLiteStore(tmp_path / "topics.db", timeout=0)


def is_wanted(value):
    return value != "unwanted"


# How the client of the old server reads it; and a page, which has the cursor.
KINDS = {
    "bare": lambda topic, _other, here: topic.subscribe(here),
    "filtered": lambda topic, _other, here: topic.subscribe(here, filter=is_wanted),
    "losing": lambda topic, _other, here: topic.subscribe(here, buffer=1, overflow="drop-oldest"),
    "latest": lambda topic, _other, here: topic.subscribe(here, buffer=1, overflow="latest", key=str),
    "merged": lambda topic, other, here: merge(topic.subscribe(here), other.subscribe(here)),
    "merged behind": lambda topic, other, here: merge(other.subscribe(here), topic.subscribe(here, filter=is_wanted)),
}


def app_of(kind, *topics):
    app = App()

    @app.route("/")
    async def live(request):
        return EventStream(KINDS[kind](*topics, request.last_event_id))

    return app


async def lose(topic, count):
    for _ in range(count):
        with pytest.raises(StoreError):
            await topic.publish("lost")


@pytest.mark.parametrize("lost", [0, 1, 3])
@pytest.mark.parametrize("kind", KINDS)
async def test_what_the_new_server_has_taken_reaches_those_who_were_at_the_old_one(autojump_clock, store, kind, lost):
    ids = []
    async with opened(Topic("orders", store=store)) as old, opened(Topic("other", store=store)) as other:
        await old.publish("before")
        page = merge_cursors(old, other)
        async with TestClient(app_of(kind, old, other)) as client, client.stream_sse("/") as stream:
            await trio.sleep(1)
            ids.append(stream.last_event_id)
            async with opened(Topic("orders", store=store)) as new:
                await new.publish("1")
                await lose(old, lost)
                await trio.sleep(1)
                ids += [stream.last_event_id, page, merge_cursors(old, other), old.cursor]
                await new.publish("2")
                async with TestClient(app_of(kind, new, other)) as client:
                    for id in ids:
                        async with client.stream_sse("/", last_event_id=id) as resumed:
                            await trio.sleep(1)
                            got = told(resumed.events)
                            await resumed.disconnect()
                        got = [piece for piece in got if piece != ("gap", None)]  # of the other topic, where it is not in it
                        assert got[-1] == "2"
                        assert got == ["1", "2"] or kind in ("losing", "latest")
                await stream.disconnect()


async def test_at_the_old_server_nobody_is_told_of_a_gap_again_and_again(autojump_clock, store):
    async with opened(Topic("orders", store=store)) as orders:
        await orders.publish("before")
        with locked(store):
            await lose(orders, 2)
            client = TestClient(app_of("bare", orders, orders))
            async with client, client.stream_sse("/", last_event_id=orders.cursor) as stream:
                await trio.sleep(1)
                assert stream.events == [], "a page that loads itself anew at a gap would never stop"
                await stream.disconnect()
        id = await orders.publish("after")
        assert orders.cursor == id, "everything is in the file now"


async def test_the_place_of_a_gap_is_known_after_a_restart_whether_it_was_written_or_not(autojump_clock, store):
    for is_written in (False, True):
        async with opened(Topic("orders", store=store)) as orders:
            await orders.publish("before")
            with locked(store):
                await lose(orders, 1)
            gap = orders.cursor
            if is_written:
                await orders.publish("after")
        async with opened(Topic("orders", store=store)) as orders:
            await orders.publish("new")
            client = TestClient(app_of("bare", orders, orders))
            async with client, client.stream_sse("/", last_event_id=gap) as stream:
                await trio.sleep(1)
                assert told(stream.events) == (["after", "new"] if is_written else ["new"])
                await stream.disconnect()
