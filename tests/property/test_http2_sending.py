"""Streams of one HTTP/2 connection, written in turns and without, whose client opens its windows, reads and resets at will.

Each stream's bytes are those that were written to it, in their order; all of them once the client reads and has windows.
"""

import random

import trio
import trio.testing

from chirp_trio.server.http2_frames import MAX_STREAMS
from chirp_trio.stream.waiting import Flusher
from tests.cases import each_case
from tests.strategies import examples
from tests.unit.http2_harness import connected


class Response:
    """A response that is written from outside: in the flusher's turn, and by a task of its own while it may not be."""

    def __init__(self, connection, flusher, nursery):
        self._connection, self._flusher, self._nursery = connection, flusher, nursery
        self.written = bytearray()
        self._waiting = bytearray()
        self._is_draining = False
        self.is_lost = False
        self.ends = False

    def write(self, data):
        self._waiting += data
        self._flusher.flush_soon(self)

    def flush(self, now):
        """Write what waits, unless a task waits for the client: as the writer of an event stream does it."""
        if self._is_draining or self.is_lost or not self._waiting:
            return
        data = bytes(self._waiting)
        self._waiting.clear()
        try:
            self.written += data
            if not self._connection.write_nowait(data):
                self._is_draining = True
                self._nursery.start_soon(self._drain)
        except trio.BrokenResourceError:
            self.is_lost = True

    async def _drain(self):
        try:
            await self._connection.drain()
        except trio.BrokenResourceError:
            self.is_lost = True
        self._is_draining = False
        self.flush(0)

    def reset(self):
        self.is_lost = True
        self._connection.abort()

    async def end(self):
        """Write the rest and the end."""
        self.ends = True
        while self._is_draining or self._waiting:
            await trio.testing.wait_all_tasks_blocked()
            self.flush(0)
        await self._connection.send({"type": "http.response.body", "body": b"the end"})


class App:
    """Responses by their paths."""

    def __init__(self, flusher, nursery):
        self._flusher, self._nursery = flusher, nursery
        self.responses = {}

    async def __call__(self, scope, receive, send):
        connection = scope["extensions"]["chirp_trio.connection"]
        self.responses[scope["path"]] = response = Response(connection, self._flusher, self._nursery)
        head = {"type": "http.response.start", "status": 200, "headers": []}
        response.written += b"begin"
        if not connection.start_nowait(head, b"begin"):
            await connection.drain()
        while (await receive())["type"] != "http.disconnect":
            pass


class Script:
    """What happens on one connection, drawn from a seed."""

    def __init__(self, seed, client, app):
        self._draw = random.Random(seed)
        self._client, self._app = client, app
        self._opened = {}  # paths, and the numbers of their streams
        self._reset = set()
        self._count = 0

    def open(self):
        if len(self._opened) < MAX_STREAMS // 5:
            path = f"/{len(self._opened)}"
            self._opened[path] = self._client.request(path)

    def _going_on(self):
        return [(path, response) for path, response in self._app.responses.items() if not response.is_lost]

    def write(self):
        """Write to several streams; now and then without a turn."""
        responses = self._going_on()
        for _, response in self._draw.sample(responses, self._draw.randint(0, len(responses))):
            self._count += 1
            response.write(b"%d;" % self._count * self._draw.choice([1, 1, 1, 30, 800, 9_000]))
            if not self._draw.randrange(6):
                response.flush(0)

    def stick(self):
        self._client.wire.is_stuck = True

    def read_on(self):
        self._client.wire.read_on()

    def read(self):
        self._client.read()

    def open_windows(self):
        """Let the client take more, of the connection or of one stream."""
        stream = self._draw.choice([None, *self._client.h2.streams])
        if stream is None or not self._client.h2.streams[stream].closed:
            self._client.h2.increment_flow_control_window(self._draw.choice([1, 9, 5_000, 70_000]), stream)
            self._client.send()

    def be_reset(self):
        """The client gives one stream up."""
        if self._opened and not self._draw.randrange(3):
            path = self._draw.choice(list(self._opened))
            self._reset.add(path)
            stream = self._client.h2.streams.get(self._opened[path])
            if stream is not None and not stream.closed:
                self._client.h2.reset_stream(stream.stream_id)
                self._client.send()

    def reset(self):
        """The server gives one stream up."""
        if (responses := self._going_on()) and not self._draw.randrange(3):
            path, response = self._draw.choice(responses)
            self._reset.add(path)
            response.reset()

    async def play(self):
        self.open()
        await trio.testing.wait_all_tasks_blocked()
        steps = [self.open] * 3 + [self.write] * 8 + [self.open_windows] * 3 + [self.read] * 2
        steps += [self.stick, self.read_on, self.read_on, self.be_reset, self.reset]
        for _ in range(self._draw.randint(10, 60)):
            self._draw.choice(steps)()
            if self._draw.randrange(3):
                await trio.testing.wait_all_tasks_blocked()

    async def check(self):
        """Let the client read, and open its windows: all that was written comes, and what it did not read for a moment.

        Then some responses end.
        """
        self._client.takes = True
        for stream in self._client.h2.streams.values():
            if not stream.closed:
                self._client.h2.increment_flow_control_window(100_000_000, stream.stream_id)
        self._client.send()
        await trio.testing.wait_all_tasks_blocked()
        self._client.h2.increment_flow_control_window(100_000_000)
        self._client.send()
        await trio.testing.wait_all_tasks_blocked()
        self.read_on()
        await self._client.settle()
        self._compare()
        self.stick()
        for _, response in self._going_on():
            response.write(b"kept")
        await trio.testing.wait_all_tasks_blocked()
        self.read_on()
        await self._client.settle()
        self._compare()
        async with trio.open_nursery() as nursery:
            for _, response in self._going_on()[::2]:
                nursery.start_soon(response.end)
        await self._client.settle()
        self._compare()

    def _compare(self):
        for path, stream in self._opened.items():
            response, received = self._app.responses.get(path), self._client.streams[stream]
            if path in self._reset:
                assert response is None or response.written.startswith(received.body)
            else:
                assert received.body == response.written + (b"the end" if response.ends else b"")
                assert received.is_complete is response.ends
                assert not response.is_lost


@each_case("seed", range(examples(45)))
async def test_each_stream_gets_what_was_written_to_it_in_its_order(seed):
    draw = random.Random(seed)
    flusher = Flusher(0)
    async with trio.open_nursery() as nursery:
        app = App(flusher, nursery)
        nursery.start_soon(flusher.run)
        window, connection_window = draw.choice([0, 5, 3_000, 1_000_000]), draw.choice([0, 0, 0, 1_000_000])
        async with connected(app, window=window, connection_window=connection_window) as client:
            client.takes = draw.choice([True, False, False])
            script = Script(seed, client, app)
            await script.play()
            await script.check()
        nursery.cancel_scope.cancel("the test is over")
