"""docs/coming-from/bengal-chirp.md, of what differs without an error: each row is shown as it stands there."""

import json
import re
import sys
from datetime import date

import httpx
import pytest

import chirp_trio
import chirp_trio.testing
from chirp_trio import App, AppConfig, EventStream, Fragment, SSEEvent, Template
from chirp_trio.cli import main
from chirp_trio.testing import TestClient
from tests.docs.test_porting_table import SILENT, rows_of

SILENT_ROWS = rows_of(SILENT)
TEMPLATE = """<div hx-ext="sse" sse-connect="/live"><p sse-swap="stats"></p></div>
{% block stats %}

<b>{{ n }}</b> {{ target is defined }} {{ event is defined }} {{ swap is defined }}

{% end %}"""


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A page that waits for the event `stats`, in the current folder."""
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "page.html").write_text(TEMPLATE)
    (tmp_path / "templates" / "list.html").write_text("{% for item in items %}<p>{{ item }}{% end %}")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def app_of(*items, config=None, **options):
    """An app with the page, and a stream of these items."""
    app = App(config)

    async def source():
        for item in items:
            yield item

    @app.get("/")
    async def page():
        return Template("page.html", n=0)

    @app.get("/live")
    async def live():
        return EventStream(source, **options)

    return app


async def heard(*items, **options):
    """What a client gets of these items: names and data; errors are events."""
    async with TestClient(app_of(*items, **options), raise_stream_errors=False) as client:
        return [(event.event, event.data) for event in (await client.sse("/live")).events]


async def a_target_is_no_name():
    [(name, _)] = await heard(Fragment("page.html", "stats", target="stats", n=1))
    assert name is None
    [(name, _)] = await heard(Fragment("page.html", "stats", event="stats", n=1))
    assert name == "stats"


async def a_fragment_has_no_name():
    fragment = Fragment("page.html", "stats", n=1)
    assert [name for name, _ in await heard(fragment)] == [None]
    assert [name for name, _ in await heard(fragment, event_type="stats")] == ["stats"]


async def an_error_is_chirp_error():
    [(name, data)] = await heard(object())
    assert name == "chirp:error"
    assert json.loads(data).keys() == {"reference"}
    [(name, data)] = await heard(object(), config=AppConfig(debug=True))
    assert json.loads(data).keys() == {"reference", "error"}
    assert "TypeError: a value of type object" in json.loads(data)["error"]
    assert "Traceback" not in data


async def items_are_json():
    assert await heard(True, None, date(2026, 1, 31)) == [(None, "true"), (None, "null"), (None, '"2026-01-31"')]
    assert await heard(object(), config=AppConfig(json_default=lambda value: "taken")) == [(None, '"taken"')]
    async with TestClient(app_of(object())) as client:
        with pytest.raises(chirp_trio.testing.AppError, match="json_default says how to send others"):
            await client.sse("/live")


async def json_is_compact():
    assert await heard({"a": "\u00e9", "b": [1, 2]}) == [(None, '{"a":"\u00e9","b":[1,2]}')]


async def html_is_not_stripped():
    [(_, data)] = await heard(Fragment("page.html", "stats", n=1))
    assert data.startswith("\n\n<b>")
    assert data.endswith("\n\n")


async def options_are_variables():
    [(_, data)] = await heard(Fragment("page.html", "stats", n=1))
    assert "False False False" in data
    [(_, data)] = await heard(Fragment("page.html", "stats", target="#a", event="stats", swap="innerHTML", n=1))
    assert "True True True" in data


async def empty_names_and_ids_are_sent():
    assert SSEEvent("x", id="").encode() == "id: \ndata: x\n\n"
    assert SSEEvent("x", event="").encode() == "event: \ndata: x\n\n"
    decoder = chirp_trio.Decoder(last_event_id="7")
    decoder.feed(SSEEvent("x", id="").encode().encode())
    assert decoder.last_event_id == ""


async def an_error_for_htmx_has_no_headers():
    app = App()
    async with TestClient(app) as client:
        answer = await client.fragment("/nowhere")
    assert answer.text.startswith('<div class="chirp-error" data-status="404"')
    assert not {"hx-retarget", "hx-reswap"} & answer.headers.keys()

    @app.error(404)
    async def with_headers():
        return "<p>gone</p>", 404, {"HX-Retarget": "#errors", "HX-Reswap": "innerHTML"}

    async with TestClient(app) as client:
        answer = await client.fragment("/nowhere")
    assert answer.headers["hx-retarget"] == "#errors"


async def a_page_that_fails_ends_with_a_reference():
    def items():
        yield 1
        raise ValueError("secret")

    app = App()

    @app.get("/")
    async def page():
        return chirp_trio.Stream("list.html", items=items())

    async with TestClient(app) as client:
        with pytest.raises(chirp_trio.testing.AppError, match="secret"):
            await client.get("/")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x") as client:
        told = (await client.get("/")).text
    assert re.search(r"<!-- This page is incomplete: an error, reference \w+ -->\n$", told)
    assert "secret" not in told


async def streams_are_not_kept():
    async with TestClient(app_of(1)) as client:
        assert (await client.sse("/live")).headers["cache-control"] == "no-store, no-transform"


async def a_cr_ends_a_line():
    assert SSEEvent("a\rb\r\nc\nd").encode() == "data: a\ndata: b\ndata: c\ndata: d\n\n"


async def other_origins_are_not_let_in():
    async with TestClient(app_of(1)) as client:
        assert "access-control-allow-origin" not in (await client.sse("/live")).headers
    headers = {"Access-Control-Allow-Origin": "https://other.example"}
    async with TestClient(app_of(1, headers=headers)) as client:
        assert (await client.sse("/live")).headers["access-control-allow-origin"] == "https://other.example"


# Of each row, by how it begins: what stands in its second half.
SILENT_CLAIMS = {
    '`Fragment(..., target="stats")`': a_target_is_no_name,
    "a fragment without a name": a_fragment_has_no_name,
    "an error in a stream": an_error_is_chirp_error,
    "any item is sent": items_are_json,
    "JSON has blanks": json_is_compact,
    "the HTML of a fragment": html_is_not_stripped,
    "`event`, `target` and `swap`": options_are_variables,
    '`SSEEvent(id="")`': empty_names_and_ids_are_sent,
    "an error for htmx": an_error_for_htmx_has_no_headers,
    "a page that fails half-way": a_page_that_fails_ends_with_a_reference,
    "streams have `Cache-Control": streams_are_not_kept,
    "a CR in data": a_cr_ends_a_line,
    "`Access-Control-Allow-Origin`": other_origins_are_not_let_in,
}


def test_every_row_has_its_claim():
    assert len(SILENT_ROWS) == len(SILENT_CLAIMS)


@pytest.mark.parametrize("row", SILENT_ROWS, ids=lambda row: row[0])
async def test_a_row_of_what_differs_without_an_error_holds(site, caplog, row):
    [claim] = [claim for beginning, claim in SILENT_CLAIMS.items() if row[0].startswith(beginning)]
    await claim()


@pytest.mark.parametrize("target", [{"target": "stats"}, {}], ids=["a target", "no name"])
async def test_the_two_tools_find_the_first_two_rows(site, capsys, monkeypatch, target):
    fragment = Fragment("page.html", "stats", **target, n=1)
    async with TestClient(app_of(fragment)) as client:
        with pytest.raises(AssertionError, match="stats"):
            chirp_trio.testing.assert_sse_wired(await client.get("/"), await client.sse("/live"))
    # As it would be written in a handler, where the check reads it.
    (site / "ported.py").write_text(PORTED.format(fragment=fragment))
    monkeypatch.setattr(sys, "path", [*sys.path])
    assert main(["check", "ported.py"]) == 1
    del sys.modules["ported"]
    assert "sse-swap waits for 'stats', which is never sent to this page" in capsys.readouterr().out


PORTED = """
from chirp_trio import App, EventStream, Fragment, Template

app = App()


@app.get("/")
async def page():
    return Template("page.html", n=0)


@app.get("/live")
async def live():
    async def source():
        yield {fragment}

    return EventStream(source)
"""
