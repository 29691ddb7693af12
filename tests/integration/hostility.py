"""What tests of hostile clients share: that nothing is left of them, and bytes without end."""

import time
from contextlib import contextmanager, suppress

from tests.integration.clients import HTTP1

TICK = b"data: tick\n\n"
KEEP_ALIVE = 2  # seconds; how long a server with these options lets a connection be without a request
TIMEOUTS = ["--keep-alive-timeout", f"{KEEP_ALIVE}", "--head-timeout", f"{KEEP_ALIVE}"]
MEBIBYTE = 2**20


@contextmanager
def leaving_nothing(server):
    """Expect that all that happens inside is over soon after, and that others are served all the time."""
    with HTTP1(server.address) as other:
        response = other.request("/ticks")
        other.wait_for(response, TICK)
        yield
        response.body = b""
        other.wait_for(response, TICK)
    report = server.wait_until_at_rest()
    for source in "ticks", "quiet", "finite", "reading":
        assert report.get(f"{source} opened") == report.get(f"{source} closed")


def is_closed(client):
    """Whether the server has closed the connection. What has come until now is thrown away."""
    client.socket.setblocking(False)
    try:
        while client.socket.recv(65536):
            pass
    except BlockingIOError:
        return False
    except ConnectionError:
        pass
    return True


def send_without_end(client, piece, seconds=0.5):
    """Send as much as is taken, and read what comes; how much was sent, what came, whether the server is still there."""
    client.socket.setblocking(False)
    sent, received, rest = 0, b"", b""
    deadline = time.monotonic() + seconds
    try:
        while time.monotonic() < deadline:
            rest = rest or piece
            with suppress(BlockingIOError):
                taken = client.socket.send(rest)
                sent, rest = sent + taken, rest[taken:]
            with suppress(BlockingIOError):
                data = client.socket.recv(65536)
                if not data:
                    return sent, received, False
                received += data
    except ConnectionError:
        return sent, received, False
    return sent, received, True
