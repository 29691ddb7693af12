"""A dictionary shared by the server and its clients, with which even short events compress well (RFC 9842)."""

import base64
import hashlib
import reprlib
from collections.abc import Iterable
from compression import zstd
from typing import override

from ..wire import check_one_line, encode_event
from .codings import Coding
from .shared import SharedPieces

# A frame that decoders skip, with the hash of the dictionary in it (RFC 9842, 5).
_MAGIC = b"\x5e\x2a\x4d\x18\x20\x00\x00\x00"
_LEVEL = 6  # a third less of a fragment than 3, and nobody waits: it is done once for all
_SHORTEST = 8  # bytes: zstd takes no dictionary below that
_LONGEST = 1024 * 1024


class CompressionDictionary:
    r"""Text that events are likely to repeat: pass it as `compress`, and serve it with `App.dictionary()`.

    Clients that have it (Chrome and Edge from version 130 on) get events compressed with it; all others get zstd, gzip, or
    events as they are. Nothing that is secret may be in it: everybody can read it.

    Args:
        content: The text, as 8 to 1,048,576 bytes. The most likely text is best placed at the end.

    Attributes:
        content: The same.
        hash: Its SHA-256.
        available: The value of `Available-Dictionary` in requests of clients that have it (RFC 9842, 2.2).

    Raises:
        TypeError: `content` is not bytes.
        ValueError: It is too short or too long, or begins like a dictionary in zstd's own format.

    Example:
        >>> dictionary = CompressionDictionary.of_events(['{"symbol":"ABC","price":12.5}'])
        >>> dictionary.content
        b'data: {"symbol":"ABC","price":12.5}\n\n'
    """

    __slots__ = ("_compressed", "_dictionary", "available", "content", "hash")

    def __init__(self, content: bytes) -> None:
        if not isinstance(content, bytes):
            raise TypeError(f"content is {reprlib.repr(content)}; it must be bytes")
        if not _SHORTEST <= len(content) <= _LONGEST:
            raise ValueError(f"content has {len(content)} bytes; a dictionary has {_SHORTEST} to {_LONGEST} of them")
        if content.startswith(b"\x37\xa4\x30\xec"):
            raise ValueError("content is a dictionary in zstd's format; browsers take plain text only, so leave out its head")
        self.content = content
        self.hash = hashlib.sha256(content).digest()
        self.available = f":{base64.b64encode(self.hash).decode()}:"
        self._dictionary = zstd.ZstdDict(content, is_raw=True)
        self._compressed = SharedPieces(self._frame)

    @classmethod
    def of_events(
        cls, samples: Iterable[str], *, event_type: str | None = None, id: str | None = None
    ) -> CompressionDictionary:
        """Make a dictionary from events that resemble the ones to be sent.

        Args:
            samples: The data of events, as text: JSON, or HTML. The best one last.
            event_type: Their event name; default: none.
            id: An id that is like theirs: `Topic.cursor`, if they are a topic's; default: none. All ids of a process begin
                alike, which is a good part of a short event. With another process it is another dictionary.

        Raises:
            TypeError: `samples` is no iterable of what events can have as their data, or another argument is no text.
            ValueError: The events are too short or too long for a dictionary together, or text cannot be sent.
        """
        if not isinstance(samples, Iterable) or isinstance(samples, str | bytes):
            raise TypeError(f"samples is {reprlib.repr(samples)}; it must be an iterable of texts")
        check_one_line("event_type", event_type)
        check_one_line("id", id)
        return cls(b"".join(encode_event(sample, event_type, id, None) for sample in samples))

    def _frame(self, piece: bytes) -> bytes:
        return zstd.compress(piece, _LEVEL, zstd_dict=self._dictionary.as_digested_dict)


class DictionaryCoding(Coding):
    """Dictionary-compressed zstd (RFC 9842, 5): which dictionary it is, and then a frame for each piece."""

    __slots__ = ("_dictionary", "_head")

    name = b"dcz"

    def __init__(self, dictionary: CompressionDictionary) -> None:
        self._dictionary = dictionary
        self._head = _MAGIC + dictionary.hash  # empty once it is sent

    @override
    def encode(self, pieces: Iterable[bytes]) -> bytes:
        compressed = self._dictionary._compressed.compressed
        head, self._head = self._head, b""
        return head + b"".join([compressed(piece) for piece in pieces])

    @override
    def end(self) -> bytes:
        head, self._head = self._head, b""
        return head
