"""Virtual time and threads: trio's clock must not jump while a thread works, though every task waits for it."""

import trio
import trio.testing


async def hold_clock_for_threads() -> None:
    """Keep an autojumping clock where it is while a worker thread runs; returns at once with any other clock.

    trio jumps when all tasks are blocked, and a task that waits for a thread is. A plain function as a handler would make
    every timeout of its test expire. trio does not jump while somebody waits for the moment when all tasks are blocked,
    so that is what this does for as long as threads are at work.
    """
    if not isinstance(trio.lowlevel.current_clock(), trio.testing.MockClock):
        return
    threads = trio.to_thread.current_default_thread_limiter()
    while True:
        await trio.testing.wait_all_tasks_blocked()
        while threads.borrowed_tokens:
            await trio.testing.wait_all_tasks_blocked(0.001)
        # Nothing runs: be part of the next jump, and look again after it.
        await trio.sleep(trio.lowlevel.current_statistics().seconds_to_next_deadline)
