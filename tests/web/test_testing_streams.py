"""`client.sse()` and `client.stream_sse()`: what is asked for, what has come and when, and how a stream is left."""

import gzip
import json
import zlib
from compression import zstd

import pytest
import trio

from chirp_trio import App, Comment, EventStream, HTTPError, Redirect, Response, SSEEvent
from chirp_trio.testing import AppError, SSERefused, SSETimeout, TestClient, sse


class Numbers:
    """An app that counts, each second one; and what has become of its sources."""

    def __init__(self, *, pause=1.0, **options):
        self.asked = []
        self.yielded = 0
        self.open = 0
        self.app = App()

        @self.app.route("/numbers")
        async def numbers(request):
            self.asked.append(request)
            return EventStream(lambda: self.source(int(request.last_event_id or 0), pause), **options)

        @self.app.route("/elsewhere")
        async def elsewhere():
            return Redirect("/numbers")

        @self.app.route("/quiet")
        async def quiet():
            return EventStream(trio.as_safe_channel(nothing))

        @self.app.route("/page")
        async def page():
            return "<h1>A page</h1>"

    async def source(self, last, pause):
        self.open += 1
        try:
            while True:
                last += 1
                self.yielded += 1
                yield SSEEvent(str(last), id=str(last))
                await trio.sleep(pause)
        finally:
            self.open -= 1


async def nothing():
    await trio.sleep_forever()
    yield


@pytest.fixture
def numbers():
    return Numbers()


@pytest.fixture
async def client(numbers):
    async with TestClient(numbers.app) as client:
        yield client


def data(events):
    return [event.data for event in events]


# -- when it came ---------------------------------------------------------------------------------------------------------


async def test_heartbeats_come_at_exact_times(autojump_clock, client):
    result = await client.sse("/quiet", disconnect_after=50)
    assert result.heartbeat_times == (15.0, 30.0, 45.0)
    assert result.heartbeats == 3


async def test_each_event_has_its_time_since_the_request(autojump_clock, client):
    await trio.sleep(7)
    result = await client.sse("/numbers", max_events=3)
    assert result.event_times == (0.0, 1.0, 2.0)
    assert result.duration == 2.0


async def test_a_stream_is_read_whether_somebody_asks_for_its_events_or_not(autojump_clock, client):
    async with client.stream_sse("/numbers") as stream:
        await trio.sleep(2.5)
        assert data(stream.events) == ["1", "2", "3"]
        assert stream.event_times == [0.0, 1.0, 2.0]
        await trio.sleep(30)
        assert (await stream.next_event()).data == "1", "and what was not asked for is kept"


async def test_heartbeats_of_an_open_stream_have_times_as_well(autojump_clock, client):
    async with client.stream_sse("/quiet") as stream:
        await trio.sleep(31)
        assert stream.heartbeat_times == [15.0, 30.0]
        assert stream.heartbeats == 2


async def test_comments_that_are_no_heartbeats_are_no_heartbeats(autojump_clock):
    async def source():
        yield Comment("psst")
        await trio.sleep(20)

    app = App()
    app.route("/")(lambda: EventStream(source))
    async with TestClient(app) as client:
        result = await client.sse("/")
    assert result.comments == ("psst", "heartbeat")
    assert result.heartbeat_times == (15.0,)


# -- what never comes -----------------------------------------------------------------------------------------------------


async def test_more_events_than_ever_come_end_with_an_error_that_says_what_came_and_when(autojump_clock):
    async def source():
        yield SSEEvent("begin", event="news", id="7")
        await trio.sleep_forever()

    app = App()

    @app.route("/live")
    async def live():
        return EventStream(source)

    async with TestClient(app) as client:
        with pytest.raises(SSETimeout) as raised:
            await client.sse("/live", max_events=2)
        assert trio.current_time() == pytest.approx(60)

    assert str(raised.value).splitlines() == [
        "GET /live: 2 events did not come within 60 s. So far: 1 events and 3 heartbeats",
        "    after 0 s: event='news', id='7', data='begin'",
        "    after 15 s: : heartbeat",
        "    after 30 s: : heartbeat",
        "    after 45 s: : heartbeat",
    ]


