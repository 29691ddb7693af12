"""Whether a page and its stream fit together: real streams for both generations of htmx, and pages with every mistake."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from chirp_trio import App, AppConfig, EventStream, Fragment, SSEEvent
from chirp_trio.testing import SSEResult, TestClient, assert_sse_wired
from tests.cases import each_case

TEMPLATES = Path(__file__).parent / "templates"
HTMX_4 = {"HX-Request": "true", "Accept": "text/html, text/event-stream"}
PAGE = """<!doctype html>
<main hx-ext="sse" sse-connect="/live?last_event_id=1" sse-close="done">
  <p sse-swap="progress"></p>
  <ol sse-swap="step, note"></ol>
  <i hx-get="/" hx-trigger="sse:alarm[detail.a,detail.b] delay:1s, alarm from:main"></i>
  <b id="total"></b>
</main>
"""


def events(*names, data="x"):
    return [SSEEvent(data, event=name) for name in names]


def result_of(events, ended, **given):
    """What came of a stream, without one."""
    given = {"status": 200, "headers": {}, "events": events, "ended": ended, "text": "", **given}
    return SSEResult(**{field.name: given.get(field.name, ()) for field in fields(SSEResult)})


def to(*targets):
    """Events as htmx 4 gets them."""
    return [SSEEvent(f'<hx-partial hx-target="{target}">x</hx-partial>') for target in targets]


def swap(name):
    return f"[sse-swap~='{name}'],[sse-swap^='{name},'],[sse-swap*=',{name},'],[sse-swap*=' {name},'],[sse-swap$=',{name}']"


ALL = ("progress", "step", "note", "alarm", "done")


def problems(page, stream, **options):
    with pytest.raises(AssertionError) as caught:
        assert_sse_wired(page, stream, **options)
    first, *others = str(caught.value).split("\n- ")
    return others or first


@pytest.fixture
async def client():
    app = App(AppConfig(template_dir=TEMPLATES))

    @app.route("/")
    async def page():
        return PAGE

    @app.route("/live")
    async def live():
        async def source():
            for name in ("progress", "step", "note"):
                yield Fragment("item.html", event=name, text=name)
            yield Fragment("item.html", event="sum", target="#total", text=1)
            yield SSEEvent("", event="alarm")
            yield SSEEvent("", event="done")

        return EventStream(source)

    async with TestClient(app) as client:
        yield client


async def test_a_page_that_fits_its_stream_fits_it_for_htmx_4(client, autojump_clock):
    page = await client.get("/")
    assert_sse_wired(page, await client.sse("/live", headers=HTMX_4))
    assert_sse_wired(page.text, await client.sse("/live", headers=HTMX_4), htmx=4)


async def test_a_page_that_fits_its_stream_fits_it_for_htmx_2(client, autojump_clock):
    page = await client.get("/")
    result = await client.sse("/live")
    # The total has a target, which htmx 2 does not look at.
    assert problems(page, result) == [
        "the stream sent 'sum' (1), and nobody listens: the page waits for 'alarm', 'done', 'note', 'progress', 'step'"
    ]
    assert_sse_wired(page, result, ignore={"sum"})
    assert_sse_wired(page, result, strict=False)


async def test_a_stream_that_is_open_is_taken_for_what_has_come(client, autojump_clock):
    page = await client.get("/")
    async with client.stream_sse("/live") as stream:
        await stream.next_event()
        assert_sse_wired(page, stream, ignore=["sum"])


# -- htmx 2 -------------------------------------------------------------------------------------------------------------


def test_every_name_that_a_page_waits_for_has_to_come():
    assert_sse_wired(PAGE, events(*ALL))
    assert problems(PAGE, events("progress", "steps", "note", "alarm"), strict=False) == [
        (
            "the page waits for 'step' (sse-swap of <ol sse-swap=\"step, note\">, line 4), "
            "and the stream sent 'progress' (1), 'steps' (1), 'note' (1), 'alarm' (1); did you mean 'steps'?"
        )
    ]
    assert "'alarm' (hx-trigger of <i " in problems(PAGE, events("progress", "step", "note"))[0]
    assert "the stream sent no event at all" in problems(PAGE, [])[0]


def test_a_name_that_no_one_waits_for_is_told():
    [told] = problems(PAGE, events(*ALL, "progres", "progres"))
    assert told.startswith("the stream sent 'progres' (2), and nobody listens: the page waits for 'alarm', ")
    assert told.endswith("; did you mean 'progress'?")
    assert_sse_wired(PAGE, events(*ALL, "progres"), strict=False)
    assert_sse_wired(PAGE, events(*ALL, "progres"), ignore=["progres"])


def test_an_event_without_a_name_is_a_message():
    page = '<p hx-ext="sse" sse-connect="/live" sse-swap="message"></p>'
    assert_sse_wired(page, events(None))
    assert_sse_wired(page, events("message"))
    [told] = problems(PAGE, events(*ALL, None))
    assert "the stream sent 'message' (1)" in told
    assert told.endswith("and what has no name is 'message' there")


def test_names_to_be_ignored_need_not_come():
    assert_sse_wired(PAGE, events("progress", "step"), ignore={"note", "alarm"})


def test_the_library_s_own_events_come_when_something_has_happened():
    page = '<p hx-ext="sse" sse-connect="/live" hx-trigger="sse:chirp:gap" sse-swap="news"></p>'
    assert_sse_wired(page, events("news"))
    assert_sse_wired(page, events("news", "chirp:gap"))
    told = problems(page, events("news", "chirp:error"))
    assert told == ["the stream told of an error, in event 2 of 2: x; the log has more of it"]
    assert_sse_wired(page, events("news", "chirp:error"), ignore={"chirp:error"})


def test_only_a_stream_that_has_completed_owes_the_event_that_closes_it():
    came = tuple(events("progress", "step", "note", "alarm"))
    assert_sse_wired(PAGE, came)
    assert_sse_wired(PAGE, result_of(came, "max_events"))
    [told] = problems(PAGE, result_of(came, "completed"))
    assert told.startswith("the page waits for 'done' (sse-close of <main ")


def test_a_script_in_the_page_may_listen_too():
    for quote in "'\"`":
        script = f"<script>source.addEventListener({quote}tick{quote}, draw)</script>"
        assert_sse_wired(PAGE + script, events(*ALL, "tick"))
    assert problems(PAGE + "<script>tick()</script>", events(*ALL, "tick"))


def test_attributes_may_be_written_with_data():
    page = '<p data-hx-ext="preload, sse" data-sse-connect="/live" data-sse-swap="news"></p>'
    assert_sse_wired(page, events("news"))


def test_who_waits_outside_of_every_connection_waits_in_vain():
    page = '<div hx-ext="sse"><p sse-connect="/live"></p><b sse-swap="news"></b><i hx-trigger="click, sse:end"></i></div>'
    told = problems(page, [])
    assert len(told) == 2
    assert told[0].startswith("the page waits for 'news' (sse-swap of <b ")
    assert told[1].startswith("the page waits for 'end' (hx-trigger of <i ")
    assert all(line.endswith("outside of every element that opens a stream") for line in told)


def test_htmx_2_has_to_be_told_of_its_extension():
    page = '<main sse-connect="/live" sse-swap="news"></main>'
    [told] = problems(page, events("news"))
    assert told.endswith('has no hx-ext="sse", and is in no element that has, so htmx 2 leaves it alone')
    assert_sse_wired(f'<body hx-ext="sse">{page}</body>', events("news"))
    assert_sse_wired(page, [], htmx=4, ignore={"news"})


def test_htmx_2_does_not_know_the_attribute_of_htmx_4():
    [told] = problems('<main hx-sse:connect="/live"></main>', [], htmx=2)
    assert told.startswith("htmx 2 does not know hx-sse:connect")


# -- htmx 4 -------------------------------------------------------------------------------------------------------------

COMPLETE = [*to(*map(swap, ("progress", "step", "note")), "#total"), *events("done")]


def test_every_element_that_waits_has_to_get_a_fragment():
    assert_sse_wired(PAGE, COMPLETE)
    assert problems(PAGE, to(swap("progress"), swap("note"))) == [
        (
            "the page waits for 'step' (sse-swap of <ol sse-swap=\"step, note\">, line 4), and no fragment goes there; "
            "those that came go to \"[sse-swap~='progress']\", \"[sse-swap~='note']\""
        )
    ]
    assert "those that came go to nothing" in problems(PAGE, [], htmx=4)[0]
    # Whatever names it waits for.
    assert_sse_wired(PAGE, to(swap("progress"), "ol"))


def test_every_fragment_has_to_go_to_what_is_there():
    [told] = problems(PAGE, [*COMPLETE, *to("#totals"), *to(swap("steps"))][0:6], ignore=["x"])
    assert told == "event 6 goes to '#totals', and nothing in the page is that; did you mean '#total'?"
    [told] = problems(PAGE, [*COMPLETE, *to(swap("steps"))])
    assert told.startswith("event 6 goes to \"[sse-swap~='steps']\", and")
    assert told.endswith("and nothing in the page is that; did you mean \"[sse-swap~='step']\"?")
    assert problems(PAGE, [*COMPLETE, *to("#nowhere")], strict=False)


def test_a_partial_without_a_target_goes_by_its_id():
    assert_sse_wired(PAGE, [*COMPLETE, SSEEvent('<hx-partial id="total">1</hx-partial>')])
    [told] = problems(PAGE, [*COMPLETE, SSEEvent('<hx-partial id="sum">1</hx-partial>')])
    assert told.startswith("event 6 goes to '#sum', and nothing")
    assert_sse_wired(PAGE, [*COMPLETE, SSEEvent("<hx-partial>1</hx-partial>")])


def test_several_partials_in_one_event_go_to_as_many_places():
    data = "".join(event.data for event in to(swap("progress"), swap("step"), swap("note")))
    assert_sse_wired(PAGE, [SSEEvent(data)])


def test_a_target_in_the_language_of_htmx_is_not_judged():
    for target in ("next .error:first-child", "closest section", "body", "p:first-child"):
        assert_sse_wired(PAGE, to(target))


def test_what_has_no_name_and_no_target_goes_into_the_element_that_connects():
    assert_sse_wired('<p hx-sse:connect="/live"></p>', events(None))
    assert_sse_wired('<p hx-sse:connect="/live" sse-swap="message"></p>', events(None))
    [told] = problems('<p hx-sse:connect="/live"><b sse-swap="message"></b></p>', events(None))
    assert "no fragment goes there" in told


def test_what_has_a_name_is_dispatched_and_somebody_has_to_listen():
    assert_sse_wired(PAGE, [*COMPLETE, *events("alarm")])
    assert_sse_wired(f'{PAGE}<b hx-on:tick="draw()"></b><b data-hx-on:tack="draw()">', [*COMPLETE, *events("tick", "tack")])
    [told] = problems(PAGE, [*COMPLETE, *events("progress")])
    assert told.startswith("the stream sent 'progress' (1), and nobody listens: htmx 4 dispatches what has a name")


def test_the_event_that_closes_has_its_own_attribute():
    page = '<main hx-sse:connect="/live" hx-sse:close="end"></main>'
    assert_sse_wired(page, events("end"))
    [told] = problems(page, result_of(tuple(events("ende")), "completed"), strict=False)
    assert told.startswith("the page waits for 'end' (hx-sse:close of <main ")
    assert told.endswith("did you mean 'ende'?")


# -- which stream -------------------------------------------------------------------------------------------------------

TWO = '<div hx-ext="sse"><p sse-connect="/a?x=1" sse-swap="one"></p><p sse-connect="/b" sse-swap="two"></p></div>'


def test_of_several_streams_one_has_to_be_chosen():
    assert_sse_wired(TWO, events("one"), connect="/a")
    assert_sse_wired(TWO, events("one"), connect="/a?x=1")
    assert_sse_wired(TWO, events("two"), connect="/b")
    assert "several event streams, '/a?x=1', '/b': connect must say which" in problems(TWO, events("one"))
    assert "opens no event stream '/bb'; those that it opens: '/a?x=1', '/b'; did you mean '/b'?" in problems(
        TWO, events("one"), connect="/bb"
    )


def test_an_element_belongs_to_the_closest_connection():
    page = '<div hx-ext="sse" sse-connect="/a"><b sse-swap="one"></b><p sse-connect="/b"><b sse-swap="two"></b></p></div>'
    assert_sse_wired(page, events("one"), connect="/a")
    assert_sse_wired(page, events("two"), connect="/b")


def test_a_page_without_a_stream_is_told():
    assert "the page opens no event stream" in problems("<p sse-swap='a'></p>", [])
    assert "the page opens no event stream" in problems("<p sse-connect></p>", [])


# -- mistakes of the test -----------------------------------------------------------------------------------------------


def test_a_stream_that_was_refused_has_no_events():
    result = result_of((), "refused", status=403, text="members only")
    assert problems(PAGE, result) == "the response was no event stream: status 403: members only"


@each_case("stream", [None, "text", 3, ["news"]])
def test_what_is_no_stream_is_refused(stream):
    with pytest.raises(TypeError, match=re.escape("it must be an SSEResult, an SSEStream, or several SSEEvents")):
        assert_sse_wired(PAGE, stream)


def test_there_are_two_generations():
    with pytest.raises(ValueError, match="htmx is 3; it must be 2, 4 or None"):
        assert_sse_wired(PAGE, [], htmx=3)


def test_the_page_must_be_html():
    with pytest.raises(TypeError, match="page is None; it must be HTML"):
        assert_sse_wired(None, [])
