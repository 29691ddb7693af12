"""The assertions about fragments and about the ends of streams: what passes, what fails, and what they say then."""

import re
from dataclasses import fields

import httpx
import pytest
import trio

from chirp_trio import App, EventStream, HTTPError, SSEEvent
from chirp_trio.testing import (
    SSEResult,
    TestClient,
    assert_closed_cleanly,
    assert_fragment_contains,
    assert_fragment_not_contains,
    assert_is_error_fragment,
    assert_is_fragment,
    assert_sse_wired,
)
from chirp_trio.testing.assertions.html import text_of
from tests.cases import each_case

LIST = '<ul id="list" class="long"><li class="new">Tea &amp; <b>biscuits</b></li>\n<li>Milk</li></ul>'


def html(text, status=200, kind="text/html; charset=utf-8"):
    return httpx.Response(status, headers={"content-type": kind}, content=text.encode())


def result_of(*events, ended="completed"):
    """What came of a stream, without one."""
    given = {"status": 200, "headers": {}, "events": events, "ended": ended, "duration": 0}
    return SSEResult(**{field.name: given.get(field.name, ()) for field in fields(SSEResult)})


def fails(told, assertion, *arguments, **options):
    with pytest.raises(AssertionError, match=re.escape(told)) as caught:
        assertion(*arguments, **options)
    assert len(str(caught.value)) < 2000
    return str(caught.value)


# -- assert_is_fragment -----------------------------------------------------------------------------------------------------


@each_case("value", [LIST, html(LIST), SSEEvent(LIST), "text", "<br>", "<!-- <html> -->text", "<script>'<body>'</script>"])
def test_a_piece_of_a_page_is_a_fragment_wherever_it_is(value):
    assert_is_fragment(value)


@each_case(
    ("text", "sign"),
    [
        ("<!DOCTYPE html><p>a", "a doctype"),
        ("<html lang='en'><p>a", '<html lang="en">'),
        ("<head></head>", "<head>"),
        ("<div><body class=x></div>", '<body class="x">'),
        ("<!doctype html><html><head></head></html>", "a doctype and <html> and <head>"),
    ],
)
def test_a_whole_page_is_no_fragment(text, sign):
    told = fails(f"it is a whole page, and no fragment: it has {sign}; what came: ", assert_is_fragment, text)
    assert told.endswith(text)


def test_a_response_of_another_kind_is_no_fragment():
    fails(
        "the response is no HTML: its content-type is application/json; what came: {}",
        assert_is_fragment,
        html("{}", kind="application/json"),
    )
    fails("its content-type is missing", assert_is_fragment, httpx.Response(204))


@each_case("value", [None, b"<p>", 3, SSEEvent({"json": 1}), [LIST]])
def test_what_holds_no_html_is_a_mistake_of_the_test(value):
    with pytest.raises(TypeError, match=r"it must be HTML: an httpx\.Response, an SSEEvent as it arrived, or text"):
        assert_is_fragment(value)


def test_what_came_is_cut_to_a_size_that_can_be_read():
    told = fails("a whole page", assert_is_fragment, "<html>" + "a" * 5000 + "the end")
    assert "… 4413 characters …" in told
    assert told.endswith("the end")


# -- assert_fragment_contains -----------------------------------------------------------------------------------------------


@each_case("value", [LIST, html(LIST), SSEEvent(LIST)])
def test_a_text_is_looked_for_in_the_markup_and_in_what_a_reader_sees(value):
    assert_fragment_contains(value, "Milk")
    assert_fragment_contains(value, "<b>biscuits</b>")
    assert_fragment_contains(value, "Tea &amp; <b>")
    assert_fragment_contains(value, "Tea & biscuits", "Milk")
    assert_fragment_contains(value, "Tea &\n biscuits Milk")


def test_a_text_that_is_missing_is_told_with_what_came_and_what_is_like_it():
    told = fails(
        "it does not contain 'Milc'; did you mean 'Milk'?; what came: <ul", assert_fragment_contains, LIST, "Milk", "Milc"
    )
    assert told.endswith(LIST)


