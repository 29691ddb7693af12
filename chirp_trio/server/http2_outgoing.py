"""What goes to the client of an HTTP/2 connection: frames in their order, and responses that wait for the window's opening.

An event for all streams of a connection is encrypted and sent once, and not once for each stream: see `gathering`. Where the
system does not take all of it, nobody who has written waits for that, so it has a task.
"""

from collections import deque
from contextlib import suppress

import trio
from h2.stream import H2Stream

from ..gathering import gather
from ..logs import logger_of
from .http2_frames import FrameConnection
from .transport import WRITE_SIZE, Transport

logger = logger_of("server")

# The most of a body in one frame: every client takes that much (RFC 9113, 4.2).
_FRAME_SIZE = 16_384
_DATA = b"\0\0"  # the type of its frame (RFC 9113, 6.1), and no flags


class Outgoing:
    """One direction of a connection.

    Args:
        frames: The connection's state, in which frames wait.
        transport: The connection's bytes.

    Attributes:
        kept_replies: The bytes of frames, but for those of bodies, that were sent since the client had taken all of them.
        nursery: Where tasks of the connection live; None until it has one.
    """

    def __init__(self, frames: FrameConnection, transport: Transport) -> None:
        self.kept_replies = 0
        self.nursery: trio.Nursery | None = None
        self._frames = frames
        self._transport = transport
        self._waiting_data = 0  # bytes of those that are frames of bodies
        self._is_gathered = False  # what waits is sent when the turn ends
        self._is_draining = False  # a task waits until the client reads
        self._waiting: deque[trio.Event] = deque()  # for the connection's window

    def flush(self) -> None:
        """Send the frames that wait.

        Raises:
            trio.BrokenResourceError: The client is gone, or the connection is about to be closed.
        """
        data = self._frames.data_to_send()
        if data:
            replies, self._waiting_data = len(data) - self._waiting_data, 0
            self.kept_replies = 0 if self._transport.write_nowait(data) else self.kept_replies + replies

    def turn_ends(self) -> None:
        """Send the frames that were gathered in a turn."""
        self._is_gathered = False
        try:
            self.flush()
        except trio.BrokenResourceError:
            pass  # the task that reads notices it as well, and ends the streams
        except Exception:
            logger.exception("a connection failed")
            self._transport.reset()  # frames are lost, so nothing may follow them
        if self._transport.backlog and not self._is_draining and self.nursery is not None:
            self._is_draining = True
            self.nursery.start_soon(self._drain)

    async def _drain(self) -> None:
        try:
            await self._transport.drain()
        except trio.BrokenResourceError:
            pass  # the task that reads notices it as well
        finally:
            self._is_draining = False

    # -- bodies ---------------------------------------------------------------------------------------------------------

    def most_data(self, stream: H2Stream) -> int:
        """The most bytes that may be in the next frame of this stream's body; none while one of the windows is closed."""
        return min(_FRAME_SIZE, stream.outbound_flow_control_window, self._frames.outbound_flow_control_window)

    def send_data(self, stream: H2Stream, data: bytes | memoryview) -> None:
        """Send a frame of this stream's body, for which there is room: at the end of the turn, if one goes on.

        Raises:
            trio.BrokenResourceError: See `flush()`.
        """
        # python-h2 would copy it three times, and does nothing else to it.
        size, frames = len(data), self._frames
        stream.outbound_flow_control_window -= size
        frames.outbound_flow_control_window -= size
        frames.budget.forgive_for_data()
        frame = size.to_bytes(3) + _DATA + stream.stream_id.to_bytes(4) + data
        self._waiting_data += len(frame)
        waiting = frames.add(frame)
        self._is_gathered = self._is_gathered or gather(self)
        if not self._is_gathered or waiting >= WRITE_SIZE:
            self.flush()

    async def wait_for_window(self, room: trio.Event) -> None:
        """Wait for the connection's window to open, first come first served, or for the event."""
        self._waiting.append(room)
        try:
            await room.wait()
        finally:
            with suppress(ValueError):
                self._waiting.remove(room)
            # A task that was let in lets the next one in while there is room: it may not need all of it.
            self.share_window()

    def share_window(self) -> None:
        """Let in the next task that waits for the connection's window, if the window is open."""
        if self._waiting and self._frames.outbound_flow_control_window > 0:
            self._waiting.popleft().set()
