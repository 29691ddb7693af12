"""Connections of HTTP/1.1 on which anything comes, in any pieces, and that end in any way: each ends, and none fails."""

import logging
from contextlib import suppress

import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.pairs import visiting
from tests.property.test_http1_requests import INSERTED, RIGHT
from tests.strategies import examples

HEADS = [
    *RIGHT[5:],  # with bodies
    *(b"GET /%b HTTP/1.1\r\nhost: a\r\n\r\n" % path for path in (b"page", b"stream", b"stream", b"stream", b"empty")),
    *(b"POST /%b HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\nhello" % path
      for path in (b"page", b"stream", b"echo")),
    (b"GET /socket HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n"
     b"sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n\x81\x82\0\0\0\0hi"),
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0",
]  # fmt: skip
SETTINGS = {"head_timeout": 2, "keep_alive_timeout": 3, "body_timeout": 4}


async def app(scope, receive, send):
    """Answers in several ways: without a look at the body, while it comes, for as long as the client is there."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        while (await receive())["type"] == "websocket.receive":
            pass
        return
    status = 204 if scope["path"] == "/empty" else 200
    await send({"type": "http.response.start", "status": status, "headers": []})
    if scope["path"] in {"/stream", "/echo"}:
        while (message := await receive())["type"] == "http.request":
            await send({"type": "http.response.body", "body": message["body"], "more_body": True})
            if scope["path"] == "/echo" and not message["more_body"]:
                break
    await send({"type": "http.response.body", "body": b""})


@st.composite
def conversations(draw):
    """What a client sends, in pieces, and what it does then."""
    data: bytes = b"".join(draw(st.lists(st.sampled_from(HEADS), min_size=1, max_size=3)))
    for _ in range(draw(st.sampled_from([0, 0, 1, 4]))):
        place = draw(st.integers(0, len(data)))
        inserted = draw(st.sampled_from([b"", *INSERTED]) | st.binary(max_size=3))
        data = data[:place] + inserted + data[place + draw(st.integers(0, 2)) :]
    if draw(st.integers(0, 3)) == 3:
        data = data[: draw(st.integers(0, len(data)))]
    cuts = sorted(draw(st.lists(st.integers(0, len(data)), max_size=5)))
    pieces = [data[first:last] for first, last in zip([0, *cuts], [*cuts, len(data)], strict=True)]
    return pieces, draw(st.sampled_from(["close", "half", "reset", "stop", "wait"])), draw(st.booleans())


class Lines(logging.Handler):
    """What is logged."""

    def __init__(self):
        super().__init__()
        self.lines = []

    def emit(self, record):
        self.lines.append(record.getMessage())


async def converse(pieces, end, cleartext):
    async with visiting(app, http2_cleartext=cleartext, **SETTINGS) as visit:
        with suppress(BrokenPipeError, ConnectionResetError):
            for piece in pieces:
                visit.send(piece)
                await trio.testing.wait_all_tasks_blocked()
        if end == "reset":
            visit.reset()
        else:
            if end == "half":
                with suppress(OSError):
                    visit.theirs.shutdown(1)
            elif end == "stop":
                visit.stop()
            elif end == "wait":
                await trio.sleep(20)
            await visit.read()
            if end != "stop":
                visit.theirs.close()
        await trio.sleep(1 if end != "stop" else 20)
        if end == "stop":
            visit.theirs.close()  # a stream that nobody has told to end
            await trio.sleep(1)
        assert visit.is_over


@settings(max_examples=examples(900), deadline=None)
@given(conversations())
def test_whatever_comes_and_however_it_ends_a_connection_ends_and_nothing_is_logged(conversation):
    log = Lines()
    logger = logging.getLogger("chirp_trio")
    logger.addHandler(log)
    try:
        trio.run(converse, *conversation, clock=trio.testing.MockClock(autojump_threshold=0))
    finally:
        logger.removeHandler(log)
    assert log.lines == []
