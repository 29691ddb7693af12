"""Fragments: as responses, and in event streams, for both generations of htmx."""

import os
from pathlib import Path

import pytest

from chirp_trio import App, AppConfig, EventStream, Fragment, Page, SSEEvent, Template
from chirp_trio.htmx import listeners
from chirp_trio.testing import TestClient
from tests.cases import each_case

TEMPLATES = Path(__file__).parent / "templates"
HTMX4 = {"HX-Request": "true", "Accept": "text/html, text/event-stream"}


def new_app(**config):
    return App(AppConfig(template_dir=TEMPLATES, **config))


# -- as responses -------------------------------------------------------------------------------------------------------


@pytest.fixture
async def client():
    app = new_app()

    @app.route("/page")
    async def page():
        return Page("page.html", "list", title="T", items=[1])

    @app.route("/fragment")
    async def fragment():
        return Fragment("page.html", "list", items=[1])

    @app.route("/template")
    async def template():
        return Template("page.html", title="T", items=[1])

    async with TestClient(app) as client:
        yield client


LIST = "<ul><li>1</li></ul>"
WHOLE = f"<html><h1>T</h1>{LIST}</html>"


@pytest.mark.parametrize(
    ("headers", "text"),
    [
        pytest.param({}, WHOLE, id="a browser"),
        pytest.param({"HX-Request": "true"}, LIST, id="htmx 2"),
        pytest.param({"HX-Request": "true", "HX-Request-Type": "partial"}, LIST, id="htmx 4"),
        pytest.param({"HX-Request": "true", "HX-Request-Type": "full"}, WHOLE, id="htmx 4, whole page"),
        pytest.param({"HX-Request": "true", "HX-Boosted": "true"}, WHOLE, id="htmx, boosted link"),
        pytest.param({"HX-Request": "true", "HX-History-Restore-Request": "true"}, WHOLE, id="htmx, from history"),
    ],
)
async def test_a_page_is_its_block_for_htmx_and_whole_for_everybody_else(client, headers, text):
    response = await client.get("/page", headers=headers)

    assert response.text.strip() == text
    assert "HX-Request" in response.headers["vary"]


@pytest.mark.parametrize("header", ["HX-Boosted", "HX-History-Restore-Request", "HX-Request-Type"])
async def test_a_cache_is_told_every_header_that_decides_between_page_and_block(client, header):
    response = await client.get("/page")

    assert header in response.headers["vary"]


@pytest.mark.parametrize(("path", "text"), [("/fragment", LIST), ("/template", WHOLE)])
@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}], ids=["a browser", "htmx"])
async def test_fragments_and_templates_are_the_same_for_everybody(client, path, text, headers):
    response = await client.get(path, headers=headers)

    assert response.text.strip() == text
    assert "vary" not in response.headers


async def test_filters_and_globals_of_the_app_are_known_to_its_templates(tmp_path):
    (tmp_path / "page.html").write_text("{{ text | shout }} {{ text | quietly }} {{ site }} {{ double(2) }}")
    app = App(AppConfig(template_dir=tmp_path))
    app.template_global("site", "chirp")
    app.template_global("double", lambda number: number * 2)

    @app.template_filter()
    def shout(text):
        return text.upper()

    @app.template_filter("quietly")
    def lower(text):
        return text.lower()

    @app.route("/")
    async def index():
        return Template("page.html", text="Hi")

    async with TestClient(app) as client:
        assert (await client.get("/")).text == "HI hi chirp 4"


@pytest.mark.parametrize(("debug", "second"), [(True, "two"), (False, "one")], ids=["debug", "production"])
async def test_templates_are_read_again_in_debug_mode_only(tmp_path, debug, second):
    file = tmp_path / "page.html"
    file.write_text("one")
    app = App(AppConfig(template_dir=tmp_path, debug=debug))

    @app.route("/")
    async def index():
        return Template("page.html")

    async with TestClient(app) as client:
        assert (await client.get("/")).text == "one"
        file.write_text("two")
        os.utime(file, (0, 0))
        assert (await client.get("/")).text == second


# -- in event streams ---------------------------------------------------------------------------------------------------


async def streamed(*items, event_type=None, headers=None, raise_stream_errors=True, **config):
    """The events that a client gets of these items."""
    app = new_app(**config)

    @app.route("/")
    async def index():
        async def source():
            for item in items:
                yield item

        return EventStream(source, event_type)

    async with TestClient(app, raise_stream_errors=raise_stream_errors) as client:
        result = await client.sse("/", headers=headers)
    assert (result.status, result.ended) == (200, "completed")
    return result.events


ITEM = "<li>a</li>"


