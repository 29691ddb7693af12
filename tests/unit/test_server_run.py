"""Signals, and an end that comes whatever hangs: what the process does, and what it says of it."""

import queue
import re
import signal
import threading
import time
from importlib import import_module
from types import SimpleNamespace

import pytest
import trio
import trio.testing

from chirp_trio.server.run import _last_deadline, _Signals, _signals, _watch, _what_hangs

run = import_module("chirp_trio.server.run")  # the function of that name hides it
HERE = re.escape(__file__)


class Exited(Exception):
    """The process would have ended."""


@pytest.fixture
def ended(monkeypatch):
    """What is said of an end, instead of one; and the clock, in seconds. No other test has left a thread, as it seems."""

    def leave(code):
        raise Exited(code)

    said = []
    now = [1000.0]
    write = SimpleNamespace(
        _exit=leave, write=lambda _file, data: said.append(data.decode()), set_blocking=lambda _file, _is_blocking: None
    )
    monkeypatch.setattr(run, "os", write)
    monkeypatch.setattr(threading, "enumerate", lambda: [threading.main_thread()])
    monkeypatch.setattr(run, "time", SimpleNamespace(monotonic=lambda: now[0], sleep=lambda _seconds: None))
    return said, now


class Stops:
    """Signals that come at given times, on the clock of `ended`; nothing comes after them."""

    def __init__(self, now, *signals):
        self._now = now
        self._signals = list(signals)

    def get(self, timeout=float("inf")):
        if not self._signals or self._signals[0][0] - self._now[0] > timeout:
            self._now[0] += timeout
            raise queue.Empty
        self._now[0], number = self._signals.pop(0)
        return number


# -- the last deadline --------------------------------------------------------------------------------------------------


def test_a_stop_that_hangs_is_ended_after_its_time_with_a_line(ended):
    said, now = ended
    with pytest.raises(Exited, match="1"):
        _watch(Stops(now, (1003, signal.SIGTERM)), 15, None)
    assert now[0] == 1018
    assert said == [
        "chirp_trio: the server has not stopped within 15 s, and is ended now. What hangs: nothing that can be named\n"
    ]


@pytest.mark.parametrize(
    "before", [[], [(1001, signal.SIGTERM)], [(1001, signal.SIGTERM), (1001.1, signal.SIGTERM)]], ids=len
)
def test_a_run_that_ends_in_time_is_left_alone(ended, before):
    said, now = ended
    _watch(Stops(now, *before, (1005, None)), 15, None)
    assert said == []


@pytest.mark.parametrize(
    "signals",
    [
        [(1001, signal.SIGTERM), (1001.005, signal.SIGTERM), (1003, signal.SIGTERM)],
        [(1001, signal.SIGINT), (1001.005, signal.SIGINT), (1001.4, signal.SIGINT)],
        [(1001, signal.SIGTERM), (1003, signal.SIGINT)],
        [(1001, signal.SIGINT), (1003, signal.SIGTERM)],
    ],
    ids=["SIGTERM again and again", "SIGINT to all of a group", "SIGTERM and SIGINT", "SIGINT and SIGTERM"],
)
def test_another_signal_is_the_same_stop(ended, signals):
    """Supervisors send one to the process, and one to its group."""
    said, now = ended
    _watch(Stops(now, *signals, (1005, None)), 15, None)
    assert said == []


def test_a_second_interrupt_ends_at_once(ended):
    said, now = ended
    with pytest.raises(Exited, match="130"):
        _watch(Stops(now, (1001, signal.SIGINT), (1001.6, signal.SIGINT)), 15, None)
    assert now[0] == 1001.6
    assert said == []


def test_a_process_that_waits_for_threads_when_it_exits_is_ended_too(ended, monkeypatch):
    """The main thread is over then, and its interpreter waits for what is no daemon."""
    said, now = ended
    monkeypatch.setattr(run.threading.main_thread(), "is_alive", lambda: False)
    with pytest.raises(Exited, match="1"):
        _watch(Stops(now, (1001, signal.SIGTERM), (1002, None)), 15, None)
    assert now[0] == 1016
    assert len(said) == 1


async def test_it_is_a_thread_that_ends_with_the_run():
    with _last_deadline(15) as stops:
        (thread,) = [thread for thread in threading.enumerate() if thread.name == "the last deadline"]
        assert thread.daemon
        assert stops.empty()
    await trio.to_thread.run_sync(thread.join)


# -- signals ------------------------------------------------------------------------------------------------------------


class Certificate:
    """One that can be read anew, or cannot."""

    def __init__(self, error=None):
        self.error = error
        self.reloads = 0

    def reload(self):
        self.reloads += 1
        if self.error:
            raise self.error


