"""Our two clients do what two suites for clients ask, which we did not write; over sockets, and in memory.

The names of the cases are those that the suites have, so that they can be compared:

- `LD`: LaunchDarkly's sse-contract-tests, version of May 2026: group, then case.
- `WPT`: web-platform-tests, the folder `eventsource`, version of August 2026: the file.

Only what a server sends and what a client has to make of it is theirs. Cases that need a browser (CORS, workers, the
properties of JavaScript's objects), a request with a body, or a client that is told to start again, have no place here.

One case ends otherwise on purpose: WPT's `request-status-error` gives up at 503. `chirp-trio tail` tries again there.
"""

import pytest

from chirp_trio import Comment, SSEEvent
from chirp_trio.cli.follow import Connected, Refused, Waiting
from chirp_trio.cli.pauses import Pauses
from chirp_trio.testing import TestClient
from tests.integration.scripted import BREAK, WAIT, hear, scripted, status, stream
from tests.strategies import pieces

PRINTABLE = bytes(range(0x21, 0x7F))  # 94 of them, so that pieces of any usual size differ from one another
LARGE = [PRINTABLE * 56_000, PRINTABLE[::-1] * 56_000]  # of five megabytes each
LONG = "x" * 2048
BOM = "\ufeff"


def message(data, type="message", id=""):
    """An event as both suites tell it: with the last event id, whether it has one of its own or not."""
    return (type, data, id)


def messages(*data):
    return [message(each) for each in data]