@each_case(
    ("item", "event_type", "event"),
    [
        pytest.param(
            SSEEvent(Fragment("item.html", event="second", text="a"), event="first"), "third", "first", id="SSEEvent"
        ),
        pytest.param(SSEEvent(Fragment("item.html", event="second", text="a"), id="1"), "third", "second", id="its fragment"),
        pytest.param(Fragment("item.html", event="second", text="a"), "third", "second", id="a fragment"),
        pytest.param(SSEEvent(Fragment("item.html", text="a")), "third", "third", id="the stream, for an SSEEvent"),
        pytest.param(Fragment("item.html", text="a"), "third", "third", id="the stream, for a fragment"),
        pytest.param(ITEM, "third", "third", id="the stream, for text"),
        pytest.param(Fragment("item.html", text="a"), None, None, id="none, for a fragment"),
        pytest.param(ITEM, None, None, id="none, for text"),
    ],
)
async def test_an_event_is_named_by_itself_then_its_fragment_then_the_stream_then_nobody(item, event_type, event):
    (sent,) = await streamed(item, event_type=event_type)

    assert (sent.event, sent.data) == (event, ITEM)


@each_case(
    ("item", "data"),
    [
        pytest.param(Fragment("item.html", text="<b>"), "<li>&lt;b&gt;</li>", id="a template"),
        pytest.param(Fragment("page.html", "list", items=[1, 2]), "<ul><li>1</li><li>2</li></ul>", id="a block"),
        pytest.param(Fragment("item.html", text="a\r\nb\rc\nd"), "<li>a\nb\nc\nd</li>", id="several lines"),
        pytest.param(Fragment("item.html", text="a", target="#x", swap="outerHTML"), ITEM, id="what only htmx 4 needs"),
    ],
)
async def test_an_event_source_gets_a_fragment_rendered(item, data):
    (event,) = await streamed(item)

    assert event.data == data


async def test_id_and_retry_go_with_a_fragment():
    (event,) = await streamed(SSEEvent(Fragment("item.html", text="a"), event="news", id="7", retry=5000))

    assert event == SSEEvent(ITEM, event="news", id="7", retry=5000)


@pytest.mark.parametrize("headers", [None, HTMX4], ids=["EventSource", "htmx 4"])
async def test_a_fragment_that_cannot_be_rendered_costs_only_itself(headers, caplog):
    first, error, last = await streamed("first", Fragment("nothing.html"), "last", headers=headers, raise_stream_errors=False)

    assert (first.data, error.event, last.data) == ("first", "chirp:error", "last")
    assert "nothing.html" not in error.data
    assert "there is no template 'nothing.html'" in caplog.text


async def test_in_debug_mode_the_client_is_told_why():
    (error,) = await streamed(Fragment("nothing.html"), debug=True, raise_stream_errors=False)

    assert error.event == "chirp:error"
    assert "TemplateNotFound: there is no template 'nothing.html'" in error.data


def partial(attributes):
    return f"<hx-partial {attributes}>{ITEM}</hx-partial>"


@each_case(
    ("item", "event_type", "data"),
    [
        pytest.param(Fragment("item.html", text="a"), None, ITEM, id="unnamed"),
        pytest.param(Fragment("item.html", text="a", swap="beforeend"), None, ITEM, id="unnamed, with swap"),
        pytest.param(
            Fragment("item.html", text="a", target="#list"), None, partial('hx-target="#list"'), id="unnamed, with a target"
        ),
        pytest.param(
            Fragment("item.html", text="a", event="news"),
            None,
            partial(f'hx-target="{listeners("news")}"'),
            id="named by itself",
        ),
        pytest.param(
            SSEEvent(Fragment("item.html", text="a", event="other"), event="news"),
            "third",
            partial(f'hx-target="{listeners("news")}"'),
            id="named by its SSEEvent",
        ),
        pytest.param(
            Fragment("item.html", text="a"), "news", partial(f'hx-target="{listeners("news")}"'), id="named by its stream"
        ),
        pytest.param(
            Fragment("item.html", text="a", event="news", target="#list", swap="beforeend"),
            None,
            partial('hx-target="#list" hx-swap="beforeend"'),
            id="with target and swap",
        ),
    ],
)
async def test_htmx_4_gets_a_fragment_unnamed_in_a_partial_that_says_where_it_goes(item, event_type, data):
    (event,) = await streamed(item, event_type=event_type, headers=HTMX4)

    assert (event.event, event.data) == (None, data)


async def test_a_partial_finds_elements_that_listen_for_several_events():
    (event,) = await streamed(Fragment("item.html", text="a", event="news"), headers=HTMX4)

    assert event.data.startswith(
        """<hx-partial hx-target="[sse-swap~='news'],[sse-swap^='news,'],"""
        """[sse-swap*=',news,'],[sse-swap*=' news,'],[sse-swap$=',news']">"""
    )


async def test_htmx_4_gets_the_id_of_a_fragment():
    (event,) = await streamed(SSEEvent(Fragment("item.html", text="a"), event="news", id="7"), headers=HTMX4)

    assert (event.event, event.id) == (None, "7")


async def test_htmx_4_gets_what_is_no_fragment_as_everybody_does():
    items = ["text", {"a": 1}, SSEEvent("text", event="named")]

    assert await streamed(*items, event_type="typed", headers=HTMX4) == await streamed(*items, event_type="typed")
