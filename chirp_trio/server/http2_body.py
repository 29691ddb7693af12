"""The body of an HTTP/2 request, between the reader, which accepts all pieces, and the app, which takes them when it likes.

The stream's window (RFC 9113, 5.2) limits the bytes that the app has not taken; it is given back as the app takes them.
"""

import trio

from ..asgi import Message
from .http2_frames import FrameConnection
from .patience import BodyPatience


class RequestBody:
    """The received part of one request's body.

    Args:
        frames: The connection.
        stream_id: The number of the request's stream.
        length: The announced length in bytes; None if there is none.
        timeout: Seconds that the app waits for a piece.
    """

    __slots__ = ("_frames", "_is_over", "_left", "_news", "_patience", "_received", "_stream_id", "_untold")

    def __init__(self, frames: FrameConnection, stream_id: int, length: int | None, timeout: float) -> None:
        self._frames = frames
        self._stream_id = stream_id
        self._left = length
        self._received = bytearray()
        self._untold = 0  # how much of the windows has to be given back once the app has taken that
        self._is_over = False
        self._news = trio.Event()
        self._patience = BodyPatience(timeout)

    @property
    def is_empty(self) -> bool:
        """Whether the app would have to wait for more."""
        return not self._received and not self._is_over

    @property
    def has_been_taken(self) -> bool:
        """Whether there is nothing in it that the app has not taken, and never will be."""
        return self._is_over and not self._received

    def take(self, data: bytes, flowed: int) -> bool:
        """Keep a piece for the app; return whether the body may be that long.

        Args:
            data: The piece.
            flowed: The bytes that it takes of the windows, with its padding.
        """
        self._untold += flowed
        self._received += data
        if not self._received:  # padding, and nothing that the app would take
            self._give_window_back()
        self._news.set()
        if self._left is not None:
            self._left -= len(data)
        return self._left is None or self._left >= 0

    def end(self) -> bool:
        """Note the end of the body; return whether it has the announced length."""
        self._is_over = True
        self._news.set()
        return not self._left

    async def next_message(self) -> Message | None:
        """The next piece; None if it takes too long. After the end of the body, waits until it is cancelled."""
        while self.is_empty:
            self._news = trio.Event()
            with self._patience.wait() as waiting:
                await self._news.wait()
            if waiting.cancelled_caught:
                return None
        if self._patience.is_over:
            await trio.sleep_forever()
        data = bytes(self._received)
        self._patience.received += len(data)
        self._patience.is_over = self._is_over
        self.drop()
        return {"type": "http.request", "body": data, "more_body": not self._is_over}

    def drop(self) -> None:
        """Forget the bytes that the app has not taken, and give them back to the windows."""
        self._received.clear()
        self._give_window_back()

    def _give_window_back(self) -> None:
        self._frames.acknowledge_received_data(self._untold, self._stream_id)
        self._untold = 0
