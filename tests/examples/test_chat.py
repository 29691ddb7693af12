"""The chat room: who may enter, what is said, who is here, and what somebody gets who was away."""

import re
from html import unescape

import chat
import pytest
import trio

from chirp_trio.testing import TestClient

ADA = {"Cookie": "name=Ada"}
GRACE = {"Cookie": "name=Grace"}
HTMX_4 = {"HX-Request": "true", "Accept": "text/html, text/event-stream"}


@pytest.fixture
async def client():
    async with TestClient(chat.app) as client:
        yield client


async def say(client, text, headers=ADA):
    response = await client.post("/messages", data={"text": text}, headers=headers)
    assert response.status_code == 200
    return response.text


async def listen(stream, seconds):
    """Read what comes of a stream in this time."""
    with trio.move_on_after(seconds):
        async for _ in stream:
            pass


def texts(events):
    """The messages among events, as text."""
    return [message for event in events if event.event == "message" for message in said(event.data)]


def said(html):
    """The messages in HTML, as text."""
    return [unescape(text) for text in re.findall(r"<p>(.*?)</p>\s*</li>", html)]


def people(html):
    return re.findall(r'<li style="--hue: \d+">(\w+)</li>', html)


def address(page):
    """Where the page has its stream."""
    return unescape(re.search(r'sse-connect="([^"]+)"', page)[1])


# -- names -------------------------------------------------------------------------------------------------------------


async def test_somebody_without_a_name_is_asked_for_one(autojump_clock, client):
    page = (await client.get("/")).text

    assert '<input id="name" name="name"' in page
    assert "sse-connect" not in page


async def test_who_gives_a_name_is_led_into_the_room(autojump_clock, client):
    response = await client.post("/name?htmx=4", data={"name": "  Zoë;  of the\tHill "}, follow_redirects=True)

    assert str(response.url).endswith("/?htmx=4")
    assert 'sse-swap="message"' in response.text
    await client.post("/messages", data={"text": "hello"})
    assert "<b>Zoë; of the Hill</b>" in (await client.get("/")).text


async def test_a_name_that_is_too_long_is_cut(autojump_clock, client):
    await client.post("/name", data={"name": "x" * 1000})
    await client.post("/messages", data={"text": "hello"})

    assert re.findall("<b>(x+)</b>", (await client.get("/")).text) == ["x" * 24]


@pytest.mark.parametrize("name", ["", " \t "])
async def test_an_empty_name_is_refused(autojump_clock, client, name):
    assert (await client.post("/name", data={"name": name})).status_code == 422


@pytest.mark.parametrize(("method", "path"), [("GET", "/live"), ("POST", "/messages")])
async def test_without_a_name_nobody_listens_or_talks(autojump_clock, client, method, path):
    assert (await client.request(method, path, content=b"text=hello")).status_code == 403


# -- messages ----------------------------------------------------------------------------------------------------------


async def test_a_message_reaches_everybody_and_who_wrote_it(autojump_clock, client):
    async with client.stream_sse("/live", headers=ADA) as ada, client.stream_sse("/live", headers=GRACE) as grace:
        await say(client, "hello")
        for stream in (ada, grace):
            await listen(stream, 1)
            assert texts(stream.events) == ["hello"]
            assert "<b>Ada</b>" in stream.events[-1].data


async def test_htmx_4_is_told_to_append_it(autojump_clock, client):
    async with client.stream_sse("/live", headers=ADA | HTMX_4) as stream:
        await say(client, "hello")
        await listen(stream, 1)

    [message] = [event.data for event in stream.events if "hello" in event.data]
    assert re.match(r"<hx-partial hx-target=\"\[sse-swap~='message'\][^\"]*\" hx-swap=\"beforeend\"><li ", message)


