"""A cache of compressed pieces, for streams that send the same pieces."""

from collections.abc import Callable

# Bytes of a generation, compressed and not: two of them are kept. The newest pieces of a topic are a few kilobytes.
_MOST = 4 * 1024 * 1024


class SharedPieces:
    """Compresses a piece when the first stream sends it, and keeps the result for the other streams.

    A topic gives the same `bytes` object to all of its subscribers, so finding its compressed form takes no look at what is
    in it: Python keeps an object's hash, and an object is equal to itself.

    Args:
        compress: Compresses one piece so that it can be read without the pieces before it.
    """

    def __init__(self, compress: Callable[[bytes], bytes]) -> None:
        self._compress = compress
        # A piece that no stream has sent for a whole generation is dropped with it, without any counting or moving.
        self._new: dict[bytes, bytes] = {}
        self._old: dict[bytes, bytes] = {}
        self._size = 0  # of the new generation

    def compressed(self, piece: bytes) -> bytes:
        """The piece, compressed."""
        found = self._new.get(piece)
        return found if found is not None else self._add(piece)

    def _add(self, piece: bytes) -> bytes:
        found = self._old.get(piece)
        compressed = found if found is not None else self._compress(piece)
        if self._size > _MOST:
            self._old, self._new, self._size = self._new, {}, 0
        self._new[piece] = compressed
        self._size += len(piece) + len(compressed)
        return compressed