async def test_the_error_says_of_many_events_only_the_last(autojump_clock, client):
    with pytest.raises(SSETimeout) as raised:
        await client.sse("/numbers", max_events=100)
    lines = str(raised.value).splitlines()
    assert len(lines) == 22
    assert lines[1] == "    ..."
    assert lines[-1].endswith("data='60'")


async def test_large_events_are_shown_in_part():
    app = App()

    @app.route("/")
    async def live():
        async def source():
            yield "x" * 10_000

        return EventStream(source)

    async with TestClient(app) as client, client.stream_sse("/") as stream:
        await stream.next_event()
        assert len(stream.describe()) < 300


async def test_an_end_that_does_not_come_is_missed(autojump_clock, client):
    with pytest.raises(SSETimeout, match="its end did not come within 5 s"):
        await client.sse("/quiet", timeout=5)


async def test_an_event_that_does_not_come_is_missed(autojump_clock, client):
    async with client.stream_sse("/quiet") as stream:
        with pytest.raises(SSETimeout, match=r"GET /quiet: no event came within 20 s. So far: 0 events and 1 heartbeats"):
            await stream.next_event(timeout=20)


async def test_iterating_gives_up_as_well(autojump_clock, client):
    async with client.stream_sse("/quiet") as stream:
        with pytest.raises(SSETimeout, match="no event came within 60 s"):
            async for _ in stream:
                pass


@pytest.mark.parametrize("options", [{"timeout": 5}, {"disconnect_after": 5}])
async def test_a_response_that_does_not_come_is_missed(autojump_clock, options):
    app = App()

    @app.route("/stuck")
    async def stuck():
        await trio.sleep(30)
        return "late"

    async with TestClient(app) as client:
        with pytest.raises(SSETimeout, match="GET /stuck: no response came within 5 s"):
            await client.sse("/stuck", **options)


@pytest.fixture
def few_ahead(monkeypatch):
    """A stream reads on until a thousand events wait for the test, instead of ten thousand."""
    assert sse._READ_AHEAD == 10_000
    monkeypatch.setattr(sse, "_READ_AHEAD", 1000)


async def test_a_source_without_end_that_never_waits_fills_no_memory(autojump_clock, few_ahead):
    numbers = Numbers(pause=0)
    async with TestClient(numbers.app) as client, client.stream_sse("/numbers") as stream:
        await trio.sleep(1)
        assert len(stream.events) < 1200
        for number in range(1500):
            assert (await stream.next_event()).data == str(number + 1)


# -- what is no event stream ----------------------------------------------------------------------------------------------


async def test_a_page_is_refused(client):
    result = await client.sse("/page")
    assert (result.status, result.ended, result.text) == (200, "refused", "<h1>A page</h1>")
    async with client.stream_sse("/page") as stream:
        assert stream.ended == "refused"
        with pytest.raises(SSERefused) as raised:
            await stream.next_event()
    assert str(raised.value) == ("GET /page: the response is no event stream, but 200, text/html; charset=utf-8: A page")


async def test_an_error_is_refused_with_its_status():
    app = App()

    @app.route("/private")
    async def private():
        raise HTTPError(403, "members only")

    async with TestClient(app) as client, client.stream_sse("/private") as stream:
        with pytest.raises(SSERefused, match=r"but 403, text/html.*members only"):
            await anext(stream)


async def test_what_is_too_large_for_an_event_is_no_event_stream(autojump_clock):
    async def app(scope, receive, send):
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
            await send({"type": "http.response.body", "body": b"data: " + b"x" * 17 * 1024 * 1024})

    async with TestClient(app) as client, client.stream_sse("/") as stream:
        with pytest.raises(ValueError, match="larger than max_event_bytes"):
            await stream.next_event()


EVENTS = b"data: one\n\ndata: two\n\n"


def app_that_sends(events, encoding):
    async def app(scope, receive, send):
        if scope["type"] == "http":
            headers = [(b"content-type", b"text/event-stream"), (b"content-encoding", encoding)]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": events[:10], "more_body": True})
            await send({"type": "http.response.body", "body": events[10:]})

    return app


