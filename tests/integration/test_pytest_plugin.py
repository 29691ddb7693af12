"""The pytest plugin, in suites of its users': each is a folder with a pytest of its own."""

import os
import re
import subprocess
import sys
import textwrap

import pytest

try:
    from tests import forking
except ModuleNotFoundError:  # `make wheel` runs this file alone
    forking = None

APP = """
import trio

from chirp_trio import App, EventStream

app = App()
listening = []


@app.route("/live")
async def live():
    async def source():
        listening.append(True)
        try:
            while True:
                yield "tick"
                await trio.sleep(20)
        finally:
            listening.pop()

    return EventStream(source)
"""
TRIO_MODE = "trio_mode = true\n"
NO_OTHERS = ["-p", "no:faker", "-p", "no:valkey"]  # plugins of packages that ours bring along


@pytest.fixture
def suite(tmp_path):
    """Runs these tests in a folder; returns how many had each outcome, and what pytest printed."""
    (tmp_path / "app.py").write_text(APP)

    def run(tests, *arguments, header="import pytest\nimport trio\n", options="", conftest="", forked=True):
        (tmp_path / "test_it.py").write_text(header + textwrap.dedent(tests))
        (tmp_path / "conftest.py").write_text(textwrap.dedent(conftest))
        (tmp_path / "pytest.ini").write_text(f"[pytest]\nfilterwarnings = error\naddopts = --strict-markers\n{options}")
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--color=no", *NO_OTHERS, *arguments]
        with (tmp_path / "printed").open("w+") as output:
            if forked and forking is not None:
                command.append("--assert=plain")  # to rewrite, it would look through each plugin's files
                process = forking.users.start(command, cwd=tmp_path, env=os.environ, output=output.fileno())
            else:
                process = subprocess.Popen(command, cwd=tmp_path, stdout=output, stderr=output)
            try:
                process.wait(100)
            finally:
                process.kill()
            output.seek(0)
            printed = output.read()
        last = printed.strip().rpartition("\n")[2]
        counts = {outcome: int(number) for number, outcome in re.findall(r"(\d+) (\w+)", last.partition(" in ")[0])}
        return counts, printed

    return run


# -- it is there, and costs nothing ---------------------------------------------------------------------------------------


def test_a_suite_that_does_not_use_it_imports_nothing_of_ours(suite):
    counts, printed = suite(
        """
        import sys

        def test_what_has_been_imported(free_port):
            assert "chirp_trio_pytest" in sys.modules
            loaded = {name.partition(".")[0] for name in sys.modules}
            assert loaded & {"chirp_trio", "trio", "httpx", "hypercorn", "kida", "msgspec", "h2"} == set()
        """,
        *(f"-pno:{name}" for name in ("trio", "anyio", "hypothesispytest", "timeout", "xdist")),
        "--assert=plain",
        header="",
        forked=False,
    )
    assert counts == {"passed": 1}, printed


def test_it_can_be_left_out(suite):
    tests = """
        def test_a_port(free_port):
            pass
        """
    assert suite(tests)[0] == {"passed": 1}
    counts, printed = suite(tests, "-p", "no:chirp_trio")
    assert counts == {"error": 1}
    assert "fixture 'free_port' not found" in printed


# -- sse_client -----------------------------------------------------------------------------------------------------------

STREAM = """
    from app import app, listening

    {mark}
    async def test_a_stream(sse_client, autojump_clock, nursery):
        client = await sse_client(app)
        nursery.start_soon(trio.sleep, 5)
        async with client.stream_sse("/live") as stream:
            assert (await stream.next_event()).data == "tick"
            assert (await stream.next_event()).data == "tick"
            assert trio.current_time() == 20
            assert listening
        assert not listening

    {mark}
    async def test_two_apps_with_options_of_their_own(sse_client, mock_clock):
        first = await sse_client(app)
        second = await sse_client(app, headers={{"x-second": "yes"}})
        assert "x-second" not in first.headers
        assert "x-second" in second.headers
        assert (await first.sse("/live", max_events=1)).ended == "max_events"
        assert (await second.sse("/live", max_events=1)).ended == "max_events"

    @pytest.fixture
    async def client(sse_client):
        return await sse_client(app)

    {mark}
    async def test_a_fixture_of_ones_own_upon_it(client):
        assert (await client.get("/nowhere")).status_code == 404
"""


