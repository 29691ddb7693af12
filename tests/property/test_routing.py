"""Matching in linear time finds what a regular expression finds."""

import re

from hypothesis import example, given
from hypothesis import strategies as st

from chirp_trio.web.matching import LinearPattern, Parameter
from chirp_trio.web.routing import CONVERTERS

KINDS = st.sampled_from(sorted(CONVERTERS))
A_UUID = "12345678-9abc-def0-1234-56789abcdef0"
# Short, of few characters, so that most of it can be read in several ways.
LITERALS = st.text(st.sampled_from("/.-1a"), min_size=1, max_size=3)
PATHS = st.lists(
    st.one_of(st.text(st.sampled_from("/.-1a\n"), max_size=6), st.just(A_UUID), st.text("12", min_size=15, max_size=40)),
    max_size=6,
).map("".join)


def numbered(parts):
    return [part[0] if part[1] is None else Parameter(f"p{number}", part[1]) for number, part in enumerate(parts)]


PATTERNS = st.lists(
    st.one_of(LITERALS.map(lambda text: (text, None)), KINDS.map(lambda kind: ("", kind))), min_size=1, max_size=6
).map(numbered)


def as_expression(parts):
    pieces = [re.escape(part) if isinstance(part, str) else f"(?P<{part.name}>{CONVERTERS[part.kind][0]})" for part in parts]
    return re.compile("".join(pieces), re.DOTALL)


def fitting(parts, texts):
    """A path that the pattern may well match."""
    return "".join(part if isinstance(part, str) else texts[number % len(texts)] for number, part in enumerate(parts))


@given(PATTERNS, PATHS)
@example([Parameter("a", "path"), "/", Parameter("b", "str"), Parameter("c", "int")], "a/b/c12")
def test_any_path_is_matched_as_by_a_regular_expression(parts, path):
    assert groups(LinearPattern(parts).fullmatch(path)) == groups(as_expression(parts).fullmatch(path))


@given(
    PATTERNS, st.lists(st.sampled_from(["1", "-12", "1.5", "a", "a-1", "a/1.", ".", "--", A_UUID]), min_size=1, max_size=4)
)
def test_a_path_that_fits_is_matched_as_by_a_regular_expression(parts, texts):
    path = fitting(parts, texts)
    assert groups(LinearPattern(parts).fullmatch(path)) == groups(as_expression(parts).fullmatch(path))


def groups(found):
    return None if found is None else found.groupdict()
