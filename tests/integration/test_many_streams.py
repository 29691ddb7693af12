"""Hundreds of open streams, and the server is told to stop: every client reads the end, and when to come back."""

import re
import resource
import signal
from contextlib import ExitStack

import pytest

from tests.integration.clients import HTTP1, HTTP2, read_together
from tests.integration.server import chirp_trio, ended, last_report

MANY = 400
FIRST = b"data: first\n\n"


@pytest.fixture(autouse=True)
def enough_open_files():
    """A stream takes one in the server and one here; many systems begin with 1024 for a process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * MANY
    if hard != resource.RLIM_INFINITY and hard < wanted:
        pytest.skip(f"a process may have {hard} open files here, and {MANY} connections need more: raise `ulimit -Hn`")
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize(
    ("protocol", "connections", "streams"), [(HTTP1, MANY, 1), (HTTP2, 3, 100)], ids=["HTTP/1.1", "HTTP/2"]
)
def test_a_signal_completes_every_body_and_does_not_wait_for_the_graceful_timeout(protocol, connections, streams):
    with chirp_trio("crowded:app", "--graceful-timeout", "1000") as server, ExitStack() as stack:
        clients = [stack.enter_context(protocol(server.address)) for _ in range(connections)]
        opened = {client: [client.request("/quiet") for _ in range(streams)] for client in clients}
        for client, responses in opened.items():
            for response in responses:
                client.wait_for(response, FIRST)
        mark = server.mark()
        server.signal(signal.SIGTERM)
        for _ in read_together({client: responses[0] for client, responses in opened.items()}):
            pass

        assert server.wait() == 0
        pauses = []
        for responses in opened.values():
            for response in responses:
                assert response.complete
                last_words = re.fullmatch(FIRST + rb"retry: (\d+)\n", response.body)
                assert last_words, response.body
                pauses.append(int(last_words[1]))
        assert len(pauses) == connections * streams
        for start in range(1000, 5000, 1000):  # milliseconds; each second of the range has its share of those who come back
            share = sum(start <= pause < start + 1000 for pause in pauses)
            assert 0.1 < share / len(pauses) < 0.4
        *log, last = server.lines(mark)
        assert log == [ended("/quiet", "shutdown")] * len(pauses)
        report = {"quiet opened": len(pauses), "quiet closed": len(pauses), "left": []}
        assert last_report(last) == report  # which the lifespan's end has printed
