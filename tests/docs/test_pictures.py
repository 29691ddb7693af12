"""The documentation's moving picture: it is one, it is small, and each of its pictures differs from the one before."""

import struct
import zlib

from tests.docs import pictures

RED, BLUE = b"\xff\0\0", b"\0\0\xff"


def drawn(*lines):
    return [b"".join(line) for line in lines]


FIRST = drawn([RED, RED, RED], [RED, RED, RED])
SECOND = drawn([RED, RED, RED], [RED, BLUE, RED])


def frames(png):
    """Where each picture is drawn, and what is drawn there."""
    place = None
    for kind, content in pictures.chunks(png):
        if kind == b"fcTL":
            width, height, left, top = struct.unpack_from(">IIII", content, 4)
            place = (left, top, width, height)
        elif kind in {b"IDAT", b"fdAT"}:
            yield place, zlib.decompress(content if kind == b"IDAT" else content[4:])


def test_only_what_changes_is_drawn_again():
    assert list(frames(pictures.animated([FIRST, SECOND], 0.5))) == [
        ((0, 0, 3, 2), b"\0" + FIRST[0] + b"\0" + FIRST[1]),
        ((1, 1, 1, 1), b"\0" + BLUE),
    ]


def test_a_picture_without_a_change_draws_one_pixel():
    assert list(frames(pictures.animated([FIRST, FIRST], 0.5)))[1] == ((0, 0, 1, 1), b"\0" + RED)


def test_what_is_written_is_read_again():
    picture = pictures.animated([SECOND], 0.5)
    assert pictures.rows(picture) == SECOND


def test_each_of_pngs_filters_is_undone():
    for kind, coded in enumerate([b"\x0a\x14\x1e\x0b\x15\x1f", b"\x0a\x14\x1e\x01\x01\x01"]):
        line = bytearray(coded)
        pictures._unfilter(kind, line, bytearray(6), 3)
        assert bytes(line) == b"\x0a\x14\x1e\x0b\x15\x1f"
    for kind, coded in [(2, b"\x05\x05\x05"), (3, b"\x08\x0d\x12"), (4, b"\x05\x05\x05")]:
        line = bytearray(coded)
        pictures._unfilter(kind, line, bytearray(b"\x05\x0f\x19"), 3)
        assert bytes(line) == b"\x0a\x14\x1e"


def test_the_picture_moves_and_is_small():
    png = pictures.TARGET.read_bytes()
    assert len(png) < pictures.LARGEST
    assert len(list(frames(png))) == pictures.FRAMES
