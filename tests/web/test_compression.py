"""`compress`: who asks for it gets the same events in fewer bytes, as soon as ever; a topic's are made once for all."""

import gzip
import json
from compression import zstd

import pytest
import trio
import trio.testing
from brotli_asgi import BrotliMiddleware
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware

from chirp_trio import App, AppConfig, CompressionDictionary, EventStream, Fragment, SSEEvent, Topic, merge
from chirp_trio.compression import DictionaryCoding, codings
from chirp_trio.testing import TestClient
from chirp_trio.wire import encode_event
from tests.cases import each_case

CODINGS = ["gzip", "zstd", "dcz"]
DICTIONARY = CompressionDictionary(b'event: price\ndata: {"price": 12.5}\n\n')
LONG = {"text": "word " * 400}


def asking(coding, **further):
    """The headers of a client that takes this coding only."""
    headers = {"accept-encoding": coding, **further}
    return headers | {"available-dictionary": DICTIONARY.available} if coding == "dcz" else headers


def read(coding, body):
    """What a body in this coding holds; it has to end properly."""
    match coding:
        case "gzip":
            return gzip.decompress(body)
        case "zstd":
            return zstd.decompress(body)
        case "dcz":
            assert body[:8] == b"\x5e\x2a\x4d\x18\x20\x00\x00\x00"
            assert body[8:40] == DICTIONARY.hash
            return zstd.decompress(body[40:], zstd_dict=zstd.ZstdDict(DICTIONARY.content, is_raw=True).as_prefix)
        case _:
            return body


def small_app(compress=DICTIONARY, *, middleware=None, **config):
    app = App(AppConfig(**config), middleware=[] if middleware is None else [middleware])

    async def events():
        for number in range(5):
            yield SSEEvent({"number": number} | LONG, event="long", id=str(number))
            await trio.sleep(20)

    async def small():
        yield "one"
        yield SSEEvent(retry=5000)
        yield SSEEvent("zwölf\n☃", id="2")

    app.route("/events")(lambda: EventStream(events, compress=compress))
    app.route("/small")(lambda: EventStream(small, compress=compress))
    app.route("/empty")(lambda: EventStream(nothing, compress=compress))
    app.route("/default")(lambda: EventStream(events))
    app.route("/never")(lambda: EventStream(events, compress=False))
    return app


def with_default():
    app = App(AppConfig(compress=True))
    app.route("/default")(lambda: EventStream(endless))
    app.route("/never")(lambda: EventStream(endless, compress=False))
    return app


async def endless():
    yield "one"
    await trio.sleep_forever()


async def nothing():
    return
    yield


async def whole(client, path, coding):
    """The body of a stream that ends by itself, as it is on the wire, and its headers."""
    async with client.stream("GET", path, headers=asking(coding, accept="text/event-stream")) as response:
        return b"".join([piece async for piece in response.aiter_raw()]), response.headers


# -- the same stream ------------------------------------------------------------------------------------------------------


@each_case("coding", CODINGS)
@each_case("path", ["/events", "/small", "/empty"])
async def test_a_compressed_stream_holds_what_the_plain_one_does(path, coding, autojump_clock):
    async with TestClient(small_app()) as client:
        plain, _ = await whole(client, path, "identity")
        body, headers = await whole(client, path, coding)

    assert headers["content-encoding"] == coding
    assert read(coding, body) == plain
    if path == "/events":
        assert b": heartbeat\n" in plain
        assert len(body) < len(plain) / 5


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
async def test_every_event_and_heartbeat_comes_at_its_time(coding, autojump_clock):
    times = {}
    async with TestClient(small_app()) as client:
        for accepted in ("identity", coding):
            result = await client.sse("/events", timeout=200, headers={"accept-encoding": accepted})
            times[accepted] = (result.event_times, result.heartbeat_times, [event.data for event in result.events])
    assert times[coding] == times["identity"]
    assert times[coding][0] == (0, 20, 40, 60, 80)


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
async def test_a_stop_of_the_server_ends_it_properly(coding, autojump_clock):
    app = small_app()
    async with TestClient(app) as client, client.stream("GET", "/events", headers=asking(coding)) as response:
        pieces = response.aiter_raw()
        body = await anext(pieces)
        app.streams.close(lambda stream: True)
        body += b"".join([piece async for piece in pieces])
    assert read(coding, body).startswith(b"event: long\n")


