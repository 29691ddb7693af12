"""The choice of a content coding, by the request's `Accept-Encoding` (RFC 9110, 12.5.3)."""

import re
from collections.abc import Iterable

from .codings import Coding, GzipCoding, ZstandardCoding
from .dictionary import CompressionDictionary, DictionaryCoding

# Whether a stream is compressed; with a dictionary, for clients that have it.
type Compress = bool | CompressionDictionary

# Three digits after the point, and nothing above one.
_QUALITY = re.compile(r"(?:0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)\Z")
_ZSTANDARD = ZstandardCoding()


def check_compress(name: str, value: object, otherwise: str = "") -> None:
    """Raise `TypeError` unless the value is a setting for compression.

    Args:
        name: What to call it.
        value: The value.
        otherwise: What else it may be, for the message.
    """
    if not isinstance(value, bool | CompressionDictionary):
        raise TypeError(f"{name} is {value!r}; it must be True, False, or a CompressionDictionary{otherwise}")


def choose_coding(headers: Iterable[tuple[bytes, bytes]], compress: Compress) -> Coding | None:
    """The coding of a new stream; None where it stays as it is.

    Args:
        headers: The request's.
        compress: Which codings there are.
    """
    if compress is False:
        return None
    accepted: dict[str, float] = {}
    agent, available = b"", ""
    for name, value in headers:
        match name.lower():
            case b"accept-encoding":
                accepted |= _qualities(value.decode("latin-1"))
            case b"user-agent":
                agent = value
            case b"available-dictionary":
                available = value.decode("latin-1").strip()
    if not accepted:
        return None
    offered = ["gzip"] if _shows_only_first_frame(agent) else ["zstd", "gzip"]
    if isinstance(compress, CompressionDictionary) and available == compress.available:
        offered.insert(0, "dcz")
    best = max(offered, key=lambda coding: _quality_of(accepted, coding))
    quality = _quality_of(accepted, best)
    if not quality or quality < accepted.get("identity", 0):
        return None
    if best == "gzip":
        return GzipCoding()
    if best == "zstd" or not isinstance(compress, CompressionDictionary):
        return _ZSTANDARD
    return DictionaryCoding(compress)


def _qualities(value: str) -> dict[str, float]:
    qualities = {}
    for element in value.split(","):
        coding, *parameters = (part.strip().lower() for part in element.split(";"))
        quality = "1"
        for parameter in parameters:
            key, _, given = parameter.partition("=")
            if key.strip() == "q":
                quality = given.strip()
        if coding and _QUALITY.match(quality):
            qualities["gzip" if coding == "x-gzip" else coding] = float(quality)
    return qualities


def _quality_of(accepted: dict[str, float], coding: str) -> float:
    # `*` means any coding, but a client that sends it may not know the newer ones.
    return accepted.get(coding, accepted.get("*", 0) if coding == "gzip" else 0)


def _shows_only_first_frame(agent: bytes) -> bool:
    """Whether this may be Safari, which offers zstd, and may show only the first frame of a stream."""
    return b"AppleWebKit" in agent and b"Chrome/" not in agent
