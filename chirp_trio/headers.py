"""Response headers: how they may be given, and that they can be sent."""

import re
from collections.abc import Iterable, Mapping

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# Nothing that could end the header, and no white space at either end, which is not part of a value.
_HEADER_VALUE = re.compile(r"(?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?")


# Response headers, as a mapping, or as pairs where a name may come twice.
type HeadersInput = Mapping[str, str] | Iterable[tuple[str, str]]


def header_pairs(headers: HeadersInput) -> tuple[tuple[str, str], ...]:
    """Response headers, however they were given, as pairs of name and value.

    Raises:
        TypeError: They are neither a mapping nor pairs.
    """
    if isinstance(headers, str | bytes) or not isinstance(headers, Mapping | Iterable):
        raise TypeError(f"headers is {headers!r}; it must be a mapping, or pairs of name and value")
    pairs = tuple(headers.items() if isinstance(headers, Mapping) else headers)
    for pair in pairs:
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise TypeError(f"headers holds {pair!r}; it must be a mapping, or pairs of name and value")
    return pairs


def encode_headers(headers: Iterable[tuple[str, str]]) -> tuple[tuple[bytes, bytes], ...]:
    """Response headers as ASGI wants them: names in lower case, both as bytes.

    Raises:
        TypeError: A name or a value is not text.
        ValueError: A name is no token, or a value is not what RFC 9110 (5.5) allows: it holds a line break, say, or
            begins with a space.
    """
    encoded = []
    for name, value in headers:
        if not isinstance(name, str) or not isinstance(value, str):
            raise TypeError(f"the header {name!r}: {value!r} must be a str and a str")
        if not _HEADER_NAME.fullmatch(name):
            raise ValueError(f"the header name {name!r} is no HTTP token")
        if not _HEADER_VALUE.fullmatch(value):
            raise ValueError(
                f"the header {name!r} has the value {value!r}; it must be Latin-1 without control characters, and neither "
                "begin nor end with a space"
            )
        encoded.append((name.lower().encode("ascii"), value.encode("latin-1")))
    return tuple(encoded)
