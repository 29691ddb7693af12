"""Compressed streams: whatever was compressed comes back, however it is cut, and as soon as it is there."""

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chirp_trio.cli.inflate import Inflater
from tests.strategies import pieces


def inflate(chunks):
    inflater = Inflater()
    return b"".join(piece for chunk in chunks for piece in inflater.feed(chunk))


@given(st.lists(st.lists(st.binary(max_size=200) | st.just(b"x" * 2**17), max_size=4), max_size=3), st.integers(1, 300))
def test_what_was_compressed_comes_back_piece_by_piece(members, size):
    chunks, expected = [], b""
    for member in members:
        compressor = zlib.compressobj(wbits=31)
        for part in member:
            chunks.append(compressor.compress(part) + compressor.flush(zlib.Z_SYNC_FLUSH))
            expected += part
            assert inflate(chunks) == expected  # at once, and not with what follows
        chunks.append(compressor.flush())

    assert inflate(chunks) == expected
    assert inflate(pieces(b"".join(chunks), size)) == expected


@given(st.integers(1, 2**17))
def test_pieces_are_bounded_and_none_is_lost_at_the_bound(length):
    pieces = list(Inflater().feed(zlib.compress(b"x" * length, wbits=31)))

    assert b"".join(pieces) == b"x" * length
    assert max(map(len, pieces)) <= 2**16


@given(st.binary(min_size=10))
def test_anything_else_is_an_error(noise):
    with pytest.raises(zlib.error):
        inflate([b"data:", noise])