# Each: what the server sends, piece by piece, and the messages that a client gets of it.
PARSING = {
    "one-line message in one chunk": (["data: Hello\n\n"], messages("Hello")),
    "two messages spanning 3 chunks with shared chunk": (
        ["data: test", "test\n\ndata:", "test\n\n"],
        messages("testtest", "test"),
    ),
    "large message in one chunk": ([b"data: %b\n\n" % LARGE[0]], messages(LARGE[0].decode())),
    "large message in two chunks": (
        [b"data: " + LARGE[0], LARGE[1] + b"\n\n"],
        messages((LARGE[0] + LARGE[1]).decode()),
    ),
    "one-line message in two chunks": (["data: Hel", "lo\n\n"], messages("Hello")),
    "two one-line messages in one chunk": (["data: Hello\n\ndata: World\n\n"], messages("Hello", "World")),
    "one two-line message in one chunk": (["data: Hello\ndata:World\n\n"], messages("Hello\nWorld")),
    "empty data": (["data:\n\n"], messages("")),
    "event with specific type": (["event: greeting\ndata: Hello\n\n"], [message("Hello", "greeting")]),
    "default event type": (["data: Hello\n\n"], [message("Hello", "message")]),
    "event with ID": (["id: abc\ndata: Hello\n\n"], [message("Hello", id="abc")]),
    "event with type and ID": (["event: greeting\nid: abc\ndata: Hello\n\n"], [message("Hello", "greeting", "abc")]),
    "ID field is ignored if it contains a null": (["id: a\0bc\ndata: Hello\n\n"], messages("Hello")),
    "last ID persists if not overridden by later event": (
        ["id: abc\ndata: first\n\n", "data: second\n\n"],
        [message("first", id="abc"), message("second", id="abc")],
    ),
    "last ID can be overridden by an empty value": (
        ["id: abc\ndata: first\n\n", "id: \ndata: second\n\n"],
        [message("first", id="abc"), message("second")],
    ),
    "fields in reverse order": (["data: Hello\nid: abc\nevent: greeting\n\n"], [message("Hello", "greeting", "abc")]),
    "unknown field is ignored": (["event: greeting\ncolor: blue\ndata: Hello\n\n"], [message("Hello", "greeting")]),
    "fields without leading space": (["event:greeting\ndata:Hello\n\n"], [message("Hello", "greeting")]),
    "fields with extra leading space": (["event:  greeting\ndata:  Hello\n\n"], [message(" Hello", " greeting")]),
    "field with no colon": (["data\n\ndata\ndata\n\n"], messages("", "\n")),
    "multi-byte characters": (["data: €豆腐\n\n"], messages("€豆腐")),
    "many messages in rapid succession": (
        ["".join(f"data: message {number}\n\n" for number in range(100))],
        messages(*(f"message {number}" for number in range(100))),
    ),
    "multi-byte characters sent in single-byte pieces": (pieces("data: €豆腐\n\n".encode(), 1), messages("€豆腐")),
}
BYTE_ORDER_MARKS = {
    "BOM at start of stream is stripped": ([f"{BOM}data: Hello\n\n"], messages("Hello")),
    "BOM stripped before first event with type and ID": (
        [f"{BOM}event: greeting\nid: abc\ndata: Hello\n\n"],
        [message("Hello", "greeting", "abc")],
    ),
    "BOM stripped with multiple messages": ([f"{BOM}data: First\n\ndata: Second\n\n"], messages("First", "Second")),
    "BOM only stripped at stream start, not from later data": (
        ["data: First\n\n", f"data: {BOM}Second\n\n"],
        messages("First", f"{BOM}Second"),
    ),
    "BOM split across first two chunks": ([b"\xef\xbb", b"\xbfdata: Hello\n\n"], messages("Hello")),
    "BOM split byte by byte across chunks": ([b"\xef", b"\xbb", b"\xbf", b"data: Hello\n\n"], messages("Hello")),
    "only first BOM at start is stripped": ([f"{BOM}data: {BOM}Hello\n\n"], messages(f"{BOM}Hello")),
    "no BOM - baseline test": (["data: Hello\n\n"], messages("Hello")),
    "BOM with multi-line data": ([f"{BOM}data: Line1\ndata: Line2\n\n"], messages("Line1\nLine2")),
    "BOM with comment at start": ([f"{BOM}:comment\ndata: Hello\n\n"], ["comment", *messages("Hello")]),
    "BOM does not affect empty data field": ([f"{BOM}data:\n\n"], messages("")),
}
COMMENTS = {
    "single comment": ([":Hello\n"], ["Hello"]),
    "two comments in a row": ([":Hello\n", ":World\n"], ["Hello", "World"]),
    "comment before event": ([":Hello\n", "data: Hello\n\n"], ["Hello", *messages("Hello")]),
    "comment after event": (["data: Hello\n\n", ":Hello\n"], [*messages("Hello"), "Hello"]),
}
LINES = {
    "one-line event": ("data: event 1\n\n", messages("event 1")),
    "one-line event + two-line event": (
        "data: event 1\n\ndata: event 2 line 1\ndata: event 2 line 2\n\n",
        messages("event 1", "event 2 line 1\nevent 2 line 2"),
    ),
    "3-line event with empty line at beginning": ("data:\ndata: line2\ndata: line3\n\n", messages("\nline2\nline3")),
    "3-line event with empty line in middle": ("data: line1\ndata:\ndata: line3\n\n", messages("line1\n\nline3")),
    "ignores 1 extra empty line": ("data: event 1\n\n\ndata: event 2\n\n", messages("event 1", "event 2")),
    "ignores 2 extra empty lines": ("data: event 1\n\n\n\ndata: event 2\n\n", messages("event 1", "event 2")),
}
LINE_FEEDS = {
    f"{called} separator/{name}/{cut}": (pieces(text.replace("\n", end).encode(), size), expected)
    for called, end in {"LF": "\n", "CRLF": "\r\n", "CR": "\r"}.items()
    for name, (text, expected) in LINES.items()
    for cut, size in {"one chunk": 1000, "1-character chunks": 1, "2-character chunks": 2}.items()
} | {
    "CRLF where CR is end of 1 chunk": (
        ["data: Hello\r", "\ndata: World\r", "\n\r\ndata: OK\r", "\n", "\r", "\n"],
        messages("Hello\nWorld", "OK"),
    ),
}
# Where a case of this suite leaves its last event without an end, a blank line follows: its server adds one.
PLATFORM = {
    "event-data": (
        [
            "data:msg\ndata: msg\n\n",
            ":\n\n",
            "falsefield:msg\n\n",
            "falsefield:msg\nData:data\n\n",
            "data\n\n",
            "data:end\n\n",
        ],
        [*messages("msg\nmsg"), "", *messages("", "end")],
    ),
    "eventsource-onmessage": (["data: data\n\n"], messages("data")),
    "format-bom": ([f"{BOM}data:1\n\n{BOM}data:2\n\ndata:3\n\n"], messages("1", "3")),
    "format-bom-2": ([f"{BOM}{BOM}data:1\n\ndata:2\n\ndata:3\n\n"], messages("2", "3")),
    "format-comments": (
        [f"data:1\r:\0\n:\r\ndata:2\n:{LONG}\rdata:3\n:data:fail\r:{LONG}\ndata:4\n\n"],
        ["\0", "", LONG, "data:fail", LONG, *messages("1\n2\n3\n4")],
    ),
    "format-data-before-final-empty-line": (["retry:1000\ndata:test1\n\nid:test\ndata:test2"], messages("test1")),
    "format-field-data": (["data:\n\ndata\ndata\n\ndata:test\n\n"], messages("", "\n", "test")),
    "format-field-event": (["event:test\ndata:x\n\ndata:x\n\n"], [message("x", "test"), message("x")]),
    "format-field-event-empty": (["event: \ndata:data\n\n"], messages("data")),
    "format-field-id-3/persists": (
        ["id: 1\ndata: 1\n\ndata: 2\n\n"],
        [message("1", id="1"), message("2", id="1")],
    ),
    "format-field-id-3/changes and persists": (
        ["id: 1\ndata: 1\n\nid: 2\ndata: 2\n\ndata: 3\n\n"],
        [message("1", id="1"), message("2", id="2"), message("3", id="2")],
    ),
    "format-field-id-3/resets": (
        ["id: 1\ndata: 1\n\nid:\ndata: 2\n\ndata: 3\n\n"],
        [message("1", id="1"), message("2"), message("3")],
    ),
    "format-field-id-3/resets without a colon": (
        ["id: 1\ndata: 1\n\nid\ndata: 2\n\ndata: 3\n\n"],
        [message("1", id="1"), message("2"), message("3")],
    ),
    "format-field-parsing": (
        ["data:\0\ndata:  2\rData:1\ndata\0:2\ndata:1\r\0data:4\nda-ta:3\rdata_5\ndata:3\rdata:\r\n data:32\ndata:4\n\n"],
        messages("\0\n 2\n1\n3\n\n4"),
    ),
    "format-field-retry-empty": (["retry\ndata:test\n\n"], messages("test")),
    "format-field-unknown": (
        ["data:test\n data\ndata\nfoobar:xxx\njustsometext\n:thisisacommentyay\ndata:test\n\n"],
        ["thisisacommentyay", *messages("test\n\ntest")],
    ),
    "format-leading-space": (["data:\ttest\rdata: \ndata:test\n\n"], messages("\ttest\n\ntest")),
    "format-newlines": (["data:test\r\ndata\ndata:test\r\n\r"], messages("test\n\ntest")),
    "format-null-character": (["data:\0\n\n\n\n"], messages("\0")),
    "format-utf-8": (["data:ok…\n\n"], messages("ok…")),
}
CASES = {
    **{f"LD basic parsing/{name}": case for name, case in PARSING.items()},
    **{f"LD BOM handling/{name}": case for name, case in BYTE_ORDER_MARKS.items()},
    **{f"LD comments/{name}": case for name, case in COMMENTS.items()},
    **{f"LD linefeeds/{name}": case for name, case in LINE_FEEDS.items()},
    **{f"WPT {name}": case for name, case in PLATFORM.items()},
}


