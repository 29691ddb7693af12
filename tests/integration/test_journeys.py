"""How far an event travels through the package, under the server of ours: the files on its way are few enough to be read."""

import sys
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import trio
import trio.testing

import chirp_trio
from chirp_trio import App, EventStream, ServerConfig, Topic, serve

PACKAGE = Path(chirp_trio.__file__).parent

# What may be read to follow an event from the call that gives it to the socket. The last three files are the server's.
FILES_OF_A_YIELDED_ITEM = 7
CALLS_OF_A_YIELDED_ITEM = 21
FILES_OF_A_PUBLISHED_VALUE = 10
CALLS_OF_A_PUBLISHED_VALUE = 40
CALLS_FOR_EACH_FURTHER_STREAM = 4


class Trace:
    """The functions of the package that are called while it is on, as (file, function)."""

    def __init__(self):
        self.calls = []

    def __enter__(self):
        sys.setprofile(self._note)
        return self

    def __exit__(self, *_):
        sys.setprofile(None)

    def _note(self, frame, event, _argument):
        path = Path(frame.f_code.co_filename)
        if event == "call" and path.is_relative_to(PACKAGE):
            self.calls.append((str(path.relative_to(PACKAGE)), frame.f_code.co_qualname))

    @property
    def files(self):
        return {file for file, _ in self.calls}

    def __repr__(self):
        return "\n".join(f"{file:28} {function}" for file, function in self.calls)


class Client:
    """One client of a stream."""

    def __init__(self, connection):
        self._connection = connection

    async def read_until(self, text):
        received = b""
        while text not in received:
            received += await self._connection.receive_some()


@asynccontextmanager
async def clients_of(make_source, count=1):
    """Serve an app whose streams have such a source; the clients of so many of them."""
    app = App()
    # No timer goes off in between.
    app.route("/")(lambda: EventStream(make_source(), heartbeat_interval=None, start_grace=1000, send_timeout=1000))
    async with trio.open_nursery() as nursery, AsyncExitStack() as stack:
        [url] = await nursery.start(serve, app, ServerConfig(port=0))
        host, _, port = url.removeprefix("http://").rpartition(":")
        clients = []
        for _ in range(count):
            connection = await stack.enter_async_context(await trio.open_tcp_stream(host, int(port)))
            await connection.send_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n")
            clients.append(Client(connection))
        yield clients
        nursery.cancel_scope.cancel()


async def test_a_yielded_item_passes_few_files():
    trace, go_on = Trace(), trio.Event()

    async def source():
        yield "first"
        await go_on.wait()
        with trace:
            yield "second"
            await trio.sleep_forever()

    with trio.fail_after(30):
        async with clients_of(source) as [client]:
            await client.read_until(b"data: first\n\n")
            await trio.testing.wait_all_tasks_blocked()
            go_on.set()
            await client.read_until(b"data: second\n\n")
            sys.setprofile(None)
    assert trace.calls[0] == ("stream/producer.py", "Producer.put"), trace
    assert ("server/transport.py", "Transport.write_nowait") in trace.calls, trace
    assert len(trace.files) <= FILES_OF_A_YIELDED_ITEM, trace
    assert len(trace.calls) <= CALLS_OF_A_YIELDED_ITEM, trace


async def trace_of_publishing(clients):
    """What is called between `Topic.publish_nowait()` and the sockets of so many clients."""
    topic, trace = Topic("news"), Trace()
    with trio.fail_after(30):
        async with clients_of(topic.subscribe, clients) as listening:
            for client in listening:
                await client.read_until(b"id: ")  # its place: the response has begun
            await trio.testing.wait_all_tasks_blocked()
            with trace:
                topic.publish_nowait("hello")
                for client in listening:
                    await client.read_until(b"data: hello\n\n")
                await trio.testing.wait_all_tasks_blocked()  # the flusher too has come to rest
    assert trace.calls[0] == ("topics/topic.py", "Topic.publish_nowait"), trace
    assert trace.calls.count(("server/transport.py", "Transport.write_nowait")) == clients, trace
    return trace


async def test_a_published_value_passes_few_files():
    trace = await trace_of_publishing(1)
    assert len(trace.files) <= FILES_OF_A_PUBLISHED_VALUE, trace
    assert len(trace.calls) <= CALLS_OF_A_PUBLISHED_VALUE, trace


async def test_a_published_value_costs_each_further_stream_few_calls():
    one, many = await trace_of_publishing(1), await trace_of_publishing(11)
    assert len(many.calls) - len(one.calls) <= 10 * CALLS_FOR_EACH_FURTHER_STREAM, many