def test_a_client_for_a_test_in_trio_mode(suite):
    counts, printed = suite(STREAM.format(mark=""), options=TRIO_MODE)
    assert counts == {"passed": 3}, printed


def test_a_client_for_a_test_that_is_marked(suite):
    counts, printed = suite(STREAM.format(mark="@pytest.mark.trio"))
    assert counts == {"passed": 3}, printed


def test_tests_in_another_process(suite):
    counts, printed = suite(STREAM.format(mark=""), "-n", "1", options=TRIO_MODE)
    assert counts == {"passed": 3}, printed


def test_what_goes_wrong_in_the_app_fails_the_test_and_is_told(suite):
    counts, printed = suite(
        """
        from contextlib import asynccontextmanager

        from chirp_trio import App

        async def test_an_error_of_the_app(sse_client):
            async def app(scope, receive, send):
                raise KeyError("in the app")

            client = await sse_client(app)
            await client.get("/")

        def test_a_group_of_errors_that_is_none_of_ours():
            raise ExceptionGroup("several", [KeyError("in the test")])

        async def test_a_stop_that_fails(sse_client):
            @asynccontextmanager
            async def lifespan(app):
                yield
                raise KeyError("at the stop")

            await sse_client(App(lifespan=lifespan))

        async def test_a_start_that_fails(sse_client):
            @asynccontextmanager
            async def lifespan(app):
                raise KeyError("at the start")
                yield

            await sse_client(App(lifespan=lifespan))

        async def test_a_background_task_that_fails(sse_client):
            async def background():
                await trio.sleep(0.01)
                raise KeyError("in the background")

            @asynccontextmanager
            async def lifespan(app):
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(background)
                    yield

            await sse_client(App(lifespan=lifespan))
            await trio.sleep_forever()

        async def test_an_app_that_does_not_end(sse_client, autojump_clock):
            async def app(scope, receive, send):
                if scope["type"] == "http":
                    await send({"type": "http.response.start", "status": 200, "headers": []})
                    with trio.move_on_after(1000, shield=True):
                        await trio.sleep_forever()

            client = await sse_client(app)
            async with client.stream_sse("/endless"):
                pass
        """,
        options=TRIO_MODE,
    )
    assert counts == {"failed": 6}, printed
    for told in (
        "in the app",
        "in the test",
        "at the stop",
        "at the start",
        "in the background",
        "/endless: the app still",
    ):
        assert told in printed


def test_a_test_that_leaves_something_behind_fails_and_says_so(suite):
    counts, printed = suite(
        """
        from app import app
        from chirp_trio import App, EventStream

        async def test_it_leaves_a_stream_open(sse_client, autojump_clock):
            client = await sse_client(app)
            await client.stream_sse("/live").connect()

        async def test_it_forgets_a_task(sse_client, autojump_clock):
            app = App()

            @app.route("/start")
            async def start():
                trio.lowlevel.spawn_system_task(trio.sleep, 1000)

            client = await sse_client(app)
            await client.get("/start")

        async def test_it_swallows_an_error_of_the_app(sse_client, autojump_clock):
            app = App()

            @app.route("/failing")
            async def failing():
                async def source():
                    yield "an event"
                    raise LookupError("after the first event")

                return EventStream(source)

            client = await sse_client(app)
            await client.sse("/failing")
        """,
        options=TRIO_MODE,
    )
    assert counts == {"failed": 3}, printed
    assert "GET /live: its response was left open" in printed
    assert "GET /start: a task of the app still runs: " in printed
    assert "GET /failing: its source raised: LookupError: after the first event" in printed