def told(items, last_event_id=""):
    """Comments, and events as the suites tell them."""
    found = []
    for item in items:
        if isinstance(item, Comment):
            found.append(item.text)
        elif isinstance(item, SSEEvent):
            last_event_id = last_event_id if item.id is None else item.id
            found.append(message(item.data, item.event or "message", last_event_id))
    return found


def comments_and_messages(found):
    """The two kinds apart; between one another they have an order that a client need not tell."""
    return [item for item in found if isinstance(item, str)], [item for item in found if not isinstance(item, str)]


async def test_the_follower_makes_of_each_stream_what_it_should():
    for name, (chunks, expected) in CASES.items():
        async with scripted(stream(*chunks)) as server:
            heard = await hear(server, reconnect=False)

        assert told(heard) == expected, name


def sending(chunks):
    """An app whose only answer is an event stream, in these chunks."""

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
        for chunk in chunks:
            body = chunk.encode() if isinstance(chunk, str) else chunk
            await send({"type": "http.response.body", "body": body, "more_body": True})
        await send({"type": "http.response.body"})

    return app


async def test_the_testing_client_makes_of_each_stream_what_it_should(autojump_clock):
    for name, (chunks, expected) in CASES.items():
        async with TestClient(sending(chunks)) as client:
            result = await client.sse("/")

        assert (list(result.comments), told(result.events)) == comments_and_messages(expected), name


