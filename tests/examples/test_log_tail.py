"""The log: what is shown of a file, what is sent when it changes, and what somebody gets who was away."""

import os
import re
import tracemalloc
from html import unescape

import demonstration
import log_tail
import pytest
import tail
import trio
from lines import to_line

from chirp_trio.testing import TestClient
from tests.cases import each_case

HTMX_4 = {"HX-Request": "true", "Accept": "text/html, text/event-stream"}


@pytest.fixture
def log(tmp_path, monkeypatch):
    """The file that the operator has named. It is there, and empty."""
    path = tmp_path / "app.log"
    path.touch()
    monkeypatch.setenv("LOG_FILE", str(path))
    return path


@pytest.fixture
async def client(log):
    async with TestClient(log_tail.app) as client:
        yield client


def write(path, *lines):
    """Append lines, as text or bytes."""
    with path.open("ab") as file:
        file.writelines((line.encode() if isinstance(line, str) else line) + b"\n" for line in lines)


def rotate(path, *lines):
    """Rename the file, and make another one of that name."""
    path.rename(path.with_suffix(".log.1"))
    write(path, *lines)


async def listen(stream, seconds=1):
    """Read what comes of a stream in this time."""
    with trio.move_on_after(seconds):
        async for _ in stream:
            pass


async def stream_of(client, **query):
    """Where a page that is loaded now has its stream."""
    page = await client.get("/", params=query)
    return unescape(re.search(r'sse-connect="([^"]+)"', page.text)[1])


def shown(html):
    return [unescape(text) for text in re.findall(r'<li class="(?:debug|info|warning|error)">(.*?)</li>', html, re.DOTALL)]


def levels(html):
    return re.findall(r'<li class="(\w+)">', html)


def notes(html):
    return [unescape(text) for text in re.findall(r'<li class="note">(.*?)</li>', html)]


def sent(stream):
    """All that a stream has added to the list."""
    return "".join(event.data for event in stream.events if event.event in ("lines", "note"))


def place_of(html):
    """The place that a page knows."""
    return unescape(re.search(r'name="at" value="([^"]+)"', html)[1])


# -- what is shown -----------------------------------------------------------------------------------------------------


async def test_a_page_begins_with_the_last_lines(autojump_clock, client, log):
    write(log, *map(str, range(1000)))

    assert shown((await client.get("/")).text) == [str(number) for number in range(800, 1000)]


async def test_a_page_of_a_large_file_reads_only_its_end(autojump_clock, client, log, monkeypatch):
    write(log, *("x" * 1000 for _ in range(10_000)), "the last one")
    bytes_read = []
    pread = os.pread
    monkeypatch.setattr(os, "pread", lambda *arguments: bytes_read.append(len(data := pread(*arguments))) or data)

    assert shown((await client.get("/")).text)[-1] == "the last one"
    assert 0 < sum(bytes_read) < 500_000


async def test_new_lines_are_sent_as_they_are_written(autojump_clock, client, log):
    write(log, "before")
    async with client.stream_sse(await stream_of(client)) as stream:
        write(log, "one", "two")
        await listen(stream)
        write(log, "three")
        await listen(stream)

    assert [shown(event.data) for event in stream.events if event.event == "lines"] == [["one", "two"], ["three"]]


async def test_a_line_comes_when_it_is_complete(autojump_clock, client, log):
    async with client.stream_sse(await stream_of(client)) as stream:
        for piece in (b"half a ", b"li", b"ne\nand another"):
            with log.open("ab") as file:
                file.write(piece)
            await listen(stream)
    page = (await client.get("/")).text

    assert shown(sent(stream)) == shown(page) == ["half a line"]


async def test_twenty_thousand_lines_at_once_all_come_in_order(autojump_clock, client, log):
    url = await stream_of(client)
    write(log, *(f"{number} {'x' * 80}" for number in range(20_000)))
    numbers, last = [], None
    while len(numbers) < 20_000:  # a stream ends when its page is full
        result = await client.sse(url, last_event_id=last)
        assert result.events[-1].event == "again"
        last = result.events[-1].id
        numbers += [int(line.split()[0]) for event in result.events if event.event == "lines" for line in shown(event.data)]

    assert numbers == list(range(20_000))


