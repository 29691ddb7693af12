"""What every room shares of ASGI: headers that can be sent, and the check that this is trio."""

import asyncio

import pytest

from chirp_trio import WrongRuntimeError
from chirp_trio.asgi import WRONG_RUNTIME, require_trio
from chirp_trio.headers import encode_headers
from tests.cases import each_case


@each_case(
    ("headers", "encoded"),
    [
        pytest.param([], (), id="none"),
        pytest.param([("X-Name", "A")], ((b"x-name", b"A"),), id="names in lower case, values as they are"),
        pytest.param([("a", "1"), ("b", "2"), ("a", "3")], ((b"a", b"1"), (b"b", b"2"), (b"a", b"3")), id="in order"),
        pytest.param([("a", "Jürgen")], ((b"a", b"J\xfcrgen"),), id="values are Latin-1"),
        pytest.param([("a", "1\t2 3")], ((b"a", b"1\t2 3"),), id="tabs and spaces inside"),
        pytest.param([("a", "")], ((b"a", b""),), id="empty value"),
        pytest.param([("!#$%&'*+-.^_`|~0", "1")], ((b"!#$%&'*+-.^_`|~0", b"1"),), id="every token character"),
        pytest.param(iter([("a", "1")]), ((b"a", b"1"),), id="any iterable"),
    ],
)
def test_headers_are_encoded_for_asgi(headers, encoded):
    assert encode_headers(headers) == encoded


@each_case("name", ["", "a b", "a:", "a\n", "ä", "(a)", "a\0"])
def test_a_name_that_is_no_token_is_refused(name):
    with pytest.raises(ValueError, match="is no HTTP token") as refusal:
        encode_headers([(name, "1")])

    assert repr(name) in str(refusal.value)


@each_case("value", ["a\r\nb: c", "a\n", "\r", "a\0b", "\x7f", "\x1b[0m", "\x80…", "☃"])
def test_a_value_with_what_http_does_not_allow_is_refused(value):
    with pytest.raises(ValueError, match="it must be Latin-1 without control characters") as refusal:
        encode_headers([("x-name", value)])

    assert "'x-name'" in str(refusal.value)
    assert repr(value) in str(refusal.value)


@each_case("value", [" a", "a ", "\ta", " "], ids=repr)
def test_a_value_with_space_around_it_is_refused(value):
    with pytest.raises(ValueError, match=r"'x-name'.*neither begin nor end with a space"):
        encode_headers([("x-name", value)])


@each_case("header", [("a", 1), (b"a", "1"), ("a", None), ("a", b"1")], ids=repr)
def test_a_header_that_is_not_text_is_refused(header):
    with pytest.raises(TypeError, match="must be a str and a str"):
        encode_headers([header])


async def test_trio_is_let_in():
    require_trio()


def test_no_event_loop_is_turned_away():
    with pytest.raises(WrongRuntimeError):
        require_trio()


def test_asyncio_is_turned_away_with_one_sentence_that_names_the_cure():
    async def main():
        require_trio()

    with pytest.raises(WrongRuntimeError) as refusal:
        asyncio.run(main())

    assert str(refusal.value) == WRONG_RUNTIME
    assert "hypercorn --worker-class trio" in WRONG_RUNTIME
    assert "chirp-trio run" in WRONG_RUNTIME
    assert "\n" not in WRONG_RUNTIME
