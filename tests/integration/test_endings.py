"""Every way that a stream can end, on a real server: the source is closed once, no task is left, the log says so."""

import pytest

from tests.integration.clients import HTTP1, HTTP2, Client
from tests.integration.server import SERVERS, ended, ending, kept_in_order

FIRST = b"data: first\n\n"
PROTOCOLS = pytest.mark.parametrize("protocol", [HTTP1, HTTP2], ids=["HTTP/1.1", "HTTP/2"])
KINDS = pytest.mark.parametrize("kind", ["function", "generator", "channel", "safe-channel", "nursery"])


@pytest.fixture(scope="module", params=SERVERS)
def server(request):
    with SERVERS[request.param]("endings:app") as server, kept_in_order(server):
        yield server


@PROTOCOLS
@KINDS
def test_an_exhausted_source_completes_the_body(server, protocol, kind):
    path = f"/finite/{kind}"
    with ending(server, "finite", ended(path, "completed")), protocol(server.address) as client:
        response = client.request(path)
        client.wait_for_end(response)

        assert response.body == FIRST + b"data: second\n\n"


DEPARTURES = {
    "FIN": (HTTP1, Client.leave),
    "half-close": (HTTP1, Client.leave_half),
    "RST": (HTTP1, Client.leave_by_reset),
    "HTTP/2 FIN": (HTTP2, Client.leave),
    "HTTP/2 RST": (HTTP2, Client.leave_by_reset),
    "HTTP/2 GOAWAY": (HTTP2, HTTP2.go_away),
}


@pytest.mark.parametrize("departure", DEPARTURES)
def test_a_client_that_leaves_ends_its_stream(server, departure):
    protocol, leave = DEPARTURES[departure]
    with protocol(server.address) as client, ending(server, "quiet", ended("/quiet/function", "disconnected")):
        client.wait_for(client.request("/quiet/function"), FIRST)
        leave(client)


@KINDS
def test_a_source_of_any_kind_is_closed_when_its_client_leaves(server, kind):
    path = f"/quiet/{kind}"
    with ending(server, "quiet", ended(path, "disconnected")), HTTP1(server.address) as client:
        client.wait_for(client.request(path), FIRST)


def test_a_reset_of_an_http2_stream_ends_that_stream_and_no_other(server):
    mark = server.mark()
    with HTTP2(server.address) as client:
        other = client.request("/quiet/generator")
        client.wait_for(other, FIRST)
        server.rest()
        with ending(server, "quiet", ended("/quiet/function", "disconnected")):
            response = client.request("/quiet/function")
            client.wait_for(response, FIRST)
            client.reset(response)

        client.wait_for_end(client.request("/finite/function"))
        assert not other.complete
    server.wait_for_line("/quiet/generator: ended, disconnected", since=mark)
    server.rest()


@PROTOCOLS
def test_an_http_error_before_the_first_event_gives_its_status(server, protocol):
    with ending(server, "refuses", ended("/refuses/function", "failed")), protocol(server.address) as client:
        response = client.request("/refuses/function")
        client.wait_for_end(response)

        assert response.status == 403
        assert b"this room is private" in response.body


@PROTOCOLS
def test_another_error_before_the_first_event_is_a_500_and_logged_once(server, protocol):
    path = "/raises_at_once/function"
    log = [ended(path, "failed"), f"ERROR chirp_trio.web: GET {path} failed (reference REFERENCE)", "ValueError: boom"]
    with ending(server, "raises_at_once", *log), protocol(server.address) as client:
        response = client.request(path)
        client.wait_for_end(response)

        assert response.status == 500
        assert b"boom" not in response.body


@PROTOCOLS
@pytest.mark.parametrize("kind", ["function", "generator", "safe-channel", "nursery"])  # a memory channel carries no errors
def test_an_error_after_the_first_event_is_told_and_completes_the_body(server, protocol, kind):
    path = f"/raises_later/{kind}"
    log = [f"ERROR chirp_trio.stream: {path}: its source raised (reference REFERENCE)", "ValueError: boom"]
    with ending(server, "raises_later", *log, ended(path, "failed")), protocol(server.address) as client:
        response = client.request(path)
        client.wait_for_end(response)

        assert response.status == 200
        assert response.body.startswith(FIRST + b'event: chirp:error\ndata: {"reference":"')
        assert b"boom" not in response.body


REASONS = {
    "unsendable": "TypeError: a value of type object cannot be sent as JSON",
    "unrenderable": "TemplateError: template 'dashboard.html', block 'stats_panel', line 5: 'stats' is not defined",
}


@PROTOCOLS
@pytest.mark.parametrize("source", REASONS)
def test_an_item_that_cannot_be_sent_costs_only_itself(server, protocol, source):
    path = f"/{source}/function"
    error = f"ERROR chirp_trio.stream: {path}: an item of its source cannot be sent (reference REFERENCE)"
    with ending(server, source, error, REASONS[source], ended(path, "completed")), protocol(server.address) as client:
        response = client.request(path)
        client.wait_for_end(response)

        assert response.body.startswith(FIRST + b'event: chirp:error\ndata: {"reference":"')
        assert response.body.endswith(b'"}\n\ndata: third\n\n')


@PROTOCOLS
def test_a_handler_that_is_cancelled_from_outside_completes_the_body(server, protocol):
    with ending(server, "quiet", ended("/cancelled", "closed")), protocol(server.address) as client:
        response = client.request("/cancelled")
        client.wait_for_end(response)

        assert response.body == FIRST


def test_a_reader_that_stalls_is_given_up_after_the_send_timeout(server):
    with HTTP1(server.address, receive_buffer=4096) as client:
        with ending(server, "flood", ended("/flood/function", "stalled")):
            response = client.request("/flood/function")

        with pytest.raises((EOFError, ConnectionError)):
            client.wait_for_end(response)
