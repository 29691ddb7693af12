"""What the streams of one HTTP/2 connection write in one turn of the event loop is sent together, in its order."""

import pytest
import trio
import trio.testing

from chirp_trio.server.http2_frames import MAX_STREAMS
from tests.unit.http2_harness import connected


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
        for path, connection in app.open.items():
            assert connection.write_nowait(b"first of " + path.encode())
            assert connection.write_nowait(b", and second")
        assert client.wire.writes == writes
        await trio.testing.wait_all_tasks_blocked()

        assert client.wire.writes == writes + 1
        received = client.read()
        for number, stream in enumerate(streams):
            assert received[stream].body == b"first of /%d, and second" % number


async def test_each_turn_is_sent_by_itself():
    app = Streams()
    async with connected(app) as client:
        (stream,) = await open_all(client, 1)
        for number in range(3):
            writes = client.wire.writes
            app.open["/0"].write_nowait(b"%d" % number)
            await trio.testing.wait_all_tasks_blocked()
            assert client.wire.writes == writes + 1
        assert client.read()[stream].body == b"012"


async def test_much_is_not_kept_until_the_turn_ends():
    app = Streams()
    async with connected(app, connection_window=1_000_000) as client:
        streams = await open_all(client, 20)
        most = 0
        for connection in app.open.values():
            connection.write_nowait(b"x" * 15_000)
            most = max(most, len(client.server.frames._data_to_send))
        await trio.testing.wait_all_tasks_blocked()

        assert most < 65_536 + 16_384
        received = client.read()
        assert [len(received[stream].body) for stream in streams] == [15_000] * 20


@pytest.mark.parametrize("ending", ["the end", "a reset", "an answer to another request"])
async def test_what_is_written_before_something_else_arrives_before_it(ending):
    app = Streams()
    async with connected(app) as client:
        stream, _ = await open_all(client, 2)
        app.open["/0"].write_nowait(b"before")
        match ending:
            case "the end":
                await app.open["/0"].send({"type": "http.response.body", "body": b" and last"})
            case "a reset":
                app.open["/0"].abort()
            case _:
                app.open["/1"].abort()
        received = client.read()[stream]
        assert received.body == (b"before and last" if ending == "the end" else b"before")
        assert received.is_complete is (ending == "the end")
        assert (received.reset is not None) is (ending == "a reset")


async def test_draining_sends_what_waits_for_the_end_of_the_turn():
    app = Streams()
    async with connected(app) as client:
        (stream,) = await open_all(client, 1)
        app.open["/0"].write_nowait(b"event")
        await app.open["/0"].drain()
        assert client.read()[stream].body == b"event"


async def test_events_that_a_client_does_not_read_do_not_keep_its_requests_from_being_read():
    app = Streams()
    async with connected(app, connection_window=1_000_000) as client:
        await open_all(client, 10)
        client.wire.is_stuck = True
        for connection in app.open.values():
            connection.write_nowait(b"x" * 16_000)
        await trio.testing.wait_all_tasks_blocked()
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
        app.open["/0"].write_nowait(b"lost")
        other.open["/0"].write_nowait(b"event")
        await trio.testing.wait_all_tasks_blocked()
        assert client.read()[stream].body == b"event"
    assert not caplog.records
