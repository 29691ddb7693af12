"""Threads for the library's own work, apart from those of trio's that handlers run in."""

import math

import trio

_limiter = trio.lowlevel.RunVar[trio.CapacityLimiter]("chirp_trio_threads")


def own_threads() -> trio.CapacityLimiter:
    """The limiter for threads that must not wait for handlers: for these may be waiting for what the thread does.

    One for each trio run. It limits nothing, and counts: tests on a virtual clock have to know whether a thread is at work.
    """
    try:
        return _limiter.get()
    except LookupError:
        _limiter.set(trio.CapacityLimiter(math.inf))
        return _limiter.get()