async def test_neither_a_message_nor_a_name_can_be_markup(autojump_clock, client):
    headers = {"Cookie": "name=%3Cimg%3E"}
    async with client.stream_sse("/live", headers=headers) as stream:
        await say(client, "<script>alert(1)</script>", headers)
        await listen(stream, 1)
    page = (await client.get("/", headers=headers)).text

    for html in (page, *(event.data for event in stream.events)):
        assert "<img>" not in html
        assert "<script>" not in html
    assert texts(stream.events) == said(page) == ["<script>alert(1)</script>"]


@pytest.mark.parametrize("text", ["", " \n "])
async def test_an_empty_message_says_nothing(autojump_clock, client, text):
    await say(client, text)

    assert said((await client.get("/", headers=ADA)).text) == []


async def test_a_message_that_is_too_long_is_cut(autojump_clock, client):
    await say(client, "x" * 1000)

    assert said((await client.get("/", headers=ADA)).text) == ["x" * 500]


async def test_the_form_comes_back_empty(autojump_clock, client):
    form = await say(client, "hello")

    assert form.startswith('<form class="say" hx-post="/messages"')
    assert "hello" not in form


# -- the page and its stream -------------------------------------------------------------------------------------------


async def test_between_a_page_and_its_stream_nothing_is_lost_and_nothing_comes_twice(autojump_clock, client):
    await say(client, "before")
    page = (await client.get("/", headers=ADA)).text
    await say(client, "in between")
    async with client.stream_sse(address(page), headers=ADA) as stream:
        await say(client, "after")
        await listen(stream, 1)

    assert said(page) == ["before"]
    assert texts(stream.events) == ["in between", "after"]


async def test_who_reconnects_gets_what_was_missed(autojump_clock, client):
    page = (await client.get("/", headers=ADA)).text
    async with client.stream_sse(address(page), headers=ADA) as stream:
        await say(client, "one")
        await listen(stream, 1)
    await say(client, "two")
    await say(client, "three")
    async with client.stream_sse(address(page), headers=ADA, last_event_id=stream.last_event_id) as again:
        await listen(again, 1)

    assert texts(again.events) == ["two", "three"]


async def test_a_page_of_another_start_is_told_so_and_the_one_that_it_loads_is_not(autojump_clock, client):
    page = (await client.get("/", headers=ADA)).text
    async with TestClient(chat.app) as started_anew:
        async with started_anew.stream_sse(address(page), headers=ADA) as stream:
            await listen(stream, 1)
        room = await started_anew.get("/", headers=ADA | {"HX-Request": "true"})
        async with started_anew.stream_sse(address(room.text), headers=ADA) as again:
            await listen(again, 1)

    assert {event.event for event in stream.events} == {"people", "chirp:gap"}
    assert {event.event for event in again.events} == {"people"}
    assert room.text.strip().startswith('<main class="room"')
    assert room.text.strip().endswith("</main>")


async def test_with_a_file_what_was_said_is_there_after_a_restart(autojump_clock, tmp_path, monkeypatch):
    monkeypatch.setattr(chat, "FILE", str(tmp_path / "chat.db"))
    async with TestClient(chat.app) as client:
        await say(client, "one")
        await say(client, "two", GRACE)
        page = (await client.get("/", headers=ADA)).text
    async with TestClient(chat.app) as started_anew:
        async with started_anew.stream_sse(address(page), headers=ADA) as stream:
            await listen(stream, 1)
        room = (await started_anew.get("/", headers=ADA | {"HX-Request": "true"})).text
        await say(started_anew, "three")

    assert said(room) == ["one", "two"]
    assert "<b>Grace</b>" in room
    assert "The room is open since" not in room
    assert "chirp:gap" in {event.event for event in stream.events}  # which makes the page load the room
    async with TestClient(chat.app) as client:
        assert said((await client.get("/", headers=ADA)).text) == ["one", "two", "three"]


async def test_without_a_file_the_room_says_since_when_it_knows(autojump_clock, client):
    assert "The room is open since" in (await client.get("/", headers=ADA)).text


async def test_a_page_begins_with_the_last_hundred_messages(autojump_clock, client):
    for number in range(105):
        await say(client, str(number))

    assert said((await client.get("/", headers=ADA)).text) == [str(number) for number in range(5, 105)]


