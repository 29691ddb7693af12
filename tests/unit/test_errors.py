"""The errors: whose child each is, what they say, and what a group of one stands for."""

from http import HTTPStatus

import pytest

import chirp_trio
from chirp_trio import ChirpError, HTTPError, errors
from chirp_trio.errors import phrase, sole
from tests.cases import each_case


@each_case(
    ("name", "bases"),
    [
        ("ConfigurationError", {"ValueError"}),
        ("WrongRuntimeError", {"RuntimeError"}),
        ("LifespanError", set()),
        ("HTTPError", set()),
        ("ClientDisconnected", set()),
        ("TemplateError", set()),
        ("TemplateNotFound", {"TemplateError"}),
        ("BlockNotFound", {"TemplateError"}),
        ("EventTooLarge", {"ValueError"}),
    ],
)
def test_the_tree_of_errors(name, bases):
    error = getattr(chirp_trio, name)

    assert issubclass(error, ChirpError)
    assert bases | {"ChirpError"} <= {base.__name__ for base in error.__mro__}


def test_the_tree_in_the_docstring_names_every_error():
    names = {name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, ChirpError)}

    assert {name for name in names if name not in errors.__doc__} == set()


def test_an_http_error_says_its_status_and_detail():
    error = HTTPError(403, "this room is private")

    assert (error.status, error.detail, error.headers) == (403, "this room is private", ())
    assert str(error) == "403 this room is private"


def test_the_detail_of_an_http_error_is_the_phrase_of_its_status_by_default():
    assert HTTPError(404).detail == "Not Found"


def test_an_empty_detail_stays_empty():
    assert HTTPError(404, "").detail == ""


@each_case("status", [400, 599])
def test_the_first_and_the_last_status_of_errors(status):
    assert HTTPError(status).status == status


def test_an_http_error_takes_a_member_of_http_status():
    error = HTTPError(HTTPStatus.GONE)

    assert type(error.status) is int
    assert str(error) == "410 Gone"


@each_case("given", [{"allow": "GET"}, [("allow", "GET")], iter([("allow", "GET")])], ids=["mapping", "pairs", "any"])
def test_the_headers_of_an_http_error_are_kept_as_pairs(given):
    assert HTTPError(405, headers=given).headers == (("allow", "GET"),)


@each_case("status", [399, 600, 200, 0, -404, True, "404", 404.0, None], ids=repr)
def test_a_status_that_is_no_error_is_refused(status):
    with pytest.raises((TypeError, ValueError), match="HTTPError: status is") as refusal:
        HTTPError(status)

    assert str(refusal.value) == f"HTTPError: status is {status!r}; it must be an int from 400 to 599"


@each_case(
    ("status", "text"), [(200, "OK"), (404, "Not Found"), (503, "Service Unavailable"), (499, "Error"), (599, "Error")]
)
def test_the_phrase_of_a_status(status, text):
    assert phrase(status) == text


def test_an_error_that_is_no_group_is_itself():
    error = ValueError()

    assert sole(error) is error


def test_a_group_of_one_is_what_it_holds_all_the_way_down():
    error = HTTPError(403)

    assert sole(ExceptionGroup("", [ExceptionGroup("", [error])])) is error


def test_a_group_of_two_stays_a_group():
    inner = ExceptionGroup("", [ValueError(), KeyError()])

    assert sole(ExceptionGroup("", [inner])) is inner
