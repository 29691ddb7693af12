"""Streams under servers that each do something of their own: an EventStream is driven by hand here, message by message."""

import math

import pytest
import trio

from chirp_trio import EventStream
from chirp_trio.stream import Placement, StreamRegistry, open_stream_host
from tests.lifecycle.scenes import Source, tasks


class Server:
    """A server's side of one request. What it does with a message is decided by `behave`, which may wait."""

    def __init__(self, behave=None):
        self.messages = []
        self.behave = behave
        self.disconnected = trio.Event()

    async def receive(self):
        await self.disconnected.wait()
        return {"type": "http.disconnect"}

    async def send(self, message):
        await trio.lowlevel.checkpoint()
        if self.behave is not None:
            await self.behave(message)
        self.messages.append(message)

    @property
    def body(self):
        return b"".join(message.get("body", b"") for message in self.messages)

    @property
    def is_complete(self):
        return bool(self.messages) and self.messages[-1].get("more_body") is False


async def serve(source, server, host, registry=None, **options):
    placement = Placement(host, (registry if registry is not None else StreamRegistry(),))
    scope = {"type": "http", "method": "GET", "path": "/", "state": {"chirp_trio.streams": placement}}
    await EventStream(source, **options)(scope, server.receive, server.send)


async def test_a_stream_ends_though_the_server_never_says_that_the_client_has_left(autojump_clock):
    server = Server()
    async with open_stream_host() as host:
        with trio.fail_after(1):
            await serve(Source("a", then="end"), server, host)
    assert server.is_complete


async def test_a_stream_of_a_host_that_is_closing_ends_though_the_server_says_nothing(autojump_clock):
    server = Server()
    async with open_stream_host() as host:
        host.close()
        with trio.fail_after(1):
            await serve(Source("a"), server, host)
    assert server.is_complete


async def test_a_request_body_is_drained_for_as_long_as_the_stream_lasts(autojump_clock):
    source = Source("a")
    send_body, receive_body = trio.open_memory_channel(0)
    server = Server()
    server.receive = receive_body.receive
    async with open_stream_host() as host, trio.open_nursery() as nursery:
        nursery.start_soon(serve, source, server, host)
        for _ in range(100):
            with trio.fail_after(1):
                await send_body.send({"type": "http.request", "body": b"x" * 1000, "more_body": True})
        await send_body.send({"type": "http.disconnect"})
    assert source.closed == 1


async def test_a_writer_that_can_be_cancelled_is_when_the_client_leaves(autojump_clock):
    # As on HTTP/2, when the flow-control window is shut: nothing else would ever end that send.
    async def shut_window(message):
        if message.get("body"):
            await trio.sleep_forever()

    source = Source("a")
    server = Server(shut_window)
    before = tasks()
    async with open_stream_host() as host, trio.open_nursery() as nursery:
        with_host = tasks()
        nursery.start_soon(serve, source, server, host)
        await trio.sleep(1)
        server.disconnected.set()
        await trio.sleep(0.01)
        assert tasks() == with_host
    assert tasks() == before
    assert source.closed == 1


async def test_a_writer_that_the_handler_left_behind_sends_no_more_once_it_wakes_up(autojump_clock):
    stuck = trio.Event()

    async def socket_that_is_full(message):
        if message.get("body"):
            with trio.move_on_after(math.inf, shield=True):
                await stuck.wait()

    server = Server(socket_that_is_full)
    async with open_stream_host() as host, trio.open_nursery() as nursery:
        nursery.start_soon(serve, Source("a", "b", "c", pause=0.1), server, host)
        await trio.sleep(5)
        host.close()
        await trio.sleep(1)
        assert not nursery.child_tasks, "the handler has left"
        stuck.set()
        await trio.sleep(1)
    assert [message["type"] for message in server.messages] == ["http.response.start", "http.response.body"]


async def test_leaving_the_host_lets_streams_end_their_bodies(autojump_clock):
    source = Source("a")
    server = Server()
    async with trio.open_nursery() as nursery:
        async with open_stream_host() as host:
            nursery.start_soon(serve, source, server, host)
            await trio.sleep(1)
        assert server.is_complete
    assert source.closed == 1


async def test_leaving_the_host_does_not_wait_for_a_stalled_client(autojump_clock):
    async def slow_socket(message):
        if message.get("body"):
            await trio.sleep_forever()

    async with trio.open_nursery() as nursery:
        async with open_stream_host() as host:
            nursery.start_soon(serve, Source("a"), Server(slow_socket), host)
            await trio.sleep(1)
            began = trio.current_time()
        assert trio.current_time() - began <= 1


async def test_a_stream_that_comes_when_its_host_is_gone_ends_and_leaves_nothing(autojump_clock):
    source = Source("a")
    server = Server()
    async with open_stream_host() as host:
        pass
    with trio.fail_after(1):
        await serve(source, server, host)
    assert source.opened == source.closed == 0


async def test_cancelling_a_stream_that_stalls_takes_no_longer_than_a_farewell(autojump_clock):
    async def socket_that_is_full(message):
        if message.get("body"):
            with trio.move_on_after(100, shield=True):
                await trio.sleep_forever()

    async with open_stream_host() as host:
        with trio.move_on_after(5):
            await serve(Source("a"), Server(socket_that_is_full), host)
        assert trio.current_time() == pytest.approx(5.5)


@pytest.mark.parametrize("shutdown", [None, object(), 5])
async def test_a_server_that_tells_nothing_of_its_shutdown_is_served_all_the_same(autojump_clock, shutdown):
    server = Server()
    scope = {"type": "http", "method": "GET", "path": "/", "extensions": {"chirp_trio.shutdown": shutdown}}
    await EventStream(Source("a", then="end"))(scope, server.receive, server.send)
    assert server.is_complete


async def test_hypercorns_own_signal_is_found_behind_send(autojump_clock):
    class HTTPStream(Server):
        """hypercorn's: its `send` is a method, and its context knows when the worker is about to stop."""

        def __init__(self):
            super().__init__()
            self.context = self
            self.terminated = trio.Event()

    source = Source("a")
    server = HTTPStream()
    async with open_stream_host() as host, trio.open_nursery() as nursery:
        nursery.start_soon(serve, source, server, host)
        await trio.sleep(1)
        server.terminated.set()
        await trio.sleep(0.1)
        assert server.is_complete
        assert source.closed == 1
