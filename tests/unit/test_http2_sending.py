"""What the streams of one HTTP/2 connection write in one turn of the flusher is sent together, in its order."""

from contextlib import contextmanager

import pytest
import trio
import trio.testing

from chirp_trio.gathering import turn
from chirp_trio.server.http2_frames import MAX_STREAMS
from chirp_trio.stream.waiting import Flusher
from tests.unit.http2_harness import connected


@contextmanager
def gathering():
    """A turn of the flusher."""
    connections = {}
    turn.set(connections)
    yield
    turn.set(None)
    for connection in connections:
        connection.turn_ends()


class Streams:
    """An app whose open responses can be written from outside, as the flusher of event streams does it."""

    def __init__(self):
        self.open = {}

    async def __call__(self, scope, receive, send):
        connection = scope["extensions"]["chirp_trio.connection"]
        connection.start_nowait({"type": "http.response.start", "status": 200, "headers": []}, b"")
        self.open[scope["path"]] = connection
        while (await receive())["type"] != "http.disconnect":
            pass


async def open_all(client, count):
    streams = [client.request(f"/{number}") for number in range(count)]
    await client.settle()
    return streams


async def test_what_all_streams_write_in_one_turn_is_sent_in_one_piece():
    app = Streams()
    async with connected(app) as client:
        streams = await open_all(client, MAX_STREAMS)
        writes = client.wire.writes
        with gathering():
            for path, connection in app.open.items():
                assert connection.write_nowait(b"first of " + path.encode())
                assert connection.write_nowait(b", and second")
            assert client.wire.writes == writes
        assert client.wire.writes == writes + 1
        received = client.read()
        for number, stream in enumerate(streams):
            assert received[stream].body == b"first of /%d, and second" % number


class Event:
    """An event that a stream has for its client."""

    def __init__(self, connection, data):
        self.connection, self.data = connection, data

    def flush(self, now):
        self.connection.write_nowait(self.data)


async def test_the_flusher_has_such_turns_and_ends_them_whatever_a_stream_raises():
    app = Streams()
    async with connected(app) as client, trio.open_nursery() as nursery:
        streams = await open_all(client, 3)
        flusher = Flusher(0)
        nursery.start_soon(flusher.run)
        for turn_number in (1, 2):
            writes = client.wire.writes
            for path, connection in app.open.items():
                flusher.flush_soon(Event(connection, None if path == "/1" else b"event"))
            await trio.testing.wait_all_tasks_blocked()
            assert client.wire.writes == writes + 1
            received = client.read()
            assert [received[stream].body for stream in streams] == [b"event" * turn_number, b"", b"event" * turn_number]
        nursery.cancel_scope.cancel("the test is over")


async def test_what_is_written_outside_of_a_turn_is_sent_at_once():
    app = Streams()
    async with connected(app) as client:
        (stream,) = await open_all(client, 1)
        for number in range(4):
            writes = client.wire.writes
            if number == 2:
                with gathering():
                    app.open["/0"].write_nowait(b"2")
            else:
                app.open["/0"].write_nowait(b"%d" % number)
            assert client.wire.writes == writes + 1
        assert client.read()[stream].body == b"0123"


async def test_the_head_and_the_first_event_leave_in_one_piece():
    async def app(scope, receive, send):
        connection = scope["extensions"]["chirp_trio.connection"]
        connection.start_nowait({"type": "http.response.start", "status": 200, "headers": []}, b"event")
        await trio.sleep_forever()

    async with connected(app) as client:
        await client.settle()
        writes = client.wire.writes
        stream = client.request("/")
        await trio.testing.wait_all_tasks_blocked()
        assert client.wire.writes == writes + 1
        assert client.read()[stream].body == b"event"


async def test_much_is_not_kept_until_the_turn_ends():
    app = Streams()
    async with connected(app, connection_window=1_000_000) as client:
        streams = await open_all(client, 20)
        most = 0
        with gathering():
            for connection in app.open.values():
                connection.write_nowait(b"x" * 15_000)
                most = max(most, len(client.server.frames._data_to_send))

        assert most < 65_536 + 16_384
        received = client.read()
        assert [len(received[stream].body) for stream in streams] == [15_000] * 20


