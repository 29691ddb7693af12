"""`TestClient` itself: what it sends, what it keeps, and whose time it runs on."""

import time
from contextlib import AsyncExitStack

import httpx
import pytest
import trio
import trio.testing

from chirp_trio import App, EventStream, Redirect, Response
from chirp_trio.testing import TestClient


@pytest.fixture
def app():
    app = App()

    @app.route("/seen", methods=["GET", "POST"])
    async def seen(request):
        return {
            "method": request.method,
            "headers": dict(request.headers),
            "cookies": dict(request.cookies),
            "client": list(request.client),
        }

    @app.route("/login")
    async def login():
        return Response("", 303, [("location", "/seen"), ("set-cookie", "user=ada; Path=/"), ("set-cookie", "theme=dark")])

    @app.route("/there")
    async def there():
        return Redirect("/seen")

    return app


async def test_cookies_are_kept_and_sent_again(app):
    async with TestClient(app) as client:
        await client.get("/login")
        assert (await client.get("/seen")).json()["cookies"] == {"user": "ada", "theme": "dark"}


async def test_cookies_may_be_given(app):
    async with TestClient(app, cookies={"user": "bob"}) as client:
        assert (await client.get("/seen")).json()["cookies"] == {"user": "bob"}


async def test_redirects_are_followed_only_where_that_is_asked_for(app):
    async with TestClient(app) as client:
        assert (await client.get("/there")).status_code == 303
        response = await client.get("/there", follow_redirects=True)

    assert response.json()["method"] == "GET"
    assert [step.status_code for step in response.history] == [303]


async def test_headers_may_be_given_for_all_requests_and_for_one(app):
    async with TestClient(app, headers={"X-A": "1"}) as client:
        headers = (await client.get("/seen", headers={"X-B": "2"})).json()["headers"]

    assert (headers["x-a"], headers["x-b"], headers["host"]) == ("1", "2", "testserver")


async def test_the_address_of_the_client_may_be_given(app):
    async with TestClient(app) as client:
        assert (await client.get("/seen")).json()["client"] == ["127.0.0.1", 50000]
    async with TestClient(app, client=("192.0.2.7", 1234)) as client:
        assert (await client.get("/seen")).json()["client"] == ["192.0.2.7", 1234]


@pytest.mark.parametrize(
    ("options", "sent"),
    [
        pytest.param({}, {"hx-request": "true"}, id="plain"),
        pytest.param(
            {"target": "panel", "trigger": "button"},
            {"hx-request": "true", "hx-target": "panel", "hx-trigger": "button"},
            id="with its elements",
        ),
        pytest.param({"headers": {"HX-Boosted": "true"}}, {"hx-request": "true", "hx-boosted": "true"}, id="with headers"),
    ],
)
async def test_a_fragment_is_asked_for_as_htmx_does(app, options, sent):
    async with TestClient(app) as client:
        seen = (await client.fragment("/seen", **options)).json()

    assert seen["method"] == "GET"
    assert {name: value for name, value in seen["headers"].items() if name.startswith("hx-")} == sent


async def test_a_fragment_may_be_posted(app):
    async with TestClient(app) as client:
        seen = (await client.fragment("/seen", method="POST", data={"a": "1"})).json()

    assert (seen["method"], seen["headers"]["content-type"]) == ("POST", "application/x-www-form-urlencoded")


async def test_a_client_that_is_not_open_says_how_to_open_it(app):
    with pytest.raises(RuntimeError, match="use `async with TestClient"):
        await TestClient(app).get("/seen")


async def test_requests_may_go_on_at_the_same_time(app):
    both = trio.Event()
    waiting = []

    @app.route("/meet/{name}")
    async def meet(name):
        waiting.append(name)
        if len(waiting) == 2:
            both.set()
        await both.wait()
        return name

    async with TestClient(app) as client, trio.open_nursery() as nursery:
        nursery.start_soon(client.get, "/meet/one")
        nursery.start_soon(client.get, "/meet/two")

    assert sorted(waiting) == ["one", "two"]


async def test_what_the_test_raises_comes_out_as_it_is(app):
    error = LookupError("the test's own")

    with pytest.raises(LookupError) as raised:
        async with TestClient(app):
            raise error

    assert raised.value is error


# -- time --------------------------------------------------------------------------------------------------------------


async def test_time_does_not_jump_while_a_plain_handler_works(autojump_clock):
    app = App()

    @app.route("/")
    def work():
        time.sleep(0.05)
        return "done"

    async with TestClient(app) as client:
        began = trio.current_time()
        with trio.fail_after(1):
            assert (await client.get("/")).text == "done"
        assert trio.current_time() - began < 1


@pytest.mark.parametrize("clients", [1, 2])
async def test_nor_if_all_was_quiet_before_and_nobody_had_a_deadline(autojump_clock, clients):
    app = App()

    @app.route("/")
    def slow():
        time.sleep(0.05)
        return "done"

    async with AsyncExitStack() as stack:
        for _ in range(clients):
            client = await stack.enter_async_context(TestClient(app))
        await trio.testing.wait_all_tasks_blocked(0.01)
        with trio.fail_after(1):
            assert (await client.get("/")).text == "done"
        assert trio.current_time() == 0
    await trio.sleep(1000)
    assert autojump_clock.autojump_threshold == 0


