"""Jobs and their pages: what is shown, what is sent, how a job ends, and what somebody gets who was away."""

import re
import threading
from html import unescape

import jobs
import orders
import progress
import pytest
import trio

from chirp_trio.testing import TestClient

HTMX_4 = {"HX-Request": "true", "Accept": "text/html, text/event-stream"}
SHORT, LONG, DAMAGED = orders.FILES


@pytest.fixture
async def client():
    async with TestClient(progress.app) as client:
        yield client


async def start(client, name=SHORT):
    """Start a job; the address of its page."""
    response = await client.post("/jobs", data={"file": name})
    assert response.status_code == 303
    return response.headers["location"]


async def open_job(client, name=SHORT):
    """Start a job; the address of its stream."""
    return stream_of((await client.get(await start(client, name))).text)


async def press_cancel(client, page):
    action = unescape(re.search(r'<form method="post" action="([^"]+/cancel[^"]*)">', page)[1])
    assert (await client.post(action)).status_code == 303


async def listen(stream, seconds):
    """Read what comes of a stream in this time."""
    with trio.move_on_after(seconds):
        async for _ in stream:
            pass


def stream_of(page):
    """Where a page has its stream."""
    return unescape(re.search(r'sse-connect="([^"]+)"', page)[1])


def bar(html):
    """What the progress bar tells a screen reader: how much is done, of how much."""
    element = re.search(r'role="progressbar"[^>]*', html)[0]
    return int(re.search(r'aria-valuenow="(\d+)"', element)[1]), int(re.search(r'aria-valuemax="(\d+)"', element)[1])


def notes(html):
    return [unescape(note) for note in re.findall(r"<li>(.*?)</li>", html)]


def named(events, name):
    return [event.data for event in events if event.event == name]


def sent_notes(events):
    return [note for html in named(events, "note") for note in notes(html)]


def all_notes():
    """What the import of the short file has to say, in order."""
    return orders.Importer(orders.FILES[SHORT].lines()).take(10**9)[1]


# -- the form ----------------------------------------------------------------------------------------------------------


async def test_the_form_offers_every_file(autojump_clock, client):
    page = (await client.get("/")).text

    assert re.findall(r'name="file" value="([^"]+)"', page) == [SHORT, LONG, DAMAGED]
    assert "sse-connect" not in page


async def test_who_chooses_a_file_is_led_to_the_page_of_the_job(autojump_clock, client):
    response = await client.post("/jobs?htmx=4", data={"file": SHORT}, follow_redirects=True)

    assert re.search(r"/jobs/[\w-]+\?htmx=4$", str(response.url))
    assert SHORT in response.text


@pytest.mark.parametrize("data", [{}, {"file": "../secret.csv"}], ids=["none", "another"])
async def test_a_file_that_is_not_offered_is_refused(autojump_clock, client, data):
    response = await client.post("/jobs", data=data, headers={"Content-Type": "application/x-www-form-urlencoded"})

    assert response.status_code == 422
    assert "Choose one of the files." in response.text


async def test_there_are_so_many_jobs_and_no_more(autojump_clock, client, monkeypatch):
    monkeypatch.setattr(progress, "MOST_JOBS", 2)
    for _ in range(2):
        await start(client)
    response = await client.post("/jobs", data={"file": SHORT})

    assert response.status_code == 503
    assert "too many jobs" in response.text


# -- a job that runs ---------------------------------------------------------------------------------------------------


async def test_a_page_shows_the_state_without_any_event(autojump_clock, client):
    page = await start(client)
    await trio.sleep(1.01)
    html = (await client.get(page)).text

    assert bar(html) == (1050, 3000)
    assert "1,050 of 3,000 orders" in html
    assert notes(html) == [note for note in reversed(all_notes()) if int(note.split()[1].replace(",", "")) <= 1050]
    assert '<noscript><meta http-equiv="refresh"' in html


async def test_a_stream_shows_how_it_goes_on_and_ends_by_itself(autojump_clock, client):
    result = await client.sse(await open_job(client))

    assert result.ended == "completed"
    done = [bar(html)[0] for html in named(result.events, "progress")]
    assert done == sorted(done)
    assert done[-1] == 3000
    assert [event.event for event in result.events[-3:]] == ["progress", "outcome", "over"]
    assert "2,977 orders imported, 23 skipped" in named(result.events, "outcome")[0]
    assert "about 2 s left" in named(result.events, "progress")[2]


async def test_what_is_sent_is_bounded_by_time_and_not_by_how_fast_the_work_is(autojump_clock, client, monkeypatch):
    monkeypatch.setattr(orders, "BITE", 5)
    monkeypatch.setattr(orders, "PACE", 0.005)
    result = await client.sse(await open_job(client))

    assert result.duration == pytest.approx(3, abs=0.1)
    assert len(named(result.events, "progress")) == pytest.approx(7, abs=1)


async def test_work_that_gets_no_further_is_no_connection_that_is_lost(autojump_clock, client, monkeypatch):
    monkeypatch.setattr(orders, "PACE", 3600)
    result = await client.sse(await open_job(client), disconnect_after=60.2)

    assert len(named(result.events, "progress")) == 120
    assert {bar(html)[0] for html in named(result.events, "progress")} == {50}


