"""Apps that nothing ends: a test that meets one fails with a sentence, and does not hang. Each has a trio run of its own."""

import gc
import threading
from contextlib import suppress

import pytest
import trio
import trio.testing

from chirp_trio import App, EventStream
from chirp_trio.server import garbage
from chirp_trio.testing import AppStillRunning, TestClient, deadline, live


@pytest.fixture(autouse=True)
def short_deadlines(monkeypatch):
    monkeypatch.setattr(deadline, "_REAL_SECONDS", 0.3)
    monkeypatch.setattr(live, "_END_TIMEOUT", 0.5)


@pytest.fixture(autouse=True)
def garbage_as_before():
    """A server in a run that is broken off leaves the process's garbage collector as it wants it."""
    yield
    if garbage._before:
        gc.set_threshold(*garbage._before[0][0])
        garbage._before.clear()


async def swallowing():
    yield 1
    while True:
        with suppress(BaseException):
            await trio.sleep(1)


async def shielding():
    try:
        yield 1
        await trio.sleep_forever()
    finally:
        with trio.CancelScope(shield=True):
            await trio.sleep_forever()


def app_of(source):
    app = App()

    @app.route("/live")
    async def live():
        return EventStream(source, cleanup_timeout=1)

    return app


async def read_one(client):
    await client.sse("/live", max_events=1)


def run(test, make_client, clock):
    async def main():
        async with make_client() as client:
            await test(client)

    trio.run(main, clock=clock)


def virtual():
    return trio.testing.MockClock(autojump_threshold=0)


@pytest.mark.parametrize("source", [swallowing, shielding])
def test_a_source_that_nothing_ends_fails_the_test(source):
    with pytest.raises(AppStillRunning, match=r"broken off, because nothing ends its app:\n(.*\n)*GET /live: "):
        run(read_one, lambda: TestClient(app_of(source)), virtual())


@pytest.mark.parametrize("source", [swallowing, shielding])
def test_a_source_that_nothing_ends_fails_the_test_of_a_real_server(source):
    with pytest.raises(AppStillRunning, match="GET /live: "):
        run(read_one, lambda: TestClient.live(app_of(source)), None)


def test_a_thread_that_returns_when_the_test_has_been_broken_off_finds_its_run_over():
    tokens = []

    async def read(client):
        tokens.append(trio.lowlevel.current_trio_token())
        await read_one(client)

    with pytest.raises(AppStillRunning):
        run(read, lambda: TestClient(app_of(swallowing)), virtual())
    with pytest.raises(trio.RunFinishedError):
        tokens[0].run_sync_soon(print)


def test_a_thread_that_never_returns_fails_the_test():
    app, returning = App(), threading.Event()

    @app.route("/blocked")
    def blocked():
        returning.wait()

    async def leave(client):
        with trio.move_on_after(1):
            await client.get("/blocked")

    try:
        with pytest.raises(AppStillRunning, match="GET /blocked: "):
            run(leave, lambda: TestClient(app), trio.testing.MockClock(rate=100))
    finally:
        returning.set()
