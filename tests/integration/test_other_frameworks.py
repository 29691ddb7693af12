"""An `EventStream` in Starlette and FastAPI, on hypercorn's trio worker, ends as it does in an `App`; asyncio is refused."""

import signal

import pytest

from tests.integration.clients import HTTP1, HTTP2, Client
from tests.integration.server import chirp_trio, ended, ending, hypercorn, kept_in_order, last_report

FIRST = b"data: first\n\n"
PROTOCOLS = pytest.mark.parametrize("protocol", [HTTP1, HTTP2], ids=["HTTP/1.1", "HTTP/2"])
TRIO_ONLY = "chirp_trio runs on trio only: start the server with `hypercorn --worker-class trio` or `chirp-trio run`"


@pytest.fixture(scope="module")
def with_lifespan():
    with hypercorn("frameworks:starlette") as server, kept_in_order(server):
        yield server


@pytest.fixture(scope="module")
def without_lifespan():
    with hypercorn("frameworks:without_lifespan") as server, kept_in_order(server):
        yield server


@pytest.fixture(params=["Starlette", "FastAPI", "without lifespan"])
def place(request):
    """A server, and where in it the streams of a framework are."""
    server = request.getfixturevalue("without_lifespan" if request.param == "without lifespan" else "with_lifespan")
    return server, "/fastapi" if request.param == "FastAPI" else ""


@PROTOCOLS
@pytest.mark.parametrize("kind", ["function", "generator", "channel", "safe-channel", "nursery"])
def test_an_exhausted_source_completes_the_body(place, protocol, kind):
    server, prefix = place
    path = f"{prefix}/finite/{kind}"
    with ending(server, "finite", ended(path, "completed")), protocol(server.address) as client:
        response = client.request(path)
        client.wait_for_end(response)

        assert response.body == FIRST + b"data: second\n\n"


DEPARTURES = {
    "FIN": (HTTP1, Client.leave),
    "half-close": (HTTP1, Client.leave_half),
    "RST": (HTTP1, Client.leave_by_reset),
    "HTTP/2 FIN": (HTTP2, Client.leave),
    "HTTP/2 GOAWAY": (HTTP2, HTTP2.go_away),
}


@pytest.mark.parametrize("departure", DEPARTURES)
def test_a_client_that_leaves_ends_its_stream(place, departure):
    server, prefix = place
    path = f"{prefix}/quiet/function"
    protocol, leave = DEPARTURES[departure]
    with protocol(server.address) as client, ending(server, "quiet", ended(path, "disconnected")):
        client.wait_for(client.request(path), FIRST)
        leave(client)


def test_a_reset_of_an_http2_stream_ends_it(place):
    server, prefix = place
    path = f"{prefix}/quiet/nursery"
    mark = server.mark()
    with ending(server, "quiet", ended(path, "disconnected")), HTTP2(server.address) as client:
        response = client.request(path)
        client.wait_for(response, FIRST)
        client.reset(response)
        server.wait_for_line("ended, disconnected", since=mark)  # and not because the connection is closed next


def test_an_error_before_the_first_event_is_for_the_framework_to_answer_and_to_log(place):
    server, prefix = place
    path = f"{prefix}/raises_at_once/function"
    mark = server.mark()

    assert server.get(path) == (500, b"Internal Server Error")
    server.wait_for_line("ValueError: boom", since=mark)
    assert [line for line in server.lines(mark) if "chirp_trio.stream: " in line] == [ended(path, "failed")]
    server.forgive(mark)


@PROTOCOLS
def test_an_error_after_the_first_event_is_told_and_completes_the_body(place, protocol):
    server, prefix = place
    path = f"{prefix}/raises_later/function"
    log = [f"ERROR chirp_trio.stream: {path}: its source raised (reference REFERENCE)", "ValueError: boom"]
    with ending(server, "raises_later", *log, ended(path, "failed")), protocol(server.address) as client:
        response = client.request(path)
        client.wait_for_end(response)

        assert response.body.startswith(FIRST + b"event: chirp:error\n")


@pytest.mark.parametrize("prefix", ["", "/fastapi"], ids=["Starlette", "FastAPI"])
def test_an_http_exception_of_the_frameworks_own_gives_its_status(with_lifespan, prefix):
    status, body = with_lifespan.get(f"{prefix}/forbidden")

    assert (status, b"this room is private" in body) == (403, True)


def test_an_http_exception_gives_its_status_without_lifespan_too(without_lifespan):
    mark = without_lifespan.mark()
    status, _ = without_lifespan.get("/forbidden")
    without_lifespan.forgive(mark)

    assert status == 403


@pytest.mark.parametrize("prefix", ["", "/fastapi"], ids=["Starlette", "FastAPI"])
def test_with_lifespan_a_reader_that_stalls_is_given_up_after_the_send_timeout(with_lifespan, prefix):
    path = f"{prefix}/flood/function"
    with HTTP1(with_lifespan.address, receive_buffer=4096) as client:
        with ending(with_lifespan, "flood", ended(path, "stalled")):
            response = client.request(path)

        with pytest.raises((EOFError, ConnectionError)):
            client.wait_for_end(response)


