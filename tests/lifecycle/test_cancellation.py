"""`cancel_everywhere`: it interrupts at each checkpoint, once, and tells where something went wrong."""

import itertools
import traceback
from contextlib import suppress

import pytest
import trio

from chirp_trio import App, EventStream
from chirp_trio.testing import TestClient, cancel_everywhere
from tests.cases import each_case
from tests.lifecycle.scenes import tasks


class Journal:
    """A scenario of three sleeps, and what happened to it."""

    def __init__(self, sleeps=3):
        self.sleeps = sleeps
        self.runs = []

    async def __call__(self):
        slept = []
        self.runs.append(slept)
        for number in range(self.sleeps):
            await trio.sleep(10)
            slept.append(number)


def notes(error):
    return "\n".join(error.__notes__)


async def test_each_run_is_cancelled_one_checkpoint_later_than_the_one_before_and_the_last_not_at_all(autojump_clock):
    scenario = Journal()
    assert await cancel_everywhere(scenario) == 3
    assert scenario.runs == [[], [0], [0, 1], [0, 1, 2]]


async def test_the_check_runs_after_each_run_the_last_one_included(autojump_clock):
    scenario = Journal()
    checked = []
    await cancel_everywhere(scenario, check=lambda: checked.append(len(scenario.runs)))
    assert checked == [1, 2, 3, 4]


async def test_the_check_may_be_async_and_is_not_cancelled(autojump_clock):
    checked = []

    async def check():
        await trio.sleep(1)
        checked.append(True)

    await cancel_everywhere(Journal(), check=check)
    assert len(checked) == 4


async def test_time_passes_as_it_does_in_the_scenario(autojump_clock):
    began = trio.current_time()
    await cancel_everywhere(Journal())
    assert trio.current_time() - began == 10 + 20 + 30


async def test_a_check_that_fails_says_at_which_step_and_where(autojump_clock):
    is_open = []

    async def scenario():
        await trio.sleep(1)
        is_open.append(True)
        await trio.sleep(2)  # nothing closes it when this is cancelled
        is_open.clear()

    def check():
        assert not is_open

    with pytest.raises(AssertionError) as caught:
        await cancel_everywhere(scenario, check=check)
    assert "interrupted at step 2, where its task" in notes(caught.value)
    assert "await trio.sleep(2)" in notes(caught.value)
    assert "in scenario" in notes(caught.value)
    assert "in check" in "".join(traceback.format_tb(caught.tb))
    assert "trio/_" not in notes(caught.value)
    assert "chirp_trio" not in notes(caught.value)


async def test_an_error_of_the_scenario_is_raised_as_it_is_with_a_note(autojump_clock):
    async def scenario():
        await trio.sleep(1)
        try:
            await trio.sleep(2)
        except trio.Cancelled:
            raise KeyError("the second") from None

    with pytest.raises(KeyError, match="the second") as caught:
        await cancel_everywhere(scenario)
    assert "interrupted at step 2" in notes(caught.value)
    assert "await trio.sleep(2)" in notes(caught.value)


async def test_an_error_of_the_run_that_nobody_interrupts_says_so(autojump_clock):
    async def scenario():
        await trio.sleep(1)
        raise KeyError("always")

    with pytest.raises(KeyError, match="always") as caught:
        await cancel_everywhere(scenario)
    assert "in the run that was not interrupted, after 1 that were" in notes(caught.value)


async def test_the_tasks_that_the_scenario_starts_are_interrupted_too(autojump_clock):
    ended = []

    async def child(number):
        try:
            await trio.sleep(number)
            await trio.sleep(number)
        finally:
            ended.append(number)

    async def scenario():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(child, 1)
            nursery.start_soon(child, 2)

    def check():
        ended.clear()

    # Each child has three steps, its end included, and their parent waits for them.
    assert await cancel_everywhere(scenario, check=check) >= 6


async def test_a_step_of_a_child_is_told_with_the_childs_name_and_place(autojump_clock):
    async def child():
        await trio.sleep(7)

    async def scenario():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(child, name="the only child")

    async def note_of(step):
        async def check():
            nonlocal step
            step -= 1
            assert step

        with pytest.raises(AssertionError) as caught:
            await cancel_everywhere(scenario, check=check)
        return notes(caught.value)

    assert "in scenario" in await note_of(1)
    assert "its task the only child was here" in (note := await note_of(2))
    assert "await trio.sleep(7)" in note
    # It has been cancelled at its second step, so the third is a run in which it ends.
    assert "at the end of its task the only child" in await note_of(3)


async def test_the_tasks_of_others_do_not_count(autojump_clock):
    async def busy():
        for _ in range(1000):
            await trio.sleep(0.1)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(busy)
        assert await cancel_everywhere(Journal()) == 3
        nursery.cancel_scope.cancel()


async def test_what_moves_the_clock_does_not_count(autojump_clock):
    async def quiet(scope, receive, send):
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()

    async def steps_of(sleeps):
        async def scenario():
            async with TestClient(quiet):
                await Journal(sleeps)()

        return await cancel_everywhere(scenario)

    assert await steps_of(8) - await steps_of(3) == 5


async def test_it_leaves_no_task(autojump_clock):
    async def scenario():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep, 1)

    before = tasks()
    await cancel_everywhere(scenario)
    assert tasks() == before


