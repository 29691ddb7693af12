"""The dashboard, with figures that the tests invent: its page, its stream, its visitors and its files."""

import re
import signal
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from html import unescape
from threading import Event

import dashboard
import machine
import pytest
import sampler
import trio
from restart import Restart

from chirp_trio.testing import TestClient

NAMES = {"status", "cpu", "memory", "network", "system", "processes", "feed", "pulse"}
HTMX_4 = {"HX-Request": "true", "Accept": "text/html, text/event-stream"}
PROCESSES = (machine.Process(7, "postgres", 12.5, 300 * 1024**2), machine.Process(8, "nginx", None, None))


class FakeMachine:
    """A machine whose CPU is at as many percent as there have been readings, and whose processes are `processes`."""

    def __init__(self):
        self.readings = 0
        self.processes = PROCESSES

    def read(self):
        self.readings += 1
        return machine.Figures(
            time=datetime(2031, 5, 6, 7, 8, 9, tzinfo=UTC),
            cpu=float(self.readings),
            cores=(31.0, 42.0),
            memory=machine.Usage(3 * 1024**3, 8 * 1024**3, 37.5),
            swap=machine.Usage(0, 1024**3, 0.0),
            disk=machine.Usage(1024**4, 2 * 1024**4, 50.0),
            received=1_500_000.0,
            sent=2_500.0,
            load=(0.5, 1.25, 2.0),
            uptime=90_000.0,
            processes=self.processes,
        )


@pytest.fixture(autouse=True)
def fake(monkeypatch):
    fake = FakeMachine()
    monkeypatch.setattr(dashboard, "Machine", lambda: fake)
    return fake


@pytest.fixture
async def client():
    async with TestClient(dashboard.app) as client:
        yield client


async def listen(stream, seconds):
    """Read what comes of a stream in this time."""
    with trio.move_on_after(seconds):
        async for _ in stream:
            pass


def named(stream_or_result, name):
    return [event.data for event in stream_or_result.events if event.event == name]


def placeholders(page):
    """What the page holds for each event to be swapped into, by the event's name."""
    return dict(re.findall(r'sse-swap="(\w+)"[^>]*>(.*?)</(?:div>\s*</section|div>\s*</header)>', page, re.DOTALL))


def percent(cpu_panel):
    return float(re.search(r'class="figure">([\d.]+)<', cpu_panel)[1])


# -- the page ----------------------------------------------------------------------------------------------------------


async def test_the_page_is_complete_before_the_first_event(autojump_clock, client):
    page = unescape((await client.get("/")).text).replace("\N{NO-BREAK SPACE}", " ")

    for figure in (
        "31 %",
        "42 %",
        "3 GiB of 8 GiB",
        "0 B of 1 GiB",
        "1 TiB of 2 TiB",
        "1.25",
        "1 d 1 h",
        "postgres",
        "300 MiB",
    ):
        assert figure in page
    assert "The dashboard started" in page
    assert placeholders(page).keys() == NAMES


@pytest.mark.parametrize(
    ("query", "generation", "scripts"),
    [
        pytest.param("", "2", ["htmx-2.0.11.min.js", "htmx-ext-sse-2.2.4.min.js", "delivery.js"], id="htmx 2 unless asked"),
        pytest.param("?htmx=2", "2", ["htmx-2.0.11.min.js", "htmx-ext-sse-2.2.4.min.js", "delivery.js"], id="htmx 2"),
        pytest.param("?htmx=4", "4", ["htmx-4.0.1.min.js", "hx-sse-4.0.1.min.js", "delivery.js"], id="htmx 4"),
    ],
)
async def test_a_page_loads_the_scripts_of_its_generation_and_says_which_it_is(
    autojump_clock, client, query, generation, scripts
):
    page = (await client.get(f"/{query}")).text

    assert re.findall(r'<script src="/static/([^"?]+)', page) == scripts
    assert re.findall(r'href="/\?htmx=(\d)" aria-current="page"', page) == [generation]
    assert re.findall(r'href="/\?htmx=(\d)"', page) == ["2", "4"]


async def test_a_generation_that_is_not_here_is_not_found(autojump_clock, client):
    assert (await client.get("/?htmx=3")).status_code == 404


