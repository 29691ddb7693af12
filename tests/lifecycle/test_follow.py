"""A client that follows a stream over many connections, in memory and in virtual time."""

import gzip
import math
import tracemalloc
import zlib
from compression import zstd
from contextlib import aclosing

import httpx
import pytest
import trio

from chirp_trio import Comment, SSEEvent
from chirp_trio.cli.follow import Connected, Refused, Unreachable, Waiting, follow
from chirp_trio.cli.pauses import Pauses
from tests.cases import each_case
from tests.strategies import pieces

STREAM = {"content-type": "text/event-stream"}


class Body(httpx.AsyncByteStream):
    """What a connection brings: bytes, pauses in seconds, and an error at the end, if there is one."""

    def __init__(self, steps):
        self._steps = steps
        self.closed = False

    async def __aiter__(self):
        for step in self._steps:
            await trio.lowlevel.checkpoint()
            if isinstance(step, Exception):
                raise step
            if isinstance(step, bytes):
                yield step
            else:
                await trio.sleep(step)

    async def aclose(self):
        self.closed = True


class Answers(httpx.AsyncBaseTransport):
    """Gives one answer after the other, and keeps what it was asked and when. The last answer stays."""

    def __init__(self, *answers):
        self._answers = answers
        self.ids = []
        self.times = []
        self.requests = []
        self.bodies = []

    async def handle_async_request(self, request):
        answer = self._answers[min(len(self.times), len(self._answers) - 1)]
        self.times.append(trio.current_time())
        self.ids.append(request.headers.get("last-event-id"))
        self.requests.append(request)
        await request.aread()
        await trio.lowlevel.checkpoint()
        if isinstance(answer, Exception):
            raise answer
        status, headers, *steps = answer
        self.bodies.append(Body(steps))
        return httpx.Response(status, headers=headers, stream=self.bodies[-1])

    @property
    def pauses(self):
        """The seconds between one request and the next."""
        return [round(later - earlier, 3) for earlier, later in zip(self.times, self.times[1:], strict=False)]


def stream(*steps):
    return (200, STREAM, *steps)


def down():
    return httpx.ConnectError("nobody there")


async def hear(answers, count=None, **options):
    """What is heard until so many events have come, or until it is over."""
    heard = []
    options = {"pauses": Pauses(draw=max), **options}
    with trio.fail_after(10**6):
        async with httpx.AsyncClient(transport=answers) as client, aclosing(follow(client, "http://x/", **options)) as items:
            async for item in items:
                heard.append(item)
                if sum(isinstance(item, SSEEvent) for item in heard) == count:
                    break
    assert all(body.closed for body in answers.bodies)
    return heard


async def test_it_tells_of_events_comments_and_connections_in_order(autojump_clock):
    answers = Answers(stream(b": hi\n", b"data: 1\n\n"), stream(b"data: 2\n\n"), (204, {}))

    assert await hear(answers) == [
        Connected(again=False),
        Comment("hi"),
        SSEEvent("1"),
        Waiting("the server ended the stream", 3.0),
        Connected(again=True),
        SSEEvent("2"),
        Waiting("the server ended the stream", 3.0),
    ]


async def test_the_pause_grows_while_nobody_is_there_and_is_short_again_once_something_has_come(autojump_clock):
    answers = Answers(down(), down(), down(), stream(b"data: 1\n\n"), stream(b"data: 2\n\n"), down(), stream(b"data: 3\n\n"))

    await hear(answers, 3)

    assert answers.pauses == [6, 12, 24, 3, 3, 6]


async def test_the_pause_grows_while_connections_bring_nothing(autojump_clock):
    answers = Answers(stream(), stream(b"retry: 1000\n"), stream(b"id: 7\n\n"), stream(b": hi\n"), stream(b"data: 1\n\n"))

    await hear(answers, 1)

    assert answers.pauses == [6, 4, 8, 1]
    assert answers.ids == [None, None, None, "7", "7"]