def test_a_client_that_cannot_be_closed_does_not_keep_the_others_open(suite):
    counts, printed = suite(
        """
        from contextlib import asynccontextmanager

        from chirp_trio import App

        stopped = []

        @asynccontextmanager
        async def lifespan(app):
            yield
            stopped.append(app)

        @asynccontextmanager
        async def failing(app):
            yield
            raise KeyError("at the stop")

        async def test_three_of_them(sse_client):
            await sse_client(App(lifespan=lifespan))
            await sse_client(App(lifespan=failing))
            await sse_client(App(lifespan=lifespan))

        def test_who_was_stopped():
            assert len(stopped) == 2
        """,
        options=TRIO_MODE,
    )
    assert counts == {"failed": 1, "passed": 1}, printed
    assert "at the stop" in printed


# -- async tests that say nothing -----------------------------------------------------------------------------------------

UNMARKED = """
    from app import app
    from hypothesis import given, strategies

    async def test_an_async_test():
        assert trio.lowlevel.in_trio_task()

    class TestInAClass:
        @pytest.mark.parametrize("number", [1])
        async def test_a_method(self, number, sse_client, autojump_clock):
            client = await sse_client(app)
            assert (await client.sse("/live", max_events=2)).event_times == (0, 20)

    @given(strategies.booleans())
    async def test_of_hypothesis(value):
        assert trio.lowlevel.in_trio_task()

    @pytest.fixture
    async def fixture():
        return trio.lowlevel.in_trio_task()

    async def test_a_fixture(fixture):
        assert fixture
"""
OF_OTHERS = """
    import asyncio
    import unittest

    class TestOfUnittest(unittest.IsolatedAsyncioTestCase):
        async def test_it(self):
            assert asyncio.get_running_loop()

    @pytest.mark.anyio
    async def test_of_anyio(anyio_backend):
        assert anyio_backend == "asyncio"
        assert asyncio.get_running_loop()

    @pytest.fixture
    def anyio_backend():
        return "asyncio"
"""
RUNNER = """
    import asyncio
    import inspect

    import pytest

    def pytest_pyfunc_call(pyfuncitem):
        if inspect.iscoroutinefunction(pyfuncitem.obj):
            asyncio.run(pyfuncitem.obj())
            return True
"""
# Stands for pytest-asyncio, in its strict mode.
PYTEST_ASYNCIO = """
    class Plugin:
        pass

    def pytest_configure(config):
        config.pluginmanager.register(Plugin(), "asyncio")
"""
ON_ASYNCIO = """
    import asyncio

    async def test_it():
        assert asyncio.get_running_loop()
"""
SENTENCE = (
    "chirp_trio's tests run on trio: install pytest-trio (`pip install 'chirp-trio[testing]'`), and say `trio_mode = true`"
)


def test_an_async_test_that_no_plugin_was_told_to_run_is_run_on_trio(suite):
    counts, printed = suite(UNMARKED)
    assert counts == {"passed": 4}, printed


def test_an_async_test_of_another_plugin_is_left_to_it(suite):
    counts, printed = suite(OF_OTHERS)
    assert counts == {"passed": 2}, printed


def test_all_async_tests_are_left_to_anyio_in_its_auto_mode(suite):
    counts, printed = suite(ON_ASYNCIO, "-k", "asyncio", options="anyio_mode = auto\n")
    assert counts == {"passed": 1, "deselected": 1}, printed


def test_all_async_tests_are_left_to_a_runner_of_the_suites_own(suite):
    counts, printed = suite(ON_ASYNCIO, conftest=RUNNER)
    assert counts == {"passed": 1}, printed


def test_an_async_test_among_those_of_pytest_asyncio_is_run_on_trio_if_it_asks_for_what_is_trios(suite):
    counts, printed = suite(
        """
        async def test_with_a_clock(autojump_clock):
            await trio.sleep(3600)

        async def test_it():
            pass
        """,
        conftest=PYTEST_ASYNCIO,
    )
    assert counts == {"failed": 1, "passed": 1}, printed
    assert SENTENCE in printed


def test_an_async_test_says_what_to_do_where_pytest_trio_is_missing(suite):
    counts, printed = suite(UNMARKED, "-p", "no:trio", "-k", "test_an_async_test")
    assert counts["failed"] == 1, printed
    assert SENTENCE in printed


