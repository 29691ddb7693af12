"""To-do lists: who may see and change one, what the pages of its user are sent, and how a session ends on all of them."""

import re
from contextlib import AsyncExitStack
from html import unescape

import accounts
import lists
import pytest
import todo
import trio

from chirp_trio.testing import TestClient, assert_sse_wired

HTMX = {"HX-Request": "true"}
HTMX_4 = {**HTMX, "Accept": "text/html, text/event-stream"}
PASSWORDS = todo.PASSWORDS
COST = accounts.COST


@pytest.fixture(autouse=True)
def _hashes_cost_nothing(monkeypatch):
    monkeypatch.setattr(accounts, "COST", 2)


def test_a_password_is_known_at_the_cost_that_hashes_have_outside_of_tests(monkeypatch):
    monkeypatch.setattr(accounts, "COST", COST)
    password = accounts.Password.of("lovelace")
    assert password.matches("lovelace")
    assert not password.matches("byron")


class Browser:
    """A browser at the app: it has cookies of its own, and sends forms as htmx does, with the token that is in its page."""

    def __init__(self, client):
        self._client = client
        self.cookies = {}
        self.page = ""

    @property
    def headers(self):
        return {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}

    async def request(self, method, path, *, headers=(), **options):
        response = await self._client.request(method, path, headers={**self.headers, **dict(headers)}, **options)
        for line in response.headers.get_list("set-cookie"):
            name, value = re.match(r"([^=]+)=([^;]*)", line).groups()
            self.cookies[name] = value
            if "Max-Age=0" in line:
                del self.cookies[name]
        return response

    async def load(self, path="/"):
        response = await self.request("GET", path)
        self.page = response.text
        return response

    async def send(self, path, *, headers=HTMX, token=None, **fields):
        token = re.search(r'name="token" value="([^"]+)"', self.page)[1] if token is None else token
        return await self.request("POST", path, headers=headers, data={"token": token, **fields})

    async def log_in(self, name="Ada", **options):
        await self.load()
        response = await self.send("/login", name=name, password=PASSWORDS[name], **options)
        assert response.headers["HX-Redirect"] == "/?htmx=2"
        await self.load()

    def stream(self, headers=()):
        address = unescape(re.search(r'sse-connect="([^"]+)"', self.page)[1])
        return self._client.stream_sse(address, headers={**self.headers, **dict(headers)})

    async def leave(self):
        return await self.send("/logout", headers={})


@pytest.fixture
async def client():
    async with TestClient(todo.app) as client:
        yield client


@pytest.fixture
async def ada(client):
    """A browser in which Ada is logged in."""
    browser = Browser(client)
    await browser.log_in()
    return browser


async def listen(stream, seconds=1):
    """The names and data of what comes of a stream in this time."""
    events = []
    with trio.move_on_after(seconds):
        async for event in stream:
            events.append((event.event, event.data))  # noqa: PERF401 - what has come before the time is over counts
    return events


def names(events):
    return [name for name, _ in events]


def todos(html):
    """The to-dos in a page, or in a piece of it: what is to be done, and whether it is."""
    found = re.findall(r'aria-checked="(\w+)" aria-label="([^"]*)"', html)
    return [(unescape(text), checked == "true") for checked, text in found]


# -- log in ------------------------------------------------------------------------------------------------------------


async def test_somebody_unknown_gets_the_form_to_log_in_and_no_stream(autojump_clock, client):
    response = await client.get("/")

    assert response.status_code == 401
    assert 'action="/login?htmx=2"' in response.text
    assert "sse-connect" not in response.text


async def test_who_logs_in_has_a_cookie_that_no_script_and_no_other_site_can_use(autojump_clock, client):
    browser = Browser(client)
    await browser.load()
    response = await browser.send("/login", name=" ada ", password="lovelace")

    [cookie] = response.headers.get_list("set-cookie")
    assert re.match(r"session=[\w-]{43}; ", cookie)
    assert {"httponly", "samesite=lax", "path=/"} <= set(cookie.lower().split("; "))
    assert response.headers["HX-Redirect"] == "/?htmx=2"
    assert "<b>Ada</b>" in (await browser.load()).text


async def test_over_https_the_cookies_stay_there(autojump_clock):
    async with TestClient(todo.app, base_url="https://todo.example") as client:
        browser = Browser(client)
        page = await browser.load()
        response = await browser.send("/login", name="Ada", password="lovelace")

    assert "Secure" in page.headers["set-cookie"].split("; ")
    assert "Secure" in response.headers["set-cookie"].split("; ")


