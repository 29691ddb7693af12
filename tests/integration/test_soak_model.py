"""The soak's model finds what it is there to find: each of these stories has one fault, or none."""

import json

import pytest

from chirp_trio import SSEEvent
from tests.integration.soak.ledger import Ledger
from tests.integration.soak.model import Model, padding


def event(topic, value, id=None):
    content = {"topic": topic, "value": value, "padding": "x" * padding(value)}
    return SSEEvent(json.dumps(content), id=id or f"{topic}-{value}")


def gap(topic, missed, at):
    return SSEEvent(json.dumps({"topic": topic, "missed": missed}), event="chirp:gap", id=f"{topic}-{at}")


def story(*events, step=1, skips=False, uncertain=(), restart_after=None):
    """What the model says of a client that gets these, of 30 values that were published."""
    ledger = Ledger()
    ledger.generation = 1
    found = []
    for topic in "memory", "stored":
        values = ledger.begin(topic, 30)
        ledger.answer(topic, values, [f"{topic}-{value}" for value in values])
        ledger.topics[topic].uncertain.update(uncertain)
    model = Model(ledger, ["memory", "stored"], step, skips, found.append)
    for place, item in enumerate(events):
        model.place(item) if isinstance(item, str) else model.event(item)
        if place == restart_after:
            ledger.generation += 1
    for each in model.stories.values():
        each.settle()
    return found


def values(topic, *numbers):
    return [event(topic, number) for number in numbers]


RIGHT = {
    "everything": story(*values("stored", 1, 2, 3)),
    "from a place on": story("stored-4", event("stored", 5)),
    "some are missing and told of": story(event("stored", 1), gap("stored", 3, 4), event("stored", 5)),
    "in two gaps": story(event("stored", 1), gap("stored", 1, 2), gap("stored", 2, 4), event("stored", 5)),
    "nobody knows how many": story(event("stored", 1), gap("stored", None, 4), event("stored", 5)),
    "a memory that was lost": story(event("memory", 1), gap("memory", None, 1), event("memory", 2), restart_after=0),
    "only what is wanted": story(*values("stored", 3, 6, 9), step=3),
    "more were forgotten than were wanted": story(event("stored", 3), gap("stored", 5, 8), event("stored", 9), step=3),
    "what was perhaps not published": story(event("stored", 1), event("stored", 3), uncertain=[2]),
    "the newest": story(
        event("stored", 1), gap("stored", 3, 1), event("stored", 3), event("stored", 6), event("stored", 7), skips=True
    ),
}
WRONG = {
    "one is missing": (story(*values("stored", 1, 3)), "1 of 1 are missing"),
    "the first after its place is missing": (story("stored-4", event("stored", 6)), "1 of 1 are missing"),
    "one came twice": (story(*values("stored", 1, 1)), "came after"),
    "one came late": (story(*values("stored", 2, 1)), "came after"),
    "too few were told of": (story(event("stored", 1), gap("stored", 2, 4), event("stored", 5)), "2 were told of"),
    "too many were told of": (story(event("stored", 1), gap("stored", 4, 4), event("stored", 5)), "4 were told of"),
    "a gap for nothing": (story(event("stored", 1), gap("stored", None, 1), event("stored", 2)), "nothing is missing"),
    "a gap of the other topic": (
        story(event("stored", 1), gap("memory", 1, 2), event("stored", 3)),
        "0 were told of",
    ),
    "what the filter keeps back": (story(event("stored", 4), step=3), "through a filter"),
    "a wanted one is missing": (story(*values("stored", 3, 9), step=3), "1 of 5 are missing"),
    "what was never published": (story(event("stored", 31)), "was never published"),
    "a part is lost": (story(SSEEvent('{"topic": "stored", "value": 1, "padding": ""}', id="stored-1")), "lost a part"),
    "an id that goes back": (story(event("stored", 1, "stored-2"), event("stored", 2, "stored-1")), "goes back"),
    "an epoch that comes again": (
        story(event("stored", 1, "a-1"), event("stored", 2, "b-1"), event("stored", 3, "a-2")),
        "goes back",
    ),
    "more than the newest are missing": (
        story(event("stored", 1), gap("stored", 1, 1), event("stored", 3), event("stored", 6), skips=True),
        "that no gap has told of",
    ),
    "an error": (story(SSEEvent('"oh"', event="chirp:error")), "chirp:error"),
}


@pytest.mark.parametrize("case", RIGHT)
def test_a_right_story_has_no_fault(case):
    assert RIGHT[case] == []


@pytest.mark.parametrize("case", WRONG)
def test_a_fault_is_found(case):
    found, words = WRONG[case]
    assert any(words in text for text in found)
