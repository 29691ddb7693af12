"""docs/coming-from/bengal-chirp.md: names that it sends people to are there, and what it says is gone is gone or refused."""

import inspect
import re
from pathlib import Path

import httpx
import pytest

import chirp_trio
import chirp_trio.testing
from chirp_trio import App, AppConfig, EventStream, Fragment, Page, Request, Response, SSEEvent, Template
from chirp_trio.testing import TestClient

PAGE = Path(__file__).parents[2] / "docs/coming-from/bengal-chirp.md"
SILENT, LOUD = PAGE.read_text().split("## Differences with an error")


def rows_of(text):
    """The rows of a part's tables, each as its two cells."""
    return [
        tuple(cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:3])
        for line in text.splitlines()
        if line.startswith("| ") and not line.startswith(("| In bengal-chirp", "| --- "))
    ]


ROWS = rows_of(LOUD)


def takes(function, *names):
    """That a function has these parameters."""
    assert set(names) <= inspect.signature(function).parameters.keys()


def takes_no(function, name, *arguments):
    """That a function refuses a parameter."""
    with pytest.raises(TypeError, match=name):
        function(*arguments, **{name: None})


def has(value, *names):
    assert set(names) <= set(dir(value))


def has_no(value, *names):
    for name in names:
        with pytest.raises(AttributeError):
            getattr(value, name)


async def source():
    yield 1


def stream_data():
    event = SSEEvent("x", "e", "1", 5)
    assert (event.data, event.event, event.id, event.retry) == ("x", "e", "1", 5)
    assert SSEEvent(retry=5).retry == 5
    assert SSEEvent(id="1").id == "1"
    for wrong in ({"event": "a\nb"}, {"id": "a\0b"}, {"retry": -1}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            SSEEvent("x", **wrong)


def event_streams():
    assert list(inspect.signature(EventStream).parameters)[:3][1:] == ["event_type", "heartbeat_interval"]
    EventStream(source, heartbeat_interval=None)


def error_parameters():
    App().error(404)(lambda request, error: "")
    with pytest.raises(chirp_trio.ConfigurationError, match="exc"):
        App().error(404)(lambda request, exc: "")


# Of each row, by how it begins: both of its halves.
CLAIMS = {
    "`SSEEvent(data, event, id, retry)`": stream_data,
    "`EventStream(generator, event_type": event_streams,
    "`EventStream(allow_origin": lambda: (takes(EventStream, "headers"), takes_no(EventStream, "allow_origin", source)),
    "`AppConfig(sse_retry_ms": lambda: (takes(AppConfig, "reconnection_time"), takes_no(AppConfig, "sse_retry_ms")),
    "`AppConfig(sse_close_event": lambda: takes_no(AppConfig, "sse_close_event"),
    "reactive streams, signals": lambda: has(chirp_trio, "Topic"),
    "`asyncio.sleep`": lambda: None,  # tests/web/test_asyncio_habits.py
    "`return value, status, headers`": lambda: None,  # tests/web/test_return_values.py
    "`OOB`, `ValidationError`": lambda: has(chirp_trio, "OOB", "ValidationError"),
    "`Response.with_header()`": lambda: (takes(Response, "body", "status", "headers"), has(Response, "set_cookie"),
        has_no(Response, "with_header")),
    "`hx_redirect()`, `Action`": lambda: has_no(chirp_trio, "hx_redirect", "Action", "MutationResult"),
    "`Fragment.template_name`": lambda: (
        has(Fragment("a.html", "b"), "template", "block"), has(Template("a.html"), "template"),
        has(Page("a.html", "b"), "block"),
        has_no(Fragment("a.html", "b"), "template_name", "block_name"), has_no(Template("a.html"), "name"),
        has_no(Page("a.html", "b"), "block_name")),
    "`Stream` with awaitables": lambda: (has(chirp_trio, "Stream"), has_no(chirp_trio, "TemplateStream", "Suspense")),
    "`InlineTemplate`": lambda: (has(chirp_trio, "HTML"), has_no(chirp_trio, "InlineTemplate")),
    "`@app.error(404)": error_parameters,
    "`app.add_middleware(...)`": lambda: takes(App, "middleware"),
    "`on_startup`": lambda: (takes(App, "lifespan"), has_no(App(), "on_worker_startup")),
    "`g`, `get_request()`": lambda: (has(Request, "state"), has_no(chirp_trio, "g", "get_request")),
    "`template_global()`": lambda: (takes(App.template_global, "name", "value"), has(App, "template_filter")),
    "`response.status`, `response.json`": lambda: (has(httpx.Response(200), "status_code", "json", "headers"),
        has_no(httpx.Response(200), "status", "content_type")),
    "`client.post(path, body=...)`": lambda: takes(httpx.AsyncClient.post, "content", "data", "json"),
    "`client.sse(path)` leaves": lambda: (takes(TestClient.sse, "max_events", "disconnect_after"),
        has(chirp_trio.testing, "SSETimeout")),
    "`client.sse(path, timeout=2)`": lambda: takes(TestClient.sse, "disconnect_after", "timeout"),
    "an error of the source": lambda: takes(TestClient, "raise_stream_errors"),
    "`SSETestResult`": lambda: (has(chirp_trio.testing, "SSEResult"), has(chirp_trio, "Decoder"),
        has_no(chirp_trio.testing, "SSETestResult", "parse_sse_frames")),
    "`client.fragment(path": lambda: takes(TestClient.fragment, "path", "target", "trigger"),
    "`assert_is_fragment(response": lambda: takes(chirp_trio.testing.assert_is_fragment, "status"),
    "`assert_fragment_contains`": lambda: has(chirp_trio.testing, "assert_fragment_contains"),
    "`await assert_sse_wired": lambda: takes_no(chirp_trio.testing.assert_sse_wired, "client", "page", "result"),
    "`assert_hx_*`": lambda: has_no(chirp_trio.testing, "assert_oob_targets", "extract_sse_attrs"),
}  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_a_row_of_what_says_so_at_once_holds(row):
    [claim] = [claim for beginning, claim in CLAIMS.items() if row[0].startswith(beginning)]
    claim()


def test_every_claim_has_its_row():
    assert len(ROWS) == len(CLAIMS)


@pytest.mark.parametrize("name", sorted({name for row in ROWS for name in re.findall(r"\[`(\w+)", row[1])}))
def test_a_name_that_a_row_links_to_is_public(name):
    places = [chirp_trio, chirp_trio.testing, App, Response, Request]
    assert any(hasattr(place, name) for place in places)
