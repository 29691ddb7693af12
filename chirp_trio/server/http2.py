"""hypercorn's HTTP/2, with the bound that its buffers lack, and without the error that would end its worker."""

import trio
from h2.events import DataReceived, Event, RequestReceived, StreamReset
from hypercorn.events import Closed, Updated
from hypercorn.events import Event as IOEvent
from hypercorn.protocol.h2 import BUFFER_LOW_WATER, H2Protocol, StreamBuffer
from hypercorn.typing import Event as EventClass

# Seconds for telling a stream that it is over: its app may have left ten messages in its queue, and read none of them.
_FAREWELL_TIMEOUT = 0.5


class BoundedH2Protocol(H2Protocol):
    """An HTTP/2 connection whose client can neither fill the server's memory nor break the connection by being late."""

    async def handle(self, event: IOEvent) -> None:
        """Take what has come from the client; when the connection is closed, let those go who wait for it to read."""
        await super().handle(event)
        if isinstance(event, Closed):
            for buffer in list(self.stream_buffers.values()):
                await buffer.close()

    async def _send_data(self, stream_id: int) -> None:
        buffer = self.stream_buffers.get(stream_id)
        await super()._send_data(stream_id)
        if buffer is not None and stream_id not in self.stream_buffers:
            await buffer.close()

    async def _create_stream(self, request: RequestReceived) -> None:
        await super()._create_stream(request)
        # The app has been started by that, and has not run yet.
        self.stream_buffers[request.stream_id] = _BoundedBuffer(self.context.event_class)

    async def _handle_events(self, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, DataReceived) and event.stream_id not in self.streams:
                # The rest of a body whose request has been answered already. Its window is given back, or the connection's
                # would shrink for good.
                self.connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            else:
                await super()._handle_events([event])
            if isinstance(event, StreamReset):
                await self.rest()
        await self._flush()

    async def _close_stream(self, stream_id: int) -> None:
        # Whoever does this may be cancelled meanwhile, and hypercorn has forgotten the stream before it tells it.
        with trio.move_on_after(_FAREWELL_TIMEOUT, shield=True):
            await super()._close_stream(stream_id)

    async def rest(self) -> None:
        """Begin to count the time without a stream, if there is none."""
        if self.idle:
            await self.send(Updated(idle=True))


class _BoundedBuffer(StreamBuffer):
    """What waits for the client on one stream.

    hypercorn's lets the sender go on when little was *taken*, and so always where the client's window is closed and nothing
    can be taken. This one lets it go on when little is *left*. And it is drained only when the end of the body has been
    sent as well: hypercorn, when it is about to stop, closes a connection whose last stream is drained.
    """

    def __init__(self, event_class: type[EventClass]) -> None:
        super().__init__(event_class)
        self._is_closed = event_class()

    async def drain(self) -> None:
        await (self._is_closed if self._complete else self._is_empty).wait()

    async def close(self) -> None:
        await super().close()
        await self._is_closed.set()

    async def pop(self, max_length: int) -> bytes:
        taken = bytes(self.buffer[:max_length])
        del self.buffer[:max_length]
        if len(self.buffer) < BUFFER_LOW_WATER:
            await self._paused.set()
        if not self.buffer:
            await self._is_empty.set()
        return taken
