"""What code raises that is not the library's own: handlers, sources, hooks, filters, templates. One rule for all of it.

Whatever such code raises is its own failure, and costs what the code was called for: a `SystemExit`, a `KeyboardInterrupt`
that nobody has typed, a `GeneratorExit`, an `asyncio.CancelledError`, a `MemoryError` as much as a `ValueError`. It is
answered as an unexpected error, logged with its traceback, and ends neither the server nor what others get.

Only what trio says to a task has to go on: `trio.Cancelled`, a Ctrl-C, and that its coroutine is closed.
"""

import sysconfig
import traceback
from pathlib import Path
from typing import Never

import trio

_PACKAGE = Path(__file__).parent
_OF_OTHERS = (sysconfig.get_path("stdlib"), str(_PACKAGE), "<")
_EXAMPLES = str(_PACKAGE / "examples")  # where it was installed from a wheel


def is_of_application(file: str) -> bool:
    """Whether a file of code is the application's own: neither Python's, nor an installed package's, nor chirp_trio's.

    Args:
        file: Its name, as a frame has it (`co_filename`).
    """
    return ("site-packages" not in file and not file.startswith(_OF_OTHERS)) or file.startswith(_EXAMPLES)


def split_failure(raised: BaseException) -> tuple[BaseException | None, Exception | None]:
    """What has to go on of what was raised, and what is a failure of the code that raised it.

    A group is taken apart, because a nursery may hold both. One of the two at least is not None. What has to go on is to
    be raised, after the failure beside it has been logged:

        try:
            await handler()
        except BaseException as raised:
            signal, failure = split_failure(raised)
            if failure is not None:
                log(failure)
            if signal is not None:
                reraise(signal)

    Args:
        raised: What an `except BaseException` has caught around the call.

    Returns:
        What trio has said to the task: `trio.Cancelled`; a `KeyboardInterrupt` that trio has raised, which it does for a
        Ctrl-C if nobody receives the signal; a `GeneratorExit` outside of its tasks. And the rest, as an `Exception`: a
        `RuntimeError` stands for what is none, and has it as its cause.

    Example:
        >>> split_failure(SystemExit(3))
        (None, RuntimeError('SystemExit was raised, which is no Exception, and is taken for an unexpected error'))
    """
    if not isinstance(raised, BaseExceptionGroup):
        return (raised, None) if _is_signal(raised) else (None, _as_exception(raised))
    signals, failures = raised.split(_is_signal)
    if signals is None:
        return None, _as_exception(raised)  # the group that was raised, and no copy
    return signals, None if failures is None else _as_exception(failures)


def failure_of(raised: BaseException) -> Exception:
    """The failure alone, where nothing has to be tidied up before something else goes on.

    Args:
        raised: As with `split_failure()`.

    Returns:
        The same as the second half of what that returns.

    Raises:
        BaseException: `raised` itself, whole, if any of it has to go on.

    Example:
        >>> failure_of(ValueError("wrong"))
        ValueError('wrong')
    """
    signal, failure = split_failure(raised)
    try:
        if signal is not None or failure is None:
            raise raised
        return failure
    finally:
        del signal, failure, raised  # what is raised holds this frame


def reraise(error: BaseException) -> Never:
    """Raise it in an `except` as it is, with the cause and the context that it has."""
    try:
        raise error
    finally:
        del error  # or it would hold this frame, which holds it


def _is_signal(error: BaseException) -> bool:
    if isinstance(error, KeyboardInterrupt):
        return _is_raised_by_trio(error)
    if isinstance(error, GeneratorExit):
        return not trio.lowlevel.in_trio_task()  # trio has given its tasks up, and Python closes what is left of them
    return isinstance(error, trio.Cancelled)


def _is_raised_by_trio(error: BaseException) -> bool:
    """Whether it was raised in trio itself, as for a Ctrl-C, and not by a statement of somebody's.

    While anybody receives SIGINT, as a server does, trio raises none.
    """
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    return bool(frames) and str(frames[-1].f_globals.get("__name__")).startswith("trio._core.")


def _as_exception(error: BaseException) -> Exception:
    if isinstance(error, Exception):
        return error
    failure: Exception
    if isinstance(error, BaseExceptionGroup):
        failure = ExceptionGroup(error.message, [_as_exception(part) for part in error.exceptions])
        failure.__cause__, failure.__context__ = error.__cause__, error.__context__
        failure.__suppress_context__ = error.__suppress_context__
        for note in getattr(error, "__notes__", ()):
            failure.add_note(note)
        return failure.with_traceback(error.__traceback__)
    failure = RuntimeError(f"{type(error).__name__} was raised, which is no Exception, and is taken for an unexpected error")
    failure.__cause__ = error
    return failure
