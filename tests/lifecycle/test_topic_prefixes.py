"""Whoever loses its connection after any piece of a stream of merged topics comes back to the rest, and to every gap."""

from itertools import permutations

from chirp_trio import Topic, merge_cursors
from tests.cases import each_case
from tests.lifecycle.feeds import client_of, told

# How many events of each topic were published while the client was away, of which all but the last four are forgotten;
# and those that were started anew.
AWAY = {"a": 10, "b": 2, "c": 30, "d": 3}
FORGOTTEN = {"a", "c"}
STARTED_ANEW = {"d"}


def missed():
    """The topics, and the id of somebody who has had everything before."""
    topics = {name: Topic(name, history=4) for name in AWAY}
    before = merge_cursors(*topics.values())
    for name, count in AWAY.items():
        if name in STARTED_ANEW:
            topics[name] = Topic(name, history=4)
        for number in range(count):
            topics[name].publish_nowait(f"{name}{number}")
    return topics, before


def what_is_due(pieces):
    """Of each topic what was told: events, and gaps."""
    due = {name: [] for name in AWAY}
    for event in pieces:
        [piece] = told([event])
        name = event.data[0] if event.event is None else event.data.partition('"topic":"')[2][0]
        due[name].append(piece)
    return due


@each_case("order", list(permutations(AWAY))[::3], ids="".join)
async def test_whoever_leaves_after_any_piece_is_told_of_the_rest_and_of_each_gap(autojump_clock, order):
    topics, before = missed()
    chosen = [topics[name] for name in order]
    count = sum(min(AWAY[name], 4) for name in AWAY if name not in STARTED_ANEW) + len(FORGOTTEN | STARTED_ANEW)
    async with client_of(*chosen) as client:
        whole = (await client.sse("/", last_event_id=before, max_events=count)).events
        everything = what_is_due(whole)
        assert everything["a"] == [("gap", 6), "a6", "a7", "a8", "a9"]
        assert everything["b"] == ["b0", "b1"]
        assert everything["d"] == [("gap", None)]
        for had in range(count):
            rest = (await client.sse("/", last_event_id=whole[had].id, max_events=count - had - 1)).events
            first, second = what_is_due(whole[: had + 1]), what_is_due(rest)
            assert {name: first[name] + second[name] for name in AWAY} == everything
