"""`Stream`: a page that is sent while it is rendered, in a thread."""

import re
import threading
from contextvars import ContextVar
from pathlib import Path

import pytest
import trio
import trio.testing

from chirp_trio import App, AppConfig, Stream
from chirp_trio.testing import TestClient
from chirp_trio.threads import handler_threads

TEMPLATES = Path(__file__).parent / "templates"
BATCH = "x" * 70_000  # more than a thread renders at once


def app_that_streams(items, *, debug=False):
    """An app with a page of the items that a generator function yields, and another page beside it."""
    app = App(AppConfig(template_dir=TEMPLATES, debug=debug))

    @app.route("/")
    async def index():
        return Stream("page.html", title="T", items=items())

    @app.route("/other")
    async def other():
        return "other"

    return app


def page(*items):
    return f"<html><h1>T</h1><ul>{''.join(f'<li>{item}</li>' for item in items)}</ul></html>"


def wait_for(event):
    """Block the rendering thread until the test says so. A test that fails never does."""
    if not event.wait(60):
        raise TimeoutError


async def test_the_page_is_what_its_template_makes_of_it():
    def items():
        yield "one"
        yield ""
        yield "größe ☃"
        yield "<b>"

    async with TestClient(app_that_streams(items)) as client:
        response = await client.get("/")

    assert response.text.strip() == page("one", "", "größe ☃", "&lt;b&gt;")
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert "content-length" not in response.headers


async def test_a_chunk_arrives_while_later_ones_are_still_being_made():
    go_on = threading.Event()

    def items():
        yield "first"
        wait_for(go_on)
        yield "second"

    async with TestClient(app_that_streams(items)) as client, client.stream("GET", "/") as response:
        chunks = response.aiter_raw()
        early = b""
        while b"first" not in early:
            early += await anext(chunks)
        go_on.set()
        late = b"".join([chunk async for chunk in chunks])

    assert b"second" not in early
    assert (early + late).decode().strip() == page("first", "second")


async def test_a_page_that_takes_long_does_not_hold_up_another_request():
    go_on = threading.Event()

    def items():
        wait_for(go_on)
        yield "late"

    texts = []

    async def get(client):
        texts.append((await client.get("/")).text.strip())

    async with TestClient(app_that_streams(items)) as client, trio.open_nursery() as nursery:
        nursery.start_soon(get, client)
        await trio.testing.wait_all_tasks_blocked()
        assert (await client.get("/other")).text == "other"
        assert texts == []
        go_on.set()

    assert texts == [page("late")]


async def test_a_page_longer_than_a_batch_arrives_whole_and_in_order():
    def items():
        for number in range(5):
            yield f"{number}{BATCH}"

    async with TestClient(app_that_streams(items)) as client:
        response = await client.get("/")

    assert response.text.strip() == page(*[f"{number}{BATCH}" for number in range(5)])


async def test_a_client_that_does_not_read_holds_no_thread_and_no_more_than_a_few_batches(autojump_clock):
    rendered = []

    def items():
        for number in range(100):
            rendered.append(number)
            yield BATCH

    async with TestClient(app_that_streams(items)) as client, client.stream("GET", "/"):
        await trio.sleep(1)
        assert handler_threads().borrowed_tokens == 0
        assert 0 < len(rendered) <= 3


async def test_head_gets_the_headers_and_renders_nothing():
    def items():
        raise AssertionError("rendered")
        yield

    async with TestClient(app_that_streams(items)) as client:
        response = await client.head("/")

    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["content-type"] == "text/html; charset=utf-8"


async def test_an_empty_page_is_a_page(tmp_path):
    (tmp_path / "empty.html").write_text("")
    app = App(AppConfig(template_dir=tmp_path))

    @app.route("/")
    async def index():
        return Stream("empty.html")

    async with TestClient(app) as client:
        response = await client.get("/")

    assert (response.status_code, response.text) == (200, "")


# -- the context --------------------------------------------------------------------------------------------------------

user = ContextVar("user", default="nobody")


async def test_rendering_sees_the_context_of_its_request():
    def items():
        yield user.get()

    app = App(AppConfig(template_dir=TEMPLATES))

    @app.route("/{name}")
    async def index(name):
        user.set(name)
        return Stream("page.html", title="T", items=items())

    async with TestClient(app) as client:
        assert "<li>ada</li>" in (await client.get("/ada")).text
        assert "<li>bob</li>" in (await client.get("/bob")).text


