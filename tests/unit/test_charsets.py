"""The charsets that clients may choose, by all of their usual names, and no other codec of Python's."""

import encodings.aliases
import re

import pytest

from chirp_trio.errors import HTTPError
from chirp_trio.web import charsets
from chirp_trio.web.charsets import decode
from tests.cases import each_case

TAKEN = {
    "utf_8": "UTF-8 utf8 Utf-8",
    "ascii": "US-ASCII ascii",
    "latin_1": "ISO-8859-1 latin1 Latin-1 iso8859-1 iso_8859-1 l1",
    "cp1252": "windows-1252 cp1252 CP1252 x-cp1252",
    "utf_16": "utf-16 UTF-16 utf16",
    "utf_16_le": "utf-16le UTF-16LE",
    "utf_16_be": "utf-16be",
}
REFUSED = {
    *encodings.aliases.aliases.values(),
    *encodings.aliases.aliases,
    *("punycode", "idna", "unicode_escape", "raw_unicode_escape", "undefined", "mbcs", "oem", "palmos", "utf_8_sig"),
}
REFUSED |= {"", "klingon", "../etc/passwd", "os", "a" * 100_000, "utf-8\0", "ütf-8"}
REFUSED = {name for name in REFUSED if name.replace("_", "-").lower() not in charsets._CODECS}


@each_case(("codec", "name"), [(codec, name) for codec, names in TAKEN.items() for name in names.split()])
def test_text_is_decoded_from_a_charset_that_is_taken(codec, name):
    text = "Zurich" if codec == "ascii" else "Zürich"

    assert decode(text.encode(codec), name, "the body") == text
    assert decode(b"", f" {name} ", "the body") == ""


def test_no_other_codec_is_looked_up(monkeypatch):
    monkeypatch.setattr("codecs.lookup", None)
    for name in sorted(REFUSED):
        with pytest.raises(
            HTTPError,
            match=f"^415 the charset of the body is {re.escape(repr(name[:40]))}; "
            "it must be UTF-8, US-ASCII, ISO-8859-1, Windows-1252 or UTF-16$",
        ):
            decode(b"abc", name, "the body")


@each_case(
    ("body", "charset", "message"),
    [
        (b"Z\xfcrich", "utf-8", "the body is not utf-8: invalid start byte at byte 1"),
        (b"a\xc3", "utf-8", "the body is not utf-8: unexpected end of data at byte 1"),
        (b"\x80", "ascii", "the body is not ascii: ordinal not in range(128) at byte 0"),
        (b"a", "utf-16le", "the body is not utf-16-le: truncated data at byte 0"),
        (b"\x81", "cp1252", "the body is not cp1252: character maps to <undefined> at byte 0"),
    ],
)
def test_text_that_is_not_in_its_charset_is_a_bad_request_that_says_where(body, charset, message):
    with pytest.raises(HTTPError, match=f"^400 {re.escape(message)}$"):
        decode(body, charset, "the body")