def test_elements_are_looked_for_by_a_selector_and_by_what_they_hold():
    assert_fragment_contains(LIST, selector="li")
    assert_fragment_contains(LIST, selector="#list > li", count=2)
    assert_fragment_contains(LIST, selector="i", count=0)
    assert_fragment_contains(LIST, "Tea & biscuits", selector="li.new", count=1)
    assert_fragment_contains(LIST, "Tea", "biscuits", selector="li")


def test_an_element_that_is_missing_is_told_with_those_that_are_there():
    fails(
        "it should contain an element '#lst', and contains none; did you mean '#list'?; what came: <ul",
        assert_fragment_contains,
        LIST,
        selector="#lst",
    )
    fails("it should contain 3 elements 'li', and contains 2 of them", assert_fragment_contains, LIST, selector="li", count=3)
    fails(
        "it should contain an element 'li' with 'Tea' and 'Milk', and contains none; "
        "there are: <li class=\"new\"> 'Tea & biscuits', <li> 'Milk'",
        assert_fragment_contains,
        LIST,
        "Tea",
        "Milk",
        selector="li",
    )


def test_a_whole_page_contains_no_fragment():
    fails("it is a whole page", assert_fragment_contains, "<html>Milk", "Milk")
    fails("it is a whole page", assert_fragment_not_contains, "<html>Milk", "Tea")


def test_what_is_not_there_is_looked_for_where_it_could_be():
    assert_fragment_not_contains(LIST, "Coffee", "<i>")
    assert_fragment_not_contains(LIST, selector="#nobody")
    assert_fragment_not_contains(LIST, "Milk", selector="li.new")
    fails("it contains 'Milk'; what came: <ul", assert_fragment_not_contains, LIST, "Coffee", "Milk")
    fails("it contains 'Tea & biscuits'", assert_fragment_not_contains, LIST, "Tea & biscuits")
    fails("it contains '<b>'", assert_fragment_not_contains, LIST, "<b>")
    fails("it contains an element 'li': <li class=\"new\">", assert_fragment_not_contains, LIST, selector="li")
    fails("it contains an element 'li' with 'Milk': <li>", assert_fragment_not_contains, LIST, "Milk", selector="li")


@each_case("assertion", [assert_fragment_contains, assert_fragment_not_contains])
def test_a_question_that_asks_nothing_is_a_mistake_of_the_test(assertion):
    with pytest.raises(ValueError, match="neither a text nor a selector"):
        assertion(LIST)
    with pytest.raises(ValueError, match="one of the texts is empty"):
        assertion(LIST, "")
    with pytest.raises(ValueError, match="'li:hover' is not understood"):
        assertion(LIST, selector="li:hover")


def test_only_elements_of_a_selector_can_be_counted():
    with pytest.raises(ValueError, match="count is 2, and counts the elements of a selector"):
        assert_fragment_contains(LIST, "Milk", count=2)


# -- what a reader sees, and what is markup ----------------------------------------------------------------------------------


@each_case(
    ("text", "seen"),
    [
        ("<table><tr><td>1</td><td>2</td></tr><tr><th>3<td>4</table>", "1 2 3 4"),
        ("<tr><td>1</td><td>2</td></tr>", "1 2"),
        ("<ul><li>7</li><li>30 left</ul>", "7 30 left"),
        ("<p>Hello<br>world</p>", "Hello world"),
        ("<div>a</div>b<section>c</section><h1>d</h1>", "a b c d"),
        ("<dl><dt>a<dd>b</dl><select><option>c<option>d</select>", "a b c d"),
        ("a<hr>b<img src=x>c<button>d</button><button>e</button><input>f", "a b c d e f"),
        ("<hx-partial>a</hx-partial><hx-partial>b</hx-partial>", "a b"),
        ("H<sub>2</sub>O, <b>b</b>old, <a href=x>l</a>ink<wbr>ed, <my-word>w</my-word>ord", "H2O, bold, linked, word"),
        ("<p>a\n  <b>b</b>&nbsp;c</p>", "a b c"),
        ("a&lt;b&gt; &amp;amp;", "a<b> &amp;"),
        ("a<script>b</script><style>c</style><template>d</template><noscript>e</noscript><!-- f -->", "a"),
        ("a<p hidden>b<i>c</i></p><p hidden=until-found>d</p>", "a"),
        ("<details><summary>a</summary>b</details>", "a b"),
        ("<ruby>a<rt>b</ruby>", "a b"),
    ],
)
def test_what_a_reader_sees(text, seen):
    assert text_of(text) == seen
    error = html(f'<div class="chirp-error" data-status="404">{text}</div>', 404)
    fails(f"the error should say 'no', and says {seen!r}", assert_is_error_fragment, error, "no")