async def test_a_page_that_is_full_is_told_to_begin_anew_where_it_is(autojump_clock, client, log):
    url = await stream_of(client, htmx="4", level="warnings")
    write(log, *(f"ERROR {number}" for number in range(7000)))
    result = await client.sse(url)
    assert result.ended == "completed"
    again = unescape(re.search(r'hx-get="([^"]+)" hx-trigger="load"', result.events[-1].data)[1])
    page = (await client.get(again, headers={"HX-Request": "true"})).text

    come = [line for event in result.events if event.event == "lines" for line in shown(event.data)]
    assert log_tail.MOST <= len(come) < 7000
    assert shown(page) == come[-log_tail.SHOWN :]
    assert place_of(page) == result.events[-1].id
    assert "level=warnings" in again
    assert "htmx=4" in again


async def test_a_line_that_is_very_long_comes_in_pieces_of_whole_characters(autojump_clock, client, log):
    async with client.stream_sse(await stream_of(client)) as stream:
        write(log, "x" + "é" * 100_000)
        await listen(stream)

    assert "".join(shown(sent(stream))) == "x" + "é" * 100_000
    assert max(map(len, shown(sent(stream)))) <= tail.PIECE


@each_case("piece", ["é", "€", "😀"])
@each_case("offset", range(5))
def test_a_piece_of_a_line_ends_with_a_whole_character(piece, offset):
    data = ("x" * offset + piece * tail.PIECE).encode()[: tail.PIECE]
    [part], length = tail._complete(data)
    assert data[:length] == part
    assert part.decode() == "x" * offset + piece * (len(part.decode()) - offset)
    assert tail.PIECE - length <= 4


async def test_what_is_no_utf_8_is_shown_as_far_as_it_can_be(autojump_clock, client, log):
    write(log, b"caf\xe9 \xff\xfe", b"nul \x00 bell \x07 \x1b[31mred\x1b[0m\r", "two\rthree\u2028four")

    assert shown((await client.get("/")).text) == ["caf� ��", "nul ␀ bell ␇ red", "two␍three\u2028four"]


async def test_no_line_can_be_markup(autojump_clock, client, log):
    hostile = '<script>alert(1)</script> </li></ol> "&amp;" <hx-partial hx-target="body">'
    async with client.stream_sse(await stream_of(client)) as stream, client.stream_sse("/live", headers=HTMX_4) as other:
        write(log, hostile)
        await listen(stream)
        await listen(other)
    page = (await client.get("/")).text

    assert shown(sent(stream)) == shown(page) == [hostile]
    for html in (page, sent(stream), "".join(event.data for event in other.events)):
        assert "<script>alert" not in html
        assert '<hx-partial hx-target="body">' not in html


# -- levels ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "level"),
    [
        ("2026-11-28 12:00:00 WARNING shop: low", "warning"),
        ("[WARN] low", "warning"),
        ("2026/11/28 12:00:00 [error] 7#7: *1 open() failed", "error"),
        ('{"level": "warning", "message": "low"}', "warning"),
        ("time=12:00 level=error msg=broken", "error"),
        ("CRITICAL: on fire", "error"),
        ("DEBUG an ERROR was looked for", "debug"),
        ("INFO no errors", "info"),
        ("GET /error 404", "info"),
        ("ERRORS: 0", "info"),
        (f"{'x' * 300} ERROR", "info"),
    ],
)
def test_the_level_of_a_line_is_the_first_that_it_names(line, level):
    assert to_line(line.encode(), "info").level == level


async def test_lines_without_a_level_have_that_of_the_line_before_after_a_reconnection_too(autojump_clock, client, log):
    write(log, "ERROR broken", "Traceback:")
    async with client.stream_sse(await stream_of(client, level="warnings")) as stream:
        write(log, "  File x", "ValueError")
        await listen(stream)
        await stream.disconnect()
        write(log, "  and another", "INFO fine", "  very fine")
        await stream.connect()
        await listen(stream)

    assert shown(sent(stream)) == ["  File x", "ValueError", "  and another"]


async def test_whoever_wants_warnings_gets_warnings_and_worse(autojump_clock, client, log):
    lines = ["DEBUG a", "INFO b", "WARNING c", "ERROR d"]
    write(log, *lines)
    page = (await client.get("/?level=warnings")).text
    async with client.stream_sse(await stream_of(client, level="warnings")) as stream:
        write(log, *lines)
        await listen(stream)

    assert shown(page) == shown(sent(stream)) == ["WARNING c", "ERROR d"]
    assert levels(page) == ["warning", "error"]
    assert re.findall(r'aria-current="true">(\w+)</a>', page) == ["Warnings"]
    assert levels((await client.get("/")).text) == ["debug", "info", "warning", "error"] * 2


