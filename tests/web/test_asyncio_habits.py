"""What asyncio programmers write by habit: the error says that this is trio, and what there is in place of it."""

import asyncio
import traceback
import warnings
from contextlib import asynccontextmanager

import anyio
import httpx
import pytest
import trio

from chirp_trio import App, AppConfig, EventStream
from chirp_trio.testing import TestClient

NOTE = "trio runs this, and asyncio does not: in place of asyncio.sleep there is trio.sleep"


async def nothing():
    pass


async def use_task_group():
    async with asyncio.TaskGroup():
        pass


async def use_timeout():
    async with asyncio.timeout(1):
        await nothing()


async def contend_for_lock():
    lock = asyncio.Lock()
    await lock.acquire()
    await lock.acquire()


async def await_a_future():
    loop = asyncio.new_event_loop()
    try:
        await asyncio.Future(loop=loop)
    finally:
        loop.close()


async def create_task():
    coroutine = nothing()
    try:
        await asyncio.create_task(coroutine)
    finally:
        coroutine.close()


async def gather():
    coroutine = nothing()
    try:
        await asyncio.gather(coroutine)
    finally:
        coroutine.close()


async def wait_for():
    coroutine = nothing()
    try:
        await asyncio.wait_for(coroutine, 1)
    finally:
        coroutine.close()


async def use_aiohttp():
    import aiohttp  # which takes a tenth of a second

    async with aiohttp.ClientSession():
        pass


async def wrapped():
    try:
        await asyncio.sleep(1)
    except RuntimeError as error:
        raise ValueError("the weather is not known") from error


async def in_a_nursery():
    async with trio.open_nursery() as nursery:
        nursery.start_soon(asyncio.sleep, 1)


HABITS = {
    "sleep": lambda: asyncio.sleep(1),
    "sleep 0 in a future": await_a_future,
    "create_task": create_task,
    "gather": gather,
    "TaskGroup": use_task_group,
    "Queue.get": lambda: asyncio.Queue().get(),
    "Lock": contend_for_lock,
    "Event": lambda: asyncio.Event().wait(),
    "wait_for": wait_for,
    "timeout": use_timeout,
    "to_thread": lambda: asyncio.to_thread(print),
    "open_connection": lambda: asyncio.open_connection("127.0.0.1", 1),
    "subprocess": lambda: asyncio.create_subprocess_exec("true"),
    "get_running_loop": lambda: asyncio.get_running_loop(),
    "aiohttp": use_aiohttp,
    "wrapped": wrapped,
    "nursery": in_a_nursery,
}


@pytest.fixture
def habit(request):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield HABITS[request.param]


habits = pytest.mark.parametrize("habit", HABITS, indirect=True)


@habits
async def test_in_a_source_the_log_the_client_and_the_test_are_told(habit, caplog, autojump_clock):
    app = App(AppConfig(debug=True))

    @app.route("/")
    async def handler():
        async def source():
            yield "first"
            await habit()

        return EventStream(source)

    async with TestClient(app, raise_stream_errors=False) as client:
        result = await client.sse("/")
    assert "trio.sleep" in result.events[-1].data
    assert NOTE in caplog.text
    with pytest.raises(Exception, match=r".") as caught:
        async with TestClient(app) as client:
            await client.sse("/")
    assert NOTE in notes_of(caught.value)


@habits
async def test_in_a_handler_the_log_and_the_debug_page_tell_of_trio(habit, caplog):
    app = App(AppConfig(debug=True))

    @app.route("/")
    async def handler():
        await habit()

    async with TestClient(app) as client:
        response = await client.get("/")
    assert response.status_code == 500
    assert "there is trio.sleep" in response.text
    assert NOTE in caplog.text


def notes_of(error):
    """All that a traceback says of an error."""
    return "".join(traceback.format_exception(error))


async def test_in_a_source_before_its_first_item_the_request_is_told(caplog, autojump_clock):
    async def source():
        await asyncio.sleep(1)
        yield

    with pytest.raises(RuntimeError) as caught:
        async with TestClient(EventStream(source)) as client:
            await client.get("/")
    assert NOTE in notes_of(caught.value)


async def test_in_a_lifespan_and_in_what_a_stream_asks_the_log_tells_of_trio(caplog, autojump_clock):
    @asynccontextmanager
    async def lifespan(app):
        await asyncio.sleep(1)
        yield

    with pytest.raises(Exception, match="no running event loop"):
        async with TestClient(App(lifespan=lifespan)):
            pass
    assert NOTE in caplog.text
    caplog.clear()

    async def revalidate():
        await asyncio.sleep(1)

    async def source():
        yield 1
        await trio.sleep_forever()

    app = App()

    @app.route("/")
    async def handler():
        return EventStream(source, revalidate=revalidate, heartbeat_interval=1)

    async with TestClient(app, raise_stream_errors=False) as client:
        await client.sse("/")
    assert NOTE in caplog.text
    caplog.clear()

    @app.on_open
    def hook(stream):
        asyncio.get_running_loop()

    async with TestClient(app, raise_stream_errors=False) as client:
        await client.sse("/", max_events=1)
    assert NOTE in caplog.text


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("no idea"),
        TypeError("no int"),
        ValueError("no running event loop"),
        ExceptionGroup("two", [ValueError()]),
    ],
    ids=repr,
)
async def test_other_errors_are_left_alone(error, caplog):
    app = App()

    @app.route("/")
    async def handler():
        raise error

    async with TestClient(app) as client:
        assert (await client.get("/")).status_code == 500
    assert not hasattr(error, "__notes__")
    assert NOTE not in caplog.text


async def test_libraries_for_trio_or_anyio_do_not_need_it(autojump_clock):
    async def source():
        async with httpx.AsyncClient(
            transport=httpx.MockTransport(lambda request: httpx.Response(200, text="sunny"))
        ) as client:
            yield (await client.get("http://weather/")).text
        await anyio.sleep(1)
        yield "later"

    async with TestClient(EventStream(source)) as client:
        assert [event.data for event in (await client.sse("/")).events] == ["sunny", "later"]