async def test_the_two_generations_differ_in_nothing_but_their_scripts_and_the_choice(autojump_clock, client):
    def common(page):
        page = re.sub(r"<script.*?</script>\s*|<a href.*?</a>\s*|page=[\w-]+", "", page)
        return re.sub(r"htmx \d", "", page)

    pages = [(await client.get(f"/?htmx={generation}")).text for generation in "24"]

    assert common(pages[0]) == common(pages[1])


async def test_no_line_of_javascript_is_in_the_page(autojump_clock, client):
    page = (await client.get("/")).text

    assert all(body == "" for body in re.findall(r"<script[^>]*>(.*?)</script>", page, re.DOTALL))
    assert not re.search(r"\son\w+=|hx-on|javascript:", page)
    assert 'http-equiv="Content-Security-Policy" content="script-src \'self\'"' in page


async def test_what_a_machine_does_not_tell_is_a_dash(autojump_clock, fake, monkeypatch):
    monkeypatch.setattr(fake, "read", lambda: machine.Figures(time=datetime.now(UTC)))
    async with TestClient(dashboard.app) as client:
        page = await client.get("/")
        result = await client.sse("/live", disconnect_after=5)

    assert page.status_code == 200
    assert {name: "\N{EN DASH}" in panel for name, panel in placeholders(page.text).items()} == {
        **dict.fromkeys(NAMES, True), "feed": False
    }  # fmt: skip
    assert not named(result, "chirp:error")


async def test_the_name_of_a_process_cannot_be_markup(autojump_clock, client, fake):
    fake.processes = (machine.Process(9, "<script>alert(1)</script>", 99.0, 1.0),)
    result = await client.sse("/live", disconnect_after=1.5)

    assert "alert(1)" in named(result, "processes")[-1]
    assert "alert(1)" in named(result, "feed")[-1]
    assert not any("<script" in event.data for event in result.events)


# -- the stream --------------------------------------------------------------------------------------------------------


async def test_the_first_events_are_those_that_the_page_listens_for(autojump_clock, client):
    page = placeholders((await client.get("/")).text)
    result = await client.sse("/live", disconnect_after=0.5)

    assert sorted(event.event for event in result.events) == sorted(page)


async def test_an_event_brings_what_the_page_holds(autojump_clock, client):
    page = placeholders((await client.get("/")).text)
    result = await client.sse("/live", disconnect_after=0.5)

    for name in NAMES - {"status", "feed", "pulse"}:  # which tell that somebody has joined, and what is counted
        assert named(result, name)[0].strip() == page[name].strip()


async def test_htmx_4_gets_the_same_fragments_as_partials(autojump_clock, client):
    plain = await client.sse("/live", disconnect_after=0.5)
    partials = await client.sse("/live", disconnect_after=0.5, headers=HTMX_4)

    assert {event.event for event in partials.events} == {None}
    names = [re.search(r"sse-swap~='(\w+)'", event.data)[1] for event in partials.events]
    assert names[: len(NAMES)] == [event.event for event in plain.events]
    assert all(re.fullmatch(r"<hx-partial [^>]*>.*</hx-partial>", event.data, re.DOTALL) for event in partials.events)


async def test_a_visitor_gets_every_sample_once(autojump_clock, client):
    result = await client.sse("/live", disconnect_after=10.5)

    assert [percent(panel) for panel in named(result, "cpu")] == list(range(1, 12))


async def test_processes_are_sent_only_when_they_were_read_anew(autojump_clock, client, fake):
    async with client.stream_sse("/live") as stream:
        await listen(stream, 5.5)
        fake.processes = (*PROCESSES, machine.Process(9, "vim", 1.0, 1.0))
        await listen(stream, 5)

    assert ["vim" in panel for panel in named(stream, "processes")] == [False, True]


async def test_the_feed_is_sent_only_when_something_has_happened(autojump_clock, client, fake):
    async with client.stream_sse("/live") as stream:
        await listen(stream, 5.5)
        fake.processes = (*PROCESSES, machine.Process(9, "vim", 1.0, 1.0))
        await listen(stream, 5)

    joined, started = named(stream, "feed")
    assert re.findall(r'class="(.*?)"', joined) == ["visitor new", "started"]
    assert re.findall(r'class="(.*?)"', started) == ["started new", "visitor", "started"]
    assert "vim started" in started


