"""HTTP/2 frame by frame (RFC 9113), for what no library of a client would send, and for clients that must cost little."""

import struct
from collections.abc import Iterable

import hpack

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)

END_STREAM = ACK = 0x1
END_HEADERS = 0x4
PADDED = 0x8

NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, FLOW_CONTROL_ERROR = range(4)
STREAM_CLOSED, FRAME_SIZE_ERROR, REFUSED_STREAM, CANCEL, COMPRESSION_ERROR = 5, 6, 7, 8, 9
ENHANCE_YOUR_CALM = 11

HEADER_TABLE_SIZE, ENABLE_PUSH, MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE, MAX_FRAME_SIZE = range(1, 6)

type Pairs = Iterable[tuple[str, str]]


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def settings(**values: int) -> bytes:
    """Settings by name, such as `initial_window_size=0`."""
    return frame(
        SETTINGS, 0, 0, b"".join(struct.pack(">HI", globals()[name.upper()], value) for name, value in values.items())
    )


SETTINGS_ACK = frame(SETTINGS, ACK, 0)
START = PREFACE + settings()


def block(pairs: Pairs) -> bytes:
    """A header block that changes no table, so that it is the same wherever it stands."""
    return b"".join(b"\x00" + _text(name) + _text(value) for name, value in pairs)


def request_headers(
    path: str, *, method: str = "GET", scheme: str = "http", authority: str = "server"
) -> list[tuple[str, str]]:
    return [(":method", method), (":scheme", scheme), (":authority", authority), (":path", path)]


def request(stream: int, path: str, *further: tuple[str, str], method: str = "GET", ends: bool = True) -> bytes:
    """A HEADERS frame that is a request."""
    return headers(stream, [*request_headers(path, method=method), *further], ends=ends)


def headers(stream: int, pairs: Pairs, *, ends: bool = True) -> bytes:
    return frame(HEADERS, END_HEADERS | (END_STREAM if ends else 0), stream, block(pairs))


def data(stream: int, payload: bytes = b"", *, ends: bool = False) -> bytes:
    return frame(DATA, END_STREAM if ends else 0, stream, payload)


def reset(stream: int, code: int = CANCEL) -> bytes:
    return frame(RST_STREAM, 0, stream, struct.pack(">I", code))


def window_update(stream: int, increment: int) -> bytes:
    return frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", increment))


def priority(stream: int, depends_on: int, weight: int = 15) -> bytes:
    return frame(PRIORITY, 0, stream, struct.pack(">IB", depends_on, weight))


def ping(opaque: bytes = b"12345678") -> bytes:
    return frame(PING, 0, 0, opaque)


def goaway(last: int = 0, code: int = NO_ERROR) -> bytes:
    return frame(GOAWAY, 0, 0, struct.pack(">II", last, code))


def continuation(stream: int, payload: bytes, *, ends: bool = False) -> bytes:
    return frame(CONTINUATION, END_HEADERS if ends else 0, stream, payload)


type Frame = tuple[int, int, int, bytes]


class FrameReader:
    """Bytes to frames: kind, flags, stream and payload, however the bytes are cut. Padding stays where it is."""

    def __init__(self) -> None:
        self._rest = b""
        self._decoder = hpack.Decoder()
        self._decoder.max_allowed_table_size = 2**31  # whatever the settings said

    def feed(self, received: bytes) -> list[Frame]:
        received = self._rest + received
        frames = []
        at = 0
        while len(received) - at >= 9:
            end = at + 9 + int.from_bytes(received[at : at + 3])
            if len(received) < end:
                break
            stream = int.from_bytes(received[at + 5 : at + 9]) & 0x7FFFFFFF
            frames.append((received[at + 3], received[at + 4], stream, received[at + 9 : end]))
            at = end
        self._rest = received[at:]
        return frames

    def headers(self, payload: bytes) -> dict[str, str]:
        """The fields of a header block; each has to be decoded, and in order, because they share a table."""
        return dict(self._decoder.decode(payload))


def _text(text: str) -> bytes:
    encoded = text.encode("latin-1")
    assert len(encoded) < 127 + 128
    return (bytes([len(encoded)]) if len(encoded) < 127 else bytes([127, len(encoded) - 127])) + encoded