@pytest.mark.parametrize("other", ["its own", "another request's"])
async def test_what_is_gathered_arrives_before_a_reset_that_comes_after_it(other):
    app = Streams()
    async with connected(app) as client:
        stream, _ = await open_all(client, 2)
        with gathering():
            app.open["/0"].write_nowait(b"before")
            app.open["/0" if other == "its own" else "/1"].abort()
            received = client.read()[stream]
        assert received.body == b"before"
        assert (received.reset is not None) is (other == "its own")


async def test_the_end_of_a_response_comes_after_its_last_piece():
    app = Streams()
    async with connected(app) as client:
        (stream,) = await open_all(client, 1)
        with gathering():
            app.open["/0"].write_nowait(b"before")
        await app.open["/0"].send({"type": "http.response.body", "body": b" and last"})
        received = client.read()[stream]
        assert received.is_complete
        assert received.body == b"before and last"


async def test_events_that_a_client_does_not_read_do_not_keep_its_requests_from_being_read():
    app = Streams()
    async with connected(app, connection_window=1_000_000) as client:
        await open_all(client, 10)
        client.wire.is_stuck = True
        with gathering():
            for connection in app.open.values():
                connection.write_nowait(b"x" * 16_000)
        for path in ("/later", "/last"):
            client.request(path)
            await trio.testing.wait_all_tasks_blocked()
        assert "/last" in app.open


async def test_a_client_that_is_gone_when_the_turn_ends_disturbs_nobody(caplog):
    app, other = Streams(), Streams()
    async with connected(app) as gone, connected(other) as client:
        await open_all(gone, 1)
        (stream,) = await open_all(client, 1)
        gone.wire.is_gone = True
        with gathering():
            app.open["/0"].write_nowait(b"lost")
            other.open["/0"].write_nowait(b"event")
        assert client.read()[stream].body == b"event"
    assert not caplog.records


async def test_a_connection_that_fails_when_the_turn_ends_is_told_and_disturbs_nobody(caplog, monkeypatch):
    app, other = Streams(), Streams()
    async with connected(app) as broken, connected(other) as client:
        await open_all(broken, 1)
        (stream,) = await open_all(client, 1)
        with monkeypatch.context() as patch, gathering():
            app.open["/0"].write_nowait(b"lost")
            other.open["/0"].write_nowait(b"event")
            patch.setattr(broken.wire, "write_nowait", None)
        assert client.read()[stream].body == b"event"
        await trio.testing.wait_all_tasks_blocked()
        assert broken.is_over  # and gets nothing more, of which a part would be missing
    assert "a connection failed" in caplog.text


async def test_what_the_system_does_not_take_when_the_turn_ends_follows_as_soon_as_the_client_reads_on():
    app = Streams()
    async with connected(app) as client:
        streams = await open_all(client, 3)
        client.wire.is_stuck = True
        with gathering():
            for connection in app.open.values():
                connection.write_nowait(b"event")
        await client.settle()
        client.wire.read_on()
        received = await client.settle()
        assert [received[stream].body for stream in streams] == [b"event"] * 3


@pytest.mark.parametrize("first", [b"", b"event"])
async def test_who_begins_a_response_or_writes_without_a_turn_is_told_that_the_client_does_not_read(first):
    app, answers = Streams(), []
    async with connected(app) as client:
        await open_all(client, 1)
        client.wire.is_stuck = True
        assert not app.open["/0"].write_nowait(b"event")

    async def begin(scope, receive, send):
        connection = scope["extensions"]["chirp_trio.connection"]
        answers.append(connection.start_nowait({"type": "http.response.start", "status": 200, "headers": []}, first))
        await trio.sleep_forever()

    async with connected(begin) as client:
        client.wire.is_stuck = True
        client.request()
        await client.settle()
        assert answers == [False]


async def test_small_frames_of_bodies_do_not_count_as_replies():
    app = Streams()
    async with connected(app) as client:
        await open_all(client, 1)
        client.wire.is_stuck = True
        with gathering():
            for _ in range(100):
                app.open["/0"].write_nowait(b"x")
        assert client.server.outgoing.kept_replies == 0


async def test_that_a_client_takes_bytes_shows_also_where_more_is_on_its_way_than_before():
    app = Streams()
    async with connected(app) as client:
        await open_all(client, 1)
        client.wire.is_stuck = True
        app.open["/0"].write_nowait(b"event")
        seen = [app.open["/0"].progress]
        for taken in (-800, 0, 500):  # less than before by what was written at once meanwhile, and is on its way
            client.wire.taken += taken
            seen.append(app.open["/0"].progress)
        assert seen[1] == seen[2] != seen[3]
