"""HTML that somebody else has rendered: it reaches both generations of htmx, with an `App` and without one."""

import markupsafe
import pytest

from chirp_trio import HTML, App, EventStream, SQLiteStore, SSEEvent, Topic
from chirp_trio.htmx import listeners
from chirp_trio.testing import TestClient
from tests.cases import each_case

HTMX4 = {"HX-Request": "true", "Accept": "text/html, text/event-stream"}
BOLD = "<b>1</b>"


class Element:
    def __html__(self):
        return BOLD


def partial(target, swap=""):
    return f'<hx-partial hx-target="{target}"{swap}>{BOLD}</hx-partial>'


def in_an_app(stream):
    app = App()
    app.route("/")(lambda: stream)
    return app


def alone(stream):
    return stream


async def sent(item, headers, host, event_type=None):
    async def source():
        yield item

    async with TestClient(host(EventStream(source, event_type))) as client:
        (event,) = (await client.sse("/", headers=headers)).events
    return event.event, event.data


ITEMS = [
    pytest.param(HTML(BOLD), None, (None, BOLD), BOLD, id="HTML"),
    pytest.param(HTML(BOLD, event="tick"), None, ("tick", BOLD), partial(listeners("tick")), id="named"),
    pytest.param(HTML(BOLD), "tick", ("tick", BOLD), partial(listeners("tick")), id="named by the stream"),
    pytest.param(
        HTML(BOLD, event="tick", target="#a", swap="beforeend"),
        None,
        ("tick", BOLD),
        partial("#a", ' hx-swap="beforeend"'),
        id="with target and swap",
    ),
    pytest.param(markupsafe.Markup(BOLD), "tick", ("tick", BOLD), partial(listeners("tick")), id="Markup"),
    pytest.param(Element(), "tick", ("tick", BOLD), partial(listeners("tick")), id="__html__"),
    pytest.param(SSEEvent(Element(), event="tick"), None, ("tick", BOLD), partial(listeners("tick")), id="in an event"),
    pytest.param(
        SSEEvent(HTML(BOLD, event="x"), event="tick"), None, ("tick", BOLD), partial(listeners("tick")), id="the event's name"
    ),
]


@each_case("host", [in_an_app, alone])
@each_case(("item", "event_type", "htmx2", "htmx4"), ITEMS)
async def test_html_reaches_both_generations_as_a_fragment_does(item, event_type, htmx2, htmx4, host, autojump_clock):
    assert await sent(item, {}, host, event_type) == htmx2
    assert await sent(item, HTMX4, host, event_type) == (None, htmx4)


@pytest.mark.parametrize("host", [in_an_app, alone])
async def test_text_stays_text(host, autojump_clock):
    assert await sent(BOLD, HTMX4, host, "tick") == ("tick", BOLD)


@each_case("host", [in_an_app, alone])
@each_case(("item", "htmx2", "htmx4"), [(p.values[0], p.values[2], p.values[3]) for p in ITEMS if not p.values[1]])
async def test_html_in_a_topic_reaches_both_generations(item, htmx2, htmx4, host, autojump_clock):
    topic = Topic("ticks")
    cursor = topic.cursor
    topic.publish_nowait(item)
    for headers, expected in (({}, htmx2), (HTMX4, (None, htmx4))):
        async with TestClient(host(EventStream(topic.subscribe(cursor)))) as client:
            (event,) = (await client.sse("/", headers=headers, max_events=1)).events
        assert (event.event, event.data) == expected


@pytest.mark.parametrize("item", [HTML(BOLD, event="tick", target="#a"), SSEEvent(Element(), event="tick"), Element()])
async def test_html_in_a_store_is_the_same_after_a_restart(item, tmp_path):
    received = []
    for run in range(2):
        async with Topic("ticks", store=SQLiteStore(tmp_path / "ticks.db")) as topic:
            if run == 0:
                await topic.publish(item)
            for headers in ({}, HTMX4):
                async with TestClient(EventStream(topic.subscribe(replay=1))) as client:
                    result = await client.sse("/", headers=headers, max_events=1)
                received.append([(event.event, event.data) for event in result.events])
    assert received[:2] == received[2:]
    assert received[0][0][1] == BOLD
