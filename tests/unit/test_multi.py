"""Mappings with keys that come more than once: query parameters, form fields, headers."""

import pytest

from chirp_trio.web import Headers, MultiMapping
from tests.cases import each_case

PAIRS = [("tag", "a"), ("page", "1"), ("tag", "b"), ("tag", "a")]
RAW = [(b"Accept", b"text/html"), (b"Set-Cookie", b"a=1"), (b"accept", b"application/json"), (b"x-name", b"J\xfcrgen")]


def test_indexing_gives_the_first_value():
    assert MultiMapping(PAIRS)["tag"] == "a"


def test_get_all_gives_every_value_in_order():
    assert MultiMapping(PAIRS).get_all("tag") == ["a", "b", "a"]


def test_get_all_of_a_key_that_is_not_there_is_empty():
    assert MultiMapping(PAIRS).get_all("none") == []


def test_the_list_that_get_all_gives_is_the_callers_own():
    mapping = MultiMapping(PAIRS)
    mapping.get_all("tag").clear()

    assert mapping.get_all("tag") == ["a", "b", "a"]


def test_a_key_counts_once_in_the_order_of_its_first_value():
    mapping = MultiMapping(PAIRS)

    assert list(mapping) == ["tag", "page"]
    assert len(mapping) == 2
    assert dict(mapping) == {"tag": "a", "page": "1"}


def test_a_key_that_is_not_there_is_a_key_error():
    mapping = MultiMapping(PAIRS)

    assert "none" not in mapping
    assert mapping.get("none") is None
    with pytest.raises(KeyError, match="none"):
        mapping["none"]


def test_a_mapping_of_nothing_is_false():
    assert not MultiMapping()


def test_the_repr_shows_every_value():
    assert repr(MultiMapping([("a", "1"), ("b", "2"), ("a", "3")])) == "MultiMapping([('a', '1'), ('a', '3'), ('b', '2')])"


@each_case("immutable", [MultiMapping(PAIRS), Headers(RAW)], ids=["MultiMapping", "Headers"])
def test_nothing_can_be_set_or_deleted(immutable):
    with pytest.raises(TypeError):
        immutable["tag"] = "c"
    with pytest.raises(TypeError):
        del immutable["tag"]
    with pytest.raises(AttributeError):
        immutable.tag = "c"


def test_mappings_with_the_same_pairs_are_equal():
    assert MultiMapping(PAIRS) == MultiMapping(list(PAIRS))
    assert MultiMapping(PAIRS) != MultiMapping([("tag", "b")])


def test_mappings_that_differ_in_a_second_value_are_not_equal():
    assert MultiMapping([("tag", "a"), ("tag", "b")]) != MultiMapping([("tag", "a"), ("tag", "c")])


@each_case("name", ["accept", "Accept", "ACCEPT"])
def test_a_headers_name_is_without_case(name):
    headers = Headers(RAW)

    assert headers[name] == "text/html"
    assert name in headers
    assert headers.get_all(name) == ["text/html", "application/json"]


def test_headers_are_iterated_once_each_in_lower_case():
    headers = Headers(RAW)

    assert list(headers) == ["accept", "set-cookie", "x-name"]
    assert len(headers) == 3


def test_a_headers_value_is_latin_1():
    assert Headers(RAW)["x-name"] == "Jürgen"


@each_case("name", ["host", "", "☃"])
def test_a_header_that_did_not_come_is_a_key_error(name):
    headers = Headers(RAW)

    assert name not in headers
    assert headers.get_all(name) == []
    with pytest.raises(KeyError) as missing:
        headers[name]
    assert missing.value.args == (name,)


def test_headers_that_differ_in_a_second_value_are_not_equal():
    assert Headers(RAW) == Headers(list(RAW))
    assert Headers([(b"a", b"1"), (b"a", b"2")]) != Headers([(b"a", b"1"), (b"a", b"3")])


def test_the_repr_of_headers_shows_them_as_they_came():
    headers = Headers([(b"Accept", b"text/html"), (b"name", b"J\xfcrgen")])

    assert repr(headers) == "Headers([('Accept', 'text/html'), ('name', 'Jürgen')])"
