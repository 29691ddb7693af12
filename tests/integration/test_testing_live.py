"""`TestClient.live()`: what is so only where there is a real server."""

import h11
import httpx
import pytest
import trio

from chirp_trio import App, ConfigurationError, EventStream, ServerConfig
from chirp_trio.testing import AppError, AppStillRunning, LeftBehind, TestClient


@pytest.fixture
def app():
    app = App()

    @app.route("/")
    async def index():
        return "hello"

    @app.route("/live")
    async def live():
        return EventStream(endless)

    return app


async def endless():
    while True:
        yield "a"
        await trio.sleep(0.01)


async def use(client):
    async with client:
        pass


async def test_a_clock_that_jumps_is_refused_with_the_cure(autojump_clock, app):
    with pytest.raises(RuntimeError, match=r"leave out the fixture autojump_clock, or use TestClient\(app\)"):
        await use(TestClient.live(app))


async def test_a_clock_that_stands_still_may_be_moved_by_hand(mock_clock, app):
    async def quiet():
        await trio.sleep_forever()
        yield

    app.route("/quiet")(lambda: EventStream(quiet))
    async with TestClient.live(app) as client:
        assert (await client.get("/")).text == "hello"
        async with trio.open_nursery() as nursery:
            nursery.start_soon(move, mock_clock)
            result = await client.sse("/quiet", disconnect_after=100)
            nursery.cancel_scope.cancel()
    assert result.heartbeats >= 1


async def move(clock):
    """Let seconds pass, as long as it takes what is real to be done."""
    while True:
        await trio.testing.wait_all_tasks_blocked(0.02)
        clock.jump(5)


async def test_the_server_listens_where_it_says_until_the_client_is_closed(app):
    async with TestClient.live(app) as client:
        assert client.server_url.startswith("http://127.0.0.1:")
        async with httpx.AsyncClient(trust_env=False, verify=False) as other:
            assert (await other.get(client.server_url)).text == "hello"
    with pytest.raises(OSError, match="all attempts to connect"):
        await trio.open_tcp_stream("127.0.0.1", httpx.URL(client.server_url).port)


def test_in_memory_there_is_no_such_place(app):
    assert TestClient(app).server_url is None


async def test_a_server_that_was_told_to_stop_takes_no_further_connection(app):
    async with TestClient.live(app) as client:
        async with client.stream_sse("/live") as stream:
            stream.drain()
            async for _ in stream:
                pass
        await trio.sleep(0.1)
        with pytest.raises(httpx.ConnectError, match="GET /: the server cannot be reached"):
            await client.get("/")


async def test_the_server_has_the_settings_that_it_was_given_but_for_its_address(app):
    config = ServerConfig(port=1, http2=False, write_timeout=1, access_log=True)
    async with TestClient.live(app, config=config) as client:
        assert (await client.get("/")).text == "hello"
        assert not client.server_url.endswith(":1")


def test_tls_is_refused(app, tmp_path):
    for name in ("cert.pem", "key.pem"):
        (tmp_path / name).touch()
    config = ServerConfig(certfile=tmp_path / "cert.pem", keyfile=tmp_path / "key.pem")
    with pytest.raises(ConfigurationError, match="config has a certfile"):
        TestClient.live(app, config=config)


async def test_an_error_in_a_request_of_somebody_else_is_told_of(app):
    async def broken(scope, receive, send):
        if scope["type"] == "http":
            raise LookupError("kaputt")
        await app(scope, receive, send)

    async def visit(client):
        async with client, httpx.AsyncClient(trust_env=False, verify=False) as other:
            assert (await other.get(f"{client.server_url}/somewhere")).status_code == 500

    with pytest.raises(LeftBehind, match="GET /somewhere: the app raised LookupError: kaputt"):
        await visit(TestClient.live(broken))


