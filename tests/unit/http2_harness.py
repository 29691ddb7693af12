"""A client of HTTP/2 and a server's connection, with nothing in between but virtual time."""

import math
from collections import defaultdict
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import h2.config
import h2.connection
import h2.events
import h2.settings
import trio
import trio.testing

from chirp_trio.server.config import ServerConfig
from chirp_trio.server.conversation import Conversation
from chirp_trio.server.http2 import HTTP2

PSEUDO = [(":method", "GET"), (":scheme", "http"), (":authority", "example.org")]


class Wire:
    """What stands for the socket: takes all, or nothing while `is_stuck`."""

    is_encrypted = False

    def __init__(self):
        self.sent, self._received = trio.open_memory_channel(math.inf)
        self.written = bytearray()
        self.is_stuck = False
        self.is_gone = False
        self._kept = bytearray()
        self._changed = trio.Event()
        self.taken = 0
        self.writes = 0

    @property
    def backlog(self):
        return bool(self._kept)

    @property
    def progress(self):
        return self.taken

    async def receive(self):
        """What has come, up to sixteen kibibytes, as from a socket."""
        data = await self._received.receive()
        with suppress(trio.WouldBlock):
            while data and len(data) < 16_384:
                piece = self._received.receive_nowait()
                if not piece:
                    self.sent.send_nowait(piece)  # the end, which is told by itself
                    break
                data += piece
        return data

    def write_nowait(self, data):
        if self.is_gone:
            raise trio.BrokenResourceError
        self.writes += 1
        if self.is_stuck or self._kept:
            self._kept += data
            return False
        self.written += data
        self.taken += len(data)
        return True

    def read_on(self):
        """Have room again. What is kept is written by whoever waits for that in `drain()`, as with a socket."""
        self.is_stuck = False
        self._changed.set()
        self._changed = trio.Event()

    def reset(self):
        self.is_gone = True
        self.sent.send_nowait(b"")  # nothing more can be read either

    async def drain(self):
        while self._kept:
            if not self.is_stuck:
                self.written += self._kept
                self.taken += len(self._kept)
                self._kept.clear()
                return
            with trio.move_on_after(30) as patience:
                await self._changed.wait()
            if patience.cancelled_caught:
                self.is_gone = True
                raise trio.BrokenResourceError


@dataclass
class Stream:
    """What a client has got of one response."""

    headers: list = field(default_factory=list)
    informational: list = field(default_factory=list)
    trailers: list = field(default_factory=list)
    body: bytearray = field(default_factory=bytearray)
    is_complete: bool = False
    reset: int | None = None

    @property
    def status(self):
        return int(dict(self.headers)[b":status"])


class _Connection(h2.connection.H2Connection):
    """Goes on after a GOAWAY frame, as a client should; python-h2 does not."""

    def _receive_goaway_frame(self, frame):
        event = h2.events.ConnectionTerminated()
        event.error_code, event.last_stream_id = frame.error_code, frame.last_stream_id
        return [], [event]


class Client:
    """One client's end of the connection."""

    def __init__(self, wire, window, connection_window):
        self.wire = wire
        config = h2.config.H2Configuration(
            header_encoding=None, validate_outbound_headers=False, normalize_outbound_headers=False
        )
        self.h2 = _Connection(config)
        windows = {h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: window}
        self.h2.local_settings = h2.settings.Settings(client=True, initial_values=windows)
        self.h2.initiate_connection()
        if connection_window:
            self.h2.increment_flow_control_window(connection_window - 65535)
        self.streams = defaultdict(Stream)
        self.goaway = None
        self.takes = True  # whether it gives back the windows for what it has got

    def send(self, data=b""):
        if data := self.h2.data_to_send() + data:
            self.wire.sent.send_nowait(data)

    def request(self, path="/", *, headers=(), pseudo=PSEUDO, ends=True, waits=False):
        stream_id = self.h2.get_next_available_stream_id()
        self.h2.send_headers(stream_id, [*pseudo, (":path", path), *headers], end_stream=ends)
        if not waits:
            self.send()
        return stream_id

    def read(self):
        """Look at what has come."""
        data = bytes(self.wire.written)
        self.wire.written.clear()
        for event in self.h2.receive_data(data) if data else ():
            stream = self.streams[getattr(event, "stream_id", None)]
            match event:
                case h2.events.ResponseReceived():
                    stream.headers = event.headers
                case h2.events.InformationalResponseReceived():
                    stream.informational.append(event.headers)
                case h2.events.TrailersReceived():
                    stream.trailers = event.headers
                case h2.events.DataReceived():
                    stream.body += event.data
                    if self.takes:
                        self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                case h2.events.StreamEnded():
                    stream.is_complete = True
                case h2.events.StreamReset():
                    stream.reset = event.error_code
                case h2.events.ConnectionTerminated():
                    self.goaway = (int(event.error_code), event.last_stream_id)
        self.send()
        return self.streams

    async def settle(self):
        """Let the server do what it can without further words, and read that."""
        for _ in range(3):
            await trio.testing.wait_all_tasks_blocked()
            streams = self.read()
        await trio.testing.wait_all_tasks_blocked()
        return streams


@asynccontextmanager
async def connected(app, *, window=65535, connection_window=0, **settings):
    """A client, whose connection is served: `client.server`, and over when `client.is_over`."""
    wire = Wire()
    client = Client(wire, window, connection_window)
    conversation = Conversation(app, ServerConfig(**settings), {}, wire, ("192.0.2.1", 1), ("192.0.2.2", 80))
    client.server = HTTP2(conversation)
    client.is_over = False

    async def serve():
        await client.server.serve(b"")
        client.is_over = True

    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve)
        client.send()
        await trio.testing.wait_all_tasks_blocked()
        yield client
        nursery.cancel_scope.cancel("the test is over")


def answering(body=b"hello", headers=()):
    """An app that answers all with this."""

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": list(headers)})
        await send({"type": "http.response.body", "body": body})

    return app
