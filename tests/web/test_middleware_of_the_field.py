"""Middleware of the field, around an `App` and in it, around Starlette and FastAPI and in them: it does what it is for, and
streams stay what they are."""

import zlib
from contextlib import contextmanager

import brotli
import pytest
import trio
from asgi_csrf import asgi_csrf
from brotli_asgi import BrotliMiddleware
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import HTMLResponse
from starlette_csrf import CSRFMiddleware

from chirp_trio import Decoder
from chirp_trio.testing import AppError, TestClient
from tests.cases import each_case
from tests.field import ALL, PLACES, TEXT, ASGIRateLimit, Prometheus, Site

PLACED = [(name, place) for name, kind in ALL.items() for place in kind.places]


@pytest.fixture
def site():
    site = Site()
    yield site
    assert site.open == 0, "a source was left open"


everywhere = each_case(("name", "place"), PLACED)


@contextmanager
def at_work(name, place, site):
    """A middleware and a client of an app with it, which is asked for by nobody else."""
    middleware = ALL[name]()
    with middleware.at_work():
        app = middleware.build(place, site)
        yield middleware, TestClient(app, base_url=middleware.base_url, headers=middleware.request)
    assert site.open == 0, "a source was left open"


@everywhere
async def test_a_page_is_what_it_was_and_has_what_the_middleware_adds(name, place, autojump_clock):
    with at_work(name, place, Site()) as (middleware, client):
        async with client:
            response = await client.get("/page")

        assert (response.status_code, response.text) == (200, TEXT)
        middleware.check(response, is_stream=False)
        middleware.check_whole(["/page"])


@everywhere
async def test_events_and_heartbeats_come_in_their_time_and_the_streams_end(name, place, autojump_clock):
    with at_work(name, place, Site()) as (middleware, client):
        async with client:
            three, quiet = await client.sse("/three"), await client.sse("/quiet")

        assert [event.data for event in three.events] == ["1", "2", "3"]
        assert three.event_times == (0, 1, 2)
        assert quiet.heartbeat_times == (1, 2, 3)
        assert (three.ended, quiet.ended) == ("completed", "completed")
        middleware.check(three, is_stream=True)
        middleware.check_whole(["/three", "/quiet"])


@everywhere
async def test_a_client_that_leaves_ends_its_stream(name, place, autojump_clock):
    site = Site()
    with at_work(name, place, site) as (middleware, client):
        async with client:
            async with client.stream_sse("/endless") as stream:
                assert [(await stream.next_event()).data for _ in range(3)] == ["1", "2", "3"]
                assert stream.event_times == [0, 1, 2]
                assert site.open == 1
            assert site.open == 0
            middleware.check(stream, is_stream=True)
        middleware.check_whole(["/endless"])


@each_case(("name", "place"), [(name, place) for name, place in PLACED if ALL[name].refused])
async def test_whom_the_middleware_refuses_no_source_is_begun_for(name, place, autojump_clock):
    site = Site()
    with at_work(name, place, site) as (middleware, client):
        method, path, headers, status, text = middleware.refused
        async with client:
            for _ in range(middleware.let_through):
                assert (await client.get("/page")).status_code == 200
            client.headers.update(headers)
            response = await client.request(method, path)

        assert (response.status_code, text in response.text) == (status, True)
        assert response.headers.get("location") == ("https://testserver/three" if status == 307 else None)
        assert site.opened == 0


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    "csrf", [Middleware(CSRFMiddleware, secret="secret"), Middleware(asgi_csrf, signing_secret="secret")], ids=repr
)
async def test_a_stream_that_is_asked_for_with_the_token_comes_by_post(csrf, place, site, autojump_clock):
    async with TestClient(PLACES[place](site, csrf)) as client:
        await client.get("/page")
        result = await client.sse("/three", method="POST", headers={"x-csrftoken": client.cookies["csrftoken"]})

    assert [event.data for event in result.events] == ["1", "2", "3"]


async def test_a_session_goes_on_from_a_page_to_its_stream(site, autojump_clock):
    session = ALL["Session"]()
    async with TestClient(session.build("in an App", site)) as client:
        await client.get("/page")
        first = client.cookies["session"]
        await client.sse("/three")
        assert client.cookies["session"] != first


# -- compression --------------------------------------------------------------------------------------------------------