@each_case(
    ("text", "asked"),
    [
        ("<tr><td>1</td><td>2</td></tr>", "12"),
        ("<ul><li>7</li><li>30 left</li></ul>", "730 left"),
        ("<li>tea</li><li>house</li>", "teahouse"),
        ("<p>Hello<br>world</p>", "Helloworld"),
        ('<li class="tea" title="tea" hidden>coffee</li>', "tea"),
        ('<li id="x" data-tea>coffee</li>', 'id="x"'),
        ("<!-- tea --><li>coffee</li>", "tea"),
        ("<script>tea</script><li>coffee</li>", "tea"),
        ("<li hidden>tea</li>", "tea"),
        ("<ul><li>coffee</li></ul>", "li"),
        ("&lt;script&gt;", "<script>"),
        ("a &amp; b", "&amp;lt;"),
        ("<b>a</b>", "<b >a</b>"),
    ],
)
def test_what_a_reader_does_not_see_and_what_is_no_markup_is_not_contained(text, asked):
    fails(f"it does not contain {asked!r}", assert_fragment_contains, text, asked)
    assert_fragment_not_contains(text, asked)


@each_case(
    ("text", "asked"),
    [
        ("<p>Hello<br>world</p>", "Hello world"),
        ("<p>Hello<br>world</p>", "Hello<br>world"),
        ('<li class="tea">coffee</li>', '<li class="tea">'),
        ("<li>coffee</li>", "</li>"),
        ("<!-- tea --><li>", "<!-- tea"),
        ("Tea &amp; biscuits", "Tea &amp; biscuits"),
        ("Tea &amp; biscuits", "Tea & biscuits"),
        ("&lt;script&gt;", "&lt;script&gt;"),
        ("1 &lt; 2", "1 < 2"),
        ("a<b>b</b>", "ab"),
        ("id=&quot;x&quot;", 'id="x"'),
    ],
)
def test_what_a_reader_sees_and_markup_as_it_was_written_is_contained(text, asked):
    assert_fragment_contains(text, asked)
    fails(f"it contains {asked!r}", assert_fragment_not_contains, text, asked)


def test_a_text_that_is_there_as_something_else_is_told_so():
    fails(
        "it does not contain 'tea' as a text that a reader sees; it stands in the markup, where a selector finds it",
        assert_fragment_contains,
        '<li class="tea">coffee</li>',
        "tea",
    )
    fails(
        "it does not contain '<b>' as markup; a reader sees it as text, which is written with &lt; and &gt;",
        assert_fragment_contains,
        "&lt;b&gt;",
        "<b>",
    )


def test_an_element_that_is_asked_for_is_looked_into_though_it_is_hidden():
    assert_fragment_contains("<template>a</template><p hidden>b</p>", "a", selector="template")
    assert_fragment_contains("<template>a</template><p hidden>b</p>", "b", selector="p")


# -- what is no fragment, for each assertion --------------------------------------------------------------------------------

QUESTIONS = {
    "assert_is_fragment": assert_is_fragment,
    "assert_fragment_contains": lambda value, **options: assert_fragment_contains(value, "Milk", **options),
    "contains, elements": lambda value, **options: assert_fragment_contains(value, selector="i", count=0, **options),
    "assert_fragment_not_contains": lambda value, **options: assert_fragment_not_contains(value, "Coffee", **options),
    "not contains, elements": lambda value, **options: assert_fragment_not_contains(value, selector="#nobody", **options),
    "assert_sse_wired": lambda value, **options: assert_sse_wired(value, [SSEEvent("x", event="a")], **options),
    "assert_is_error_fragment": lambda value, **options: assert_is_error_fragment(value, **options),
}
ASKS = each_case("question", QUESTIONS.values(), ids=QUESTIONS)
OF_FRAGMENTS = each_case("question", list(QUESTIONS.values())[:5], ids=list(QUESTIONS)[:5])
WIRED = '<ul hx-ext="sse" sse-connect="/" sse-swap="a"><li>Milk</ul>'


