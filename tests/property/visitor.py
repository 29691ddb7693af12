"""A client of topics that comes and goes, reads or does not, and remembers what has arrived and the last id."""

from contextlib import aclosing

import trio

from chirp_trio import EventStream
from chirp_trio.stream import Placement, StreamRegistry, respond
from chirp_trio.topics.published import encode_published
from chirp_trio.wire import Decoder, SSEEvent


class Visitor:
    """One who reads what is subscribed for it: pushed into an event stream, or pulled with `async for`."""

    def __init__(self, *, pushed):
        self.pushed = pushed
        self.last_event_id = None
        # Each piece: an event or None, the last id that the client has then, and what `first_in_memory` says. It has yet to
        # be checked: not where it arrives, as the stream would take errors for its own.
        self.arrived = []
        self.scope = None  # while it is there
        self.reads = trio.Event()
        self.reads.set()

    def start(self, nursery, subscription, host):
        self.scope = trio.CancelScope()
        nursery.start_soon(self._read_pushed if self.pushed else self._read_pulled, subscription, host)

    def first_in_memory(self):
        """The first number that the topic has not forgotten, if anybody asks."""

    def leave(self):
        """Be gone from one moment to the next."""
        if self.scope is not None:
            self.scope.cancel()
        self.reads.set()

    def stall(self):
        """Read nothing until further notice."""
        if self.reads.is_set():
            self.reads = trio.Event()

    async def _read_pushed(self, subscription, host):
        gone = trio.Event()
        decoder = Decoder()

        async def receive():
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message):
            await self.reads.wait()
            for line in message.get("body", b"").splitlines(keepends=True):
                events = [item for item in decoder.feed(line) if isinstance(item, SSEEvent)]
                id = decoder.last_event_id or self.last_event_id
                if events or id != self.last_event_id:  # which may come without an event
                    self.last_event_id = id
                    self.arrived.append((events[0] if events else None, id, self.first_in_memory()))

        headers = [(b"accept", b"text/event-stream"), (b"cache-control", b"no-cache"), (b"pragma", b"no-cache")]
        scope = {"type": "http", "method": "GET", "path": "/", "headers": headers}  # as the standard's EventSource asks
        placement = Placement(host, (StreamRegistry(),))
        with self.scope:
            await respond(EventStream(subscription, send_timeout=1000), scope, receive, send, placement)
        self.scope = None

    async def _read_pulled(self, subscription, _host):
        with self.scope:
            async with aclosing(aiter(subscription)) as events:
                async for event in events:
                    await self.reads.wait()
                    self.last_event_id = event.id
                    self.arrived += [
                        (item, event.id, self.first_in_memory())
                        for item in Decoder().feed(encode_published(event, None, None))
                    ]
        self.scope = None