EVERYTHING = {"minimum_size": 1, "exclude_content_types": ()}  # as older versions of Starlette's
COMPRESSION = {
    # what it is, what the client takes: what comes, and after how many seconds its headers, of an event after five
    "nothing": (None, "gzip", None, 0.1),
    "Starlette's": (Middleware(GZipMiddleware, minimum_size=1), "gzip", None, 0.1),
    "Starlette's, for everything": (Middleware(GZipMiddleware, **EVERYTHING), "gzip", "gzip", 5),
    "the same, not asked for": (Middleware(GZipMiddleware, **EVERYTHING), "identity", None, 5),
    "brotli": (Middleware(BrotliMiddleware, minimum_size=1), "br", "br", 5),
    "brotli, for gzip": (Middleware(BrotliMiddleware, minimum_size=1), "gzip", None, 0.1),
    "brotli, but for streams": (Middleware(BrotliMiddleware, minimum_size=1, excluded_handlers=["^/late"]), "br", None, 0.1),
}
DECOMPRESSORS = {
    None: lambda: bytes,
    "gzip": lambda: zlib.decompressobj(zlib.MAX_WBITS | 32).decompress,
    "br": lambda: brotli.Decompressor().process,
}


@pytest.mark.parametrize("kind", COMPRESSION)
async def test_compression_delays_no_event_and_may_delay_the_headers(kind, site, autojump_clock):
    """The table of "Use middleware"."""
    middleware, accepted, encoding, headers_after = COMPRESSION[kind]
    app = site.app(middleware) if middleware else site.app()
    events = []
    async with TestClient(app, headers={"accept-encoding": accepted}) as client:
        began = trio.current_time()
        async with client.stream("GET", "/late") as response:
            assert trio.current_time() - began == pytest.approx(headers_after)
            assert response.headers.get("content-encoding") == encoding
            decompress, decoder = DECOMPRESSORS[encoding](), Decoder()
            async for piece in response.aiter_raw():
                events += [(event.data, trio.current_time() - began) for event in decoder.feed(decompress(piece))]

    assert events == [("1", 5), ("2", 6), ("3", 7)]


# -- what cannot be used ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ASGIRateLimit.places)
async def test_slowapis_middleware_for_asgi_breaks_every_response_in_pieces(place, site, autojump_clock):
    """Also those that are none of ours."""

    class Pieces(HTMLResponse):
        async def __call__(self, scope, receive, send):
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            await send({"type": "http.response.body", "body": b"a", "more_body": True})
            await send({"type": "http.response.body", "body": b"b"})

    async def pieces(request):
        return Pieces()

    app = ASGIRateLimit().build(place, site)
    app.add_route("/pieces", pieces)
    async with TestClient(app) as client:
        assert (await client.get("/page")).headers["x-ratelimit-limit"] == "3"
        for path in ("/three", "/pieces"):
            with pytest.raises(AppError, match=r"http\.response\.start for the second time"):
                await client.get(path)


@pytest.mark.filterwarnings("ignore:'asyncio.iscoroutinefunction' is deprecated:DeprecationWarning")
async def test_slowapis_middleware_for_asgi_lets_streams_be_that_are_exempt(site, autojump_clock):
    limit = ASGIRateLimit()
    app = limit.build("in FastAPI", site)
    limit.limiter.exempt(site.three)
    async with TestClient(app) as client:
        for _ in range(4):
            assert len((await client.sse("/three")).events) == 3


@pytest.mark.parametrize("place", PLACES)
async def test_the_instrumentator_for_prometheus_counts_and_then_asks_for_asyncio(place, site, autojump_clock):
    """Also around responses of Starlette's own."""
    prometheus = Prometheus()
    async with TestClient(prometheus.build(place, site)) as client:
        for path in ("/page", "/three"):
            with pytest.raises(RuntimeError, match="no current event loop"):
                await client.get(path)

    counted = [sample for metric in prometheus.registry.collect() for sample in metric.samples]
    assert sum(sample.value for sample in counted if sample.name == "http_requests_total") == 2


async def test_the_instrumentator_fails_on_trio_wherever_it_is(autojump_clock):
    [middleware] = [Prometheus().middleware]
    async with TestClient(middleware.cls(HTMLResponse("a"), **middleware.kwargs)) as client:
        with pytest.raises(RuntimeError, match="no current event loop"):
            await client.get("/")
