"""Streams within random stacks of middleware: what reaches the client is what the same app sends in memory, byte for byte.

A stack is made of its number, always the same (see `stacks`). `CHIRP_TRIO_STACKS=17` is for the first seventeen of them,
`CHIRP_TRIO_STACKS=17-17` for the last one alone. `make soak` runs five thousand.
"""

import os

import pytest

from tests.integration.stacks.layers import SECRET, AddingBeside, Queueing, Redacting, Starlettes, StarlettesReading
from tests.integration.stacks.plans import Plan, make_plan
from tests.integration.stacks.running import differences_of

FIRST, _, LAST = os.environ.get("CHIRP_TRIO_STACKS", "24").rpartition("-")
NUMBERS = range(int(FIRST or 1), int(LAST) + 1)


@pytest.mark.timeout(0)
async def test_the_bytes_of_a_stream_are_those_that_it_has_in_memory_whatever_middleware_surrounds_it(caplog):
    differences = await differences_of(NUMBERS, make_plan)

    assert not differences, f"{len(differences)} of {len(NUMBERS)} stacks:\n" + "\n".join(differences)
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


# -- what has gone wrong once -------------------------------------------------------------------------------------------

TOKENS = [(f"{number}", int(number % 4 == 3)) for number in range(40)]
LARGE_AND_SMALL = [("x" * 60_000, 0), *[(f"small {number}", 0.005) for number in range(20)]]
MEGABYTES = [(letter * 1_000_000, 0.01) for letter in "abcdef"]
KEYS = [("starting", 0.05), *[(f"using key {SECRET}", 0.05)] * 2]
KNOWN = {
    "small events, a fast client, two that do nothing": ("Starlette", [Starlettes] * 2, TOKENS, "fast"),
    "small events, a fast client, four that do nothing": ("App", [Starlettes] * 4, TOKENS, "fast"),
    "a topic's events, two that do nothing": ("FastAPI", [Starlettes], TOKENS, "fast"),
    "a first event that the client takes slowly": ("FastAPI", [], LARGE_AND_SMALL, "slow"),
    "a first event that the client takes slowly, two that do nothing": ("App", [Starlettes] * 2, LARGE_AND_SMALL, "slow"),
    "megabytes, a client that is late": ("Starlette", [Starlettes], MEGABYTES, "late"),
    "megabytes, and nobody in between": ("App in App", [], MEGABYTES, "late"),
    "a body that is written down": ("App", [StarlettesReading], TOKENS, "fast"),
    "a queue": ("EventStream", [Queueing], TOKENS, "fast"),
    "the same send from another task": ("App", [AddingBeside], LARGE_AND_SMALL, "slow"),
    "a filter for secrets": ("App", [Redacting], KEYS, "fast"),
}


@pytest.mark.parametrize(("place", "layers", "events", "reader"), KNOWN.values(), ids=KNOWN)
async def test_known_stacks(place, layers, events, reader):
    variants = [("function", len(layers), False), ("function", 0, True), ("topic", 0, False)]

    def make(number):
        source, inside, logged = variants[number]
        return Plan(number, place, source, layers, inside if place == "App" else 0, events, reader, logged)

    assert await differences_of(range(len(variants)), make) == []
