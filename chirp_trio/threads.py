"""Threads: those for the library's own work, and whether a call comes from the thread that trio runs in."""

import math
from collections.abc import Callable

import trio

_limiter = trio.lowlevel.RunVar[trio.CapacityLimiter]("chirp_trio_threads")
_handlers = trio.lowlevel.RunVar[trio.CapacityLimiter]("chirp_trio_handlers")


def own_threads() -> trio.CapacityLimiter:
    """The limiter for threads that must not wait for handlers: for these may be waiting for what the thread does.

    One for each trio run. It limits nothing, and counts: tests on a virtual clock have to know whether a thread is at work.
    """
    try:
        return _limiter.get()
    except LookupError:
        _limiter.set(trio.CapacityLimiter(math.inf))
        return _limiter.get()


def handler_threads() -> trio.CapacityLimiter:
    """The limiter for plain handlers and for rendering: what answers a request, and then gives its thread back.

    It admits as many as trio's default limiter, and is another one: sources take threads of that, and those that wait in
    one for ever, as `queue.get` does, would leave no thread to answer anybody with.
    """
    default = trio.to_thread.current_default_thread_limiter()
    try:
        limiter = _handlers.get()
    except LookupError:
        limiter = trio.CapacityLimiter(default.total_tokens)
        _handlers.set(limiter)
    limiter.total_tokens = default.total_tokens
    return limiter


class NoThreadError(RuntimeError):
    """The system gives this process no thread, so that nothing has been done."""


async def run_in_own_thread[*Arguments, Result](
    function: Callable[[*Arguments], Result], *arguments: *Arguments, abandon_on_cancel: bool = False
) -> Result:
    """Call a function of the library's own in a thread; see `own_threads()` and `trio.to_thread.run_sync()`.

    Raises:
        NoThreadError: There is no thread to be had. Trio keeps a thread for ten seconds, so this may happen at any time.
    """
    has_begun = False

    def call() -> Result:
        nonlocal has_begun
        has_begun = True
        return function(*arguments)

    try:
        return await trio.to_thread.run_sync(call, abandon_on_cancel=abandon_on_cancel, limiter=own_threads())
    except RuntimeError as error:
        if has_begun:
            raise
        raise NoThreadError(
            f"{error}: there is a limit to the threads of this process, its user or its container, which is reached or too "
            "low (ulimit -u, systemd's TasksMax=, pids.max)"
        ) from error


def outside_of_trio(call: str, cure: str) -> RuntimeError:
    """What is raised where somebody calls from a thread what belongs to trio.

    Args:
        call: What was called.
        cure: What to call instead, as the second half of the sentence.
    """
    return RuntimeError(f"{call} was called outside of trio; {cure}")


class _InAnotherRun(Exception):
    """A thread belongs to another run than what is used in it."""


class TrioRun:
    """The trio run that something belongs to: the first that it is used in, until that is over.

    Trio's objects may only be touched in the thread of their run. One that does not belong to a run yet, as it was made in a
    module, may be used in that module too.

    Attributes:
        token: That of the run; None before there is one.
    """

    __slots__ = ("token",)

    def __init__(self) -> None:
        self.token: trio.lowlevel.TrioToken | None = None
        if trio.lowlevel.in_trio_run():
            self.token = trio.lowlevel.current_trio_token()

    def claim(self) -> None:
        """Belong to the caller's run, unless it belongs to one that goes on."""
        token = trio.lowlevel.current_trio_token()
        if token is not self.token and not self._is_alive():
            self.token = token

    def check(self, call: str, cure: str, *, is_bound: bool = False) -> None:
        """Raise `RuntimeError`, before anything is changed, where a call comes from outside of the run.

        Args:
            call: See `outside_of_trio()`.
            cure: See `outside_of_trio()`.
            is_bound: Whether it needs a run in any case; default: not before there is one.
        """
        try:
            token = trio.lowlevel.current_trio_token()
        except RuntimeError:
            if is_bound or _is_thread_of_trio() or self._is_alive():
                raise outside_of_trio(call, cure) from None
            return
        if token is not self.token:
            if self._is_alive():
                raise RuntimeError(f"{call} was called in another trio run than the one that it belongs to, which goes on")
            self.token = token

    def enter[*Arguments, Result](self, function: Callable[[*Arguments], Result], *arguments: *Arguments) -> Result:
        """Call the function in the thread of the run, from any other thread; here, if there is no run yet.

        The thread may be one that another run has started.

        Raises:
            trio.RunFinishedError: The run is over by then.
        """
        if trio.lowlevel.in_trio_run():
            return function(*arguments)
        if _is_thread_of_trio():
            try:
                return trio.from_thread.run_sync(self._call_here, function, *arguments)
            except _InAnotherRun:
                pass
        if self._is_alive():
            return trio.from_thread.run_sync(function, *arguments, trio_token=self.token)
        return function(*arguments)

    def _call_here[*Arguments, Result](self, function: Callable[[*Arguments], Result], *arguments: *Arguments) -> Result:
        if trio.lowlevel.current_trio_token() is not self.token and self._is_alive():
            raise _InAnotherRun
        return function(*arguments)

    def enter_soon(self, function: Callable[[], object]) -> None:
        """Call the function in the thread of the run, and do not wait for it; here, if this is it, or the run is over."""
        here = trio.lowlevel.current_trio_token() if trio.lowlevel.in_trio_run() else None
        if self.token is None or self.token is here:
            function()
            return
        try:
            self.token.run_sync_soon(function)
        except trio.RunFinishedError:
            function()

    @property
    def is_known(self) -> bool:
        """Whether the run can be entered from here."""
        return _is_thread_of_trio() or self._is_alive()

    def _is_alive(self) -> bool:
        if self.token is None:
            return False
        try:
            self.token.run_sync_soon(_do_nothing, idempotent=True)
        except trio.RunFinishedError:
            self.token = None
            return False
        return True


def _is_thread_of_trio() -> bool:
    """Whether this thread was started by `trio.to_thread.run_sync`."""
    try:
        trio.from_thread.check_cancelled()
    except RuntimeError:
        return False
    return True


def _do_nothing() -> None:
    pass
