"""The pytest plugin: the fixtures `sse_client` and `free_port`, the marker `real_time`, and virtual time for a whole suite.

An async test that no plugin has been told to run is left to pytest-trio, as with `trio_mode = true`.

pytest loads it wherever chirp_trio is installed, for suites that have nothing to do with chirp_trio as well. So it stands
outside of the package, which would bring trio and a web server along, and imports nothing but pytest until it is used.
`-p no:chirp_trio` leaves it out.
"""

from __future__ import annotations

import inspect
import socket
from functools import partial
from typing import TYPE_CHECKING, Any, TypeGuard

import pytest

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Iterable

    from chirp_trio.asgi import ASGIApp
    from chirp_trio.testing import TestClient

VIRTUAL_TIME = "chirp_trio_virtual_time"

# What says that a test runs on trio, or on something else.
_OF_TRIO = frozenset({"sse_client", "autojump_clock", "mock_clock", "nursery"})
_MARKERS = frozenset({"trio", "anyio", "asyncio"})
# Whose hooks call test functions: pytest's own, and that of a plugin that leaves alone what is not marked as its.
_KNOWN_CALLERS = frozenset({"python", "anyio"})

_NOBODY_RUNS_IT = (
    "chirp_trio's tests run on trio: install pytest-trio (`pip install 'chirp-trio[testing]'`), and say "
    "`trio_mode = true` in pytest's configuration, or mark the test with @pytest.mark.trio"
)


@pytest.fixture
async def sse_client() -> AsyncGenerator[Callable[..., Awaitable[TestClient]]]:
    """Starts apps for a test, each with a client; `await` it with what `chirp_trio.testing.TestClient` takes.

    When the test is over, each client is closed, the last one first: its streams are ended, its app is stopped. What the app
    raises meanwhile fails the test, and so does whatever a `TestClient` finds that is left.
    """
    import trio

    from chirp_trio.errors import sole
    from chirp_trio.testing import TestClient

    open_clients: list[tuple[trio.Event, trio.Event]] = []
    errors: list[Exception] = []

    async def host(app: ASGIApp, options: dict[str, Any], task_status: trio.TaskStatus[TestClient]) -> None:
        # A task of its own, because a client has to be closed by the task that opened it, and the test is another one.
        close, closed = trio.Event(), trio.Event()
        try:
            async with TestClient(app, **options) as client:
                open_clients.append((close, closed))
                task_status.started(client)
                await close.wait()
        except Exception as error:
            if not close.is_set():
                raise  # and so end the test
            errors.append(error)  # when the others are closed as well
        finally:
            closed.set()

    async def open_client(app: ASGIApp, **options: Any) -> TestClient:
        client: TestClient = await nursery.start(host, app, options)
        return client

    try:
        async with trio.open_nursery() as nursery:
            yield open_client
            for close, closed in reversed(open_clients):
                close.set()
                await closed.wait()
    except ExceptionGroup as group:
        raise sole(group) from None
    if errors:
        raise sole(ExceptionGroup("errors of the apps that sse_client had started", errors))


@pytest.fixture
def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on.

    It is not kept free: another program may take it before the test does. Where a server can choose its port itself, as
    `chirp_trio.serve` does with `port=0`, let it.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


def pytest_addoption(parser: pytest.Parser) -> None:
    """Called by pytest: what this plugin can be told in its configuration."""
    parser.addini(
        VIRTUAL_TIME,
        "whether tests that run on trio get a clock that jumps, unless they are marked real_time or ask for a clock",
        type="bool",
        default=False,
    )


def pytest_configure(config: pytest.Config) -> None:
    """Called by pytest: the marker, for `--markers` and `--strict-markers`."""
    config.addinivalue_line(
        "markers", f"real_time: this test sleeps for real: it gets no clock that jumps, whatever {VIRTUAL_TIME} says"
    )


@pytest.hookimpl(trylast=True)  # after pytest-trio has marked what is its own
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Called by pytest: what runs on trio, and who runs in which time."""
    if config.pluginmanager.has_plugin("trio"):
        for item in items:
            if _is_unclaimed(item) and (_has_no_other_runner(config) or _OF_TRIO.intersection(item.fixturenames)):
                item.add_marker(pytest.mark.trio)
    is_virtual = config.getini(VIRTUAL_TIME)
    for item in items:
        if item.get_closest_marker("real_time") is not None:
            _run_with(item, _run_in_real_time)
        elif is_virtual:
            _run_with(item, _run_in_virtual_time)


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Called by pytest: a test that fails, and whose clients find something when they are closed, shows both.

    And an async test that nobody runs says what to do.
    """
    try:
        return (yield)
    except (pytest.fail.Exception, pytest.skip.Exception) as outcome:
        if _is_unclaimed(pyfuncitem) and str(outcome.msg).startswith("async def function"):
            outcome.msg = f"{outcome.msg}\n\n{_NOBODY_RUNS_IT}"
        raise
    except BaseExceptionGroup as group:
        if "sse_client" not in pyfuncitem.fixturenames:
            raise
        # Every frame that it has passed is one that pytest-trio hides, and before version 9 pytest breaks on such a group.
        raise group.with_traceback(None) from None


def _is_unclaimed(item: pytest.Item) -> TypeGuard[pytest.Function]:
    """Whether this is an async test that no plugin has been told to run."""
    if type(item) is not pytest.Function:
        return False  # unittest's and pytest-asyncio's have classes of their own
    function = item.obj.hypothesis.inner_test if hasattr(item.obj, "hypothesis") else item.obj
    if not inspect.iscoroutinefunction(function) or "anyio_backend" in item.fixturenames:
        return False
    return not any(marker.name in _MARKERS for marker in item.iter_markers())


def _has_no_other_runner(config: pytest.Config) -> bool:
    """Whether nothing but pytest-trio could be meant to run an async test that says nothing."""
    hooks = config.hook.pytest_pyfunc_call.get_hookimpls()
    callers = {hook.plugin_name for hook in hooks if not (hook.wrapper or hook.hookwrapper)}
    return callers <= _KNOWN_CALLERS and not config.pluginmanager.has_plugin("asyncio")


def _run_with(item: pytest.Item, run: Callable[..., object]) -> None:
    """Have pytest-trio run this test with another function; nothing for a test that is not pytest-trio's."""
    markers = list(item.iter_markers("trio"))
    if markers:
        import trio

        chosen = next((marker.kwargs["run"] for marker in markers if marker.kwargs.get("run")), trio.run)
        item.add_marker(pytest.mark.trio(run=partial(run, chosen)), append=False)


def _run_in_virtual_time(
    run: Callable[..., object], main: Callable[..., object], *, clock: Any, instruments: Iterable[Any]
) -> object:
    import trio.testing

    return run(main, clock=clock or trio.testing.MockClock(autojump_threshold=0), instruments=instruments)


def _run_in_real_time(
    run: Callable[..., object], main: Callable[..., object], *, clock: Any, instruments: Iterable[Any]
) -> object:
    if clock is not None:
        pytest.fail(f"the test is marked real_time, and asks for another clock: {clock!r}")
    return run(main, clock=None, instruments=instruments)