async def test_the_pause_is_what_the_stream_asked_for_last(autojump_clock):
    answers = Answers(
        stream(b"retry: 700\ndata: 1\n\n"), stream(b"data: 2\n\n"), stream(b"retry: x\nretry: 0\n:\n"), stream(b"data: 3\n\n")
    )

    await hear(answers, 3)

    assert answers.pauses == [0.7, 0.7, 0.5]


@each_case(
    ("value", "pause"),
    [
        ("10", 10),
        ("1", 6),  # the pause that is due anyhow
        ("", 6),
        ("soon", 6),
        ("-5", 6),
        ("1.5", 6),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 6),
        ("Thu, 99 Foo 1970 00:00:00 GMT", 6),
    ],
)
async def test_a_server_that_says_later_may_say_when(value, pause, autojump_clock):
    answers = Answers((503, {"retry-after": value}), stream(b"data: 1\n\n"))

    await hear(answers, 1)

    assert answers.pauses == [pause]


@pytest.mark.parametrize("value", ["Fri, 31 Dec 9999 23:59:59 GMT", "Fri, 31 Dec 9999 23:59:59 -0000", "9" * 4000])
async def test_a_server_that_says_much_later_is_asked_again_after_an_hour(value, autojump_clock):
    answers = Answers((429, {"retry-after": value}), stream(b"data: 1\n\n"))

    assert Waiting("the server answered 429 Too Many Requests", 3600.0) in await hear(answers, 1)
    assert answers.pauses == [3600]


async def test_a_stream_that_asks_for_no_pause_gets_one(autojump_clock):
    answers = Answers(*[stream(b"retry: 0\ndata: 1\n\n")] * 100)

    await hear(answers, 100)

    assert set(answers.pauses) == {0.5}


async def test_a_stream_that_asks_for_a_pause_without_an_end_gets_an_hour(autojump_clock):
    answers = Answers(stream(b"retry: %b\ndata: 1\n\n" % (b"9" * 400)), down(), stream(b"data: 2\n\n"))

    await hear(answers, 2)

    assert answers.pauses == [3600, 3600]


async def test_the_id_to_begin_with_stays_until_another_one_comes(autojump_clock):
    answers = Answers(
        down(), stream(b"data: 1\n\n"), stream(b"id: 8\ndata: 2\n\n"), stream(b"id\n\n"), stream(b"data: 3\n\n")
    )

    await hear(answers, 3, last_event_id="7")

    assert answers.ids == ["7", "7", "7", "8", None]


@each_case(("id", "sent"), [(" 7\t", "7"), ("   ", None), ("é☃", "é☃"), ("\x01\x7f", "\x01\x7f")])
async def test_an_id_is_sent_as_a_header_can_have_it(id, sent, autojump_clock):
    answers = Answers(stream(f"id: {id}\ndata: 1\n\n".encode()), stream(b"data: 2\n\n"))

    await hear(answers, 2)

    assert answers.ids == [None, sent]


async def test_no_retries_is_one_attempt(autojump_clock):
    answers = Answers(down())

    with pytest.raises(Unreachable, match=r"^cannot connect: nobody there$"):
        await hear(answers, retries=0)
    assert answers.times == [0]


async def test_retries_are_counted_in_a_row(autojump_clock):
    answers = Answers(down(), down(), stream(b": hi\n"), down(), down(), (503, {}), stream(b"data: never\n\n"))

    with pytest.raises(Unreachable, match=r"^the server answered 503 Service Unavailable$"):
        await hear(answers, retries=2)
    assert len(answers.times) == 6


async def test_a_stream_that_ends_without_anything_is_a_failure(autojump_clock):
    with pytest.raises(Unreachable, match=r"^the server ended the stream$"):
        await hear(Answers(stream()), retries=3)


@pytest.mark.parametrize("steps", [[], [b"data: 1\n\n"]], ids=["nothing", "an event"])
async def test_without_reconnecting_the_end_of_the_stream_is_the_end(steps, autojump_clock):
    answers = Answers(stream(*steps))

    heard = await hear(answers, reconnect=False)

    assert heard == [Connected(again=False), *[SSEEvent("1")] * len(steps)]
    assert len(answers.times) == 1


