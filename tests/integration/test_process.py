"""A process that is to end does, whatever hangs, and says what did; one that is to start does, or says why not."""

import signal
from contextlib import ExitStack

import pytest

from tests.integration.clients import HTTP1, HTTP2
from tests.integration.server import APPS, SCRIPTS, Server, chirp_trio, last_report

FIRST = b"data: first\n\n"
# The stop's last deadline is two seconds after these.
SHORT = ["--graceful-timeout", "0.4", "--shutdown-timeout", "0"]


def line_of(text):
    """Where an app of ours hangs: the file and the line of this text in it."""
    lines = (APPS / "hanging.py").read_text().splitlines()
    (number,) = [number for number, line in enumerate(lines, 1) if text in line]
    return f"hanging.py:{number}"


HANGING = {
    "a source in a thread": ("/in-a-thread", FIRST, "await trio.to_thread.run_sync(incoming.get)"),
    "a source that swallows": ("/swallowing", FIRST, "await trio.sleep(0.05)"),
    "a handler in a thread": ("/handler-in-a-thread", None, "# in a thread"),
    "a handler that swallows": ("/handler-that-swallows", None, "await trio.sleep(0.04)"),
    "a handler that blocks the event loop": ("/blocking", None, "noqa: ASYNC251"),
}


def test_a_stop_that_hangs_is_ended_with_a_line_that_names_the_place():
    with ExitStack() as stack:
        servers = {}
        for name, (path, begin, _) in HANGING.items():
            servers[name] = server = stack.enter_context(chirp_trio("hanging:app", *SHORT))
            client = stack.enter_context(HTTP1(server.address))
            response = client.request(path)
            if begin is None:
                server.wait_for_line("^begun$")
            else:
                client.wait_for(response, begin)
        for server in servers.values():
            server.signal(signal.SIGTERM)
        for name, server in servers.items():
            assert server.wait() == 1, name
            line = server.wait_for_line(r"has not stopped within 2\.4 s, and is ended now\. What hangs: ").string
            _, _, place = HANGING[name]
            assert line_of(place) in line, name


def starting(app, *options):
    """A server of which it is not waited that it is up."""
    return Server([SCRIPTS / "chirp-trio", "run", "--port", "0", *options, f"hanging:{app}"])


def names(timeout):
    return f"{timeout}_timeout (--{timeout}-timeout) says how long it may take"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_a_start_that_hangs_is_stopped_by_one_signal(number):
    with starting("never_starting") as server:
        server.wait_for_line("^begun$")
        server.signal(number)

        assert server.wait() == 0
        assert server.lines() == ["begun"]


def test_a_start_beyond_its_timeout_is_an_error_that_names_it():
    with starting("never_starting", "--startup-timeout", "1") as server:
        assert server.wait() == 1
        assert server.lines() == ["begun", f"chirp-trio: the app's lifespan has not started within 1 s; {names('startup')}"]


def test_a_slow_start_is_waited_for():
    with chirp_trio("hanging:slowly_starting") as server:
        assert server.get("/nowhere")[0] == 404
        assert server.stop() == 0


def test_the_end_of_a_lifespan_that_hangs_is_an_error_that_names_its_timeout():
    with chirp_trio("hanging:never_ending", "--shutdown-timeout", "0.5") as server:
        mark = server.mark()

        assert server.stop() == 1
        assert server.lines(mark) == [f"chirp-trio: the app's lifespan has not ended within 0.5 s; {names('shutdown')}"]


# -- streams of others --------------------------------------------------------------------------------------------------

OTHERS = ["streaming", "silent", "sse-starlette", "plain"]


@pytest.mark.parametrize("protocol", [HTTP1, HTTP2], ids=["HTTP/1.1", "HTTP/2"])
def test_a_stream_that_knows_nothing_of_our_shutdown_is_told_that_its_client_leaves_and_ends_properly(protocol):
    with chirp_trio("endless:app", "--graceful-timeout", "2") as server, ExitStack() as stack:
        asked = {}
        for path in OTHERS:
            client = stack.enter_context(protocol(server.address))
            asked[path] = client, client.request(f"/{path}")
            client.wait_for(asked[path][1], b"data: tick")
        mark = server.mark()
        server.signal(signal.SIGTERM)
        for path, (client, response) in asked.items():
            client.wait_for_end(response)
            assert (b"last word" in response.body) == (path == "plain"), path

        assert server.wait() == 0
        (last,) = server.lines(mark)  # nobody was cancelled, and nothing raised
        report = last_report(last)
        assert report.pop("left") == []
        assert report == {f"{path} {what}": 1 for path in OTHERS for what in ("opened", "closed")}


@pytest.mark.parametrize("protocol", [HTTP1, HTTP2], ids=["HTTP/1.1", "HTTP/2"])
def test_a_response_of_another_type_that_was_told_so_does_not_look_complete(protocol):
    with chirp_trio("endless:app", "--graceful-timeout", "1") as server, protocol(server.address) as client:
        response = client.request("/export")
        client.wait_for(response, b"data: tick")
        server.signal(signal.SIGTERM)
        with pytest.raises((EOFError, ConnectionError)):
            client.wait_for_end(response)

        assert server.wait() == 0