async def test_visitors_are_counted_while_they_watch_and_their_coming_and_going_is_told(autojump_clock, client):
    async with client.stream_sse("/live") as stream:
        await stream.next_event()
        async with client.stream_sse("/live") as other:
            await listen(stream, 1.5)
            assert "<b>2</b> watching" in named(stream, "status")[-1]
            assert "<b>2</b> watching" in (await other.next_event()).data
        await listen(stream, 1.5)

    assert "<b>1</b> watching" in named(stream, "status")[-1]
    assert re.findall(r"A visitor \w+", named(stream, "feed")[-1]) == [
        "A visitor left",
        "A visitor joined",
        "A visitor joined",
    ]
    assert "<b>0</b> watching" in (await client.get("/")).text


async def test_the_machine_is_read_once_for_everybody(autojump_clock, client, fake):
    async with AsyncExitStack() as stack:
        for _ in range(5):
            await stack.enter_async_context(client.stream_sse("/live"))
        await trio.sleep(0.5)  # between two readings
        before = fake.readings
        await trio.sleep(10)

    assert fake.readings == before + 10


async def test_a_visitor_who_does_not_read_misses_samples_and_holds_up_nobody(autojump_clock, client, fake):
    async with client.stream_sse("/live") as slow:
        slow.stall()
        quick = await client.sse("/live", disconnect_after=20.5)
        slow.resume()
        await listen(slow, 0.3)

    assert len(named(quick, "cpu")) == 21
    assert len(named(slow, "cpu")) < 8
    assert percent(named(slow, "cpu")[-1]) == fake.readings


async def test_the_connection_is_shown_as_live_by_events_alone(autojump_clock, client):
    async with client.stream_sse("/live") as stream:
        status = await stream.next_event()

    assert ">Live<" in status.data
    assert ">Connecting…<" in placeholders((await client.get("/")).text)["status"]


async def test_a_reading_that_hangs_does_not_keep_the_app_from_stopping(autojump_clock, fake, monkeypatch):
    begun, over, returned = Event(), Event(), Event()

    def read():
        if fake.readings:
            begun.set()
            over.wait(10)
            returned.set()
        return FakeMachine.read(fake)

    monkeypatch.setattr(fake, "read", read)
    async with TestClient(dashboard.app):
        await trio.sleep(sampler.INTERVAL)
        while not begun.is_set():
            await trio.lowlevel.checkpoint()

    assert not returned.is_set()
    over.set()


# -- the files ---------------------------------------------------------------------------------------------------------


async def test_every_file_that_the_pages_name_is_served_to_be_kept_for_ever(autojump_clock, client):
    pages = [(await client.get(f"/?htmx={generation}")).text for generation in "24"]
    urls = set(re.findall(r'(?:src|href)="(/static/[^"]+)"', "".join(pages)))
    assert len(urls) == 6

    for url in urls:
        response = await client.get(url)
        kind = "text/css" if ".css" in url else "text/javascript"
        assert response.status_code == 200
        assert response.headers["content-type"] == f"{kind}; charset=utf-8"
        assert response.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert len(response.content) > 1000


@pytest.mark.parametrize("name", ["nothing.js", "..%2fdashboard.py", "README.md", "dashboard.css/"])
async def test_a_file_that_is_not_in_the_table_is_not_found(autojump_clock, client, name):
    assert (await client.get(f"/static/{name}")).status_code == 404


# -- what chirp_trio does for it ----------------------------------------------------------------------------------------


async def test_a_page_can_have_its_own_connection_cut_and_no_other(autojump_clock, client):
    async with client.stream_sse("/live?page=mine") as mine, client.stream_sse("/live?page=other") as other:
        await mine.next_event()
        await client.post("/cut?page=mine")
        with trio.fail_after(10):
            async for _ in mine:
                pass
        await other.next_event()

    assert "A connection was cut" in (await client.get("/")).text


@pytest.mark.parametrize("query", ["", "?page=", "?page=nobody"])
async def test_nobody_else_is_cut(autojump_clock, client, query):
    async with client.stream_sse("/live") as stream:
        await client.post(f"/cut{query}")
        await stream.next_event()


