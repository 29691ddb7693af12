"""Bytes to frames of HTTP/2 (RFC 9113, 4), with nothing made for one but its parts: those of a flood are worth no more."""

from struct import Struct

from h2.exceptions import DenialOfServiceError, FrameDataMissingError, FrameTooLargeError, ProtocolError
from hyperframe.exceptions import InvalidDataError, InvalidFrameError
from hyperframe.frame import Frame

from .messages import MAX_HEAD_BYTES

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM = ACK = 0x1
PADDED = 0x8
PRIORITIZED = 0x20  # of HEADERS: it begins with what a PRIORITY frame has
_END_HEADERS = 0x4

# The largest payload, as long as no other one is asked for (RFC 9113, 4.2).
MAX_FRAME_SIZE = 16_384
# A head that is too large is answered, and has to be read for it; one that is many times too large is an attack.
MAX_BLOCK_SIZE = 4 * MAX_HEAD_BYTES
# What each piece of a head counts at least, so that there are not too many of them.
_LEAST_PIECE = 64

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
# The length in two parts, the type, the flags, the stream.
_FRAME_HEAD = Struct(">BHBBI")

# The type, the flags, the stream, the payload.
type RawFrame = tuple[int, int, int, bytes]


class FrameReader:
    """What one client sends, in frames."""

    def __init__(self) -> None:
        self._rest = bytearray()  # of a frame that has not come as a whole
        self._needed = 0  # how much of it there has to be, before it is looked at again
        self._preface_left = _PREFACE
        self._head: RawFrame | None = None  # whose block of headers is not complete
        self._pieces: list[bytes] = []
        self._block_size = 0

    def read(self, data: bytes) -> list[RawFrame]:
        """The frames that are complete now. A head is one frame, without padding, in however many it came.

        Raises:
            ProtocolError: What has come is no HTTP/2, or one of its frames is too large.
        """
        if self._preface_left:
            data = self._skip_preface(data)
        if self._rest:
            self._rest += data
            if len(self._rest) < self._needed:
                return []
            data = bytes(self._rest)
            self._rest.clear()
        frames = []
        at, end = 0, len(data)
        self._needed = _FRAME_HEAD.size
        while end - at >= _FRAME_HEAD.size:
            high, low, kind, flags, stream_id = _FRAME_HEAD.unpack_from(data, at)
            size = (high << 16 | low) + _FRAME_HEAD.size
            if size > MAX_FRAME_SIZE + _FRAME_HEAD.size:
                raise FrameTooLargeError(f"a frame of {size} bytes; {MAX_FRAME_SIZE} are allowed")
            if end - at < size:
                self._needed = size
                break
            frame = (kind, flags, stream_id & 0x7FFFFFFF, data[at + _FRAME_HEAD.size : at + size])
            at += size
            if kind != HEADERS and self._head is None:
                frames.append(frame)
            elif (head := self._join_head(frame)) is not None:
                frames.append(head)
        self._rest += memoryview(data)[at:]
        return frames

    def _skip_preface(self, data: bytes) -> bytes:
        expected = self._preface_left[: len(data)]
        if not data.startswith(expected):
            raise ProtocolError("this is no HTTP/2")
        self._preface_left = self._preface_left[len(expected) :]
        return data[len(expected) :]

    def _join_head(self, frame: RawFrame) -> RawFrame | None:
        """The head, once its last piece has come (RFC 9113, 6.10)."""
        kind, flags, stream_id, payload = frame
        if self._head is None:
            piece = without_padding(flags, payload)
            self._head = frame
            self._block_size = 0
        elif kind == CONTINUATION and stream_id == self._head[2]:
            piece = payload
        else:
            raise ProtocolError("something in the midst of a head")
        self._block_size += max(_LEAST_PIECE, len(piece))
        if self._block_size > MAX_BLOCK_SIZE:
            raise DenialOfServiceError("a head is too large, or in too many pieces")
        self._pieces.append(piece)
        if not flags & _END_HEADERS:
            return None
        _, flags, stream_id, _ = self._head
        whole = (HEADERS, flags & ~PADDED, stream_id, b"".join(self._pieces))
        self._head = None
        self._pieces.clear()
        return whole


def without_padding(flags: int, payload: bytes) -> bytes:
    """A payload that may be padded (RFC 9113, 6.1 and 6.2), as it is without.

    Raises:
        ProtocolError: There is more padding than payload.
    """
    if not flags & PADDED:
        return payload
    if not payload or payload[0] >= len(payload):
        raise ProtocolError("more padding than there is")
    return payload[1 : len(payload) - payload[0]]


def divide_head(flags: int, payload: bytes) -> tuple[bytes, int]:
    """The block of headers, and the stream that this one depends on, 0 for none (RFC 9113, 6.2).

    Raises:
        ProtocolError: There is less of it than it says.
    """
    if not flags & PRIORITIZED:
        return payload, 0
    if len(payload) < 5:
        raise FrameDataMissingError("a head of another size")
    return payload[5:], int.from_bytes(payload[:4]) & 0x7FFFFFFF


def parse_settings(flags: int, stream_id: int, payload: bytes) -> Frame:
    """A SETTINGS frame as python-h2 takes it.

    Raises:
        ProtocolError: It is none.
    """
    head = len(payload).to_bytes(3) + bytes([SETTINGS, flags]) + stream_id.to_bytes(4)
    try:
        frame, _ = Frame.parse_frame_header(memoryview(head))
        frame.parse_body(memoryview(payload))
    except InvalidDataError as error:
        raise ProtocolError("settings that are none") from error
    except InvalidFrameError as error:
        raise FrameDataMissingError("settings of another size") from error
    return frame
