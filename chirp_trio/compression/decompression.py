"""Decompression of an event stream as it arrives: each byte as early as possible, in bounded memory."""

import zlib
from collections.abc import Iterator
from compression import zstd
from typing import Protocol

_MOST = 64 * 1024  # bytes at once, so that a few bytes that stand for very many take no memory

# The largest window that a frame may ask for, as a power of two: 8 MiB (RFC 9659, 3).
_WINDOW: dict[int, int] = {zstd.DecompressionParameter.window_log_max: 23}


class DecompressionError(ValueError):
    """The bytes are not valid in this content coding."""


class Decompressor:
    """Reads gzip (RFC 1952), deflate (RFC 9110, 8.4.1.2) or zstd (RFC 8878), with any number of members or frames.

    Args:
        coding: The response's `Content-Encoding`; `""` and `"identity"` for bytes as they are.

    Raises:
        LookupError: The coding is another one.

    Example:
        >>> import gzip
        >>> b"".join(Decompressor("gzip").feed(gzip.compress(b"data: one")))
        b'data: one'
    """

    CODINGS = ("gzip", "deflate", "zstd")

    def __init__(self, coding: str) -> None:
        self._new = _READERS[coding.strip().lower()]
        self._reader = self._new() if self._new is not None else None

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Decompress these bytes, in pieces of bounded size.

        Raises:
            DecompressionError: They are not valid in this coding.
        """
        if self._reader is None or self._new is None:
            yield data
            return
        while True:
            try:
                piece = self._reader.decompress(data, _MOST)
            except (zlib.error, zstd.ZstdError) as error:
                raise DecompressionError(str(error)) from error
            if piece:
                yield piece
            if self._reader.eof:  # and another member may follow
                data = self._reader.unused_data
                self._reader = self._new()
            else:
                data = b""
                if self._reader.needs_input:
                    return
            if not data and self._reader.needs_input:
                return


class _Reader(Protocol):
    """The interface of the standard library's decompressors, except zlib's."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


class _Inflater:
    """zlib's decompressor with the interface of the others: it keeps its unread input."""

    def __init__(self) -> None:
        self._stream = zlib.decompressobj(zlib.MAX_WBITS | 32)  # gzip or zlib, by the header

    @property
    def eof(self) -> bool:
        return self._stream.eof

    @property
    def needs_input(self) -> bool:
        return not self._stream.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._stream.unused_data

    def decompress(self, data: bytes, most: int, /) -> bytes:
        return self._stream.decompress(self._stream.unconsumed_tail + data, most)


def _unframer() -> _Reader:
    return zstd.ZstdDecompressor(options=_WINDOW)


_READERS = {"": None, "identity": None, "gzip": _Inflater, "x-gzip": _Inflater, "deflate": _Inflater, "zstd": _unframer}