async def test_somebody_who_does_not_read_holds_up_nobody(autojump_clock, client):
    async with client.stream_sse("/live", headers=ADA) as ada, client.stream_sse("/live", headers=GRACE) as grace:
        ada.stall()
        for number in range(120):
            await say(client, "x" * 500)
            if number % 20 == 19:
                await listen(grace, 0.1)

    assert len(texts(grace.events)) == 120


async def test_who_is_too_far_behind_is_disconnected_and_goes_on_where_it_was(autojump_clock, client):
    async with client.stream_sse("/live", headers=ADA) as stream:
        stream.stall()
        for number in range(300):  # half of what is remembered may wait
            await say(client, f"{number} {'x' * 490}")
        stream.resume()
        with trio.fail_after(5):
            async for _ in stream:
                pass
    async with client.stream_sse("/live", headers=ADA, last_event_id=stream.last_event_id) as again:
        await listen(again, 1)

    assert len(texts(stream.events)) < 150
    assert [int(text.split()[0]) for text in texts(stream.events + again.events)] == list(range(300))


# -- who is here -------------------------------------------------------------------------------------------------------


async def test_everybody_is_told_who_comes_and_who_leaves(autojump_clock, client):
    async with client.stream_sse("/live", headers=GRACE) as stream:
        await listen(stream, 1)
        async with client.stream_sse("/live", headers=ADA):
            await listen(stream, 0.5)
        await listen(stream, 0.1)

    assert [people(event.data) for event in stream.events] == [["Grace"], ["Ada", "Grace"], ["Grace"]]


async def test_somebody_with_two_windows_is_here_once_until_both_are_closed(autojump_clock, client):
    async with client.stream_sse("/live", headers=GRACE) as stream:
        async with client.stream_sse("/live", headers=ADA):
            async with client.stream_sse("/live", headers=ADA):
                await listen(stream, 1)
                assert people(stream.events[-1].data) == ["Ada", "Grace"]
            await listen(stream, 1)
            assert people(stream.events[-1].data) == ["Ada", "Grace"]
        await listen(stream, 1)
        assert people(stream.events[-1].data) == ["Grace"]


async def test_a_page_hears_every_two_seconds_that_it_is_connected(autojump_clock, client):
    result = await client.sse("/live", headers=ADA, disconnect_after=9)

    assert [event.event for event in result.events] == ["people"] * 5
    assert all("Live" in event.data for event in result.events)


@pytest.fixture
def short_history(monkeypatch):
    monkeypatch.setattr(chat, "HISTORY", 50)


async def test_the_beats_do_not_fill_the_history(autojump_clock, short_history, client):
    page = (await client.get("/", headers=ADA)).text
    async with client.stream_sse("/live", headers=GRACE) as stream:
        await listen(stream, 2.2 * chat.HISTORY)
    await say(client, "later")
    async with client.stream_sse(address(page), headers=ADA) as again:
        await listen(again, 1)

    assert {event.event for event in again.events} == {"people", "message"}


# -- the files ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("headers", [{}, ADA], ids=["enter", "room"])
@pytest.mark.parametrize("generation", ["2", "4"])
async def test_a_page_loads_the_scripts_of_its_generation_and_no_other_javascript(
    autojump_clock, client, headers, generation
):
    page = (await client.get(f"/?htmx={generation}", headers=headers)).text

    scripts = re.findall(r'<script src="/static/([^"]+)"></script>', page)
    assert scripts == list(chat.HTMX[generation])
    assert page.count("<script") == len(scripts)
    assert not re.search(r"\son\w+=|hx-on|javascript:", page)
    for name in (*scripts, "chat.css"):
        assert (await client.get(f"/static/{name}")).status_code == 200
    assert re.findall(r'href="/\?htmx=(\d)" aria-current="page"', page) == [generation]


@pytest.mark.parametrize("path", ["/?htmx=3", "/static/chat.py"])
async def test_what_is_not_here_is_not_found(autojump_clock, client, path):
    assert (await client.get(path)).status_code == 404