async def test_head_has_the_headers_of_get():
    async with TestClient(small_app()) as client:
        for coding in (*CODINGS, "identity", "br"):
            head = await client.head("/empty", headers=asking(coding))
            _, headers = await whole(client, "/empty", coding)
            assert dict(head.headers) == dict(headers)


# -- who gets it ----------------------------------------------------------------------------------------------------------


async def test_without_it_nothing_is_compressed_and_nothing_is_said_of_it():
    async with TestClient(small_app()) as client:
        for path in ("/default", "/never"):
            async with client.stream("GET", path, headers=asking("gzip")) as response:
                assert "content-encoding" not in response.headers
                assert "vary" not in response.headers


@pytest.mark.parametrize(
    ("compress", "vary"), [(True, "accept-encoding"), (DICTIONARY, "accept-encoding, available-dictionary")]
)
async def test_caches_are_told_what_it_depends_on_for_everybody(compress, vary):
    async with TestClient(small_app(compress)) as client:
        for coding in (*CODINGS, "identity"):
            _, headers = await whole(client, "/empty", coding)
            assert headers["vary"] == vary
            assert headers["cache-control"] == "no-store, no-transform"


async def test_an_apps_default_holds_for_streams_that_say_nothing():
    async with TestClient(with_default()) as client:
        for path, coding in {"/default": "gzip", "/never": None}.items():
            async with client.stream("GET", path, headers=asking("gzip")) as response:
                assert response.headers.get("content-encoding") == coding


@each_case("value", [1, "gzip", (), ["gzip"]])
async def test_another_value_is_refused(value):
    with pytest.raises(TypeError, match=r"^compress is .*; it must be True, False, or a CompressionDictionary"):
        EventStream(nothing, compress=value)
    with pytest.raises(TypeError, match=r"^compress is .*; it must be True, False, or a CompressionDictionary"):
        AppConfig(compress=value)


@pytest.mark.parametrize("header", ["content-encoding", "Content-Encoding"])
async def test_the_header_cannot_be_set_by_hand(header):
    with pytest.raises(ValueError, match=r"^headers has the content-encoding 'gzip'; .* compress"):
        EventStream(nothing, headers={header: "gzip"})


# -- middleware -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("middleware", "accepted"),
    [
        (Middleware(GZipMiddleware, minimum_size=1), "gzip"),
        (Middleware(GZipMiddleware, minimum_size=1), "gzip, br, zstd"),
        (Middleware(BrotliMiddleware, minimum_size=1), "gzip, br"),
    ],
)
async def test_middleware_does_not_compress_it_again(middleware, accepted, autojump_clock):
    app = small_app(middleware=middleware)
    async with TestClient(app) as client:
        plain, _ = await whole(client, "/small", "identity")
        async with client.stream(
            "GET", "/small", headers={"accept-encoding": accepted, "accept": "text/event-stream"}
        ) as response:
            body = b"".join([piece async for piece in response.aiter_raw()])
        coding = response.headers["content-encoding"]
        assert coding in CODINGS
        assert read(coding, body) == plain


# -- once for everybody -----------------------------------------------------------------------------------------------------


def serve(app, topic, **options):
    """Async, because nothing tells when a thread, in which a plain handler runs, has done its part."""

    @app.route("/live")
    async def live(request):
        return EventStream(topic.subscribe(request.last_event_id, replay=100), **options)


@pytest.fixture
def compressions(monkeypatch):
    """What has been compressed, in order."""
    made = []
    for shared in (codings._DEFLATED, codings._FRAMES):
        monkeypatch.setattr(
            shared, "_compress", lambda piece, compress=shared._compress: made.append(piece) or compress(piece)
        )
    return made


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
async def test_an_event_of_a_topic_is_compressed_once_for_all_who_get_it(coding, compressions, autojump_clock):
    app = App()
    topic = app.topic("news", history=100)
    serve(app, topic, compress=True)
    headers = {"accept-encoding": coding}

    async with TestClient(app) as client, trio.open_nursery() as nursery:

        async def listen():
            async with client.stream_sse("/live", headers=headers) as stream:
                events = [await stream.next_event() for _ in range(3)]
                assert [event.data for event in events] == ["first " * 50, "second " * 50, "third " * 50]

        for _ in range(50):
            nursery.start_soon(listen)
        await trio.testing.wait_all_tasks_blocked()
        for text in ("first ", "second ", "third "):
            await topic.publish(text * 50)
            await trio.testing.wait_all_tasks_blocked()

    assert sum(b"first first" in piece for piece in compressions) == 1
    assert sum(b"second second" in piece for piece in compressions) == 1
    assert len(compressions) <= 3 + 3  # the advice, opening ids and heartbeats once too