@ASKS
@each_case(
    "value",
    [
        pytest.param(html('<div class="chirp-error" data-status="500">Milk</div>', 500), id="an error"),
        pytest.param(html(WIRED, 404), id="another error"),
        pytest.param(html(""), id="an empty response"),
        pytest.param(html(" \n<!-- Milk -->"), id="a response with a comment alone"),
        pytest.param(html(WIRED, kind="application/json"), id="no HTML"),
        pytest.param(httpx.Response(302, headers={"location": "/"}), id="a redirect"),
        pytest.param(httpx.Response(204), id="no content"),
    ],
)
def test_no_assertion_holds_for_a_response_that_is_none_of_its_kind(question, value):
    if question is QUESTIONS["assert_is_error_fragment"] and value.status_code == 500:
        question(value, status=500)
        value = html('<div class="chirp-error" data-status="500">Milk</div>', 200)
    with pytest.raises(AssertionError):
        question(value)


@OF_FRAGMENTS
def test_an_assertion_holds_for_the_status_that_it_is_asked_for_and_no_other(question):
    question(html(LIST))
    question(html(LIST, 422), status=422)
    question(html(LIST, 200), status=200)
    fails("the response should have status 200, and has 422; what came: <ul", question, html(LIST, 422), status=200)
    fails("the response should have status 422, and has 200", question, html(LIST), status=422)
    fails("should have a status below 400, as none is asked for, and has 500", question, html(LIST, 500))
    with pytest.raises(ValueError, match="status is 200, but fragment is no response, so it has no status; leave status out"):
        question(LIST, status=200)


@OF_FRAGMENTS
@each_case("value", ["", " \n", "<!-- Milk -->", SSEEvent("")])
def test_what_is_empty_is_no_fragment(question, value):
    fails("it is empty, and no fragment; what came: '", question, value)


@OF_FRAGMENTS
def test_what_a_stream_says_when_it_fails_is_no_fragment(question):
    fails("it is the event 'chirp:error', and no fragment: Milk", question, SSEEvent("Milk", event="chirp:error"))
    fails("it is the event 'chirp:gap', and no fragment: Milk", question, SSEEvent("Milk", event="chirp:gap"))


@ASKS
@each_case("value", [None, b"<p>Milk", 3, [LIST]])
def test_what_is_of_a_wrong_type_is_a_mistake_of_the_test(question, value):
    with pytest.raises(TypeError):
        question(value)


# -- errors and ends, of a real app -----------------------------------------------------------------------------------------


@pytest.fixture
async def client():
    app = App()

    @app.route("/secret")
    async def secret():
        raise HTTPError(403, "For members & friends only.")

    @app.route("/refused")
    async def refused():
        async def source():
            raise HTTPError(429, "Too many.")
            yield

        return EventStream(source)

    @app.route("/good")
    async def good():
        async def source():
            yield "one"
            yield SSEEvent("", event="done")

        return EventStream(source)

    @app.route("/endless")
    async def endless():
        async def source():
            yield "one"
            await trio.sleep_forever()

        return EventStream(source)

    async with TestClient(app) as client:
        yield client


async def test_an_error_that_htmx_gets_is_an_error_fragment(client):
    response = await client.fragment("/secret")
    assert_is_error_fragment(response)
    assert_is_error_fragment(response, "members & friends", status=403)
    assert_is_fragment(response, status=403)
    assert_fragment_contains(response, "members & friends", status=403)
    assert_fragment_not_contains(response, "enemies", status=403)
    fails("GET /secret should have status 404, and has 403", assert_is_error_fragment, response, status=404)
    fails(
        "the error should say 'enemies', and says 'For members & friends only.'",
        assert_is_error_fragment,
        response,
        "enemies",
    )


async def test_an_error_that_a_browser_gets_is_none(client):
    response = await client.get("/secret")
    fails(
        "it is a whole page, and no fragment, as for a browser: did the request say that htmx makes it",
        assert_is_error_fragment,
        response,
    )


async def test_an_error_as_json_is_none(client):
    response = await client.get("/secret", headers={"accept": "application/json"})
    fails("GET /secret is no HTML: its content-type is application/json", assert_is_error_fragment, response)


