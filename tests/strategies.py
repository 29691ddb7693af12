"""What tests feed the wire with: text, JSON, events, streams that somebody hostile wrote, and ways to cut them."""

import os
from itertools import batched, pairwise

from hypothesis import strategies as st

from chirp_trio.wire import SSEEvent

_LONG = "CHIRP_TRIO_EXAMPLES" in os.environ


def examples(number: int) -> int:
    """How many cases a test tries where it would find what there is to find in `number` of them.

    A run of all tests has a third, and `make soak` has all.
    """
    return number if _LONG else -(-number // 3)


# What one implementation or another gets wrong: its own idea of a line's end, of a BOM, of a field's syntax, of width.
_CURIOUS = ["\n", "\r", "\r\n", "\0", "\v", "\f", "\x1c", "\x85", "\u2028", "\u2029", "\ufeff", "\ufffd"]
_CURIOUS += [" ", "  ", ":", ": ", "data: ", "\ndata:", "\n\n", "é", "\uff11", "☃", "😀", "👩🏽‍🚀"]

LINE_ENDS = st.sampled_from(["\n", "\r", "\r\n"])

_letters = st.characters(exclude_categories=["Cs"])

texts = st.lists(st.sampled_from(_CURIOUS) | _letters, max_size=12).map("".join)
"""Text that UTF-8 can carry: every line end, and what looks like one."""

one_line_texts = texts.map(lambda text: text.translate({ord(forbidden): None for forbidden in "\r\n\0"}))
"""Text that fits into `event` and `id`; often empty."""

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
"""What JSON has."""

LONGEST_RETRY = 10**15


events = st.builds(
    SSEEvent,
    data=texts | json_values,
    event=st.none() | one_line_texts,
    id=st.none() | one_line_texts,
    retry=st.none() | st.integers(0, LONGEST_RETRY),
)
"""Every legal event that has data."""

events_without_data = st.one_of(
    st.builds(SSEEvent, event=st.none() | one_line_texts, id=st.none() | one_line_texts, retry=st.integers(0, LONGEST_RETRY)),
    st.builds(SSEEvent, id=one_line_texts),
)
"""Every legal event of which a client makes none."""

# Pieces of fields, of line ends and of characters, so that any two neighbours may make something of each other.
_SCRAPS = [b"\n", b"\r", b"\r\n", b" ", b"9" * 5000]
_SCRAPS += b"data id: : x 12 -5 +5 1_0".split()
_SCRAPS += [b"\xef\xbb\xbf", b"\xef", b"\xbb", b"\xbf", b"\xff", b"\xe2\x82", b"\xed\xa0\x80", b"\0"]
_SCRAPS += [character.encode() for character in "\uff11\u2028\x85😀"]

_scraps = st.lists(st.sampled_from(_SCRAPS) | st.binary(max_size=4), max_size=2).map(b"".join)
_lines = st.tuples(
    st.sampled_from(b"data: data:x data event: id: retry:1 retry: : foo:".split()),
    st.sampled_from([b"", b" "]),
    _scraps,
    st.sampled_from([b"\n", b"\r", b"\r\n", b"\n\n", b"\r\r", b"\r\n\r\n", b"\n\r", b""]),
).map(b"".join)

hostile_streams = st.tuples(_scraps, st.lists(_lines, max_size=12).map(b"".join)).map(b"".join)
"""Bytes that nobody's encoder made, but that are close to what one makes."""


def _field(name, values):
    return st.tuples(st.sampled_from([f"{name}:", f"{name}: ", f"{name}:  "]), values).map("".join) | st.just(name)


_line_texts = texts.map(lambda text: text.replace("\r", "").replace("\n", ""))
_data_field = _field("data", _line_texts)
_any_field = st.one_of(
    _data_field,
    _field("event", _line_texts),
    _field("id", _line_texts),
    _field("unknown", _line_texts),
    _line_texts.map(":{}".format),
    st.sampled_from(
        ["retry", "retry:", "retry:0", "retry: 0003000", "retry:soon", "retry: 1.5", "retry:0x1", "retry:" + "9" * 15]
    ),
)


@st.composite
def block_streams(draw):
    """Streams whose every block has data, with one kind of line end."""
    line_end = draw(LINE_ENDS)
    lines = []
    for _ in range(draw(st.integers(1, 4))):
        lines += [*draw(st.lists(_any_field, max_size=3)), draw(_data_field), *draw(st.lists(_any_field, max_size=3)), ""]
    return "".join(line + line_end for line in lines).encode()


def pieces(stream, size):
    """The bytes, cut into pieces of one size."""
    return [bytes(piece) for piece in batched(stream, size, strict=False)]


@st.composite
def cut(draw, streams):
    """A stream, whole and in pieces; some of the pieces may be empty."""
    stream = draw(streams)
    cuts = sorted(draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    return stream, [stream[start:end] for start, end in pairwise([0, *cuts, len(stream)])]