async def test_an_event_of_merged_topics_is_compressed_once_for_all_at_the_same_place(compressions, autojump_clock):
    app = App(AppConfig(compress=True))
    news, sport = app.topic("news"), app.topic("sport")

    @app.route("/live")
    async def live():
        return EventStream(merge(news.subscribe(), sport.subscribe()))

    async with TestClient(app) as client, trio.open_nursery() as nursery:

        async def listen():
            async with client.stream_sse("/live", headers={"accept-encoding": "zstd"}) as stream:
                assert [(await stream.next_event()).data for _ in range(2)] == ["first " * 50, "second " * 50]

        for _ in range(50):
            nursery.start_soon(listen)
        await trio.testing.wait_all_tasks_blocked()
        await news.publish("first " * 50)
        await trio.testing.wait_all_tasks_blocked()
        await sport.publish("second " * 50)

    assert sum(b"first first" in piece for piece in compressions) == 1
    assert sum(b"second second" in piece for piece in compressions) == 1


async def test_what_is_replayed_to_many_is_compressed_once(compressions, autojump_clock):
    app = App()
    topic = app.topic("news", history=100)
    serve(app, topic, compress=True)
    async with TestClient(app) as client:
        for number in range(20):
            await topic.publish(f"{number} " * 100)
        first = await client.sse("/live", max_events=1, headers={"accept-encoding": "zstd"})
        compressions.clear()
        for _ in range(5):
            result = await client.sse(
                "/live", last_event_id=first.events[0].id, max_events=19, headers={"accept-encoding": "zstd"}
            )
            assert [event.data for event in result.events] == [f"{number} " * 100 for number in range(1, 20)]
    assert sum(b"19 19" in piece for piece in compressions) <= 1


async def test_each_dialect_of_htmx_is_compressed_for_itself(tmp_path, autojump_clock):
    (tmp_path / "card.html").write_text("{% block card %}<p>{{ text }}</p>{% endblock %}")
    app = App(AppConfig(template_dir=tmp_path, compress=True))
    topic = app.topic("cards", history=10)
    serve(app, topic)
    async with TestClient(app) as client:
        await topic.publish(Fragment("card.html", "card", text="word " * 50))
        for kind in ("eventsource", "htmx4"):
            plain, coded = [
                await client.sse("/live", max_events=1, request_type=kind, headers={"accept-encoding": accepted})
                for accepted in ("identity", "zstd")
            ]
            assert plain.events == coded.events


async def test_a_dictionary_with_an_id_of_the_topic_halves_json_of_121_bytes():
    topic = Topic("prices")
    prices = [
        json.dumps(
            {"symbol": "ABC", "price": 417.12 + n, "bid": 396.86 + 3 * n, "ask": 401.47, "lot": 100, "at": 1795870000 + n}
        )
        for n in range(9)
    ]
    dictionary = CompressionDictionary.of_events(prices[:5], id=topic.cursor)
    assert dictionary.content.startswith(f"id: {topic.cursor}\n".encode())

    coding = DictionaryCoding(dictionary)
    coding.encode([b""])  # the head
    plain = encode_event(prices[-1], None, topic.publish_nowait(prices[-1]), None)
    assert len(plain) == 121, plain
    assert len(coding.encode([plain])) < len(plain) / 2


# -- on the wire ------------------------------------------------------------------------------------------------------------


async def test_a_test_sees_the_bytes_on_the_wire(autojump_clock):
    async with TestClient(small_app()) as client:
        plain = await client.sse("/events", timeout=200, headers={"accept-encoding": "identity"})
        coded = await client.sse("/events", timeout=200, headers={"accept-encoding": "gzip"})
    assert coded.events == plain.events
    assert gzip.decompress(coded.wire) == plain.wire
    assert len(coded.wire) < len(plain.wire) / 5


async def test_a_damaged_stream_is_an_error_of_the_test():
    async def app(scope, receive, send):
        if scope["type"] == "http":
            headers = [(b"content-type", b"text/event-stream"), (b"content-encoding", b"gzip")]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": gzip.compress(b"data: 1\n\n")[:-8] + bytes(8)})

    async with TestClient(app) as client:
        with pytest.raises(Exception, match=r"incorrect data check|check"):
            await client.sse("/")