@pytest.mark.parametrize(
    ("encoding", "events"),
    [
        (b"gzip", gzip.compress(EVENTS)),
        (b"GZIP", gzip.compress(EVENTS)),
        (b"x-gzip", gzip.compress(EVENTS)),
        (b"deflate", zlib.compress(EVENTS)),
        (b"zstd", zstd.compress(EVENTS[:3]) + zstd.compress(EVENTS[3:])),
        (b"identity", EVENTS),
        (b"", EVENTS),
    ],
)
async def test_a_stream_that_is_compressed_is_read(encoding, events):
    async with TestClient(app_that_sends(events, encoding)) as client:
        assert data((await client.sse("/")).events) == ["one", "two"]


@pytest.mark.parametrize("encoding", ["br", "dcz", "gzip, br", "compress"])
async def test_a_stream_in_a_coding_that_cannot_be_read_is_refused_with_the_cure(encoding):
    refusal = (
        f"GET /: the event stream cannot be read, its content-encoding is {encoding!r}; a TestClient reads event streams "
        'that are uncompressed, or in gzip, deflate or zstd. Ask with headers={"accept-encoding": "gzip"}, or keep the '
        "middleware from compressing streams"
    )
    async with TestClient(app_that_sends(EVENTS, encoding.encode())) as client:
        with pytest.raises(SSERefused) as raised:
            await client.sse("/")
        assert str(raised.value) == refusal
        async with client.stream_sse("/") as stream:
            with pytest.raises(SSERefused) as raised:
                await stream.next_event()
        assert str(raised.value) == refusal


# -- stalling -------------------------------------------------------------------------------------------------------------


async def test_nothing_comes_while_a_client_is_stalled_and_the_source_waits(autojump_clock, few_ahead):
    numbers = Numbers(pause=0, send_timeout=1000)
    async with TestClient(numbers.app) as client, client.stream_sse("/numbers") as stream:
        stream.stall()
        await trio.sleep(1)
        before = numbers.yielded
        await trio.sleep(100)
        assert stream.events == []
        assert numbers.yielded == before, "the source waits"
        stream.resume()
        assert (await stream.next_event()).data == "1"
        await trio.sleep(1)
        assert numbers.yielded > before


async def test_a_client_may_stall_in_the_middle(autojump_clock, client, numbers):
    async with client.stream_sse("/numbers") as stream:
        await trio.sleep(2.5)
        stream.stall()
        await trio.sleep(10)
        assert data(stream.events) == ["1", "2", "3"]
        stream.resume()
        await trio.sleep(0.1)
        assert len(stream.events) == 13
        assert stream.event_times[3:] == [12.5] * 10, "they came when they were read"


async def test_what_comes_in_the_moment_of_a_stall_waits_as_well(autojump_clock):
    numbers = Numbers(pause=0)
    async with TestClient(numbers.app) as client, client.stream_sse("/numbers") as stream:
        for _ in range(50):
            await stream.next_event()
            stream.stall()
            before = len(stream.events)
            await trio.sleep(0.01)
            assert len(stream.events) == before
            stream.resume()


async def test_waiting_for_an_event_while_stalled_says_so(autojump_clock, client):
    async with client.stream_sse("/numbers") as stream:
        stream.stall()
        with pytest.raises(SSETimeout, match="no event came within 5 s; the client is stalled"):
            await stream.next_event(timeout=5)


async def test_a_client_that_stalls_is_given_up_by_the_app(autojump_clock):
    numbers = Numbers(send_timeout=20)
    async with TestClient(numbers.app) as client, client.stream_sse("/numbers") as stream:
        await stream.next_event()
        stream.stall()
        await trio.sleep(1 + 19.9)
        assert numbers.open == 1
        await trio.sleep(0.2)
        assert numbers.open == 0
        stream.resume()
        with pytest.raises(AppError, match="GET /numbers: the app returned before its response was complete"):
            async for _ in stream:
                pass
        assert stream.ended == "cut off"


# -- leaving, and coming back ---------------------------------------------------------------------------------------------


async def test_leaving_the_block_ends_the_source(autojump_clock, client, numbers):
    async with client.stream_sse("/numbers") as stream:
        await stream.next_event()
        assert (stream.ended, numbers.open) == (None, 1)
    assert (stream.ended, numbers.open) == ("disconnected", 0)