def test_without_lifespan_one_warning_names_the_cure(without_lifespan):
    without_lifespan.get("/finite/function")

    warnings = [line for line in without_lifespan.lines() if line.startswith("WARNING")]
    assert len(warnings) == 1
    assert "use lifespan=chirp_trio.stream_lifespan" in warnings[0]


def test_it_is_a_response_of_starlettes_kind(with_lifespan):
    """So FastAPI takes it, with its headers, and runs its background tasks."""
    with HTTP1(with_lifespan.address) as client:
        response = client.request("/fastapi/with-headers")
        client.wait_for_end(response)

    assert response.status == 200
    assert ("x-room", "hall") in response.headers
    assert ("set-cookie", "seen=yes; Path=/; SameSite=lax") in response.headers
    assert ("content-type", "text/event-stream; charset=utf-8") in response.headers
    assert with_lifespan.report()["background tasks"] == 1


def test_our_server_tells_the_streams_of_other_frameworks_to_end():
    with chirp_trio("frameworks:fastapi") as server, HTTP1(server.address) as one, HTTP2(server.address) as two:
        responses = [(client, client.request("/quiet/function")) for client in (one, two)]
        for client, response in responses:
            client.wait_for(response, FIRST)
        mark = server.mark()
        server.signal(signal.SIGTERM)
        for client, response in responses:
            client.wait_for_end(response)

        assert server.wait() == 0
        *log, last = server.lines(mark)
        assert log == [ended("/quiet/function", "shutdown")] * 2
        assert last_report(last) == {"quiet opened": 2, "quiet closed": 2, "left": []}


def test_hypercorns_command_ends_them_after_its_graceful_timeout():
    # Here its worker is a Python of its own, as it is elsewhere.
    serving = hypercorn("starlette_alone:app", "--graceful-timeout", "1", forked=False)
    with serving as server, HTTP1(server.address) as client:
        response = client.request("/quiet/function")
        client.wait_for(response, FIRST)
        mark = server.mark()
        server.signal(signal.SIGTERM)
        client.wait_for_end(response)

        assert server.wait() == 0
        *log, last = server.lines(mark)
        assert log == [ended("/quiet/function", "closed")]
        assert last_report(last) == {"quiet opened": 1, "quiet closed": 1, "left": []}


@pytest.mark.parametrize("app", ["in_litestar", "in_quart"])
@pytest.mark.parametrize("serve", [chirp_trio, hypercorn])
def test_litestar_and_quart_have_streams_that_end_and_nobody_warns(serve, app):
    with serve(f"{app}:app") as server:
        with HTTP1(server.address) as client:
            response = client.request("/finite/function")
            client.wait_for_end(response)
            assert response.body == FIRST + b"data: second\n\n"
        server.wait_for_line("ended, completed")  # there is room for one stream
        with HTTP1(server.address) as client:
            client.wait_for(client.request("/quiet/function"), FIRST)
            if app == "in_quart":
                assert server.get("/finite/function")[0] == 503
                assert server.get("/") == (200, b"a page of Quart's")
            mark = server.mark()
            client.leave()
            server.wait_for_line("ended, disconnected", since=mark)
        with HTTP1(server.address) as client:
            response = client.request("/quiet/function")
            client.wait_for(response, FIRST)
            mark = server.mark()
            server.signal(signal.SIGTERM)
            if serve is chirp_trio:
                client.wait_for_end(response)
        assert server.wait() == 0
        *log, last = server.lines(mark)
        if serve is chirp_trio:
            assert log[-1] == ended("/quiet/function", "shutdown")
        report = last_report(last)
        left = report.pop("left")
        assert report == {"quiet opened": 2, "quiet closed": 2, "finite opened": 1, "finite closed": 1}
        assert len(left) == (0 if app == "in_litestar" else 2), "the report of Quart is inside of the streams' host"
        assert [line for line in server.lines() if line.startswith("WARNING")] == []


# -- asyncio ------------------------------------------------------------------------------------------------------------


def test_an_app_under_asyncio_is_refused_at_the_start():
    with hypercorn("endings:app", worker="asyncio", wait_for=TRIO_ONLY) as server:
        server.wait()

        assert any(TRIO_ONLY in line for line in server.lines())


def test_a_stream_lifespan_under_asyncio_is_refused_at_the_start():
    with hypercorn("frameworks:with_bare_lifespan", worker="asyncio", wait_for=TRIO_ONLY):
        pass


def test_a_stream_under_asyncio_is_refused_at_the_request():
    with hypercorn("frameworks:without_lifespan", worker="asyncio") as server:
        assert server.get("/finite/function")[0] == 500
        server.stop()
        assert any(f"chirp_trio.errors.WrongRuntimeError: {TRIO_ONLY}" in line for line in server.lines())