async def test_without_htmx_the_form_leads_to_the_list_as_well(autojump_clock, client):
    browser = Browser(client)
    await browser.load("/?htmx=4")
    response = await browser.send("/login?htmx=4", headers={}, name="Grace", password="hopper")

    assert (response.status_code, response.headers["location"]) == (303, "/?htmx=4")
    assert "<b>Grace</b>" in (await browser.load("/?htmx=4")).text


@pytest.mark.parametrize(
    ("name", "password"),
    [("Ada", "hopper"), ("Ada", ""), ("Eve", "lovelace"), ("", "")],
    ids=["another's", "none", "who", "-"],
)
async def test_a_wrong_password_is_a_422_with_the_form_and_says_what_is_wrong(autojump_clock, client, name, password):
    browser = Browser(client)
    await browser.load()
    piece = await browser.send("/login", name=name, password=password)
    page = await browser.send("/login", headers={}, name=name, password=password)

    for response in (piece, page):
        assert response.status_code == 422
        assert "There is no such user, or this is not the password." in response.text
        assert f'name="name" value="{name}"' in response.text
        assert "session" not in browser.cookies
    assert "<html" not in piece.text
    assert "<html" in page.text


async def test_a_password_is_kept_so_that_nobody_can_read_it():
    one, other = accounts.Password.of("lovelace"), accounts.Password.of("lovelace")

    assert one != other
    assert one.matches("lovelace")
    assert not one.matches("lovelacE")
    assert "lovelace" not in repr(one)


async def test_who_logs_in_once_more_in_the_same_browser_has_one_session(autojump_clock, client, ada):
    before = dict(ada.cookies)
    async with ada.stream() as stream:
        await ada.send("/login", token=ada.cookies["token"], name="Grace", password="hopper")
        assert names(await listen(stream)) == ["over", "ended"]
    ada.cookies = before

    assert (await ada.load()).status_code == 401


# -- forms of others ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/login", "/logout", "/todos", "/todos/change"])
@pytest.mark.parametrize("token", ["", "guessed", "gr\N{LATIN SMALL LETTER U WITH DIAERESIS}n"])
async def test_a_form_without_the_token_changes_nothing(autojump_clock, client, ada, path, token):
    await ada.send("/todos", text="Tea")
    response = await ada.send(path, token=token, text="Coffee", remove="1", name="Grace", password="hopper")

    assert response.status_code == 403
    await ada.load()
    assert "<b>Ada</b>" in ada.page
    assert todos(ada.page) == [("Tea", False)]


async def test_a_form_to_log_in_from_nowhere_is_refused(autojump_clock, client):
    assert (await client.post("/login", data={"name": "Ada", "password": "lovelace"})).status_code == 403


async def test_the_token_of_one_session_is_worth_nothing_in_another(autojump_clock, client, ada):
    other = Browser(client)
    await other.log_in()
    other.page = ada.page

    assert (await other.send("/todos", text="Tea")).status_code == 403


# -- the list ----------------------------------------------------------------------------------------------------------


async def test_what_is_added_empties_the_form_counts_and_tells_it(autojump_clock, client, ada):
    await ada.send("/todos", text="  Tea\n for <two> ")
    response = await ada.send("/todos", text="Cake")

    assert response.status_code == 200
    assert 'name="text" value=""' in response.text
    assert '<div id="count" hx-swap-oob="innerHTML">2 of 2 to do</div>' in response.text
    assert response.headers["HX-Trigger"] == "message"
    assert (await ada.request("GET", "/message", headers=HTMX)).text == "<p>Added “Cake”</p>"
    assert (await ada.request("GET", "/message", headers=HTMX)).text == "<p></p>"
    await ada.load()
    assert todos(ada.page) == [("Tea for <two>", False), ("Cake", False)]


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("", "Say what there is to do."),
        (" \n\t ", "Say what there is to do."),
        ("<" * (lists.LONGEST_TEXT + 1), "Say it in 100 characters: these are 101."),
    ],
    ids=["nothing", "space", "long"],
)
async def test_a_form_that_is_wrong_comes_back_with_what_was_written(autojump_clock, client, ada, text, mistake):
    async with ada.stream() as stream:
        response = await ada.send("/todos", text=text)
        assert await listen(stream) == []

    assert response.status_code == 422
    assert mistake in response.text
    assert unescape(re.search(r'name="text" value="([^"]*)"', response.text, re.DOTALL)[1]) == text
    assert "hx-swap-oob" not in response.text
    assert "HX-Trigger" not in response.headers