async def test_time_jumps_again_afterwards(autojump_clock):
    app = App()

    @app.route("/")
    def work():
        return "done"

    async with TestClient(app) as client:
        await client.get("/")
        before = time.monotonic()
        await trio.sleep(3600)
        assert time.monotonic() - before < 60


@pytest.mark.parametrize("last_event_id", ["7", "é☃"])
async def test_the_last_event_id_is_sent_as_utf_8_and_stays_while_the_stream_has_none(last_event_id, autojump_clock):
    app = App()

    @app.route("/live")
    async def live(request):
        async def source():
            yield request.last_event_id

        return EventStream(source)

    async with TestClient(app) as client, client.stream_sse("/live", last_event_id=last_event_id) as events:
        assert (await events.next_event()).data == last_event_id
        assert events.last_event_id == last_event_id


async def test_an_empty_last_event_id_is_not_sent(app):
    async with TestClient(app) as client:
        result = await client.sse("/seen", last_event_id="")

    assert "last-event-id" not in result.text


async def test_a_timeout_is_kept_where_one_is_asked_for(autojump_clock):
    app = App()

    @app.route("/slow")
    async def slow():
        await trio.sleep(10)
        return "done"

    async with TestClient(app, timeout=5) as client:
        with pytest.raises(httpx.ReadTimeout, match="GET /slow: nothing came within 5 s"):
            await client.get("/slow")
        assert trio.current_time() == 5
        assert (await client.get("/slow", timeout=20)).text == "done"


async def test_a_timeout_is_for_each_piece_of_a_body(autojump_clock):
    async def app(scope, receive, send):
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            for pause in (4, 4, 6):
                await trio.sleep(pause)
                await send({"type": "http.response.body", "body": b"a", "more_body": True})
            await send({"type": "http.response.body", "body": b""})

    async with TestClient(app, timeout=5) as client, client.stream("GET", "/") as response:
        with pytest.raises(httpx.ReadTimeout):
            await response.aread()
        assert trio.current_time() == 4 + 4 + 5


# -- what is sent ---------------------------------------------------------------------------------------------------------


async def echo(scope, receive, send):
    """An app that sends back each piece of a body as it comes."""
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        more = True
        while more:
            message = await receive()
            more = message.get("more_body", False)
            await send({"type": "http.response.body", "body": message.get("body", b""), "more_body": more})


async def test_a_body_may_be_sent_bit_by_bit_while_the_response_comes(autojump_clock):
    async def pieces():
        for number in range(3):
            yield str(number).encode()
            await trio.sleep(10)

    async with TestClient(echo) as client, client.stream("POST", "/", content=pieces()) as response:
        came = [(piece, trio.current_time()) async for piece in response.aiter_raw()]
    assert came == [(b"0", 0), (b"1", 10), (b"2", 20)]


async def test_an_error_of_a_body_that_is_being_sent_is_the_tests_own(autojump_clock):
    async def pieces():
        yield b"a"
        raise LookupError("no more")

    async def app(scope, receive, send):
        if scope["type"] == "http":
            while (await receive())["type"] != "http.disconnect":
                pass

    async with TestClient(app) as client:
        with pytest.raises(LookupError, match="no more"):
            await client.post("/", content=pieces())


async def test_a_client_that_leaves_sends_no_more(autojump_clock):
    received, closed = [], []

    async def pieces():
        try:
            while True:
                yield b"a"
                await trio.sleep(10)
        finally:
            closed.append(trio.current_time())

    async def app(scope, receive, send):
        if scope["type"] == "http":
            while not received or received[-1]["type"] != "http.disconnect":
                received.append(await receive())

    async with TestClient(app) as client:
        with trio.move_on_after(15):
            await client.post("/", content=pieces())
        await trio.testing.wait_all_tasks_blocked()
        assert [message["type"] for message in received] == ["http.request", "http.request", "http.disconnect"]
    assert closed == [15]


async def test_a_body_that_the_app_does_not_want_is_not_sent_to_its_end(autojump_clock):
    async def pieces():
        while True:
            yield b"a"

    async def app(scope, receive, send):
        if scope["type"] == "http":
            await receive()
            await send({"type": "http.response.start", "status": 413, "headers": []})
            await send({"type": "http.response.body", "body": b"enough"})

    async with TestClient(app) as client:
        response = await client.post("/", content=pieces())
    assert (response.status_code, response.text) == (413, "enough")


async def test_files_may_be_sent():
    async with TestClient(echo) as client:
        response = await client.post("/", files={"file": ("a.txt", b"its text")})
    assert b"its text" in response.content
    assert b'filename="a.txt"' in response.content


async def test_the_last_piece_comes_though_another_task_still_sends_one(autojump_clock):
    async def app(scope, receive, send):
        if scope["type"] != "http":
            return
        await send({"type": "http.response.start", "status": 200, "headers": []})
        async with trio.open_nursery() as nursery:
            for more in (True, False):
                nursery.start_soon(
                    send, {"type": "http.response.body", "body": b"more" if more else b", last", "more_body": more}
                )
                await trio.sleep(1)

    async with TestClient(app) as client, client.stream("GET", "/") as response:
        await trio.sleep(5)
        assert await response.aread() == b"more, last"