# -- time -----------------------------------------------------------------------------------------------------------------

CLOCKS = """
    def clock():
        return type(trio.lowlevel.current_clock()).__name__

    {mark}
    async def test_one_that_says_nothing():
        assert clock() == "{clock}"

    {mark}
    @pytest.mark.real_time
    async def test_one_that_is_marked():
        assert clock() == "SystemClock"
        await trio.sleep(0.01)

    {mark}
    async def test_one_that_asks_for_a_clock(mock_clock):
        mock_clock.jump(5)
        assert trio.current_time() == 5

    @pytest.mark.real_time
    def test_one_without_trio():
        pass
"""
AUTOUSE = """
    import pytest

    @pytest.fixture(autouse=True)
    def everybody(autojump_clock):
        return autojump_clock
"""


@pytest.mark.parametrize(("mark", "options"), [("", TRIO_MODE), ("@pytest.mark.trio", "")], ids=["trio mode", "marked"])
def test_a_suite_in_virtual_time_but_for_the_tests_that_are_marked(suite, mark, options):
    options += "chirp_trio_virtual_time = true\n"
    counts, printed = suite(CLOCKS.format(mark=mark, clock="MockClock"), options=options)
    assert counts == {"passed": 4}, printed


def test_time_is_left_alone_unless_somebody_says_otherwise(suite):
    counts, printed = suite(CLOCKS.format(mark="", clock="SystemClock"), options=TRIO_MODE)
    assert counts == {"passed": 4}, printed


def test_virtual_time_jumps(suite):
    counts, printed = suite(
        """
        async def test_an_hour():
            await trio.sleep(3600)
        """,
        options=TRIO_MODE + "chirp_trio_virtual_time = true\n",
    )
    assert counts == {"passed": 1}, printed


def test_a_marked_test_gets_the_real_clock_though_a_fixture_asks_for_another(suite):
    counts, printed = suite(CLOCKS.format(mark="", clock="SystemClock"), options=TRIO_MODE, conftest=AUTOUSE)
    assert counts == {"passed": 4}, printed


def test_a_marked_test_that_asks_for_another_clock_itself_fails(suite):
    counts, printed = suite(
        """
        @pytest.mark.real_time
        async def test_both(autojump_clock):
            pass
        """,
        options=TRIO_MODE,
    )
    assert counts == {"failed": 1}, printed
    assert "the test is marked real_time, and asks for another clock: <MockClock" in printed


def test_marked_tests_can_be_left_out(suite):
    counts, printed = suite(CLOCKS.format(mark="", clock="SystemClock"), "-m", "not real_time", options=TRIO_MODE)
    assert counts == {"passed": 2, "deselected": 2}, printed
    assert "real_time: this test sleeps for real" in suite("", "--markers")[1]


def test_a_runner_that_a_test_has_chosen_is_kept(suite):
    counts, printed = suite(
        """
        ran = []

        def run(main, **options):
            ran.append(type(options["clock"]).__name__)
            return trio.run(main, **options)

        @pytest.mark.trio(run=run)
        async def test_it():
            pass

        @pytest.mark.real_time
        @pytest.mark.trio(run=run)
        async def test_it_in_real_time():
            pass

        def test_it_was_asked():
            assert ran == ["MockClock", "NoneType"]
        """,
        options="chirp_trio_virtual_time = true\n",
    )
    assert counts == {"passed": 3}, printed


# -- free_port --------------------------------------------------------------------------------------------------------------


def test_a_free_port_is_one_that_can_be_listened_on(suite):
    counts, printed = suite(
        """
        from chirp_trio import ServerConfig, serve
        from app import app

        async def test_it(free_port, nursery):
            [url] = await nursery.start(serve, app, ServerConfig(port=free_port))
            assert url.endswith(f":{free_port}")
            nursery.cancel_scope.cancel()
        """,
        options=TRIO_MODE,
    )
    assert counts == {"passed": 1}, printed
