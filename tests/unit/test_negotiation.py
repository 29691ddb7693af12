"""Which coding a client gets: what it says that it takes decides, and where it says nothing the stream stays as it is."""

import base64
import hashlib

import pytest

from chirp_trio.compression import CompressionDictionary, check_compress, choose_coding
from tests.cases import each_case

DICTIONARY = CompressionDictionary(b'data: {"price": 12.5}\n\n')
HASH = b":%b:" % base64.b64encode(hashlib.sha256(DICTIONARY.content).digest())

CHROME = b"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"
SAFARI = (
    b"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.1 Safari/605.1.15"
)
CHROME_ON_IOS = b"Mozilla/5.0 (iPhone) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/142.0 Mobile/15E148 Safari/604.1"


def chosen(*accepted, compress=True, **further):
    headers = [(b"accept-encoding", value) for value in accepted]
    headers += [(name.replace("_", "-").encode(), value) for name, value in further.items()]
    coding = choose_coding(headers, compress)
    return None if coding is None else coding.name.decode()


@each_case(
    ("accepted", "coding"),
    [
        (b"gzip, deflate, br, zstd", "zstd"),  # Chromium and Firefox over TLS
        (b"gzip, deflate", "gzip"),  # browsers without it
        (b"gzip", "gzip"),
        (b"x-gzip", "gzip"),
        (b"GZIP", "gzip"),
        (b"zstd", "zstd"),
        (b"gzip;q=1.0, zstd;q=0.5", "gzip"),
        (b"gzip;q=0.5,zstd;q=0.8", "zstd"),
        (b"gzip ; q=0.5 , zstd ; Q=0.8", "zstd"),
        (b"gzip;q=0.500, zstd;q=0.5", "zstd"),  # as good as the other, for this client
        (b"zstd;q=0, gzip", "gzip"),
        (b"zstd;q=0.000, gzip;q=0.001", "gzip"),
        (b"*", "gzip"),
        (b"*;q=0.1", "gzip"),
        (b"gzip;q=0, *", None),
        (b"*;q=0", None),
        (b"gzip;q=0", None),
        (b"br, deflate", None),
        (b"identity", None),
        (b"", None),
        (b" , ,", None),
        (b"identity, gzip;q=0.5", None),  # rather as it is
        (b"identity;q=0.5, gzip", "gzip"),
        (b"identity;q=0, gzip", "gzip"),
        (b"identity;q=0", None),  # there is nothing else that it takes
        # What is no quality is no consent.
        (b"gzip;q=2", None),
        (b"gzip;q=-1", None),
        (b"gzip;q=", None),
        (b"gzip;q=nan", None),
        (b"gzip;q=inf", None),
        (b"gzip;q=1e0", None),
        (b"gzip;q=0.1234", None),
        (b"gzip;q=\xb2", None),
        (b"gzip;level=9", "gzip"),
        (b"\xff\xfe, gzip", "gzip"),
        (b"dcz", None),  # without a dictionary
    ],
)
def test_what_a_client_takes_decides(accepted, coding):
    assert chosen(accepted) == coding
    assert chosen(accepted, compress=False) is None


def test_without_the_header_nothing_is_compressed():
    assert chosen() is None


def test_two_lines_of_it_are_one_list():
    assert chosen(b"br", b"zstd;q=0.1", b"gzip;q=0.2") == "gzip"


@each_case(("agent", "coding"), [(CHROME, "zstd"), (b"curl/8.1", "zstd"), (SAFARI, "gzip"), (CHROME_ON_IOS, "gzip")])
def test_a_browser_of_which_nobody_knows_what_it_does_with_several_frames_gets_gzip(agent, coding):
    assert chosen(b"gzip, deflate, br, zstd", user_agent=agent) == coding


@each_case(
    ("available", "coding"),
    [
        (HASH, "dcz"),
        (b" " + HASH + b" ", "dcz"),
        (HASH[:-3] + b"A=:", "zstd"),
        (HASH[1:-1], "zstd"),
        (b"", "zstd"),
        (b"::", "zstd"),
    ],
)
def test_a_dictionary_is_for_those_who_have_it(available, coding):
    accepted = b"gzip, br, zstd, dcb, dcz"
    assert chosen(accepted, compress=DICTIONARY, available_dictionary=available) == coding
    assert chosen(b"gzip, zstd, *", compress=DICTIONARY, available_dictionary=available) == "zstd"
    assert chosen(accepted, compress=True, available_dictionary=available) == "zstd"


def test_each_stream_has_a_coding_of_its_own_where_that_keeps_something():
    headers = [(b"accept-encoding", b"gzip")]
    assert choose_coding(headers, True) is not choose_coding(headers, True)


@each_case("value", [1, 0, None, "gzip", "no", b"", [], object()])
def test_anything_else_than_yes_no_or_a_dictionary_is_refused(value):
    with pytest.raises(TypeError, match=r"^compress is .*; it must be True, False, or a CompressionDictionary$"):
        check_compress("compress", value)


@each_case(
    ("content", "error", "message"),
    [
        ("text", TypeError, "content is 'text'; it must be bytes"),
        (b"1234567", ValueError, "content has 7 bytes; a dictionary has 8 to 1048576 of them"),
        (bytes(2**20 + 1), ValueError, "content has 1048577 bytes; a dictionary has 8 to 1048576 of them"),
        (b"\x37\xa4\x30\xec" + bytes(8), ValueError, "content is a dictionary in zstd's format; browsers take plain text only, so leave out its head"),  # noqa: E501
    ],
)  # fmt: skip
def test_what_can_be_no_dictionary_is_refused(content, error, message):
    with pytest.raises(error) as raised:
        CompressionDictionary(content)
    assert str(raised.value) == message