async def test_a_client_that_has_left_gets_what_had_come_and_then_the_end(autojump_clock, client, numbers):
    async with client.stream_sse("/numbers") as stream:
        await trio.sleep(1.5)
        await stream.disconnect()
        assert numbers.open == 0
        assert data([event async for event in stream]) == ["1", "2"]


async def test_a_stalled_client_may_leave(autojump_clock, client, numbers):
    async with client.stream_sse("/numbers") as stream:
        stream.stall()
        await trio.sleep(5)
    assert numbers.open == 0


async def test_a_client_that_comes_back_sends_the_id_of_the_last_event_that_came(autojump_clock, client, numbers):
    async with client.stream_sse("/numbers") as stream:
        await stream.next_event()
        await trio.sleep(2.5)
        assert stream.last_event_id == "3", "though only the first was asked for"
        await stream.reconnect()
        assert [request.last_event_id for request in numbers.asked] == [None, "3"]
        assert numbers.open == 1
        assert [(await stream.next_event()).data for _ in range(3)] == ["2", "3", "4"], "each comes once"
        assert data(stream.events) == ["1", "2", "3", "4"], "what had come is kept"
        assert stream.event_times == [0.0, 1.0, 2.0, 2.5]


async def test_what_a_stalled_client_has_not_read_has_not_come(autojump_clock, client):
    async with client.stream_sse("/numbers") as stream:
        await stream.next_event()
        stream.stall()
        await trio.sleep(10)
        await stream.reconnect()
        assert (await stream.next_event()).data == "2", "and the new connection is read"


async def test_the_id_that_a_client_brings_is_the_one_that_it_comes_back_with(autojump_clock, client, numbers):
    async with client.stream_sse("/numbers", last_event_id="40") as stream:
        stream.stall()
        assert stream.last_event_id == "40"
        await stream.reconnect()
        assert (await stream.next_event()).data == "41"
    assert [request.last_event_id for request in numbers.asked] == ["40", "40"]


async def test_an_id_that_was_taken_back_is_sent_no_more(autojump_clock):
    asked = []

    async def source():
        yield SSEEvent("a", id="")
        await trio.sleep_forever()

    app = App()

    @app.route("/")
    async def live(request):
        asked.append(request.last_event_id)
        return EventStream(source)

    async with TestClient(app) as client, client.stream_sse("/", last_event_id="7") as stream:
        await stream.next_event()
        await stream.reconnect()
    assert asked == ["7", None]


async def test_an_id_may_be_any_text():
    asked = []
    app = App()

    @app.route("/")
    async def live(request):
        asked.append(request.last_event_id)
        return Response("", 204)

    async with TestClient(app) as client:
        await client.sse("/", last_event_id="Größe ☃")
    assert asked == ["Größe ☃"]


@pytest.mark.parametrize(("honour", "pause"), [(False, 0.0), (True, 4.0)])
async def test_a_client_comes_back_at_once_or_when_it_was_told_to(autojump_clock, honour, pause):
    async def source():
        yield SSEEvent("a", retry=4000)
        await trio.sleep_forever()

    app = App()
    app.route("/")(lambda: EventStream(source))
    async with TestClient(app) as client, client.stream_sse("/") as stream:
        await stream.next_event()
        began = trio.current_time()
        await stream.reconnect(honour_retry=honour)
        assert trio.current_time() - began == pytest.approx(pause, abs=0.2)
        assert stream.retry == 4000


async def test_a_server_that_stops_is_come_back_to_after_the_time_that_it_gave(autojump_clock, client):
    async with client.stream_sse("/numbers") as stream:
        await stream.next_event()
        stream.drain()
        with pytest.raises(StopAsyncIteration):
            await stream.next_event()
        assert stream.ended == "completed"
        assert 1000 <= stream.retry <= 5000


async def test_a_stream_may_be_opened_by_hand_and_closed_by_hand(autojump_clock, client, numbers):
    stream = client.stream_sse("/numbers")
    await stream.connect()
    assert (await stream.next_event()).data == "1"
    await stream.disconnect()
    assert numbers.open == 0


