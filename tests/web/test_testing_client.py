"""`TestClient` itself: what it sends, what it keeps, and whose time it runs on."""

import time
from contextlib import AsyncExitStack

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