async def test_a_list_that_is_full_says_so(autojump_clock, client, ada, monkeypatch):
    monkeypatch.setattr(lists, "LONGEST_LIST", 1)
    await ada.send("/todos", text="Tea")
    response = await ada.send("/todos", text="Cake")

    assert response.status_code == 422
    assert "1 to-dos are enough." in response.text


async def test_a_todo_is_done_and_not_done_and_removed(autojump_clock, client, ada):
    await ada.send("/todos", text="Tea")
    told = []
    for button in ("toggle", "toggle", "remove", "remove"):
        response = await ada.send("/todos/change", **{button: "1"})
        assert (response.status_code, response.headers["HX-Trigger"]) == (204, "message")
        told.append((await ada.request("GET", "/message", headers=HTMX)).text)

    assert told == ["<p>“Tea” is done</p>", "<p>“Tea” is to be done</p>", "<p>Removed “Tea”</p>", "<p>It is gone already</p>"]


@pytest.mark.parametrize("fields", [{}, {"toggle": ""}, {"toggle": "-1"}, {"remove": "²"}, {"remove": "9" * 5000}])
async def test_a_todo_that_is_not_there_is_not_changed(autojump_clock, client, ada, fields):
    await ada.send("/todos", text="Tea")
    assert (await ada.send("/todos/change", **fields)).status_code == 204
    await ada.load()

    assert todos(ada.page) == [("Tea", False)]


# -- live --------------------------------------------------------------------------------------------------------------


async def test_every_page_and_device_of_a_user_is_sent_each_change_and_nobody_else_is(autojump_clock, client, ada):
    phone, grace = Browser(client), Browser(client)
    await phone.log_in()
    await grace.log_in("Grace")
    async with AsyncExitStack() as stack:
        streams = [await stack.enter_async_context(browser.stream()) for browser in (ada, ada, phone, grace)]
        await ada.send("/todos", text="Tea")
        await phone.send("/todos/change", toggle="1")
        await ada.send("/todos/change", remove="1")
        *adas, graces = [await listen(stream) for stream in streams]

    assert adas[0] == adas[1] == adas[2]
    assert names(adas[0]) == ["added", "count", "todo-1", "count", "todo-1", "count"]
    added, one, done, none, removed, nothing = [data for _, data in adas[0]]
    assert (todos(added), todos(done), removed) == ([("Tea", False)], [("Tea", True)], "")
    assert (one, none, nothing) == ("1 of 1 to do", "0 of 1 to do", "0 of 0 to do")
    assert graces == []
    assert todos((await grace.load()).text) == []


async def test_what_is_sent_to_all_sessions_holds_the_token_of_none(autojump_clock, client, ada):
    async with ada.stream() as stream:
        await ada.send("/todos", text="Tea")
        events = await listen(stream)

    assert events
    assert not any("token" in data for _, data in events)


async def test_between_a_page_and_its_stream_nothing_is_lost(autojump_clock, client, ada):
    await ada.send("/todos", text="before")
    await ada.load()
    await ada.send("/todos", text="in between")
    async with ada.stream() as stream:
        events = await listen(stream)

    assert todos(ada.page) == [("before", False)]
    assert names(events) == ["added", "count"]
    assert todos(events[0][1]) == [("in between", False)]


async def test_a_page_of_another_user_does_not_go_on_in_the_list_of_who_is_logged_in_now(autojump_clock, client, ada):
    page = ada.page
    await ada.leave()
    await ada.log_in("Grace")
    await ada.send("/todos", text="Grace's")
    ada.page = page
    async with ada.stream() as stream:
        assert set(names(await listen(stream))) == {"chirp:gap"}
    response = await ada.request("GET", "/", headers=HTMX)

    assert re.match(r"\s*<main .*<b>Grace</b>.*</main>\s*$", response.text, re.DOTALL)


@pytest.mark.parametrize(("htmx", "headers"), [(2, {}), (4, HTMX_4)])
async def test_the_page_fits_its_stream(autojump_clock, client, ada, htmx, headers):
    await ada.send("/todos", text="Tea")
    page = await ada.load()
    async with ada.stream(headers) as stream:
        await ada.send("/todos", text="Cake")
        await ada.send("/todos/change", toggle="1")
        await ada.leave()
        await listen(stream)
        assert_sse_wired(page, stream, htmx=htmx)


# -- log out -----------------------------------------------------------------------------------------------------------


