"""An app's lifespan as the server runs it: when it counts as started, and what its failures are called."""

import logging

import pytest
import trio
import trio.testing

from chirp_trio import LifespanError
from chirp_trio.server.lifespan import Lifespan

STARTED = {"type": "lifespan.startup.complete"}
STOPPED = {"type": "lifespan.shutdown.complete"}


class Run:
    """One run of an app's lifespan."""

    def __init__(self, app):
        self.state = {}
        self.failed = trio.Event()
        self.lifespan = Lifespan(app, self.state, {"extensions": {}}, self.failed)

    async def whole(self, *, start=None, stop=10, meanwhile=0):
        """Start it, wait, and stop it."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.lifespan.run)
            try:
                await self.lifespan.start(start)
                await trio.sleep(meanwhile)
                await self.lifespan.stop(stop)
            finally:
                nursery.cancel_scope.cancel()


def failure(group):
    """What `whole()` has raised."""
    (error,) = group.value.exceptions
    assert isinstance(error, LifespanError)
    return str(error)


async def test_it_is_started_filled_and_stopped_in_order():
    seen = []

    async def app(scope, receive, send):
        seen.append({key: scope[key] for key in ("type", "asgi", "extensions")})
        seen.append(await receive())
        scope["state"]["pool"] = 1
        await send(STARTED)
        seen.append(await receive())
        await send(STOPPED)

    run = Run(app)
    await run.whole()
    assert seen == [
        {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "extensions": {}},
        {"type": "lifespan.startup"},
        {"type": "lifespan.shutdown"},
    ]
    assert run.state == {"pool": 1}


async def test_a_start_has_no_limit_unless_it_is_given_one(autojump_clock):
    async def app(scope, receive, send):
        await trio.sleep(80_000)
        await send(STARTED)

    await Run(app).whole()
    with pytest.RaisesGroup(LifespanError) as group:
        await Run(app).whole(start=75)
    assert failure(group) == (
        "the app's lifespan has not started within 75 s; startup_timeout (--startup-timeout) says how long it may take"
    )


async def test_an_end_has_a_limit_which_the_error_names(autojump_clock):
    async def app(scope, receive, send):
        await send(STARTED)
        await trio.sleep_forever()

    with pytest.RaisesGroup(LifespanError) as group:
        await Run(app).whole(start=1, stop=7.5)
    assert trio.current_time() == 7.5
    assert failure(group) == (
        "the app's lifespan has not ended within 7.5 s; shutdown_timeout (--shutdown-timeout) says how long it may take"
    )


@pytest.mark.parametrize(
    ("message", "why"), [("no database", "no database"), (None, "it does not say why"), ("", "it does not say why")]
)
async def test_a_start_that_fails_is_an_error_with_its_reason(message, why):
    async def app(scope, receive, send):
        await send({"type": "lifespan.startup.failed"} | ({} if message is None else {"message": message}))
        raise ValueError(message)

    run = Run(app)
    with pytest.RaisesGroup(LifespanError) as group:
        await run.whole()
    assert failure(group) == f"the app's lifespan failed: {why}"
    assert run.failed.is_set()


async def test_an_app_that_raises_before_it_has_started_knows_no_lifespans(caplog):
    async def app(scope, receive, send):
        raise NotImplementedError

    run = Run(app)
    await run.whole()
    assert not run.failed.is_set()
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


async def test_an_app_that_returns_without_a_word_knows_none_either(caplog):
    async def app(scope, receive, send):
        pass

    await Run(app).whole()
    assert not caplog.records


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, GeneratorExit], ids=lambda error: error.__name__)
async def test_an_app_that_means_to_exit_when_it_starts_is_not_served(error, caplog):
    async def app(scope, receive, send):
        raise error

    with pytest.RaisesGroup(LifespanError) as group:
        await Run(app).whole()
    assert error.__name__ in failure(group)


@pytest.mark.parametrize("error", [ValueError, SystemExit, MemoryError], ids=lambda error: error.__name__)
@pytest.mark.parametrize("when", ["in the middle", "at the end"])
async def test_an_app_that_raises_later_stops_the_server_and_is_an_error(error, when, caplog, autojump_clock):
    async def app(scope, receive, send):
        await send(STARTED)
        await receive()
        if when == "in the middle":
            await trio.sleep(5)
        else:
            await receive()
        raise error("broken")

    run = Run(app)
    with pytest.RaisesGroup(LifespanError) as group:
        await run.whole(meanwhile=10)
    assert failure(group).startswith("the app's lifespan failed: ")
    assert error.__name__ in failure(group)
    assert run.failed.is_set()
    assert [record.getMessage() for record in caplog.records] == ["the app's lifespan raised"]


async def test_an_end_that_fails_is_an_error_with_its_reason():
    async def app(scope, receive, send):
        await send(STARTED)
        for _ in range(2):
            await receive()
        await send({"type": "lifespan.shutdown.failed", "message": "the file is gone"})
        raise OSError

    with pytest.RaisesGroup(LifespanError) as group:
        await Run(app).whole()
    assert failure(group) == "the app's lifespan failed: the file is gone"


async def test_an_app_that_goes_on_after_it_has_ended_is_cancelled(autojump_clock):
    async def app(scope, receive, send):
        await send(STARTED)
        for _ in range(2):
            await receive()
        await send(STOPPED)
        await receive()

    await Run(app).whole()


async def test_being_cancelled_is_no_failure(caplog, autojump_clock):
    async def app(scope, receive, send):
        await send(STARTED)
        await trio.sleep_forever()

    run = Run(app)
    with trio.move_on_after(5):
        await run.whole(meanwhile=100)
    assert run.lifespan.failure is None
    assert not caplog.records


@pytest.mark.parametrize("kind", ["http.response.start", "lifespan.startup", "x"])
async def test_a_message_of_another_kind_is_refused(kind):
    async def app(scope, receive, send):
        with pytest.raises(RuntimeError, match=f"the message '{kind}' cannot be sent in a lifespan"):
            await send({"type": kind})
        await send(STARTED)

    await Run(app).whole()