async def signalled(*numbers, certificate=None):
    """Whether the server is to stop after these signals, and who watches over its end."""
    shutdown, stops = trio.Event(), queue.SimpleQueue()
    before = [signal.getsignal(number) for number in numbers]
    with _signals(_Signals(shutdown.set, certificate, stops)):
        for number in numbers:
            signal.raise_signal(number)
        await trio.testing.wait_all_tasks_blocked()
    assert [signal.getsignal(number) for number in numbers] == before
    return shutdown.is_set(), stops.qsize()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_stops_the_server(number):
    assert await signalled(number) == (True, 1)
    assert await signalled(number, number, number) == (True, 3)


async def test_a_hangup_reads_the_certificate_anew_and_ends_nothing(caplog):
    certificate = Certificate()
    assert await signalled(signal.SIGHUP, signal.SIGHUP, certificate=certificate) == (False, 0)
    assert certificate.reloads == 2
    assert [record.getMessage() for record in caplog.records] == ["SIGHUP: the certificate has been read anew"] * 2


async def test_a_certificate_that_cannot_be_read_is_told_and_ends_nothing(caplog):
    assert await signalled(signal.SIGHUP, certificate=Certificate(OSError("no such file"))) == (False, 0)
    assert [record.getMessage() for record in caplog.records] == [
        "SIGHUP: the certificate cannot be used, and the one before goes on: no such file"
    ]


async def test_a_hangup_without_tls_ends_nothing(caplog):
    """A terminal that is closed, `logrotate`, a `systemctl reload`."""
    assert await signalled(signal.SIGHUP) == (False, 0)
    assert [record.getMessage() for record in caplog.records] == ["SIGHUP: nothing to read anew: there is no certificate"]


# -- what hangs ---------------------------------------------------------------------------------------------------------


async def test_a_task_that_hangs_is_named_with_the_place_where_it_is(nursery):
    async def stubborn():
        await trio.sleep_forever()

    async def parent():
        async with trio.open_nursery() as inner:
            inner.start_soon(stubborn)

    nursery.start_soon(parent)
    await trio.testing.wait_all_tasks_blocked()
    found = [what for what in _what_hangs(trio.lowlevel.current_root_task()) if "stubborn" in what]
    (line,) = found
    assert re.fullmatch(rf"the task '[\w.<>]+stubborn' at {HERE}:\d+", line)
    nursery.cancel_scope.cancel()


async def test_a_source_that_hangs_is_found_in_its_generator(nursery):
    async def source():
        await trio.sleep_forever()
        yield

    async def library():
        async for _ in source():
            pass

    nursery.start_soon(library)
    await trio.testing.wait_all_tasks_blocked()
    (line,) = [what for what in _what_hangs(trio.lowlevel.current_root_task()) if "library" in what]
    place = int(line.rpartition(":")[2])
    assert place == source.__code__.co_firstlineno + 1
    nursery.cancel_scope.cancel()


async def test_a_thread_that_works_for_a_task_is_named(nursery):
    begun, over = threading.Event(), threading.Event()

    def stubborn():
        begun.set()
        over.wait()

    nursery.start_soon(trio.to_thread.run_sync, stubborn)
    await trio.to_thread.run_sync(begun.wait)
    (line,) = [what for what in _what_hangs(None) if "stubborn" in what]
    assert re.fullmatch(rf"the thread 'stubborn from [\w.]+' at {HERE}:\d+", line)
    over.set()


def test_a_thread_that_the_interpreter_will_wait_for_is_named():
    over = threading.Event()
    thread = threading.Thread(target=lambda: over.wait(), name="my worker")
    thread.start()
    try:
        assert any(re.fullmatch(rf"the thread 'my worker' at {HERE}:\d+", what) for what in _what_hangs(None))
    finally:
        over.set()
        thread.join()


async def test_what_blocks_the_event_loop_is_named():
    """Here it is this test that does."""
    (line,) = [what for what in _what_hangs(None) if "event loop" in what]
    assert re.fullmatch(rf"the event loop, which is blocked at {HERE}:\d+", line)


async def test_an_event_loop_that_waits_blocks_nothing():
    def look_until_it_waits():
        while any("event loop" in what for what in _what_hangs(None)):
            time.sleep(0.001)  # this test has yet to come to its wait for this thread

    await trio.to_thread.run_sync(look_until_it_waits)


def test_what_hangs_cannot_forge_a_line(ended, monkeypatch):
    said, now = ended
    monkeypatch.setattr(run, "_what_hangs", lambda _root: iter(["the task 'x\n\x1b[2J'"]))
    with pytest.raises(Exited):
        _watch(Stops(now, (1001, signal.SIGTERM)), 15, None)
    assert said[0].count("\n") == 1
    assert "\x1b" not in said[0]