async def test_lines_that_are_not_shown_move_the_place_too(autojump_clock, client, log):
    async with client.stream_sse(await stream_of(client, level="warnings")) as stream:
        await listen(stream)
        before = stream.last_event_id
        write(log, "INFO fine")
        await listen(stream, 3)

    assert sent(stream) == ""
    assert stream.last_event_id != before
    assert stream.last_event_id == place_of((await client.get("/")).text) == place_of(stream.events[-1].data)


# -- rotation ----------------------------------------------------------------------------------------------------------


async def test_a_file_that_is_renamed_is_read_to_its_end_and_then_the_new_one(autojump_clock, client, log):
    async with client.stream_sse(await stream_of(client)) as stream:
        write(log, "one")
        await listen(stream)
        write(log, "two")
        rotate(log, "four")
        write(log.with_suffix(".log.1"), "three")
        await listen(stream, 2)
        write(log, "five")
        await listen(stream)

    assert shown(sent(stream)) == ["one", "two", "three", "four", "five"]
    assert notes(sent(stream)) == [tail.REPLACED]


async def test_who_does_not_know_yet_that_the_file_was_renamed_is_still_heard(autojump_clock, client, log):
    async with client.stream_sse(await stream_of(client)) as stream:
        await listen(stream, 1.1)
        rotate(log, "new")
        await listen(stream, log_tail.PACE)  # which has one look in it
        write(log.with_suffix(".log.1"), "late")
        await listen(stream, 2)

    assert shown(sent(stream)) == ["late", "new"]


async def test_a_file_that_is_renamed_is_followed_until_there_is_a_new_one(autojump_clock, client, log):
    async with client.stream_sse(await stream_of(client)) as stream:
        old = log.rename(log.with_suffix(".old"))
        await listen(stream, 5)
        write(old, "one")
        await listen(stream, 5)
        write(log, "two")
        await listen(stream, 5)

    assert shown(sent(stream)) == ["one", "two"]


async def test_half_a_line_at_the_end_of_a_renamed_file_is_not_lost(autojump_clock, client, log):
    async with client.stream_sse(await stream_of(client)) as stream:
        log.write_text("half")
        rotate(log, "new")
        await listen(stream, 2)

    assert shown(sent(stream)) == ["half", "new"]


@pytest.mark.parametrize("filled", ["", "a\n", "much longer than what was there before it was emptied\n" * 10])
async def test_a_file_that_is_emptied_is_read_from_its_beginning(autojump_clock, client, log, filled):
    write(log, "before", "and more")
    async with client.stream_sse(await stream_of(client)) as stream:
        await listen(stream)
        log.write_text(filled)
        await listen(stream)
        write(log, "after")
        await listen(stream)

    assert notes(sent(stream)) == [tail.EMPTIED]
    assert shown(sent(stream)) == [*filled.splitlines(), "after"]


async def test_a_file_that_is_not_there_yet_is_waited_for(autojump_clock, client, log):
    log.unlink()
    page = await client.get("/")
    async with client.stream_sse(await stream_of(client)) as stream:
        await listen(stream, 3)
        assert "Waiting for the file" in stream.events[-1].data
        write(log, "one")
        await listen(stream)
        write(log, "two")
        await listen(stream, 3)

    assert shown(page.text) == []
    assert shown(sent(stream)) == ["one", "two"]
    assert notes(sent(stream)) == []
    assert "Live" in stream.events[-1].data


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
async def test_what_is_no_regular_file_is_not_read_and_holds_up_nobody(autojump_clock, client, log, make):
    log.unlink()
    make(log)
    result = await client.sse(await stream_of(client), max_events=1)

    assert re.search("Not a regular file", result.events[0].data)


# -- coming back -------------------------------------------------------------------------------------------------------


async def test_between_a_page_and_its_stream_nothing_is_lost_and_nothing_comes_twice(autojump_clock, client, log):
    write(log, "before")
    page = (await client.get("/")).text
    url = unescape(re.search(r'sse-connect="([^"]+)"', page)[1])
    write(log, "in between")
    async with client.stream_sse(url) as stream:
        write(log, "after")
        await listen(stream)

    assert shown(page) == ["before"]
    assert shown(sent(stream)) == ["in between", "after"]


async def test_who_comes_back_goes_on_exactly_where_it_was(autojump_clock, client, log):
    async with client.stream_sse(await stream_of(client)) as stream:
        for number in range(20):
            write(log, f"{number} a", f"{number} b")
            await listen(stream, 0.3)
            await stream.reconnect()
        await listen(stream)

    assert shown(sent(stream)) == [f"{number} {letter}" for number in range(20) for letter in "ab"]
    assert notes(sent(stream)) == []