async def test_all_batches_share_one_context():
    def items():
        user.set("ada")
        for _ in range(3):
            yield BATCH
            yield user.get()

    async with TestClient(app_that_streams(items)) as client:
        response = await client.get("/")

    assert response.text.count("<li>ada</li>") == 3


# -- errors -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("template", "message"),
    [
        pytest.param("{{ nothing }}", "template 'first.html', line 1: 'nothing' is not defined", id="template"),
        pytest.param("{% for item in items %}{{ item }}{% endfor %}", "LookupError: kaputt", id="iterator"),
    ],
)
async def test_an_error_in_the_first_chunk_is_a_500(tmp_path, caplog, template, message):
    (tmp_path / "first.html").write_text(template)
    app = App(AppConfig(template_dir=tmp_path))

    def items():
        raise LookupError("kaputt")
        yield

    @app.route("/")
    async def index():
        return Stream("first.html", items=items())

    async with TestClient(app) as client:
        response = await client.get("/")

    assert response.status_code == 500
    assert "The server could not answer this request." in response.text
    assert [record.message.partition(" (")[0] for record in caplog.records] == ["GET / failed"]
    assert message in caplog.text


@pytest.mark.parametrize("debug", [False, True], ids=["", "debug"])
async def test_a_later_error_ends_the_page_with_a_reference_to_the_log(caplog, debug):
    def items():
        yield "one"
        raise LookupError("kaputt")

    async with TestClient(app_that_streams(items, debug=debug), raise_stream_errors=False) as client:
        response = await client.get("/")

    assert response.status_code == 200
    comment = re.fullmatch(
        r"<html><h1>T</h1><ul><li>one</li>\n<!-- This page is incomplete: an error, reference ([0-9a-f]{8}) -->\n",
        response.text,
    )
    (record,) = caplog.records
    assert (record.name, record.levelname) == ("chirp_trio.web", "ERROR")
    assert record.message == f"page /: rendering failed half-way (reference {comment[1]})"
    assert "LookupError: kaputt" in caplog.text


@pytest.mark.parametrize("raised", [SystemExit, KeyboardInterrupt, GeneratorExit, MemoryError])
async def test_what_is_no_exception_ends_the_page_in_the_same_way(caplog, raised):
    def items():
        yield BATCH
        raise raised

    async with TestClient(app_that_streams(items), raise_stream_errors=False) as client:
        response = await client.get("/")

    assert "This page is incomplete" in response.text
    assert f"{raised.__name__} was raised" in caplog.text or raised is MemoryError
    assert [record.levelname for record in caplog.records] == ["ERROR"]


async def test_text_that_utf_8_cannot_carry_is_an_error_like_any_other(caplog):
    def items():
        yield "one"
        yield BATCH
        yield "\ud800"

    async with TestClient(app_that_streams(items), raise_stream_errors=False) as client:
        response = await client.get("/")

    assert "This page is incomplete" in response.text
    assert "UnicodeEncodeError" in caplog.text


# -- clients that leave -------------------------------------------------------------------------------------------------


async def test_a_client_that_leaves_ends_its_request_though_a_thread_is_blocked_and_stops_that_when_it_wakes_up():
    blocked, go_on, closed = threading.Event(), threading.Event(), threading.Event()
    rendered = []

    def items():
        try:
            yield "first"
            blocked.set()
            wait_for(go_on)
            yield "second"
            rendered.append("third")
            yield "third"
        finally:
            closed.set()

    async with TestClient(app_that_streams(items)) as client:
        async with client.stream("GET", "/"):
            await trio.to_thread.run_sync(wait_for, blocked)
        assert not closed.is_set()
        go_on.set()
        await trio.to_thread.run_sync(wait_for, closed)

    assert rendered == []


async def test_a_client_that_leaves_while_nothing_is_rendered_closes_the_generator(autojump_clock, caplog):
    steps = []

    def items():
        try:
            while True:
                yield BATCH
        finally:
            steps.append("closed")

    async with TestClient(app_that_streams(items)) as client:
        async with client.stream("GET", "/"):
            await trio.sleep(1)
            assert steps == []
        assert steps == ["closed"]
    assert caplog.records == []
