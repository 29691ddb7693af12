"""The content codings of event streams. In each of them, a stream is a sequence of independent pieces.

Browsers show an event as soon as its piece has come, where the pieces are

- gzip: one header, then blocks of deflate that end at a byte and look back at nothing (a full flush), then the trailer.
  A gzip member for each event would lose everything after the first one in Chromium and in Firefox, without an error;
- zstd: a frame for each piece (RFC 8878, 3: frames may be concatenated).
"""

import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterable
from compression import zstd
from typing import ClassVar, override

from .shared import SharedPieces

# Deflate, no name, no time; "unknown" is what it was made on (RFC 1952, 2.3).
_GZIP_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
# An empty last block, which ends the deflate stream (RFC 1951, 3.2.6).
_LAST_BLOCK = b"\x03\x00"
_MOST_STORED = 0xFFFF  # bytes of a block that is stored as it is (RFC 1951, 3.2.4)
# An empty one. A full flush ends with it, and so does what is stored: Go's decoder hands out nothing before one, or 32 KiB.
_FLUSH = b"\x00\x00\x00\xff\xff"

# Shorter pieces are stored: deflate saves next to nothing on so little.
_WORTH_DEFLATING = 48
# Larger pieces are compressed at the fastest level, because no other client is served meanwhile.
_LARGE = 64 * 1024
_LEVEL = 6
_ZSTANDARD_LEVEL = 3


class Coding(ABC):
    """How one stream's bytes are compressed on their way to its client."""

    __slots__ = ()

    name: ClassVar[bytes]  # as in `Content-Encoding`

    @abstractmethod
    def encode(self, pieces: Iterable[bytes]) -> bytes:
        """The next pieces of the stream, compressed, in one run."""

    def end(self) -> bytes:
        """What comes after the last piece; nothing may follow."""
        return b""


class GzipCoding(Coding):
    """gzip (RFC 1952). All streams share the blocks; a stream keeps the checksum and the length of what it has sent."""

    __slots__ = ("_checksum", "_head", "_length")

    name = b"gzip"

    def __init__(self) -> None:
        self._head = _GZIP_HEADER  # empty once it is sent
        self._checksum = 0
        self._length = 0

    @override
    def encode(self, pieces: Iterable[bytes]) -> bytes:
        checksum = self._checksum
        coded = []
        for piece in pieces:
            checksum = zlib.crc32(piece, checksum)
            self._length += len(piece)
            coded.append(_DEFLATED.compressed(piece))
        self._checksum = checksum
        if not self._head:
            return b"".join(coded)
        head, self._head = self._head, b""
        return head + b"".join(coded)

    @override
    def end(self) -> bytes:
        head, self._head = self._head, b""
        trailer = self._checksum.to_bytes(4, "little") + (self._length & 0xFFFFFFFF).to_bytes(4, "little")
        return head + _LAST_BLOCK + trailer


class ZstandardCoding(Coding):
    """zstd (RFC 8878): streams share everything, so one object is enough for all of them."""

    __slots__ = ()

    name = b"zstd"

    @override
    def encode(self, pieces: Iterable[bytes]) -> bytes:
        return b"".join([_FRAMES.compressed(piece) for piece in pieces])


def _deflate(piece: bytes) -> bytes:
    if len(piece) < _WORTH_DEFLATING:
        return _stored(piece)
    compressor = zlib.compressobj(_LEVEL if len(piece) < _LARGE else zlib.Z_BEST_SPEED, zlib.DEFLATED, -zlib.MAX_WBITS)
    deflated = compressor.compress(piece) + compressor.flush(zlib.Z_FULL_FLUSH)
    # A stored block has five bytes before up to 64 KiB of what is in it.
    if len(deflated) < len(piece) + 5 * (1 + len(piece) // _MOST_STORED) + len(_FLUSH):
        return deflated
    return _stored(piece)


def _stored(piece: bytes) -> bytes:
    blocks = []
    for start in range(0, len(piece), _MOST_STORED):
        part = piece[start : start + _MOST_STORED]
        size = len(part)
        blocks.append(b"\x00%b%b%b" % (size.to_bytes(2, "little"), (size ^ _MOST_STORED).to_bytes(2, "little"), part))
    return b"".join([*blocks, _FLUSH])


def _frame(piece: bytes) -> bytes:
    return zstd.compress(piece, _ZSTANDARD_LEVEL)


_DEFLATED = SharedPieces(_deflate)
_FRAMES = SharedPieces(_frame)
