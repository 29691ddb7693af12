"""A body that a server has compressed, although it was not asked to, read while it comes."""

import zlib
from collections.abc import Iterator

_MOST = 64 * 1024  # bytes at once, so that a few bytes that stand for very many take no memory


class Inflater:
    """Reads gzip (RFC 1952): gives what a piece of it holds as soon as the piece is there.

    Example:
        >>> import gzip
        >>> b"".join(Inflater().feed(gzip.compress(b"data: one")))
        b'data: one'
    """

    def __init__(self) -> None:
        self._stream = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """What these bytes hold, in pieces of bounded size.

        Raises:
            zlib.error: They are no gzip.
        """
        while data:
            if self._stream.eof:  # and another one follows, as the format allows
                self._stream = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
            yield self._stream.decompress(data, _MOST)
            data = self._stream.unconsumed_tail or self._stream.unused_data