async def test_every_window_sees_the_same(autojump_clock, client):
    html = (await client.get(await start(client))).text
    async with client.stream_sse(stream_of(html)) as one, client.stream_sse(stream_of(html)) as other:
        for stream in (one, other):
            await listen(stream, 60)

    assert one.events == other.events
    assert notes(html)[::-1] + sent_notes(one.events) == all_notes()


async def test_between_a_page_and_its_stream_nothing_is_lost_and_nothing_comes_twice(autojump_clock, client):
    page = await start(client)
    await trio.sleep(1.5)
    html = (await client.get(page)).text
    await trio.sleep(0.5)
    result = await client.sse(stream_of(html))

    assert 0 < len(notes(html)) < len(all_notes())
    assert notes(html)[::-1] + sent_notes(result.events) == all_notes()


@pytest.mark.parametrize("away", [0.5, 60], ids=["while it runs", "until it is over"])
async def test_who_was_cut_off_gets_what_was_missed(autojump_clock, client, away):
    html = (await client.get(await start(client))).text
    async with client.stream_sse(stream_of(html)) as stream:
        await listen(stream, 1)
    await trio.sleep(away)
    again = await client.sse(stream_of(html), last_event_id=stream.last_event_id)

    assert 0 < len(sent_notes(stream.events)) < len(all_notes())
    assert notes(html)[::-1] + sent_notes(stream.events) + sent_notes(again.events) == all_notes()
    assert (again.ended, again.events[-1].event) == ("completed", "over")


async def test_who_was_away_for_too_long_is_told_to_load_the_page_again(autojump_clock, client, monkeypatch):
    monkeypatch.setattr(jobs, "BEAT", 0.005)
    page = await start(client)
    address = stream_of((await client.get(page)).text)
    await trio.sleep(2)
    stream = await client.sse(address, max_events=1)
    loaded = (await client.fragment(page)).text

    assert stream.events[0].event == "chirp:gap"
    assert re.match(r"\s*<main .*</main>\s*$", loaded, re.DOTALL)
    result = await client.sse(stream_of(loaded))
    assert notes(loaded)[::-1] + sent_notes(result.events) == all_notes()


async def test_htmx_4_is_told_where_everything_goes(autojump_clock, client):
    result = await client.sse(await open_job(client), headers=HTMX_4)

    targets = [re.findall(r"\[sse-swap~='(\w+)'\]", event.data) for event in result.events[:-1]]
    assert {name for [name] in targets} == {"progress", "note", "outcome"}
    assert all('hx-swap="afterbegin"' in event.data for event in result.events if "skipped:" in event.data)
    assert result.events[-1].event == "over"


async def test_a_page_begins_with_the_last_notes(autojump_clock, client, monkeypatch):
    monkeypatch.setattr(jobs, "NOTES", 5)
    page = await start(client)
    await trio.sleep(10)

    assert notes((await client.get(page)).text) == all_notes()[:-6:-1]


# -- a job that is over ------------------------------------------------------------------------------------------------


async def test_a_job_needs_nobody_who_watches_and_its_page_keeps_the_result(autojump_clock, client):
    page = await start(client)
    await trio.sleep(60)
    html = (await client.get(page)).text

    assert "2,977 orders imported, 23 skipped" in html
    assert bar(html) == (3000, 3000)
    assert "sse-connect" not in html
    assert "/cancel" not in html
    assert "refresh" not in html


async def test_whoever_has_had_everything_is_told_not_to_come_back(autojump_clock, client):
    address = await open_job(client)
    async with client.stream_sse(address) as stream:
        await listen(stream, 60)
    again = await client.get(address, headers={"Last-Event-ID": stream.last_event_id})

    assert again.status_code == 204


async def test_somebody_new_at_the_stream_of_a_job_that_is_over_comes_back_once_at_most(autojump_clock, client):
    address = (await open_job(client)).partition("?")[0]
    await trio.sleep(60)
    async with client.stream_sse(address) as stream:
        await listen(stream, 60)
    again = await client.get(address, headers={"Last-Event-ID": stream.last_event_id})

    assert stream.events == []
    assert again.status_code == 204


async def test_cancel_stops_the_work_and_everybody_is_told(autojump_clock, client):
    page = await start(client, LONG)
    html = (await client.get(page)).text
    async with client.stream_sse(stream_of(html)) as stream:
        await listen(stream, 2)
        await press_cancel(client, html)
        await listen(stream, 1)
    await trio.sleep(60)

    done, total = bar(named(stream.events, "progress")[-1])
    assert 1500 < done < 2500 < total
    assert "cancelled" in named(stream.events, "outcome")[0]
    assert stream.events[-1].event == "over"
    assert bar((await client.get(page)).text) == (done, total)


async def test_a_job_that_is_over_can_no_longer_be_cancelled(autojump_clock, client):
    page = await start(client)
    html = (await client.get(page)).text
    await trio.sleep(60)
    await press_cancel(client, html)

    assert "Finished" in (await client.get(page)).text


