"""Compressed streams: whatever was compressed comes back, however it is cut, and as soon as it is there."""

import zlib
from compression import zstd

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chirp_trio.compression import DecompressionError, Decompressor
from tests.cases import each_case
from tests.strategies import pieces


class Zlib:
    """Compresses with zlib, and sends at once what it has."""

    def __init__(self, wbits):
        self._stream = zlib.compressobj(wbits=wbits)

    def compress(self, data):
        return self._stream.compress(data) + self._stream.flush(zlib.Z_SYNC_FLUSH)

    def end(self):
        return self._stream.flush()


class Zstandard:
    def __init__(self):
        self._stream = zstd.ZstdCompressor()

    def compress(self, data):
        return self._stream.compress(data, zstd.ZstdCompressor.FLUSH_BLOCK)

    def end(self):
        return self._stream.flush()


CODINGS = {"gzip": lambda: Zlib(31), "deflate": lambda: Zlib(15), "zstd": Zstandard}
EACH_CODING = pytest.mark.parametrize("coding", CODINGS)
SKIPPED = b"\x50\x2a\x4d\x18\x04\x00\x00\x00beat"  # a frame that says nothing (RFC 8878, 3.1.2)


def decompress(coding, chunks):
    decompressor = Decompressor(coding)
    return b"".join(piece for chunk in chunks for piece in decompressor.feed(chunk))


@EACH_CODING
@given(
    members=st.lists(st.lists(st.binary(max_size=200) | st.just(b"x" * 2**17), max_size=4), max_size=3),
    size=st.integers(1, 300),
)
def test_what_was_compressed_comes_back_piece_by_piece(coding, members, size):
    chunks, expected = [], b""
    for member in members:
        compressor = CODINGS[coding]()
        for part in member:
            chunks.append(compressor.compress(part))
            expected += part
            assert decompress(coding, chunks) == expected  # at once, and not with what follows
        chunks.append(compressor.end())
        if coding == "zstd":
            chunks.append(SKIPPED)

    assert decompress(coding, chunks) == expected
    assert decompress(coding, pieces(b"".join(chunks), size)) == expected


@EACH_CODING
@given(length=st.integers(1, 2**18))
def test_pieces_are_bounded_and_none_is_lost_at_the_bound(coding, length):
    compressor = CODINGS[coding]()
    pieces = list(Decompressor(coding).feed(compressor.compress(b"x" * length) + compressor.end()))

    assert b"".join(pieces) == b"x" * length
    assert max(map(len, pieces)) <= 2**16


@EACH_CODING
@given(noise=st.binary(min_size=10))
def test_anything_else_is_an_error(coding, noise):
    with pytest.raises(DecompressionError):
        decompress(coding, [b"data:", noise])


def test_a_frame_that_wants_more_memory_than_8_mib_is_an_error():
    options = {zstd.CompressionParameter.window_log: 24, zstd.CompressionParameter.compression_level: 1}
    compressor = zstd.ZstdCompressor(options=options)
    frame = compressor.compress(bytes(2**24 + 1)) + compressor.flush()
    with pytest.raises(DecompressionError):
        decompress("zstd", [frame])


@each_case("coding", ["br", "gzip, zstd", "x"])
def test_another_coding_is_no_coding_of_ours(coding):
    with pytest.raises(LookupError):
        Decompressor(coding)
