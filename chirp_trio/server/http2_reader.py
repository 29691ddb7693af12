"""From bytes to frames of HTTP/2 (RFC 9113, 4). No object is made for a frame, so that a flood of them costs little."""

from struct import Struct

from h2.exceptions import DenialOfServiceError, FrameDataMissingError, FrameTooLargeError, ProtocolError
from hyperframe.exceptions import InvalidDataError, InvalidFrameError
from hyperframe.frame import Frame

from .messages import MAX_HEAD_BYTES

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM = ACK = 0x1
PADDED = 0x8
PRIORITIZED = 0x20  # of HEADERS: the frame begins with the fields of a PRIORITY frame
_END_HEADERS = 0x4

# The largest payload, unless the server asks for another (RFC 9113, 4.2).
MAX_FRAME_SIZE = 16_384
# A head that is too large is read, so that it can be answered; one that is many times too large is an attack.
MAX_BLOCK_SIZE = 4 * MAX_HEAD_BYTES
# The least size that each piece of a head counts as, which limits their number.
_LEAST_PIECE = 64

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
# The length in two parts, the type, the flags, the stream's number.
_FRAME_HEAD = Struct(">BHBBI")

# The type, the flags, the stream's number, the payload.
type RawFrame = tuple[int, int, int, bytes]


class FrameReader:
    """The bytes of one client, as frames."""

    def __init__(self) -> None:
        self._rest = bytearray()  # of a frame that is not complete
        self._needed = 0  # the bytes that are needed before it is looked at again
        self._preface_left = _PREFACE
        self._head: RawFrame | None = None  # the stream whose headers are not complete
        self._pieces: list[bytes] = []
        self._block_size = 0

    def read(self, data: bytes) -> list[RawFrame]:
        """The frames that are complete now. A head is one frame, without padding, even if it came in several.

        Raises:
            ProtocolError: The bytes are not HTTP/2, or a frame is too large.
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
        """The head, when its last piece has come (RFC 9113, 6.10)."""
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
    """A payload without its padding, if it has any (RFC 9113, 6.1 and 6.2).

    Raises:
        ProtocolError: The padding is longer than the payload.
    """
    if not flags & PADDED:
        return payload
    if not payload or payload[0] >= len(payload):
        raise ProtocolError("more padding than there is")
    return payload[1 : len(payload) - payload[0]]


def divide_head(flags: int, payload: bytes) -> tuple[bytes, int]:
    """The block of headers, and the stream that this one depends on, 0 for none (RFC 9113, 6.2).

    Raises:
        ProtocolError: The payload is shorter than its flags say.
    """
    if not flags & PRIORITIZED:
        return payload, 0
    if len(payload) < 5:
        raise FrameDataMissingError("a head of another size")
    return payload[5:], int.from_bytes(payload[:4]) & 0x7FFFFFFF


def parse_settings(flags: int, stream_id: int, payload: bytes) -> Frame:
    """A SETTINGS frame for python-h2.

    Raises:
        ProtocolError: The payload is malformed.
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
