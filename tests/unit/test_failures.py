"""What was raised, taken apart: what trio says to a task goes on, all else is a failure of the code that raised it."""

import asyncio
import os
import signal as system
import traceback

import pytest
import trio

from chirp_trio.failures import failure_of, split_failure
from tests.cases import each_case

NO_EXCEPTIONS = [SystemExit(3), KeyboardInterrupt(), GeneratorExit(), asyncio.CancelledError(), BaseException("odd")]
EXCEPTIONS = [ValueError("wrong"), MemoryError(), StopAsyncIteration(), ExceptionGroup("several", [ValueError(), OSError()])]


def caught(raised):
    try:
        raise raised
    except BaseException as error:
        return error


async def caught_cancelled():
    with trio.CancelScope() as scope:
        scope.cancel()
        try:
            await trio.lowlevel.checkpoint()
        except trio.Cancelled as cancelled:
            return cancelled


@each_case("error", EXCEPTIONS, ids=repr)
def test_an_exception_is_a_failure_as_it_is(error):
    assert split_failure(caught(error)) == (None, error)
    assert failure_of(error) is error


@each_case("error", NO_EXCEPTIONS, ids=repr)
async def test_what_is_no_exception_becomes_one_that_it_is_the_cause_of(error):
    signal, failure = split_failure(caught(error))

    assert signal is None
    assert isinstance(failure, RuntimeError)
    assert type(error).__name__ in str(failure)
    assert failure.__cause__ is error
    assert "raise raised" in "".join(traceback.format_exception(failure))  # where it happened


@each_case("error", NO_EXCEPTIONS, ids=repr)
async def test_in_a_group_it_becomes_one_too(error):
    group = BaseExceptionGroup("several", [ValueError("wrong"), BaseExceptionGroup("inner", [error])])
    group.add_note("seen")
    signal, failure = split_failure(caught(group))

    assert signal is None
    assert type(failure) is type(failure.exceptions[1]) is ExceptionGroup
    assert failure.message == "several"
    assert failure.__notes__ == ["seen"]
    assert failure.exceptions[0] is group.exceptions[0]
    assert failure.exceptions[1].exceptions[0].__cause__ is error
    assert failure.__traceback__ is group.__traceback__


async def test_cancelled_goes_on():
    cancelled = await caught_cancelled()

    assert split_failure(cancelled) == (cancelled, None)
    with pytest.raises(trio.Cancelled):
        failure_of(cancelled)


async def test_a_group_of_cancelled_and_a_failure_is_taken_apart():
    cancelled = await caught_cancelled()
    group = BaseExceptionGroup("", [cancelled, BaseExceptionGroup("", [SystemExit(3)])])
    signal, failure = split_failure(group)

    assert signal.exceptions == (cancelled,)
    assert [type(error) for error in failure.exceptions[0].exceptions] == [RuntimeError]
    with pytest.raises(BaseExceptionGroup) as raised:
        failure_of(group)
    assert raised.value is group  # whoever takes it apart further up finds all of it


@each_case("is_at_a_checkpoint", [False, True])
def test_a_ctrl_c_goes_on(is_at_a_checkpoint):
    async def main():
        try:
            os.kill(os.getpid(), system.SIGINT)
            if is_at_a_checkpoint:
                await trio.sleep_forever()
            else:
                [None for _ in range(100_000)]
        except BaseException as error:
            return split_failure(error)

    before = system.signal(system.SIGINT, system.default_int_handler)
    try:
        signal, failure = trio.run(trio.lowlevel.enable_ki_protection(main) if is_at_a_checkpoint else main)
    finally:
        system.signal(system.SIGINT, before)

    assert type(signal) is KeyboardInterrupt
    assert failure is None


def test_a_coroutine_that_is_closed_is_no_failure():
    """As those are that trio gives up when it fails itself."""
    seen = []

    async def waits():
        try:
            await trio.sleep_forever()
        except BaseException as error:
            seen.append(split_failure(error))
            raise

    left = waits()

    async def main():
        left.send(None)
        trio.lowlevel.current_task()._abort_func = None

    trio.run(main)
    left.close()

    assert [(type(signal), failure) for signal, failure in seen] == [(GeneratorExit, None)]