async def test_a_reader_that_is_cancelled_loses_nothing(autojump_clock, client):
    async with client.stream_sse("/numbers") as stream:
        for _ in range(50):
            with trio.move_on_after(0.1):
                await stream.next_event()
        assert data(stream.events) == ["1", "2", "3", "4", "5"]


# -- who asks -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def echo():
    """An app whose streams tell what was asked for, in an event."""
    app = App()

    @app.route("/seen", methods=["GET", "POST"])
    async def seen(request):
        told = {"method": request.method, "headers": dict(request.headers), "cookies": dict(request.cookies)}
        told |= {"query": dict(request.query), "body": await request.text()}

        async def source():
            yield told

        return EventStream(source, headers=[("set-cookie", "visited=yes; Path=/")])

    @app.route("/there")
    async def there():
        return Redirect("/seen")

    return app


async def told(client, path="/seen", **options):
    result = await client.sse(path, **options)
    [event] = result.events
    return json.loads(event.data)


async def test_a_browser_asks_as_eventsource_does(echo):
    async with TestClient(echo) as client:
        headers = (await told(client))["headers"]
    assert (headers["accept"], headers["cache-control"]) == ("text/event-stream", "no-cache")
    assert "last-event-id" not in headers
    assert not any(name.startswith("hx-") for name in headers)


async def test_htmx_4_asks_with_fetch(echo):
    async with TestClient(echo) as client:
        headers = (await told(client, request_type="htmx4", last_event_id="7"))["headers"]
    assert headers["accept"] == "text/html, text/event-stream"
    assert {name: value for name, value in headers.items() if name.startswith("hx-")} == {
        "hx-request": "true",
        "hx-request-type": "partial",
        "hx-source": "div",
        "hx-target": "div",
        "hx-current-url": "http://testserver/",
    }
    assert headers["last-event-id"] == "7"
    assert "cache-control" not in headers


async def test_any_other_kind_of_client_is_refused(echo):
    async with TestClient(echo) as client:
        with pytest.raises(ValueError, match="request_type is 'htmx3'; it must be 'eventsource' or 'htmx4'"):
            client.stream_sse("/seen", request_type="htmx3")


async def test_headers_that_are_given_go_before_those_of_the_kind(echo):
    async with TestClient(echo) as client:
        headers = (await told(client, request_type="htmx4", headers={"hx-target": "ul#list", "X-A": "1"}))["headers"]
    assert (headers["hx-target"], headers["x-a"]) == ("ul#list", "1")


async def test_streams_send_the_clients_headers_cookies_and_credentials(echo):
    async with TestClient(echo, headers={"X-A": "1"}, cookies={"user": "ada"}, auth=("ada", "secret")) as client:
        seen = await told(client)
    assert seen["cookies"] == {"user": "ada"}
    assert seen["headers"]["x-a"] == "1"
    assert seen["headers"]["authorization"].startswith("Basic ")


async def test_a_stream_may_have_credentials_and_parameters_of_its_own(echo):
    async with TestClient(echo) as client:
        seen = await told(client, auth=("eve", "x"), params={"room": "1"})
    assert seen["headers"]["authorization"].startswith("Basic ")
    assert seen["query"] == {"room": "1"}


async def test_a_stream_may_be_posted_for(echo):
    async with TestClient(echo) as client:
        seen = await told(client, method="POST", json={"a": 1})
    assert (seen["method"], seen["body"]) == ("POST", '{"a":1}')


async def test_cookies_that_a_stream_sets_are_kept(echo):
    async with TestClient(echo) as client:
        await told(client)
        assert (await told(client))["cookies"] == {"visited": "yes"}


async def test_redirects_to_a_stream_are_followed_only_where_that_is_asked_for(echo):
    async with TestClient(echo) as client:
        refused = await client.sse("/there")
        assert (refused.status, refused.ended) == (303, "refused")
        assert (await told(client, "/there", follow_redirects=True))["method"] == "GET"
    async with TestClient(echo, follow_redirects=True) as client:
        assert (await told(client, "/there"))["method"] == "GET"


async def test_paths_are_relative_to_the_base_url(echo):
    async with TestClient(echo, base_url="https://example.org/") as client:
        assert (await told(client))["headers"]["host"] == "example.org"