async def test_a_job_that_fails_says_why_and_harms_no_other(autojump_clock, client):
    other = await start(client, LONG)
    page = await start(client, DAMAGED)
    result = await client.sse(stream_of((await client.get(page)).text))

    reason = "The file ends in the middle of line 2,718."
    assert reason in named(result.events, "outcome")[0]
    assert result.events[-1].event == "over"
    assert reason in (await client.get(page)).text
    await trio.sleep(60)
    assert "Finished" in (await client.get(other)).text


async def test_an_error_that_nobody_expected_is_logged_and_not_shown(autojump_clock, client, monkeypatch, caplog):
    def take(*_):
        raise RuntimeError("the password of the database")

    monkeypatch.setattr(orders.Importer, "take", take)
    page = await start(client)
    await trio.sleep(1)
    html = (await client.get(page)).text

    [record] = caplog.records
    assert "the password of the database" in record.exc_text
    assert re.search(r"/jobs/([\w-]+)", page)[1] in record.getMessage()
    assert "Something went wrong here." in html
    assert "password" not in html


async def test_a_job_that_is_over_is_forgotten_after_a_while(autojump_clock, client):
    page = await start(client)
    await trio.sleep(jobs.KEPT)
    assert (await client.get(page)).status_code == 200
    await trio.sleep(10)
    response = await client.get(page)

    assert response.status_code == 404
    assert progress.GONE in response.text


# -- a server that stops -----------------------------------------------------------------------------------------------


async def test_the_page_of_a_job_whose_server_is_gone_is_told_so_and_comes_back_no_more(autojump_clock, client):
    address = await open_job(client)
    async with TestClient(progress.app) as started_anew:
        result = await started_anew.sse(address)
        again = await started_anew.get(address, headers={"Last-Event-ID": result.events[-1].id})

    assert [event.event for event in result.events] == ["progress", "outcome", "over"]
    assert progress.GONE in result.events[1].data
    assert "progressbar" not in result.events[0].data
    assert again.status_code == 204


async def test_a_server_that_stops_does_not_pretend_that_the_job_is_over(autojump_clock, client):
    async with client.stream_sse(await open_job(client, LONG)) as stream:
        await listen(stream, 1)
        client.drain()
        await listen(stream, 5)

    assert {event.event for event in stream.events} == {"progress", "note"}


async def test_a_server_that_stops_waits_neither_for_jobs_nor_for_those_that_are_over(autojump_clock):
    began = trio.current_time()
    async with TestClient(progress.app) as client:
        await start(client, LONG)
        await start(client, SHORT)
        await trio.sleep(5)

    assert trio.current_time() - began == pytest.approx(5, abs=0.5)


# -- the files ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "job", "/nowhere"])
@pytest.mark.parametrize("generation", ["2", "4"])
async def test_a_page_loads_the_scripts_of_its_generation_and_no_other_javascript(autojump_clock, client, path, generation):
    if path == "job":
        path = (await start(client)).partition("?")[0]
    page = (await client.get(f"{path}?htmx={generation}")).text

    scripts = re.findall(r'<script src="/static/([^"]+)"></script>', page)
    assert scripts == list(progress.HTMX[generation])
    assert page.count("<script") == len(scripts)
    assert not re.search(r"\son\w+=|hx-on|javascript:", page)
    for name in (*scripts, "progress.css"):
        assert (await client.get(f"/static/{name}")).status_code == 200
    assert re.findall(rf'href="{path}\?htmx=(\d)" aria-current="page"', page) == [generation]


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/jobs/none"), ("POST", "/jobs/none/cancel"), ("GET", "/static/progress.py"), ("GET", "/nowhere")],
)
async def test_what_is_not_here_is_not_found(autojump_clock, client, method, path):
    assert (await client.request(method, path)).status_code == 404


# -- the work ----------------------------------------------------------------------------------------------------------


async def test_the_work_holds_up_nobody_because_it_is_done_in_threads(autojump_clock, client, monkeypatch):
    threads = set()

    def take(*_):
        threads.add(threading.current_thread())
        return 0, []

    monkeypatch.setattr(orders.Importer, "take", take)
    await start(client)
    await trio.sleep(1)

    assert len(threads) == 1
    assert threading.main_thread() not in threads


def test_every_order_is_imported_or_skipped_and_the_report_adds_up():
    importer = orders.Importer(["1,Tea,2,4.80\n", "2,Tea,0,4.80\n", "3,Honey,1,n/a\n", "4,Honey,3,6.90\n"])

    assert importer.take(3) == (3, ["Order 2 skipped: “0” is no quantity", "Order 3 skipped: “n/a” is no price"])
    assert importer.take(3) == (1, [])
    assert importer.take(3) == (0, [])
    report = importer.report()
    assert (report.imported, report.skipped) == (2, 2)
    assert {product: str(revenue) for product, revenue in report.revenue.items() if revenue} == {
        "Honey": "20.70",
        "Tea": "9.60",
    }


def test_a_length_of_time_is_in_minutes_and_seconds():
    assert [progress.duration(seconds) for seconds in (0.4, 59.6, 125)] == ["0 s", "1 min 0 s", "2 min 5 s"]