# -- requests and responses ---------------------------------------------------------------------------------------------


HELLO = stream("data: hello\n\n", end=WAIT)


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
async def test_a_redirect_is_followed(code):
    """LD HTTP behavior/client follows (301, 307) redirect; WPT request-redirect (301, 302, 303, 307)."""
    async with scripted(status(code, ("Location", "{url}/there")), HELLO) as server:
        heard = await hear(server, 1, last_event_id="7")

    assert told(heard, "7") == [message("hello", id="7")]
    assert [(asked.target, asked.headers["last-event-id"]) for asked in server.asked] == [("/", b"7"), ("/there", b"7")]


@pytest.mark.parametrize("code", [301, 307])
@pytest.mark.parametrize("headers", [[("Location", "")], []], ids=["empty", "missing"])
async def test_a_redirect_to_nowhere_is_an_error(code, headers):
    """LD HTTP behavior/client handles (empty, missing) Location header with (301, 307) status."""
    async with scripted(status(code, *headers)) as server:
        with pytest.raises(Refused, match=rf"redirects more than 20 times|answered {code} "):
            await hear(server)

    assert len(server.asked) == (21 if headers else 1)


async def test_a_204_ends_it():
    """LD HTTP behavior/204 halts re-connection attempts."""
    async with scripted(status(204)) as server:
        assert await hear(server) == []

    assert len(server.asked) == 1


async def test_a_204_ends_it_when_there_were_events_before():
    """WPT eventsource-reconnect with reconnect-fail: opened, reconnected, closed."""
    first, second = stream("retry: 2\ndata: opened\n\n"), stream("data: reconnected\n\n")
    async with scripted(first, second, status(204, ("Content-Type", "text/event-stream"))) as server:
        heard = await hear(server)

    assert told(heard) == messages("opened", "reconnected")
    assert len(server.asked) == 3


async def test_the_first_request_has_the_id_to_begin_with():
    """LD HTTP behavior/sends Last-Event-Id in initial request if set."""
    async with scripted(HELLO) as server:
        await hear(server, 1, last_event_id="abc")

    assert server.asked[0].headers["last-event-id"] == b"abc"


async def test_a_fresh_client_sends_no_id():
    """LD HTTP behavior/default method and headers; the headers are those of the command, and tested with it."""
    async with scripted(HELLO) as server:
        await hear(server, 1)

    assert server.asked[0].method == "GET"
    assert "last-event-id" not in server.asked[0].headers


@pytest.mark.parametrize("code", [205, 210, 299, 400, 401, 403, 404, 410, 500, 501])
async def test_another_status_is_final(code):
    """WPT request-status-error: 205, 210, 299, 404, 410; what says the same is there too."""
    answer = [status(code, ("Content-Type", "text/event-stream")), stream("data: never\n\n")]
    async with scripted(*answer) as server:
        with pytest.raises(Refused, match=rf"^the server answered {code} Phrase$"):
            await hear(server)

    assert len(server.asked) == 1


@pytest.mark.parametrize("code", [429, 502, 503, 504])
async def test_a_status_that_says_later_is_not_final(code):
    """Where we differ from WPT request-status-error, which gives up at 503."""
    async with scripted(status(code), HELLO) as server:
        heard = await hear(server, 1)

    assert heard[0] == Waiting(f"the server answered {code} Phrase", 0.0)
    assert told(heard) == messages("hello")


@pytest.mark.parametrize("content_type", ["text/x-bogus", "x bogus", "text/plain", "text/event-streams", ""])
async def test_another_content_type_is_final(content_type):
    """WPT format-mime-bogus, format-mime-valid-bogus."""
    async with scripted(stream("data: never\n\n", content_type=content_type)) as server:
        with pytest.raises(Refused, match=r"^the server answered with the content type "):
            await hear(server)

    assert len(server.asked) == 1


@pytest.mark.parametrize(
    "content_type", ["text/event-stream;", "text/event-stream; charset=windows-1252", "TEXT/Event-Stream ;x=y"]
)
async def test_the_parameters_of_the_content_type_change_nothing(content_type):
    """WPT format-mime-trailing-semicolon, format-utf-8."""
    async with scripted(stream("data:ok…\n\n", content_type=content_type)) as server:
        heard = await hear(server, reconnect=False)

    assert told(heard) == messages("ok…")