async def test_log_out_tells_every_page_of_the_session_and_ends_its_streams_and_no_other(autojump_clock, client, ada):
    phone = Browser(client)
    await phone.log_in()
    async with ada.stream() as one, ada.stream() as other, phone.stream() as elsewhere:
        response = await ada.leave()
        for stream in (one, other):
            events = await listen(stream)
            assert names(events) == ["over", "ended"]
            assert "You have been logged out" in events[0][1]
            with pytest.raises(StopAsyncIteration):
                await stream.next_event()
        await phone.send("/todos", text="Tea")
        assert names(await listen(elsewhere)) == ["added", "count"]
    assert (response.status_code, response.headers["location"]) == (303, "/?htmx=2")
    assert "session" not in ada.cookies
    assert (await ada.load()).status_code == 401


@pytest.mark.parametrize("cookie", [None, "session=forged"])
async def test_a_stream_without_a_session_tells_it_and_ends_for_good(autojump_clock, client, cookie):
    headers = {} if cookie is None else {"Cookie": cookie}
    result = await client.sse("/live", headers=headers)
    again = await client.get("/live", headers={**headers, "Last-Event-ID": result.events[-1].id})

    assert (result.status, result.ended) == (200, "completed")
    assert [event.event for event in result.events] == ["over", "ended"]
    assert again.status_code == 204


async def test_the_cookie_of_a_session_that_was_ended_is_worth_nothing(autojump_clock, client, ada):
    stolen = dict(ada.cookies)
    await ada.leave()
    ada.cookies = stolen
    response = await ada.send("/todos", text="Tea")

    assert (response.status_code, response.headers["HX-Redirect"]) == (401, "/?htmx=2")
    assert (await ada.leave()).status_code == 303


async def test_a_session_expires_where_nothing_is_done_although_its_page_is_open(autojump_clock, client, ada):
    async with ada.stream() as stream:
        await trio.sleep(accounts.IDLE - 60)
        await ada.send("/todos", text="Tea")
        await trio.sleep(accounts.IDLE - 60)
        assert names(await listen(stream)) == ["added", "count"]
        await trio.sleep(120)
        with pytest.raises(StopAsyncIteration):
            await stream.next_event()
    async with ada.stream() as stream:
        assert names(await listen(stream)) == ["over", "ended"]
    assert (await ada.load()).status_code == 401


async def test_sessions_that_have_expired_take_no_memory(autojump_clock):
    known = accounts.Accounts(PASSWORDS, todo.app.topic)
    known.open("Ada")
    await trio.sleep(accounts.IDLE)
    last = known.open("Ada")

    assert list(known._sessions) == [last.id]


async def test_what_a_stream_is_known_by_gives_no_secret_away(autojump_clock, client, ada):
    async with ada.stream():
        [label] = [repr(stream.label) for stream in todo.app.streams]

    assert "Ada" in label
    assert not any(secret in label for secret in (ada.cookies["session"], ada.cookies["token"]))
    assert re.search(r'name="token" value="([^"]+)"', ada.page)[1] not in label


async def test_a_server_that_was_started_anew_knows_no_session_and_says_so(autojump_clock, client, ada):
    async with TestClient(todo.app) as started_anew:
        result = await started_anew.sse("/live", headers=ada.headers)

    assert [event.event for event in result.events] == ["over", "ended"]


# -- the files ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("generation", ["2", "4"])
async def test_a_page_loads_the_scripts_of_its_generation_and_no_other_javascript(autojump_clock, client, ada, generation):
    for browser in (ada, Browser(client)):
        page = (await browser.load(f"/?htmx={generation}")).text
        scripts = re.findall(r'<script src="/static/([^"]+)"></script>', page)
        assert scripts == list(todo.HTMX[generation])
        assert page.count("<script") == len(scripts)
        assert not re.search(r"\son\w+=|hx-on|javascript:", page)
        for name in (*scripts, "todo.css"):
            assert (await client.get(f"/static/{name}")).status_code == 200


async def test_it_works_below_a_prefix(autojump_clock):
    async with TestClient(todo.app, root_path="/apps/todo") as client:
        browser = Browser(client)
        page = (await browser.load()).text
        answer = await browser.send("/login", name="Ada", password="lovelace")
        page += (await browser.load()).text

    assert answer.headers["HX-Redirect"] == "/apps/todo/?htmx=2"
    addresses = re.findall(r'(?:action|href|src|hx-post|hx-get|sse-connect)="(/[^"]*)"', page)
    assert len(addresses) > 10
    assert all(address.startswith("/apps/todo/") for address in addresses)
