"""Tables of small cases that one test goes through, as pytest takes longer for a test than most of them do."""

import inspect
import traceback
from functools import wraps
from itertools import product

import pytest

from tests.naming import name_of

_MADE_BY_PARAM = type(pytest.param())


def each_case(names, values, ids=None):
    """Call a test with each of these values, as `pytest.mark.parametrize` does, but have one test of all of them.

    When all have been called, it fails with every case that has failed: its name, its arguments, and where it failed with
    what. Several of these decorators, one above the other, make all combinations. The cases share what fixtures give.
    """
    names = [names] if isinstance(names, str) else list(names)
    values = list(values)
    ids = [ids] * len(values) if ids is None or callable(ids) else [str(name) for name in ids]
    table = [_case(names, value, name) for value, name in zip(values, ids, strict=True)]
    assert table, "a test without a case shows nothing"

    def decorate(test):
        function, tables = getattr(test, "of_each_case", (test, []))
        all_cases = _test_of_all(function, [table, *tables])
        wraps(test)(all_cases)
        all_cases.of_each_case = function, [table, *tables]
        given = {name for table in all_cases.of_each_case[1] for name in table[0][0]}
        signature = inspect.signature(function)
        fixtures = [parameter for name, parameter in signature.parameters.items() if name not in given]
        all_cases.__signature__ = signature.replace(parameters=fixtures)
        return all_cases

    return decorate


def _case(names, value, name):
    """The arguments of a case, and its name: a text, or a function that names each argument, or nothing."""
    if type(value) is _MADE_BY_PARAM:
        value, name = value.values, value.id or name
    elif len(names) == 1:
        value = (value,)
    return dict(zip(names, value, strict=True)), name


def _name_of_case(arguments, name):
    if isinstance(name, str):
        return name
    named = [(name and name(value)) or value for value in arguments.values()]
    named = [value if isinstance(value, str) and value.isprintable() else name_of(value) for value in named]
    return "-".join(_shortened(value, 50) for value in named)


def _shortened(text, width):
    return text if len(text) <= width else f"{text[:width]}..."


def _test_of_all(function, tables):
    cases = list(product(*tables))
    arguments = [{name: value for part, _ in case for name, value in part.items()} for case in cases]

    async def all_async(**fixtures):
        failures = _Failures(cases)
        for each in arguments:
            with failures:
                await function(**fixtures, **each)
        failures.tell()

    def all_sync(**fixtures):
        failures = _Failures(cases)
        for each in arguments:
            with failures:
                function(**fixtures, **each)
        failures.tell()

    return all_async if inspect.iscoroutinefunction(function) else all_sync


class _Failures:
    """What the cases of a test have raised, each within this context, one after the other."""

    def __init__(self, cases):
        self._cases, self._coming = len(cases), iter(cases)
        self._names, self._details = [], []

    def __enter__(self):
        self._case = next(self._coming)

    def __exit__(self, kind, error, trace):
        # Of all that is no Exception: `pytest.raises` fails where nothing is raised; a skip would hide the cases after it.
        if not isinstance(error, Exception | pytest.fail.Exception | pytest.skip.Exception):
            return False
        name = "-".join(_name_of_case(*part) for part in self._case)
        arguments = [f"{key} = {_shortened(name_of(value), 500)}" for part, _ in self._case for key, value in part.items()]
        raised = traceback.format_exception(kind, error, trace.tb_next)  # from the test's own frame on
        self._names.append(name)
        self._details.append("\n".join([f"---- {name} ----", *arguments, "".join(raised)]))
        if "from pytest-timeout" in str(error):
            self.tell()  # at once, because it would not end a case after this one that hangs as well
        return True

    def tell(self):
        if self._names:
            head = f"{len(self._names)} of {self._cases} cases failed: {'; '.join(self._names)}"
            pytest.fail("\n\n".join([head, *self._details]), pytrace=False)