async def test_who_leaves_before_the_first_line_misses_none(autojump_clock, client, log):
    async with client.stream_sse(await stream_of(client)) as stream:
        await listen(stream)
        await stream.disconnect()
        write(log, "missed")
        await stream.connect()
        await listen(stream)

    assert shown(sent(stream)) == ["missed"]


async def test_the_file_that_was_not_there_is_read_from_its_beginning_by_who_comes_back(autojump_clock, client, log):
    log.unlink()
    async with client.stream_sse(await stream_of(client)) as stream:
        await listen(stream)
        await stream.disconnect()
        write(log, "one", "two")
        await stream.connect()
        await listen(stream)

    assert (shown(sent(stream)), notes(sent(stream))) == (["one", "two"], [])


def rename(path):
    rotate(path, "new one", "new two")


def copy_and_truncate(path):
    path.write_text("new one\nnew two\n")


def delete_and_make_anew(path):
    """With the same inode, if the file system gives it again."""
    path.unlink()
    write(path, "new one", "new two")


@pytest.mark.parametrize("lines", [["one"], ["a line that is longer than all of those that come after it"]])
@pytest.mark.parametrize("change", [rename, copy_and_truncate, delete_and_make_anew])
async def test_who_comes_back_to_another_file_is_told_so_and_gets_its_last_lines(autojump_clock, client, log, change, lines):
    write(log, *lines)
    async with client.stream_sse(await stream_of(client)) as stream:
        await listen(stream)
        await stream.disconnect()
        change(log)
        await stream.connect()
        await listen(stream)
        write(log, "new three")
        await listen(stream)

    assert [event.event for event in stream.events if event.event != "status"] == ["note", "lines"]
    assert notes(sent(stream)) == [tail.UNKNOWN]
    assert shown(sent(stream)) == ["new one", "new two", "new three"]


async def test_who_comes_back_when_the_file_is_gone_is_told_so_once(autojump_clock, client, log):
    write(log, "one")
    async with client.stream_sse(await stream_of(client)) as stream:
        await listen(stream)
        log.unlink()
        await stream.reconnect()
        await listen(stream)
        await stream.reconnect()
        write(log, "two")
        await listen(stream)

    assert (notes(sent(stream)), shown(sent(stream))) == ([tail.UNKNOWN], ["two"])


@pytest.mark.parametrize(
    "id",
    [
        "",
        "nonsense",
        "1:2",
        "0:1:00000000",
        "1:0:00000001",
        "-1:0:00000000",
        "٣:0:00000000",
        f"{'9' * 20}:{'9' * 18}:00000000",
        "{inode}:3:00000000",
        "{inode}:999999:00000000",
    ],
)
async def test_an_id_that_is_no_place_leads_to_the_last_lines_and_is_told(autojump_clock, client, log, id):
    write(log, "one")
    id = id.format(inode=log.stat().st_ino)
    page = (await client.get("/", params={"at": id})).text
    async with client.stream_sse("/live", last_event_id=id) as stream:
        await listen(stream)

    if id == "":  # an EventSource that has no id sends none
        assert sent(stream) == ""
    else:
        assert (notes(sent(stream)), shown(sent(stream))) == ([tail.UNKNOWN], ["one"])
    assert (notes(page), shown(page)) == ([tail.UNKNOWN], ["one"])


async def test_who_is_too_far_behind_is_told_so(autojump_clock, client, log, monkeypatch):
    monkeypatch.setattr(tail, "FURTHEST", 1000)
    async with client.stream_sse(await stream_of(client)) as stream:
        await listen(stream)
        await stream.disconnect()
        write(log, *map(str, range(1000)))
        await stream.connect()
        await listen(stream)

    assert notes(sent(stream)) == [tail.FAR_BEHIND]
    assert shown(sent(stream)) == [str(number) for number in range(800, 1000)]


async def test_a_client_without_an_id_gets_what_is_written_from_then_on(autojump_clock, client, log):
    write(log, "before")
    async with client.stream_sse("/live") as stream:
        await listen(stream)
        write(log, "after")
        await listen(stream)

    assert shown(sent(stream)) == ["after"]


# -- stop and go -------------------------------------------------------------------------------------------------------


