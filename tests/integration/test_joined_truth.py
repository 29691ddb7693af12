"""What the test of joined processes would find: each kind of fault, made by hand."""

import pytest

from tests.integration.joined_truth import GAP, violations_of

TRUTH = [("a-1", None, "x-0"), ("a-2", None, "y-0"), ("b-3", None, "x-1"), ("b-4", None, "end")]
ACKNOWLEDGED = {"x-0": "a-1", "x-1": "b-3"}
# The server has lost a-3, and says so.
LOSSY = [*TRUTH[:2], ("b-3", GAP, "{}"), ("b-4", None, "end")]


def event(id, data="lost", name=None):
    return id, name, data


def gap(id):
    return id, GAP, "{}"


@pytest.mark.parametrize(
    ("acknowledged", "truth", "had"),
    [
        (ACKNOWLEDGED, TRUTH, TRUTH),
        (ACKNOWLEDGED, TRUTH, TRUTH[2:]),
        (ACKNOWLEDGED, TRUTH, [TRUTH[0], ("a-2", None, None), *TRUTH[1:]]),
        ({"lost": "a-3"}, LOSSY, LOSSY),
        ({}, LOSSY, [*LOSSY[:2], event("a-3"), *LOSSY[2:]]),
        ({}, LOSSY, [event("a-3"), gap("b-4")]),
        ({}, TRUTH, [*TRUTH[:2], event("a-3"), *TRUTH[2:]]),
    ],
)
def test_nothing_is_wrong_where_everything_has_come_or_is_told(acknowledged, truth, had):
    assert violations_of(acknowledged, truth, [had]) == []


@pytest.mark.parametrize(
    ("what", "acknowledged", "truth", "had"),
    [
        ("x-0 is there twice", {}, [*TRUTH[:3], ("b-4", None, "x-0"), ("b-5", None, "end")], []),
        ("there is no gap", {"lost": "a-2"}, TRUTH, TRUTH),
        ("there is no gap", {"lost": "a-3"}, TRUTH, TRUTH),
        ("was acknowledged as a-3, and is b-3", {"x-1": "a-3"}, TRUTH, TRUTH),
        ("x-0 comes after x-1", {"x-0": "b-3", "x-1": "a-1"}, [("a-1", None, "x-1"), ("b-3", None, "x-0")], []),
        ("there is a gap, and nothing was lost", {}, LOSSY, LOSSY),
        ("missed 1 without a word", {}, TRUTH, [TRUTH[0], *TRUTH[2:]]),
        ("it had had it", {}, TRUTH, [*TRUTH[:2], *TRUTH[1:]]),
        ("it had had it", {}, TRUTH, [TRUTH[1], TRUTH[0], *TRUTH[1:]]),
        ("a-2 was z, and is y-0", {}, TRUTH, [TRUTH[0], event("a-2", "z"), *TRUTH[2:]]),
        ("told of a gap, and had everything", {}, TRUTH, [*TRUTH[:2], gap("a-2"), *TRUTH[2:]]),
        ("a-3 came twice", {}, LOSSY, [event("a-3"), event("a-3"), *LOSSY[2:]]),
        ("has not come to the end", {}, TRUTH, TRUTH[:3]),
        ("missed 1 without a word", {}, LOSSY, [*LOSSY[:2], event("a-3"), *LOSSY[3:]]),
    ],
)
def test_each_fault_is_found(what, acknowledged, truth, had):
    assert any(what in found for found in violations_of(acknowledged, truth, [had]))
