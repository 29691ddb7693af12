"""Compressed streams: whatever is sent, in whatever pieces, comes back byte by byte, and nobody waits for what follows."""

import zlib
from compression import zstd

from hypothesis import given
from hypothesis import strategies as st

from chirp_trio.compression import CompressionDictionary, Decompressor, DictionaryCoding, GzipCoding, ZstandardCoding
from chirp_trio.wire import HEARTBEAT
from tests.cases import each_case
from tests.strategies import pieces

SHARED = [b"data: one\n\n", b'event: price\ndata: {"price": 12.5}\n\n', b"data: " + b"<p>text</p>" * 300 + b"\n\n", HEARTBEAT]
DICTIONARY = CompressionDictionary(b'event: price\ndata: {"price": 11.5}\n\n')


def dictionary_coding():
    return DictionaryCoding(DICTIONARY)


# What a stream sends at once: pieces that others get too, and some of its own, of every size that is treated differently.
PIECES = st.sampled_from(SHARED) | st.binary(max_size=200) | st.binary(max_size=3).map(lambda few: few * 40_000)
TURNS = st.lists(st.lists(PIECES, min_size=1, max_size=4), max_size=6)


class Gunzip:
    def __init__(self):
        self.stream = zlib.decompressobj(zlib.MAX_WBITS | 16)

    def read(self, data):
        return self.stream.decompress(data)

    def is_complete(self):
        return self.stream.eof and not self.stream.unused_data


class Unframe:
    """Frames one after the other, as the format says."""

    def __init__(self, dictionary=None):
        self.new = lambda: zstd.ZstdDecompressor(zstd_dict=dictionary)
        self.stream = self.new()

    def read(self, data):
        read = b""
        while data:
            read += self.stream.decompress(data)
            data = b""
            if self.stream.eof:
                data = self.stream.unused_data
                self.stream = self.new()
        return read

    def is_complete(self):
        return self.stream.needs_input and not self.stream.unused_data


def codings():
    """New codings of one stream, and what somebody else has who reads them."""
    raw = zstd.ZstdDict(DICTIONARY.content, is_raw=True).as_prefix
    return [(GzipCoding(), Gunzip()), (ZstandardCoding(), Unframe()), (DictionaryCoding(DICTIONARY), Unframe(raw))]


@given(TURNS, st.integers(1, 300))
def test_what_is_sent_comes_back_at_once_and_the_end_is_a_proper_one(turns, size):
    for coding, reader in codings():
        for turn in turns:
            coded = coding.encode(turn)
            assert b"".join(map(reader.read, pieces(coded, size))) == b"".join(turn)
        assert reader.read(coding.end()) == b""
        assert reader.is_complete()


@given(TURNS)
def test_what_is_sent_in_gzip_ends_with_an_empty_block(turns):
    """Go's decoder, which reads most of what is written in Go, hands out nothing before one (or 32 KiB)."""
    coding = GzipCoding()
    for turn in turns:
        coded = coding.encode(turn)
        if turn:
            assert coded.endswith(b"\x00\x00\xff\xff")


@given(TURNS, st.lists(st.integers(0, 6), max_size=4))
def test_whoever_joins_later_gets_the_same_pieces_as_all_others(turns, joins):
    for kind in (GzipCoding, ZstandardCoding, dictionary_coding):
        first = kind()
        shared = [first.encode(turn) for turn in turns]
        for join in joins:
            late = kind()
            got = [late.encode(turn) for turn in turns[join:]]
            head = len(got[0]) - len(shared[join]) if join and got else 0
            assert [got[0][head:], *got[1:]] == shared[join:] if join and got else True


@given(TURNS, st.integers(1, 300))
def test_our_own_decompressor_reads_them(turns, size):
    for coding in (GzipCoding(), ZstandardCoding()):
        decompressor = Decompressor(coding.name.decode())
        plain = b"".join(map(b"".join, turns))
        coded = b"".join([*map(coding.encode, turns), coding.end()])
        assert b"".join(part for piece in pieces(coded, size) for part in decompressor.feed(piece)) == plain


@each_case("kind", [GzipCoding, ZstandardCoding, dictionary_coding])
@each_case("length", [0, 1, 47, 48, 65_534, 65_535, 65_536, 131_070, 131_071, 3_000_000])
def test_every_length_is_carried(kind, length):
    for plain in (b"x" * length, bytes(range(256)) * (length // 256) + bytes(length % 256)):
        coding = kind()
        reader = next(reader for other, reader in codings() if type(other) is type(coding))
        assert reader.read(coding.encode([plain]) + coding.end()) == plain
        assert reader.is_complete()


@given(st.binary(max_size=300))
def test_what_cannot_be_compressed_grows_by_a_few_bytes_only(noise):
    for coding, _ in codings():
        coding.encode([b""])  # the head
        assert len(coding.encode([noise])) <= len(noise) + 12


def test_a_frame_asks_for_no_more_memory_than_browsers_give():
    """8 MiB at most (RFC 9659, 3): a window that is larger is refused."""
    limit = {zstd.DecompressionParameter.window_log_max: 23}
    large = bytes(range(256)) * 100_000
    for coding in (ZstandardCoding(), DictionaryCoding(DICTIONARY)):
        raw = zstd.ZstdDict(DICTIONARY.content, is_raw=True).as_prefix if coding.name == b"dcz" else None
        coded = coding.encode([large])
        assert zstd.ZstdDecompressor(zstd_dict=raw, options=limit).decompress(coded[40 if raw else 0 :]) == large