async def test_a_stream_that_is_refused_may_be_an_error_fragment(client, autojump_clock):
    result = await client.sse("/refused", headers={"HX-Request": "true"})
    assert_is_error_fragment(result, "Too many.", status=429)
    fails("the stream should have status 403, and has 429", assert_is_error_fragment, result, status=403)


def test_something_else_is_no_error_fragment():
    fails("should have the status of an error, and has 200", assert_is_error_fragment, html(LIST))
    fails("has no element of the class chirp-error", assert_is_error_fragment, html(LIST, 404))
    fails(
        'has status 404, and its element says otherwise: <div class="chirp-error" data-status="403">',
        assert_is_error_fragment,
        html('<div class="chirp-error" data-status="403">a</div>', 404),
    )
    with pytest.raises(TypeError, match=r"must be an httpx\.Response or an SSEResult"):
        assert_is_error_fragment(LIST)


async def test_a_stream_that_completes_is_closed_cleanly(client, autojump_clock):
    result = await client.sse("/good")
    assert_closed_cleanly(result)
    assert_closed_cleanly(result, ended="completed", last_event="done")
    fails(
        "the stream should have ended as 'disconnected', and ended as 'completed' after 2 events: (SSEEvent(",
        assert_closed_cleanly,
        result,
        ended="disconnected",
    )
    fails(
        "the last event should be 'dome', and was the event 'done'; did you mean 'done'?; what came: (SSEEvent(",
        assert_closed_cleanly,
        result,
        last_event="dome",
    )
    assert_closed_cleanly(await client.sse("/good", max_events=1), ended="max_events", last_event="message")


def test_a_stream_that_told_of_an_error_is_not():
    events = SSEEvent("one"), SSEEvent('{"reference":"0badcafe"}', event="chirp:error")
    fails(
        'the stream told of an error, in event 2 of 2: {"reference":"0badcafe"}; the log has more of it',
        assert_closed_cleanly,
        result_of(*events),
    )


async def test_a_stream_that_was_refused_is_not_unless_that_is_meant(client, autojump_clock):
    result = await client.sse("/refused", headers={"HX-Request": "true"})
    fails("the response was no event stream: status 429: <div class", assert_closed_cleanly, result)
    fails("the response was no event stream: status 429", assert_closed_cleanly, result, ended="completed")
    assert_closed_cleanly(result, ended="refused")


async def test_a_stream_that_is_open_is_not_closed(client, autojump_clock):
    async with client.stream_sse("/endless") as stream:
        await stream.next_event()
        fails("the stream is still open; what came: [SSEEvent(", assert_closed_cleanly, stream)
    assert_closed_cleanly(stream)
    assert_closed_cleanly(stream, ended="disconnected")
    fails("should have ended as 'completed', and ended as 'disc", assert_closed_cleanly, stream, ended="completed")


async def test_a_stream_that_is_read_to_its_end_has_completed(client, autojump_clock):
    async with client.stream_sse("/good") as stream:
        async for _ in stream:
            pass
        assert_closed_cleanly(stream, ended="completed", last_event="done")
    assert_closed_cleanly(stream, ended="completed", last_event="done")


def test_a_stream_that_was_cut_off_has_not_ended_in_a_proper_way():
    fails("should have ended in a proper way, and ended as 'cut off'", assert_closed_cleanly, result_of(ended="cut off"))


async def test_a_stream_that_is_none_is_not_closed_cleanly(client, autojump_clock):
    async with client.stream_sse("/secret") as stream:
        pass
    fails("the response was no event stream: status 403", assert_closed_cleanly, stream)


def test_a_stream_without_events_has_no_last_one():
    result = result_of()
    assert_closed_cleanly(result)
    fails("the last event should be 'done', and was no event at all", assert_closed_cleanly, result, last_event="done")


def test_an_ending_that_does_not_exist_is_a_mistake_of_the_test():
    result = result_of()
    with pytest.raises(ValueError, match="ended is 'complete'; it must be one of 'completed', 'max_events'"):
        assert_closed_cleanly(result, ended="complete")
    with pytest.raises(TypeError, match="stream is 3; it must be an SSEResult or an SSEStream"):
        assert_closed_cleanly(3)


def test_a_count_below_zero_is_refused():
    with pytest.raises(ValueError, match=r"^assert_fragment_contains: count is -1; it must be zero or more$"):
        assert_fragment_contains("<p>tea</p>", selector="p", count=-1)