# -- reconnecting -------------------------------------------------------------------------------------------------------


async def reconnected(*chunks, end=BREAK, count):
    """What was heard, and the ids of the two requests, when the first connection breaks after these chunks."""
    async with scripted(stream(*chunks, end=end), stream("data: again\n\n", end=WAIT)) as server:
        heard = await hear(server, count)
    assert len(server.asked) == 2
    assert "last-event-id" not in server.asked[0].headers
    return told(heard), server.asked[1].headers.get("last-event-id")


ENDS = pytest.mark.parametrize("end", [BREAK, b"", b"0\r\n\r\n"], ids=["RST", "cut", "end"])


@ENDS
async def test_it_connects_again_and_goes_on(end):
    """LD reconnection/new connection established after breaking previous is functional; WPT eventsource-reconnect (200)."""
    assert await reconnected("data: ok\n\n", end=end, count=2) == (messages("ok", "again"), None)


@ENDS
async def test_it_connects_again_where_nothing_came(end):
    """WPT eventsource-reconnect: 200, and a retry without an event."""
    assert await reconnected("retry: 2\n", end=end, count=1) == (messages("again"), None)


async def test_it_sends_the_id_of_the_last_event():
    """LD reconnection/sends ID of last received event."""
    expected = [message("Hello", id="abc"), message("again", id="abc")]
    assert await reconnected("id: abc\ndata: Hello\n\n", count=2) == (expected, b"abc")


async def test_it_sends_the_id_of_an_earlier_event_where_the_last_had_none():
    """LD reconnection/sends ID of last received event that had an ID if later events did not."""
    _, sent = await reconnected("id: abc\ndata: Hello\n\n", "data: World\n\n", count=3)
    assert sent == b"abc"


async def test_it_sends_no_id_that_was_taken_back():
    """LD reconnection/last event ID can be explicitly overridden with an empty value."""
    _, sent = await reconnected("id: abc\ndata: Hello\n\n", "id: \ndata: World\n\n", count=3)
    assert sent is None


async def test_it_forgets_an_event_that_did_not_come_whole():
    """LD reconnection/discards partial messages on retry; WPT format-data-before-final-empty-line."""
    expected = [message("Hello", id="abc"), message("again", id="abc")]
    assert await reconnected("id: abc\ndata: Hello\n\nid: def\ndata: Goodbye", count=2) == (expected, b"abc")


async def test_an_id_outlives_connections_that_bring_none():
    """WPT format-field-id-2: the id is not ASCII."""
    first, other = stream("id: …\nretry: 200\ndata: hello\n\n"), stream("data: …\n\n")
    async with scripted(first, other) as server:
        await hear(server, 3)

    assert [asked.headers.get("last-event-id") for asked in server.asked] == [None, "…".encode(), "…".encode()]


async def test_an_id_with_a_null_is_not_sent():
    """WPT format-field-id-null, as the standard has it now."""
    _, sent = await reconnected("id: \0\0\ndata: hello\n\n", count=2)
    assert sent is None


@pytest.mark.parametrize(
    ("fields", "seconds"),
    [
        pytest.param("retry:0700", 0.7, id="WPT format-field-retry"),
        pytest.param("retry:700\nretry:600x", 0.7, id="WPT format-field-retry-bogus"),
        pytest.param("retry:700\nretry", 0.7, id="WPT format-field-retry-empty"),
        pytest.param("retry:0", 0.5, id="half a second at least"),
    ],
)
async def test_it_waits_as_long_as_the_stream_asks(fields, seconds):
    async with scripted(stream(f"{fields}\ndata: x\n\n"), stream("data: y\n\n", end=WAIT)) as server:
        heard = await hear(server, 2, pauses=Pauses())

    assert [item.seconds for item in heard if isinstance(item, Waiting)] == [seconds]


async def test_a_stream_that_is_silent_for_too_long_is_left():
    """LD reconnection/can set read timeout."""
    async with scripted(stream("data: Hello\n\n", end=WAIT), HELLO) as server:
        heard = await hear(server, 2, read_timeout=0.2)

    assert [type(item) for item in heard] == [Connected, SSEEvent, Waiting, Connected, SSEEvent]
    assert heard[2].reason == "nothing came for 0.2 s"
