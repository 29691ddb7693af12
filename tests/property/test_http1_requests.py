"""Requests of HTTP/1.1 as they are read here and by h11: what is taken means the same to both, in whatever pieces it comes.

Whoever understands another request than what stands in front of the server can be made to let somebody in.
"""

import h11
from hypothesis import given, settings
from hypothesis import strategies as st

from chirp_trio.server.http1_request import RefusedError, RequestReader
from tests.strategies import examples

RIGHT = [
    b"GET / HTTP/1.1\r\nhost: a\r\n\r\n",
    b"GET http://a/b?c HTTP/1.1\nHost: a\nconnection: x, close\n\n",
    b"HEAD / HTTP/1.0\r\nhost: a\r\nx:\r\n\r\nGET / HTTP/1.1\r\n",
    b"OPTIONS * HTTP/1.1\r\nHOST:a\r\nx: \xe9 b\t\r\n\r\n",
    b"POST /a HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nhelloGET",
    b"POST /a HTTP/1.1\r\nhost: a\r\nContent-Length: 5, 5\r\ncontent-length: 5\r\n\r\nhello",
    b"POST /a HTTP/1.1\r\nhost: a\r\ntransfer-encoding: Chunked\r\n\r\n5\r\nhello\r\n1;a=b\r\n!\r\n0\r\nx: y\r\n\r\nGET",
    b"POST /a HTTP/1.1\r\ntransfer-encoding: chunked\r\nhost: a\r\n\r\n005 \r\nhello\r\n000\r\n\r\n",
]
INSERTED = [
    b"\r", b"\n", b"\r\n", b"\r\n\r\n", b"\0", b" ", b"\t", b"\x0b", b"\x0c", b"\x7f", b"\xe9", b":", b",", b";", b"0", b"F",
    b"-", b"x", b"\r\nhost: b", b"\r\ncontent-length: 6", b"\r\ncontent-length: 5", b"\r\ntransfer-encoding: chunked",
    b"\r\ntransfer-encoding: gzip", b", chunked", b"gzip, ", b"\r\nconnection: Close", b"\r\n folded", b"\r\nx y: z",
    b"\r\nx : z", b"\r\n: z",
]  # fmt: skip


@st.composite
def messages(draw):
    """A request that is right but for what a hand at the wire does to it, and the pieces in which it comes."""
    data: bytes = draw(st.sampled_from(RIGHT))
    for _ in range(draw(st.integers(0, 2))):
        place = draw(st.integers(0, len(data)))
        if draw(st.booleans()):  # most lines end with a header, and there is more to be got wrong
            place = draw(st.sampled_from([place for place in range(len(data)) if data[place] in b"\r\n:"]))
        data = data[:place] + draw(st.sampled_from([b"", *INSERTED])) + data[place + draw(st.integers(0, 2)) :]
    cuts = sorted(draw(st.lists(st.integers(0, len(data)), max_size=3)))
    return [data[first:last] for first, last in zip([0, *cuts], [*cuts, len(data)], strict=True)]


def read_here(pieces):
    """What is read of the first request: its head, its body, whether that has ended, and what comes after it."""
    reader = RequestReader()
    request, body, is_over = None, b"", False
    for piece in pieces:
        reader.receive_data(piece)
        if request is None:
            request = reader.next_request()
        while request is not None and not is_over and (some := reader.next_piece()) is not None:
            body += some
            is_over = not some
    if request is None:
        return None
    head = request.method.encode(), request.target, request.version.encode(), lowered(request.headers)
    return head, body, is_over, reader.take_rest() if is_over else b"", not request.is_last


def lowered(headers):
    """The headers, in an order; of a coding it does not matter how it is written."""
    return sorted((name, value.lower() if name == b"transfer-encoding" else value) for name, value in headers)


def read_by_h11(pieces):
    parser = h11.Connection(h11.SERVER, max_incomplete_event_size=64 * 1024)
    head, body, is_over = None, b"", False
    for piece in pieces:
        if piece:
            parser.receive_data(piece)
        while not is_over and (event := parser.next_event()) is not h11.NEED_DATA:
            match event:
                case h11.Request():
                    head = event.method, event.target, event.http_version, lowered(event.headers)
                case h11.Data():
                    body += bytes(event.data)
                case h11.EndOfMessage():
                    is_over = True
    if head is None:
        return None
    goes_on = parser.their_state is not h11.MUST_CLOSE
    return head, body, is_over, parser.trailing_data[0] if is_over else b"", goes_on or not is_over


@settings(max_examples=examples(1500))
@given(messages())
def test_what_is_read_here_is_what_h11_reads(pieces):
    try:
        read = read_here(pieces)
    except RefusedError:
        return
    if read is None or b"expect" in dict(read[0][3]):
        return
    whole = b"".join(pieces)
    expected = read_by_h11([whole.removeprefix(b"\r\n")])  # an empty line before a request, which h11 does not pass over
    if read[2]:
        assert read == expected
    else:
        assert read[:4] == expected[:4]


@given(messages())
def test_the_pieces_in_which_a_request_comes_decide_nothing(pieces):
    def outcome(pieces):
        try:
            return read_here(pieces)
        except RefusedError as refused:
            return refused.status

    whole = b"".join(pieces)
    assert outcome(pieces) == outcome([whole]) == outcome([whole[place : place + 1] for place in range(len(whole))])


@given(st.lists(st.tuples(st.binary(max_size=50), st.booleans()), max_size=8), st.integers(1, 40))
def test_requests_are_read_one_after_the_other(sent, size):
    data = b"".join(encoded(body, is_chunked=is_chunked) for body, is_chunked in sent)
    reader = RequestReader()
    read, is_within = [], False
    for place in range(0, len(data), size):
        reader.receive_data(data[place : place + size])
        while is_within or reader.next_request() is not None:
            if not is_within:
                read.append(b"")
            is_within = (piece := reader.next_piece()) != b""
            if piece is None:
                break
            read[-1] += piece
    assert read == [body for body, _ in sent]
    assert not is_within
    assert not reader.unread


def encoded(body, *, is_chunked):
    head = b"POST / HTTP/1.1\r\nhost: a\r\n"
    if not is_chunked:
        return head + b"content-length: %d\r\n\r\n%b" % (len(body), body)
    chunks = [body[place : place + 7] for place in range(0, len(body), 7)]
    lines = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    return head + b"transfer-encoding: chunked\r\n\r\n" + lines + b"0\r\n\r\n"
