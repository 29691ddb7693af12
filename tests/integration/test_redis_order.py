"""What one publisher has published is written in that order, or not at all, whatever the server refuses meanwhile."""

import socket
from contextlib import suppress
from functools import partial

import pytest
import trio

from chirp_trio import RedisStore, Topic
from chirp_trio.redis.server import LIBRARY
from chirp_trio.topics.topic import audience_of
from tests.redis_servers import RedisServer

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(params=["redis", "valkey"])
def server(request, tmp_path, monkeypatch):
    monkeypatch.setattr("chirp_trio.redis.listening._COMPARE_AFTER", (600, 600))  # it would be refused, too
    with RedisServer(request.param, tmp_path / "server", busy_reply_threshold="1") as server:
        yield server


class SlowWay:
    """Leads to a server. What it answers to a publisher is held back at first, so that it is known here before."""

    def __init__(self, port):
        self._port = port
        self._open = trio.Event()
        self._arrived = trio.Condition()
        self._held = b""

    async def lead(self, stream):
        publishes = trio.Event()
        send, receive = trio.open_memory_channel(100)
        async with stream, await trio.open_tcp_stream("127.0.0.1", self._port) as server, trio.open_nursery() as nursery:
            for copy in (
                partial(self._ask, stream, server, publishes),
                partial(self._hear, server, send, publishes),
                partial(self._answer, receive, stream, publishes),
            ):
                nursery.start_soon(self._until_lost, copy, nursery.cancel_scope)

    async def _until_lost(self, copy, scope):
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            await copy()
        scope.cancel()

    async def _ask(self, stream, server, publishes):
        async for piece in stream:
            if b"chirp_publish_1\r\n" in piece:  # as a word
                publishes.set()
            await server.send_all(piece)

    async def _hear(self, server, send, publishes):
        async for piece in server:
            async with self._arrived:
                if publishes.is_set():
                    self._held += piece
                    self._arrived.notify_all()
            await send.send(piece)

    async def _answer(self, receive, stream, publishes):
        async for piece in receive:
            if publishes.is_set():
                await self._open.wait()
            await stream.send_all(piece)

    async def wait_for_answer(self, start=b""):
        """Return once the server has answered something, of which its process does not know, and that begins so."""
        with trio.fail_after(10):
            async with self._arrived:
                while not self._held:
                    await self._arrived.wait()
                assert self._held.startswith(start), self._held
                self._held = b""

    def release(self):
        """Let all answers through."""
        self._open.set()


async def be_busy(server):
    """Have it refuse everything, as it does while a script of somebody else takes too long."""
    with socket.create_connection(("127.0.0.1", server.port)) as script, trio.fail_after(10):
        script.sendall(b'EVAL "while true do end" 0\r\n')
        while not server.ask("PING").startswith(b"-BUSY"):  # noqa: ASYNC110
            await trio.sleep(0.01)


async def end_busy(server):
    assert server.ask("SCRIPT", "KILL") == b"+OK\r\n"


async def forget_functions(server):
    assert server.ask("FUNCTION", "FLUSH") == b"+OK\r\n"


async def load_functions(server):
    """As another process does that connects."""
    assert server.load(LIBRARY) == b"$12\r\nchirp_trio_1\r\n"


async def be_a_replica(server):
    assert server.ask("REPLICAOF", "127.0.0.1", "1") == b"+OK\r\n"


async def be_a_master(server):
    assert server.ask("REPLICAOF", "NO", "ONE") == b"+OK\r\n"


async def be_full(server):
    assert server.ask("CONFIG", "SET", "maxmemory", "1") == b"+OK\r\n"


async def have_room(server):
    assert server.ask("CONFIG", "SET", "maxmemory", "0") == b"+OK\r\n"


def there(topic):
    return [event.value for event in audience_of(topic).log.since(0, 10**6) if event.event != "chirp:gap"]


async def refused_meanwhile(server, refuse, take, refusal):
    """What is there of three more events, of which the server has refused the first, and could have taken the others."""
    async with Topic("news", store=RedisStore(server.url, timeout=20)) as topic:
        await topic.publish("0")
    way = SlowWay(server.port)
    async with trio.open_nursery() as nursery:
        (listener,) = await nursery.start(partial(trio.serve_tcp, host="127.0.0.1"), way.lead, 0)
        url = f"redis://127.0.0.1:{listener.socket.getsockname()[1]}"
        async with Topic("news", store=RedisStore(url, timeout=20)) as topic:
            await refuse(server)
            topic.publish_nowait("1")
            await way.wait_for_answer(b"-" + refusal)
            await take(server)
            for text in "23":
                topic.publish_nowait(text)
                await way.wait_for_answer()
            way.release()
        nursery.cancel_scope.cancel()
    async with Topic("news", store=RedisStore(server.url, timeout=20)) as topic:
        return there(topic)


@pytest.mark.parametrize(
    ("refuse", "take", "refusal"),
    [
        (be_busy, end_busy, b"BUSY"),
        (forget_functions, load_functions, b"ERR Function not found"),
        (be_a_replica, be_a_master, b"READONLY"),
    ],
)
async def test_what_is_refused_for_a_moment_is_not_overtaken(server, refuse, take, refusal):
    assert await refused_meanwhile(server, refuse, take, refusal) == ["0", "1", "2", "3"]


async def test_what_follows_something_that_is_refused_for_good_is_refused_with_it(server, caplog):
    assert await refused_meanwhile(server, be_full, have_room, b"OOM") == ["0"]
    lost = [record.getMessage() for record in caplog.records if "events were lost" in record.getMessage()]
    assert len(lost) == 3
    assert all("was not written: OOM" in message for message in lost)