async def test_what_goes_out_is_told_by_the_second(autojump_clock, client):
    result = await client.sse("/live", disconnect_after=4)
    rates = [re.search(r"<b>(\S+)</b> events/s", event.data)[1] for event in result.events if event.event == "status"]

    assert rates[0] == "\N{EN DASH}"
    assert int(rates[-1]) > 0


async def test_the_charts_begin_with_what_there_is_and_grow(autojump_clock, client):
    first = (await client.get("/")).text
    await trio.sleep(60)
    later = (await client.get("/")).text
    await trio.sleep(120)

    assert "<span>15 s ago</span>" in first
    assert re.search(r"<span>6[0-2] s ago</span>", later)
    assert "<span>120 s ago</span>" in (await client.get("/")).text


# -- what it remembers --------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """What `chirp-trio demo` makes for it."""
    (tmp_path / "may-restart").touch()
    monkeypatch.setattr(dashboard, "restart", restarting(tmp_path, monkeypatch))
    return tmp_path


def restarting(folder, monkeypatch):
    monkeypatch.setenv("CHIRP_TRIO_DEMO_FOLDER", str(folder))
    return Restart()


def pulses(stream_or_result):
    """The numbers of the events that a page counts."""
    return [int(re.search(r'value="(\d+)"', data)[1]) for data in named(stream_or_result, "pulse")]


async def test_a_server_that_is_started_anew_has_the_curves_and_the_notifications_of_the_one_before(
    autojump_clock, folder, fake
):
    async with TestClient(dashboard.app) as client:
        await trio.sleep(30)
        before = (await client.get("/")).text
    async with TestClient(dashboard.app) as client:
        after = (await client.get("/")).text

    assert re.search(r"3\d s ago", before)
    assert re.search(r"3\d s ago", after)
    assert before.count("The dashboard started") == 1
    assert after.count("The dashboard started") == 2


async def test_a_page_that_is_back_at_the_next_server_has_every_sample_once(autojump_clock, folder):
    async with TestClient(dashboard.app) as client, client.stream_sse("/live?page=mine") as stream:
        await listen(stream, 5)
        first = pulses(stream)
        last = stream.last_event_id
        await trio.sleep(3)
    async with TestClient(dashboard.app) as client:
        later = pulses(await client.sse("/live", last_event_id=last, disconnect_after=5))

    assert [*first, *later] == list(range(first[0], later[-1] + 1))
    assert len(later) > 5


async def test_without_a_folder_a_page_that_comes_from_another_server_is_told_that_it_missed_something(
    autojump_clock, client
):
    result = await client.sse("/live", last_event_id="elsewhere-5", disconnect_after=0.5)

    assert "data-missed" in named(result, "pulse")[0]


# -- the server is started anew -------------------------------------------------------------------------------------------


async def test_an_open_page_can_have_the_server_started_anew(autojump_clock, folder, client, monkeypatch):
    raised = []
    monkeypatch.setattr(signal, "raise_signal", raised.append)
    async with client.stream_sse("/live?page=mine") as stream:
        await stream.next_event()
        assert "Restart the server" in (await client.get("/")).text
        assert (await client.post("/restart?page=mine")).status_code == 204

    assert raised == [signal.SIGTERM]
    assert (folder / "again").exists()


@pytest.mark.parametrize("query", ["", "?page=", "?page=other"])
async def test_a_page_that_nobody_has_open_cannot(autojump_clock, folder, client, monkeypatch, query):
    monkeypatch.setattr(signal, "raise_signal", pytest.fail)
    async with client.stream_sse("/live?page=mine") as stream:
        await stream.next_event()
        assert (await client.post(f"/restart{query}")).status_code == 403

    assert not (folder / "again").exists()


async def test_where_it_cannot_be_done_the_page_does_not_offer_it(autojump_clock, client, monkeypatch):
    monkeypatch.setattr(signal, "raise_signal", pytest.fail)
    async with client.stream_sse("/live?page=mine") as stream:
        await stream.next_event()
        assert "Restart the server" not in (await client.get("/")).text
        assert (await client.post("/restart?page=mine")).status_code == 404
