"""Few of many tasks go on in one turn of the event loop, and all of them in the end."""

from itertools import pairwise

import trio
import trio.testing

from chirp_trio.server.turns import Turns


async def go_on(turns, gone):
    await turns.take()
    gone.append(None)


async def test_few_of_many_go_on_in_one_turn_and_all_of_them_in_the_end():
    turns, gone, counts = Turns(4), [], [0]
    async with trio.open_nursery() as nursery:
        for _ in range(50):
            nursery.start_soon(go_on, turns, gone)
        while counts[-1] < 50:
            await trio.lowlevel.checkpoint()
            counts.append(len(gone))

    assert all(after - before <= 8 for before, after in pairwise(counts))


async def test_a_few_go_on_without_a_wait():
    turns, gone = Turns(4), []
    for _ in range(4):
        await go_on(turns, gone)  # there is no checkpoint in it, which the next line shows
    with trio.CancelScope() as scope:
        scope.cancel()
        await Turns(1).take()
        gone.append(None)
    assert len(gone) == 5


async def test_who_is_cancelled_while_waiting_keeps_nobody_from_going_on():
    turns, gone = Turns(1), []
    await turns.take()
    async with trio.open_nursery() as nursery:
        with trio.CancelScope() as scope:
            scope.cancel()
            await go_on(turns, gone)
        assert scope.cancelled_caught
        for _ in range(3):
            nursery.start_soon(go_on, turns, gone)
    assert len(gone) == 3


async def test_those_who_come_one_by_one_never_wait_for_ever(autojump_clock):
    turns, gone = Turns(2), []
    for _ in range(20):
        await trio.sleep(1)
        await go_on(turns, gone)
    assert len(gone) == 20
    assert trio.current_time() == 20