async def test_who_stops_sees_what_there_was_and_goes_on_there(autojump_clock, client, log):
    write(log, "one", "WARNING two")
    async with client.stream_sse(await stream_of(client)) as stream:
        write(log, "WARNING three")
        await listen(stream)
    at = place_of(stream.events[-1].data)
    write(log, "WARNING four")
    stopped = (await client.get("/", params={"at": at, "stopped": "1"})).text
    filtered = (await client.get(unescape(re.search(r'<a href="([^"]+)"[^>]*>Warnings<', stopped)[1]))).text
    url = unescape(re.search(r'<button hx-get="([^"]+)"', filtered)[1])
    going = (await client.get(url)).text
    result = await client.sse(unescape(re.search(r'sse-connect="([^"]+)"', going)[1]), max_events=2)

    assert shown(stopped) == ["one", "WARNING two", "WARNING three"]
    assert shown(filtered) == shown(going) == ["WARNING two", "WARNING three"]
    for page in (stopped, filtered):
        assert "sse-connect" not in page
        assert "Stopped" in page
    assert shown(result.events[1].data) == ["WARNING four"]


# -- clients that are slow ---------------------------------------------------------------------------------------------


async def test_for_a_client_that_does_not_read_nothing_more_is_read_and_it_gets_everything(autojump_clock, client, log):
    async with client.stream_sse(await stream_of(client)) as stream:
        await listen(stream)
        stream.stall()
        tracemalloc.start()
        write(log, *(f"{number} {'x' * 1000}" for number in range(1800)))
        await trio.sleep(20)
        size = log.stat().st_size
        held = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        stream.resume()
        await listen(stream, 5)

    assert size > 1_600_000
    assert held < size / 2
    assert [int(line.split()[0]) for line in shown(sent(stream))] == list(range(1800))


async def test_who_stalls_is_given_up_and_the_file_is_closed(autojump_clock, client, log, monkeypatch):
    opened, open_, close = set(), os.open, os.close
    monkeypatch.setattr(os, "open", lambda *arguments: opened.add(it := open_(*arguments)) or it)
    monkeypatch.setattr(os, "close", lambda it: opened.discard(it) or close(it))
    async with client.stream_sse(await stream_of(client)) as stream:
        await listen(stream)
        assert len(opened) == 1
        stream.stall()
        write(log, *("x" * 400 for _ in range(4000)))
        await trio.sleep(40)
        assert opened == set()


# -- the files ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("generation", ["2", "4"])
async def test_a_page_loads_the_scripts_of_its_generation_and_no_other_javascript(autojump_clock, client, generation):
    page = (await client.get(f"/?htmx={generation}")).text

    scripts = re.findall(r'<script src="/static/([^"]+)"></script>', page)
    assert scripts == list(log_tail.HTMX[generation])
    assert page.count("<script") == len(scripts)
    assert not re.search(r"\son\w+=|hx-on|javascript:", page)
    for name in (*scripts, "log_tail.css"):
        assert (await client.get(f"/static/{name}")).status_code == 200
    assert re.findall(r'aria-current="page">htmx (\d)<', page) == [generation]


@pytest.mark.parametrize(
    "path",
    [
        "/?htmx=3",
        "/?level=none",
        "/live?level=none",
        "/static/tail.py",
        "/static/..%2Ftail.py",
        "/etc/passwd",
        "/live/app.log",
    ],
)
async def test_what_is_not_here_is_not_found(autojump_clock, client, path):
    assert (await client.get(path)).status_code == 404


async def test_nobody_but_the_operator_says_which_file_is_read(autojump_clock, client, log):
    write(log.with_name("secret"), "a secret")
    write(log, "one")
    secret = log.with_name("secret")
    for name in ("file", "path", "name", "LOG_FILE"):
        assert shown((await client.get("/", params={name: str(secret)})).text) == ["one"]
    place = f"{secret.stat().st_ino}:0:00000000"
    assert shown((await client.get("/", params={"at": place})).text) == ["one"]


async def test_without_a_file_there_is_one_to_look_at(autojump_clock, monkeypatch):
    monkeypatch.delenv("LOG_FILE", raising=False)
    monkeypatch.setattr(demonstration, "ROTATED", 200)
    async with TestClient(log_tail.app) as client:
        async with client.stream_sse(await stream_of(client)) as stream:
            await listen(stream, 100)
        page = (await client.get("/")).text

    assert ">shop.log</h1>" in page
    assert set(levels(sent(stream))) == {"debug", "info", "warning", "error", "note"}
    assert set(notes(sent(stream))) == {tail.REPLACED}