@pytest.mark.parametrize(
    "answer", [down(), (502, {}), stream(b"data: 1\n\n", httpx.ReadError("cut"))], ids=["down", "502", "cut"]
)
async def test_without_reconnecting_a_failure_is_the_end(answer, autojump_clock):
    with pytest.raises(Unreachable):
        await hear(Answers(answer), reconnect=False)


async def test_a_connection_that_breaks_is_told_of_and_made_again(autojump_clock):
    answers = Answers(stream(b"id: 1\ndata: 1\n\nid: 2\ndata: 2", httpx.ReadError("cut")), stream(b"data: 3\n\n"))

    heard = await hear(answers, 2)

    assert heard[2] == Waiting("the connection was lost: cut", 3.0)
    assert answers.ids == [None, "1"]


async def test_an_event_that_is_too_large_is_the_end(autojump_clock):
    with pytest.raises(Refused, match=r"^it cannot be read: an event of the stream is larger than"):
        await hear(Answers(stream(b"data: 1\n\n", *[b"x" * 2**20] * 17)))


@each_case("encoding", ["br", "dcz", "gzip, br", "x"])
async def test_an_encoding_that_nobody_asked_for_is_refused(encoding, autojump_clock):
    with pytest.raises(Refused, match=r"content encoding '.+'; it may be gzip, deflate or zstd$"):
        await hear(Answers((200, {**STREAM, "content-encoding": encoding}, b"x")))


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "zstd"])
async def test_what_is_not_what_the_encoding_says_is_the_end(encoding, autojump_clock):
    with pytest.raises(Refused, match=r"^it cannot be read: "):
        await hear(Answers((200, {**STREAM, "content-encoding": encoding}, b"data: 1\n\n")))


COMPRESS = pytest.mark.parametrize(
    ("encoding", "compress"), [("gzip", gzip.compress), ("deflate", zlib.compress), ("zstd", zstd.compress)]
)


@COMPRESS
async def test_a_compressed_stream_is_read(encoding, compress, autojump_clock):
    members = compress(b"data: 1\n\nda") + compress(b"ta: 2\n\n")
    answers = Answers((200, {**STREAM, "content-encoding": encoding.upper()}, *pieces(members, 3)))
    assert (await hear(answers, 2))[1:] == [SSEEvent("1"), SSEEvent("2")]


@COMPRESS
async def test_few_bytes_that_stand_for_very_many_take_no_memory(encoding, compress, autojump_clock):
    bomb = compress((b":" + b"x" * 65534 + b"\n") * 256)  # 16 MiB
    answers = Answers((200, {**STREAM, "content-encoding": encoding}, bomb), (204, {}))

    tracemalloc.start()
    async with httpx.AsyncClient(transport=answers) as client, aclosing(follow(client, "http://x/")) as items:
        comments = sum([isinstance(item, Comment) async for item in items])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert len(bomb) < 2**17
    assert comments == 256
    assert peak < 4 * 2**20


@each_case("step", range(1, 30))
async def test_it_can_be_cancelled_at_any_time(step, autojump_clock):
    """Nothing is left behind: neither a response that is open, nor a generator for the garbage collector."""
    answers = Answers(stream(b": hi\n", 1, b"data: 1\n\n", 1, b"data: 2\n\n"), (503, {}), stream(b"data: 3\n\n", 1))
    with trio.move_on_after(step / 2):
        await hear(answers)
    assert all(body.closed for body in answers.bodies)


async def test_it_can_be_left_after_any_event(autojump_clock):
    answers = Answers(stream(b"data: 1\n\ndata: 2\n\n", b"data: 3\n\n", 1, b"data: 4\n\n"))
    for count in range(1, 4):
        assert (await hear(answers, count))[-1] == SSEEvent(str(count))


# -- what goes where ------------------------------------------------------------------------------------------------------

SECRETS = {"authorization": "Bearer SECRET", "cookie": "sid=SECRET", "x-api-key": "SECRET", "accept": "SECRET"}
SECRETS |= {"user-agent": "SECRET", "x-any": "SECRET"}