async def test_it_looks_at_no_step_after_it_has_returned(autojump_clock):
    interrupted = []
    await cancel_everywhere(Journal(), interrupt=lambda: interrupted.append(True))
    await trio.sleep(1)
    assert len(interrupted) == 3


async def test_a_scenario_that_swallows_its_cancellation_fails(autojump_clock):
    async def scenario():
        with suppress(BaseException):
            await trio.sleep(1)

    with pytest.raises(AssertionError, match="swallowed its cancellation") as caught:
        await cancel_everywhere(scenario)
    assert "interrupted at step 1" in notes(caught.value)
    assert "await trio.sleep(1)" in notes(caught.value)


async def test_a_child_that_swallows_its_cancellation_fails(autojump_clock):
    async def child():
        with suppress(trio.Cancelled):
            await trio.sleep(1)

    async def scenario():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(child)
            await trio.lowlevel.cancel_shielded_checkpoint()

    with pytest.raises(AssertionError, match="swallowed its cancellation"):
        await cancel_everywhere(scenario)


async def test_a_cancellation_that_comes_too_late_is_nobodys_fault(autojump_clock):
    async def scenario():
        await trio.lowlevel.cancel_shielded_checkpoint()

    assert await cancel_everywhere(scenario) == 1


async def test_timeouts_within_the_scenario_are_no_swallowing(autojump_clock):
    async def scenario():
        with trio.move_on_after(1):
            await trio.sleep(5)
        with trio.move_on_after(1) as late:
            try:
                await trio.sleep_forever()
            finally:
                with trio.move_on_after(2, shield=True):
                    await trio.sleep_forever()
        assert late.cancelled_caught

    assert await cancel_everywhere(scenario) == 3


async def test_a_cleanup_with_a_shield_is_waited_for(autojump_clock):
    cleaned = []

    async def scenario():
        try:
            await trio.sleep(5)
        finally:
            with trio.move_on_after(10, shield=True):
                await trio.sleep(3)
                cleaned.append(trio.current_time())

    await cancel_everywhere(scenario)
    assert len(cleaned) == 3


async def test_a_scenario_without_an_end_is_given_up(autojump_clock):
    async def scenario():
        for _ in itertools.count():
            await trio.sleep(1)

    with pytest.raises(AssertionError, match="more than 5 steps; if it does come to an end, give a larger max_steps"):
        await cancel_everywhere(scenario, max_steps=5)


async def test_a_scenario_as_long_as_the_bound_is_not_given_up(autojump_clock):
    assert await cancel_everywhere(Journal(3), max_steps=4) == 3
    with pytest.raises(AssertionError, match="more than 3 steps"):
        await cancel_everywhere(Journal(3), max_steps=3)


async def test_a_scenario_without_a_checkpoint_proves_nothing():
    async def scenario():
        pass

    with pytest.raises(AssertionError, match="has no checkpoint"):
        await cancel_everywhere(scenario)


async def test_something_else_may_happen_at_each_step(autojump_clock):
    seen = []
    scenario = Journal()
    steps = await cancel_everywhere(scenario, interrupt=lambda: seen.append(len(scenario.runs)))
    assert steps == 3
    assert seen == [1, 2, 3]
    assert scenario.runs == [[0, 1, 2]] * 4


async def test_an_interruption_that_raises_fails_the_test(autojump_clock):
    def interrupt():
        raise KeyError("nobody there")

    with pytest.raises(KeyError, match="nobody there") as caught:
        await cancel_everywhere(Journal(), interrupt=interrupt)
    assert "interrupted at step 1" in notes(caught.value)


async def test_whoever_cancels_from_outside_is_obeyed(autojump_clock):
    scenario = Journal()
    with trio.move_on_after(15) as patience:
        await cancel_everywhere(scenario)
    assert patience.cancelled_caught
    assert scenario.runs == [[], [0], []]


@pytest.mark.parametrize("scenario", [None, 3, "text"])
async def test_the_scenario_must_be_a_function(scenario):
    with pytest.raises(TypeError, match=r"scenario is .*; it must be a function without arguments$"):
        await cancel_everywhere(scenario)


async def test_a_coroutine_is_no_function():
    with pytest.raises(TypeError, match="give it the function itself, because it is called for every run"):
        await cancel_everywhere(Journal()())


@pytest.mark.parametrize("name", ["check", "interrupt"])
async def test_what_is_called_must_be_a_function(name):
    with pytest.raises(TypeError, match=f"{name} is 3"):
        await cancel_everywhere(Journal(), **{name: 3})


@each_case("bound", [0, -1, 1.5, True, None])
async def test_the_bound_must_be_a_number_of_at_least_one(bound):
    with pytest.raises((TypeError, ValueError), match="max_steps is"):
        await cancel_everywhere(Journal(), max_steps=bound)


async def test_a_stream_is_interrupted_in_its_app_as_well_as_in_its_client(autojump_clock):
    is_open = []
    places = set()
    app = App()

    @app.route("/")
    async def stream():
        async def source():
            is_open.append(True)
            try:
                yield "one"
                await trio.sleep(60)
                yield "two"
            finally:
                is_open.pop()

        return EventStream(source)

    async def scenario():
        async with TestClient(app) as client:
            await client.sse("/", timeout=100)

    def check():
        places.add(len(is_open))
        assert not is_open

    before = tasks()
    assert await cancel_everywhere(scenario, check=check) > 20
    assert tasks() == before
