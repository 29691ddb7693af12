"""Questions and their answers: what is shown, what is sent, how an answer ends, and what somebody gets who was away."""

import re
from html import unescape
from itertools import pairwise

import answers
import conversation
import marking
import model
import pytest
import trio

from chirp_trio.testing import TestClient, assert_sse_wired
from tests.cases import each_case

HTMX_4 = {"HX-Request": "true", "Accept": "text/html, text/event-stream"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture(autouse=True)
def _the_model_fails_at_the_first_time(monkeypatch):
    monkeypatch.setattr(model, "_failing", iter([True, False]))


@pytest.fixture
async def client():
    """A browser, which keeps its cookie."""
    async with TestClient(answers.app) as client:
        await client.get("/")
        yield client


def stream_of(page):
    """Where a page has its stream."""
    return unescape(re.search(r'sse-connect="([^"]+)"', page)[1])


def text_of(html):
    """What has been said so far of the answers that run, by their numbers."""
    return {int(number): unescape(text) for number, text in re.findall(r'sse-swap="text-(\d+)"[^>]*>([^<]*)</div>', html)}


def tokens(events, number):
    return "".join(unescape(event.data) for event in events if event.event == f"text-{number}")


def endings(events, number):
    """What has taken the place of an answer, each time."""
    return [event.data for event in events if event.event == f"answer-{number}"]


async def listen(stream, seconds):
    """Read what comes of a stream in this time."""
    with trio.move_on_after(seconds):
        async for _ in stream:
            pass


async def ask(client, question):
    response = await client.post("/questions", data={"question": question})
    assert response.status_code == 200


async def open_page(client):
    return (await client.get("/")).text


# -- an answer ---------------------------------------------------------------------------------------------------------


async def test_an_answer_comes_token_by_token_and_at_its_end_as_html(autojump_clock, client):
    async with client.stream_sse(stream_of(await open_page(client))) as stream:
        await ask(client, model.CANCEL)
        await listen(stream, 60)

    names = [event.event for event in stream.events]
    assert names[0] == "turn"
    assert set(names[1:-1]) == {"text-1"}
    assert names[-1] == "answer-1"
    assert tokens(stream.events, 1) == model.ANSWERS[model.CANCEL]
    times = stream.event_times[1:-1]
    assert {round(later - earlier, 3) for earlier, later in pairwise(times)} == {model.PACE}
    html = stream.events[-1].data
    assert "<strong>cancel scope</strong>" in html
    assert "<pre><code>async def main():\n    with trio" in html
    assert "print(&quot;&lt;b&gt;stopped&lt;/b&gt;&quot;)" in html
    assert "<ol><li>Each task in the scope gets <code>trio.Cancelled</code>" in html


async def test_nothing_that_a_model_or_a_user_says_is_a_tag(autojump_clock, client):
    async with client.stream_sse(stream_of(await open_page(client))) as stream:
        await ask(client, model.ESCAPE)
        await ask(client, "<i>&amp;</i>")
        await listen(stream, 60)
    sent = "".join(event.data for event in stream.events) + await open_page(client)

    assert re.findall(r"<(?:b|i|script)\b(?! src)", sent) == []
    assert tokens(stream.events, 1) == model.ANSWERS[model.ESCAPE]
    assert "&lt;script&gt;alert(&quot;this&quot;)&lt;/script&gt;" in endings(stream.events, 1)[0]
    assert "<strong>&lt;i&gt;&amp;amp;&lt;/i&gt;</strong>" in endings(stream.events, 2)[0]


async def test_several_answers_at_once_come_over_one_stream_each_under_its_own_name(autojump_clock, client):
    opened = answers.app.streams.opened
    async with client.stream_sse(stream_of(await open_page(client))) as stream:
        await ask(client, model.CANCEL)
        await listen(stream, 1)
        await ask(client, model.ESCAPE)
        await listen(stream, 60)

    for number, question in enumerate((model.CANCEL, model.ESCAPE), 1):
        assert tokens(stream.events, number) == model.ANSWERS[question]
        assert len(endings(stream.events, number)) == 1
    names = [event.event for event in stream.events]
    assert names.index("text-2") < names.index("answer-1")
    assert answers.app.streams.opened == opened + 1


async def test_an_answer_needs_nobody_who_looks(autojump_clock, client):
    await ask(client, model.CANCEL)
    await trio.sleep(60)
    page = await open_page(client)

    assert "<strong>cancel scope</strong>" in page
    assert text_of(page) == {}


async def test_the_model_gets_what_was_said_before(autojump_clock, client, monkeypatch):
    given = []

    async def remember(messages):
        given.append([(message.role, message.content) for message in messages])
        yield "Well."

    monkeypatch.setattr(model, "answer", remember)
    async with TestClient(answers.app) as client:
        await client.get("/")
        for question in ("One?", "Two?"):
            await ask(client, question)
            await trio.sleep(1)

    assert given == [[("user", "One?")], [("user", "One?"), ("assistant", "Well."), ("user", "Two?")]]


# -- a page that is loaded in the middle -------------------------------------------------------------------------------


@pytest.mark.parametrize("between", [0, 1.3], ids=["at once", "later"])
async def test_between_a_page_and_its_stream_no_token_is_lost_and_none_comes_twice(autojump_clock, client, between):
    await ask(client, model.CANCEL)
    await trio.sleep(0.5)
    await ask(client, model.ESCAPE)
    await trio.sleep(1.8)
    page = await open_page(client)
    await trio.sleep(between)
    result = await client.sse(stream_of(page), disconnect_after=60)

    before = text_of(page)
    for number, question in enumerate((model.CANCEL, model.ESCAPE), 1):
        assert 0 < len(before[number]) < len(model.ANSWERS[question])
        assert before[number] + tokens(result.events, number) == model.ANSWERS[question]


async def test_who_was_cut_off_in_the_middle_gets_what_was_missed(autojump_clock, client):
    async with client.stream_sse(stream_of(await open_page(client))) as stream:
        await ask(client, model.CANCEL)
        await listen(stream, 2)
        await stream.disconnect()
        await trio.sleep(1)
        await stream.connect()
        await listen(stream, 60)

    assert tokens(stream.events, 1) == model.ANSWERS[model.CANCEL]


async def test_every_window_sees_the_same(autojump_clock, client):
    address = stream_of(await open_page(client))
    async with client.stream_sse(address) as one, client.stream_sse(address) as other:
        await ask(client, model.FAIL)
        for stream in (one, other):
            await listen(stream, 60)

    assert one.events == other.events


async def test_who_comes_back_to_a_server_that_was_started_anew_loads_the_page_again(autojump_clock, client):
    await ask(client, model.CANCEL)
    page = await open_page(client)
    async with TestClient(answers.app, cookies=client.cookies) as again:
        result = await again.sse(stream_of(page), max_events=1)
        loaded = (await again.fragment("/")).text

    assert result.events[0].event == "chirp:gap"
    assert re.match(r"\s*<main .*</main>\s*$", loaded, re.DOTALL)
    assert "turn" not in result.events[0].data
    assert "<li>" not in loaded


@pytest.mark.parametrize(("htmx", "headers"), [(2, {}), (4, HTMX_4)])
async def test_every_event_has_its_place_in_the_page(autojump_clock, client, htmx, headers):
    await ask(client, model.FAIL)
    page = await open_page(client)
    async with client.stream_sse(stream_of(page), headers=headers) as stream:
        await listen(stream, 60)
        await client.post("/answers/1/retry")
        await listen(stream, 60)

    assert len(stream.events) > 10
    assert_sse_wired(page, stream, htmx=htmx, ignore={"turn"})


# -- stop, failure, retry ----------------------------------------------------------------------------------------------


async def test_stop_ends_the_answer_at_once_and_everybody_is_told(autojump_clock, monkeypatch):
    ended = []

    async def endless(messages):
        try:
            while True:
                yield "on and "
                await trio.sleep(0.1)
        finally:
            ended.append(trio.current_time())

    monkeypatch.setattr(model, "answer", endless)
    async with TestClient(answers.app) as client:
        async with client.stream_sse(stream_of((await client.get("/")).text)) as stream:
            await ask(client, "Go")
            await listen(stream, 1.05)
            stopped_at = trio.current_time()
            assert (await client.post("/answers/1/stop")).status_code == 204
            await listen(stream, 60)
        page = await open_page(client)

    assert ended == [stopped_at]
    assert tokens(stream.events, 1) == "on and " * 11
    [ending] = endings(stream.events, 1)
    assert "Stopped." in ending
    assert stream.events[-1].data == ending
    assert "Stopped." in page
    assert "/answers/1/retry" in page
    assert "/answers/1/stop" not in page


async def test_an_answer_that_fails_half_way_keeps_what_was_said_and_can_be_tried_again(autojump_clock, client):
    async with client.stream_sse(stream_of(await open_page(client))) as stream:
        await ask(client, model.FAIL)
        await listen(stream, 60)
        half = tokens(stream.events, 1)
        failed = await open_page(client)
        came = len(stream.events)
        await client.post("/answers/1/retry")
        await client.post("/answers/1/retry")  # by the other window: the answer runs already
        await listen(stream, 60)

    assert 0 < len(half) < len(model.ANSWERS[model.FAIL])
    assert model.ANSWERS[model.FAIL].startswith(half)
    problem, begun, complete = endings(stream.events, 1)
    for html in (problem, failed):
        assert "The model has closed the connection." in html
        assert "/answers/1/retry" in html
    assert text_of(begun) == {1: ""}
    assert tokens(stream.events[came:], 1) == model.ANSWERS[model.FAIL]
    assert "retry" not in complete


@pytest.mark.parametrize("address", ["/answers/1/stop", "/answers/1/retry", "/answers/7/stop", "/answers/-1/retry"])
async def test_what_is_over_or_was_never_there_is_neither_stopped_nor_tried_again(autojump_clock, client, address):
    await ask(client, model.CANCEL)
    await trio.sleep(60)
    before = await open_page(client)

    assert (await client.post(address)).status_code == 204
    await trio.sleep(1)
    assert await open_page(client) == before


async def test_an_error_that_nobody_expected_is_logged_and_not_shown(autojump_clock, monkeypatch, caplog):
    async def broken(messages):
        yield "The key"
        raise RuntimeError("sk-12345")

    monkeypatch.setattr(model, "answer", broken)
    async with TestClient(answers.app) as client:
        await client.get("/")
        await ask(client, "Go")
        await trio.sleep(1)
        page = await open_page(client)

    [record] = caplog.records
    assert "sk-12345" in record.exc_text
    assert "Something went wrong here." in page
    assert "sk-" not in page


async def test_a_model_that_says_nothing_is_given_up(autojump_clock, monkeypatch):
    async def silent(messages):
        yield "Well,"
        await trio.sleep_forever()

    monkeypatch.setattr(model, "answer", silent)
    async with TestClient(answers.app) as client:
        await client.get("/")
        await ask(client, "Go")
        await trio.sleep(conversation.PATIENCE + 1)
        page = await open_page(client)

    assert "said nothing for too long" in page
    assert "<p>Well,</p>" in page


async def test_an_answer_without_end_has_one(autojump_clock, monkeypatch):
    async def endless(messages):
        while True:
            yield "x" * 100
            await trio.lowlevel.checkpoint()

    monkeypatch.setattr(model, "answer", endless)
    async with TestClient(answers.app) as client:
        await client.get("/")
        await ask(client, "Go")
        await trio.sleep(1)
        page = await open_page(client)

    assert "x" * conversation.LONGEST_ANSWER in page
    assert "The answer is too long." in page


# -- visitors, and how much there may be -------------------------------------------------------------------------------


async def test_a_first_visit_sets_a_cookie_and_the_next_one_does_not(autojump_clock):
    async with TestClient(answers.app) as client:
        first = await client.get("/")
        second = await client.get("/")

    assert re.match(r"conversation=[\w-]{22}; .*HttpOnly", first.headers["set-cookie"])
    assert "set-cookie" not in second.headers


async def test_each_browser_has_a_conversation_of_its_own(autojump_clock, client):
    await ask(client, "<mine>")
    page = await open_page(client)
    client.cookies.clear()
    other = await open_page(client)

    assert "&lt;mine&gt;" in page
    assert "mine" not in other


@pytest.mark.parametrize("cookie", ["", "conversation=", "conversation=../x", "conversation=" + "a" * 500])
async def test_without_a_cookie_of_ours_there_is_no_stream_and_no_question(autojump_clock, client, cookie):
    client.cookies.clear()
    headers = {"Cookie": cookie} if cookie else {}

    assert (await client.get("/live", headers=headers)).status_code == 403
    assert (await client.post("/questions", data={"question": "Go"}, headers=headers)).status_code == 403
    assert "set-cookie" in (await client.get("/", headers=headers)).headers


async def test_one_answer_too_many_at_once_is_refused_in_the_form(autojump_clock, client):
    for _ in range(conversation.AT_ONCE):
        await ask(client, model.STORY)
    response = await client.post("/questions", data={"question": "<One more>"})
    await client.post("/answers/1/stop")
    await trio.sleep(0.1)

    assert response.status_code == 422
    assert "4 answers are being written." in response.text
    assert 'value="&lt;One more&gt;"' in response.text
    await ask(client, "One more")


async def test_a_suggestion_leaves_what_somebody_is_writing_alone(autojump_clock, client):
    response = await client.post("/questions", data={"suggestion": model.ESCAPE})

    assert response.status_code == 204
    assert text_of(await open_page(client)) == {1: ""}


@pytest.mark.parametrize("question", ["", "   "], ids=["nothing", "blanks"])
async def test_nothing_asked_is_nothing_answered(autojump_clock, client, question):
    response = await client.post("/questions", data={"question": question}, headers=FORM)

    assert response.status_code == 200
    assert text_of(await open_page(client)) == {}


async def test_a_conversation_keeps_its_last_turns_and_whatever_runs(autojump_clock, client, monkeypatch):
    monkeypatch.setattr(conversation, "TURNS", 2)
    await ask(client, model.STORY)
    for number in range(4):
        await ask(client, f"Question {number}")
        await trio.sleep(4)
    page = await open_page(client)

    assert re.findall(r'class="question">([^<]*)<', page) == [model.STORY, "Question 2", "Question 3"]


async def test_so_many_conversations_are_kept_and_those_in_use(autojump_clock, monkeypatch):
    monkeypatch.setattr(conversation, "CONVERSATIONS", 2)
    one, two, three = ({"Cookie": f"conversation={letter * 22}"} for letter in "abc")
    async with TestClient(answers.app) as client:
        for visitor in (one, two):
            await client.post("/questions", data={"question": "Mine"}, headers=visitor)
        assert (await client.get("/", headers=three)).status_code == 503  # both are being answered
        await trio.sleep(60)
        assert "Mine" in (await client.get("/", headers=one)).text
        assert (await client.get("/", headers=three)).status_code == 200
        assert "Mine" in (await client.get("/", headers=one)).text
        assert "Mine" not in (await client.get("/", headers=two)).text


# -- the marks of a text -----------------------------------------------------------------------------------------------


@each_case(
    ("text", "html"),
    [
        pytest.param("a\nb\n\nc", "<p>a<br>b</p>\n<p>c</p>", id="paragraphs"),
        pytest.param("## a\nb", "<h3>a</h3>\n<p>b</p>", id="a heading"),
        pytest.param("- a\n* **b**", "<ul><li>a</li><li><strong>b</strong></li></ul>", id="a list"),
        pytest.param("1. a\n2) `b*`", "<ol><li>a</li><li><code>b*</code></li></ol>", id="numbers"),
        pytest.param(
            "a\n```py\n<b> # **c**\n\n- d\n```\ne",
            "<p>a</p>\n<pre><code>&lt;b&gt; # **c**\n\n- d</code></pre>\n<p>e</p>",
            id="code",
        ),
        pytest.param("```\na", "<pre><code>a</code></pre>", id="code that was broken off"),
        pytest.param("```", "<pre><code></code></pre>", id="code that has only begun"),
        pytest.param("`**a` b**", "<p><code>**a</code> b**</p>", id="marks that cross"),
        pytest.param("<b>&amp;\"'", "<p>&lt;b&gt;&amp;amp;&quot;&#x27;</p>", id="tags and entities"),
        pytest.param("  \n\n", "", id="nothing"),
    ],
)
def test_a_text_becomes(text, html):
    assert str(marking.markdown(text)) == html