async def test_the_mark_of_a_request_is_not_shown_to_anybody(app):
    seen = []

    async def watched(scope, receive, send):
        seen.append(dict(scope.get("headers", ())))
        await app(scope, receive, send)

    async with TestClient.live(watched) as client:
        await client.get("/")
    assert seen[0] == {}
    assert sorted(seen[1]) == [b"accept", b"accept-encoding", b"connection", b"host", b"user-agent"]


async def test_a_request_that_the_server_does_not_take_is_answered_by_the_server(app):
    async with TestClient.live(app) as client:
        response = await client.get("/", headers={"x-long": "x" * 100_000})
        assert response.status_code in (400, 431)
        assert (await client.get("/")).text == "hello"


async def test_a_body_that_nobody_reads_does_not_hold_up_the_response():
    async def app(scope, receive, send):
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 413, "headers": []})
            await send({"type": "http.response.body", "body": b"enough"})

    async def pieces():
        while True:
            yield b"x" * 10_000

    async with TestClient.live(app) as client:
        response = await client.post("/", content=pieces())
    assert (response.status_code, response.text) == (413, "enough")


async def test_a_body_may_be_sent_when_the_app_asks_for_it(app):
    app.route("/echo", methods=["POST"])(echo)
    async with TestClient.live(app) as client:
        assert (await client.post("/echo", content=b"x", headers={"expect": "100-continue"})).text == "x"


async def echo(request):
    return await request.text()


async def test_a_body_that_is_longer_than_it_says_is_the_tests_own_mistake(app):
    app.route("/echo", methods=["POST"])(echo)
    async with TestClient.live(app) as client:
        with pytest.raises(h11.LocalProtocolError, match="Too much data"):
            await client.post("/echo", content=b"four", headers={"content-length": "3"})


async def never_notice(scope, receive, send):
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"a", "more_body": True})
        await trio.sleep_forever()


async def test_an_app_that_does_not_notice_that_its_client_has_left_is_told_of(monkeypatch):
    monkeypatch.setattr("chirp_trio.testing.live._END_TIMEOUT", 0.3)

    async def leave(client):
        async with client, client.stream("GET", "/endless"):
            pass

    with pytest.raises(AppStillRunning, match=r"GET /endless: the app still runs 0.3 s after its client has left"):
        await leave(TestClient.live(never_notice, config=ServerConfig(graceful_timeout=0.1)))


async def test_an_app_that_still_runs_when_the_client_is_closed_is_told_of(monkeypatch):
    monkeypatch.setattr("chirp_trio.testing.live._END_TIMEOUT", 0.3)

    async def never_answer(scope, receive, send):
        if scope["type"] == "http":
            await trio.sleep_forever()

    async def give_up(client):
        async with client:
            with trio.move_on_after(0.1):
                await client.get("/endless")

    before = trio.lowlevel.current_statistics().tasks_living
    with pytest.raises(AppStillRunning, match=r"still running 0.3 s after their clients had left: GET /endless"):
        await give_up(TestClient.live(never_answer, config=ServerConfig(graceful_timeout=0.1)))
    assert trio.lowlevel.current_statistics().tasks_living == before


async def test_a_response_that_the_server_cuts_off_is_told_of():
    """The app sends all of it, and the server gives its client up."""
    over = trio.Event()

    async def app(scope, receive, send):
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"x" * 50_000_000})
            over.set()

    impatient = ServerConfig(write_timeout=1)
    async with TestClient.live(app, config=impatient) as client, client.stream("GET", "/large") as response:
        await over.wait()
        with pytest.raises(AppError, match="GET /large: the server cut the response off"):
            await response.aread()


async def test_two_live_clients_do_not_disturb_each_other(app):
    async with TestClient.live(app) as one, TestClient.live(app) as other:
        assert one.server_url != other.server_url
        assert (await one.sse("/live", max_events=2)).ended == "max_events"
        assert (await other.sse("/live", max_events=2)).ended == "max_events"
