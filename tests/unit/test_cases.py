"""Tables of cases in one test: every case is called, and every one that fails is told of."""

import inspect

import pytest

from tests.cases import each_case


def failure_of(test, **fixtures):
    with pytest.raises(pytest.fail.Exception) as caught:
        test(**fixtures)
    return str(caught.value)


def test_every_case_is_called_with_what_fixtures_give():
    calls = []

    @each_case(("left", "right"), [(1, 2), pytest.param(3, 4, id="param")])
    def test(fixture, left, right):
        calls.append((fixture, left, right))

    test(fixture="given")

    assert calls == [("given", 1, 2), ("given", 3, 4)]
    assert list(inspect.signature(test).parameters) == ["fixture"]


def test_decorators_above_each_other_make_all_combinations():
    calls = []

    @each_case("letter", "ab")
    @each_case("number", [1, 2])
    def test(number, letter):
        calls.append((letter, number))

    test()

    assert calls == [("a", 1), ("a", 2), ("b", 1), ("b", 2)]


def test_those_that_fail_are_named_with_what_was_expected_and_what_came_and_hide_no_other():
    @each_case(("value", "expected"), [(1, 1), (2, 3), (4, 4), (5, 6)], ids=["one", "two", "four", "five"])
    def test(value, expected):
        assert value == expected

    told = failure_of(test)

    assert told.startswith("2 of 4 cases failed: two; five\n\n---- two ----\nvalue = 2\nexpected = 3\n")
    assert "assert value == expected" in told
    assert "assert 2 == 3" in told
    assert "assert 5 == 6" in told
    assert "four" not in told.partition("\n")[0]


@each_case(
    ("values", "ids", "name"),
    [
        ([(1, "a b")], None, "1-a b"),
        ([("a\nb", b"c")], None, r"'a\nb'-b'c'"),
        ([(1, "a")], type, "<class 'int'>-<class 'str'>"),
        ([(1, "a")], lambda value: "" if value == "a" else "first", "first-a"),
        ([pytest.param(1, "a", id="of param")], None, "of param"),
        ([(1, "a")], {"of a table": 0}, "of a table"),
    ],
)
def test_a_case_has_the_name_that_it_would_have_as_a_test(values, ids, name):
    @each_case(("first", "second"), values, ids)
    def test(first, second):
        raise LookupError

    assert failure_of(test).partition("\n")[0] == f"1 of 1 cases failed: {name}"


def test_each_name_has_those_of_all_tables():
    @each_case("letter", "ab")
    @each_case("number", [1, 2])
    def test(number, letter):
        assert (letter, number) != ("a", 2)

    assert failure_of(test).startswith("1 of 4 cases failed: a-2\n")


def test_an_error_that_does_not_come_and_a_skip_are_failures():
    @each_case("call", [dict, pytest.skip])
    def test(call):
        with pytest.raises(LookupError):
            call()

    assert failure_of(test).startswith("2 of 2 cases failed: ")


def test_nothing_is_called_after_a_case_that_took_too_long():
    calls = []

    @each_case("number", [1, 2, 3])
    def test(number):
        calls.append(number)
        if number == 2:
            pytest.fail("Timeout (>300.0s) from pytest-timeout.")

    assert failure_of(test).startswith("1 of 3 cases failed: 2\n")
    assert calls == [1, 2]


async def test_async_tests_are_awaited():
    calls = []

    @each_case("number", [1, 2, 3])
    async def test(number):
        calls.append(number)
        assert number != 2

    with pytest.raises(pytest.fail.Exception, match=r"^1 of 3 cases failed: 2\n"):
        await test()

    assert calls == [1, 2, 3]


def test_what_ends_a_process_ends_the_test():
    @each_case("number", [1, 2])
    def test(number):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        test()


def test_a_table_has_cases():
    with pytest.raises(AssertionError, match="a test without a case shows nothing"):
        each_case("number", [])