async def asked_after(location, origin="http://x/", method="GET", status=302, **options):
    """The requests, where the first one is redirected."""
    answers = Answers((status, {"location": location}), stream(b"data: 1\n\n"))
    async with httpx.AsyncClient(transport=answers, headers=SECRETS, timeout=7) as client:
        items = follow(client, origin, method=method, last_event_id="7", pauses=Pauses(draw=max), reconnect=False, **options)
        async with aclosing(items):
            async for _ in items:
                pass
    return answers.requests


ELSEWHERE = [
    ("http://x/", "http://y/"),
    ("http://x/", "//y"),
    ("http://x/", "http://x:81/"),
    ("http://x:81/", "http://x/"),
    ("https://x/", "http://x/"),
    ("http://x/", "https://x:8443/"),
    ("http://x:8000/", "https://x:8000/"),
    ("http://x/", "http://sub.x/"),
    ("http://x/", "http://y@z/"),
    ("http://SECRET:SECRET@x/", "http://y/"),
]


@each_case(("origin", "location"), ELSEWHERE)
async def test_nothing_that_the_user_has_added_goes_to_another_origin(origin, location, autojump_clock):
    first, second = await asked_after(location, origin)

    assert b"SECRET" in first.headers["x-api-key"].encode()
    assert not [pair for pair in second.headers.raw if b"SECRET" in pair[1]]
    assert second.headers["accept"] == "text/event-stream"
    assert second.headers["last-event-id"] == "7"
    assert second.extensions["timeout"] == first.extensions["timeout"]


@each_case("location", ["/there", "http://x/there", "http://x:80/there", "https://x/there", "//x/there"])
async def test_it_does_go_to_the_same_one_and_to_the_same_host_by_tls(location, autojump_clock):
    _, second = await asked_after(location)

    assert second.url.path == "/there"
    for name in ("authorization", "x-api-key", "x-any", "user-agent", "accept"):
        assert "SECRET" in second.headers[name]


async def test_what_has_been_taken_away_does_not_come_back_with_a_redirect_back(autojump_clock):
    answers = Answers((302, {"location": "http://y/"}), (302, {"location": "http://x/"}), stream(b"data: 1\n\n"))
    async with (
        httpx.AsyncClient(transport=answers, headers=SECRETS) as client,
        aclosing(follow(client, "http://x/")) as items,
    ):
        async for item in items:
            if isinstance(item, SSEEvent):
                break
    assert ["SECRET" in str(request.headers.raw) for request in answers.requests] == [True, False, False]


@pytest.mark.parametrize("status", [307, 308])
async def test_a_body_goes_to_no_other_origin(status, autojump_clock):
    with pytest.raises(
        Refused,
        match=r"^it redirects to another origin, http://y/, to which the body is not sent; give that URL if you trust it$",
    ):
        await asked_after("http://y/", method="POST", status=status, content=b"SECRET")


@pytest.mark.parametrize(
    ("status", "method", "body"), [(307, "POST", b"SECRET"), (308, "POST", b"SECRET"), (303, "GET", b"")]
)
async def test_a_body_goes_to_another_path_as_http_has_it(status, method, body, autojump_clock):
    _, second = await asked_after("/there", method="POST", status=status, content=b"SECRET")

    assert (second.method, second.content) == (method, body)


# -- how long it waits ------------------------------------------------------------------------------------------------------


class Endless(httpx.AsyncBaseTransport):
    """Redirects, after so many seconds, to itself."""

    def __init__(self, seconds):
        self._seconds = seconds

    async def handle_async_request(self, request):
        await trio.sleep(self._seconds)
        return httpx.Response(302, headers={"location": "/"})


@each_case("transport", [Endless(math.inf), Endless(4)], ids=["before the head", "in redirects"])
@each_case(("timeout", "seconds"), [(httpx.Timeout(None), 60), (httpx.Timeout(None, read=5), 5)])
async def test_an_answer_that_does_not_come_is_not_waited_for_without_end(transport, timeout, seconds, autojump_clock):
    async with httpx.AsyncClient(transport=transport, timeout=timeout) as client:
        began = trio.current_time()
        with pytest.raises(Unreachable, match=f"^nothing came for {seconds} s$"):
            await anext(follow(client, "http://x/", retries=0))
        assert trio.current_time() - began == pytest.approx(seconds)
