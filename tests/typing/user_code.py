"""Ordinary user code, which only the type checker runs: the public names must be as easy to type as they are to use."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import trio
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp as StarletteApp

from chirp_trio import (
    HTML,
    OOB,
    App,
    AppConfig,
    Decoder,
    EventStream,
    Fragment,
    HTTPError,
    Limits,
    Page,
    Redirect,
    Request,
    Response,
    ServerConfig,
    SQLiteStore,
    SSEEvent,
    Stream,
    StreamLifespan,
    StreamSnapshot,
    Template,
    Topic,
    UploadFile,
    ValidationError,
    health,
    last_event_id,
    serve,
    stream_lifespan,
)
from chirp_trio.metrics import metrics_app
from chirp_trio.testing import (
    TestClient,
    assert_closed_cleanly,
    assert_fragment_contains,
    assert_is_error_fragment,
    assert_is_fragment,
    assert_sse_wired,
    cancel_everywhere,
)


@asynccontextmanager
async def lifespan(_app: App) -> AsyncGenerator[dict[str, object]]:
    async with trio.open_nursery() as nursery:
        yield {"nursery": nursery}
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def lifespan_without_state(_app: App) -> AsyncGenerator[None]:
    yield


app = App(AppConfig(template_dir=["templates"], debug=True), lifespan=lifespan)
other = App(lifespan=lifespan_without_state)
app.mount("/other", other)
app.mount("/health", health(app))


@dataclass
class Reading:
    celsius: float


@app.route("/", methods=["GET", "POST"])
async def index(request: Request) -> Page | Response | Redirect:
    if request.method == "POST":
        form = await request.form()
        picture: UploadFile | None = form.files.get("picture")
        if picture is not None:
            return Response(picture.content, content_type=picture.content_type)
        return Response(form["name"], status=201, headers={"x-name": form["name"]})
    if request.is_fragment:
        return Redirect("/")
    return Page("index.html", "content", tags=request.query.get_all("tag"))


@app.route("/users/{id:int}")
def user(id: int) -> dict[str, int]:
    if id < 0:
        raise HTTPError(404, "no such user")
    return {"id": id}


@app.route("/page")
def page() -> Stream | Template:
    return Stream("page.html", rows=range(10))


@app.error(404)
def missing(request: Request, error: HTTPError) -> str:
    return f"{request.path}: {error.detail}"


@app.template_filter("shout")
def shout(text: str) -> str:
    return text.upper()


async def numbers() -> AsyncGenerator[object]:
    yield 1
    yield {"a": [1, 2, None]}
    yield Reading(21.5)
    yield Fragment("row.html", "row", event="row", number=1)
    yield SSEEvent(data="text", event="ping", id="1", retry=100)
    yield SSEEvent(retry=100)


@app.route("/numbers")
async def stream() -> EventStream:
    return EventStream(numbers)


def sources() -> list[EventStream]:
    send, receive = trio.open_memory_channel[str](0)
    with send:
        return [
            EventStream(numbers()),
            EventStream(numbers, "number", None, send_timeout=1, headers=[("x-a", "b")]),
            EventStream(receive),
            EventStream(trio.as_safe_channel(numbers)()),
            EventStream(trio.as_safe_channel(numbers)),
        ]


@app.on_open
def greet(stream: StreamSnapshot) -> None:
    print(stream.client, stream.route, stream.opened_at)


@app.on_open
@app.on_close
def count(stream: StreamSnapshot) -> int:
    return stream.events + stream.bytes


async def is_allowed(user: str) -> bool:
    return user == "ada"


@app.route("/private")
async def private() -> EventStream:
    soon = datetime.now(UTC) + timedelta(hours=1)
    return EventStream(numbers, expires_at=soon, revalidate=lambda: is_allowed("ada"), label="ada")


def watch() -> dict[str, int]:
    closed: int = app.streams.close(lambda stream: stream.label == "ada")
    ready: bool = app.ready
    return {stream.path: stream.backlog for stream in app.streams} | {"closed": closed, "open": len(app.streams) * ready}


def stepping_aside(app: StarletteApp) -> StarletteApp:
    return app


wrapped = App(middleware=[Middleware(CORSMiddleware, allow_origins=["*"]), GZipMiddleware, stepping_aside])
limited = App(AppConfig(max_streams=10, max_streams_per_client=2, max_age=60, reconnect_after=(1, 2)))
app.mount("/metrics", metrics_app(app.streams))


class Element:
    def __html__(self) -> str:
        return "<b>"


@app.route("/sign-up", methods=["POST"])
async def sign_up(request: Request) -> ValidationError | OOB | Response | tuple[object, int, dict[str, str]]:
    path: str = request.path_for("index", page=2) + request.root_path + request.url
    if path:
        return ValidationError("form.html", "form", retarget="#errors", errors={"name": "missing"})
    if request.session.get("user") is None:
        return Fragment("form.html", "form"), 422, {"HX-Trigger": "shake"}
    response = Response(Template("welcome.html"), 201).set_cookie("theme", "dark", max_age=60, samesite="strict")
    response.delete_cookie("old")
    if request.scope["type"] == "http":
        return response
    return OOB(HTML(Element(), event="tick"), Fragment("form.html", "count", n=1), HTML("<b>", target="#a", swap="innerHTML"))


store = SQLiteStore("topics.db", durability="power", timeout=1)
orders: Topic = app.topic("orders", store=store)


async def keep() -> None:
    async with Topic("news", store=store) as news:
        id: str = await news.publish({"headline": "It works"})
        print(id, [event.value async for event in news.subscribe(id)])


async def main() -> None:
    async with trio.open_nursery() as nursery:
        urls: list[str] = await nursery.start(serve, app, ServerConfig(port=0))
        print(urls)


async def test() -> None:
    async with TestClient(app) as client:
        result = await client.sse("/numbers", max_events=3, last_event_id="7")
        data: str = result.events[0].data
        print(data, result.heartbeats, result.heartbeat_times[0] + result.event_times[0], result.duration)
        async with client.stream_sse("/numbers", request_type="htmx4", params={"room": "1"}) as opened:
            event: SSEEvent = await opened.next_event(timeout=5)
            opened.stall()
            opened.resume()
            await opened.reconnect(honour_retry=True)
            print(event.id, opened.ended)
            assert_is_fragment(event)
            assert_sse_wired(await client.get("/"), opened, htmx=4, ignore={"done"})
            async for other in opened:
                print(other.data)
        assert_closed_cleanly(opened)
        assert_closed_cleanly(result, ended="max_events")
        assert_sse_wired("<p sse-connect='/'></p>", [SSEEvent("x")])
        assert_fragment_contains(await client.fragment("/"), "tea", selector="li", count=1)
        assert_is_error_fragment(result, status=403)
    async with TestClient.live(app, config=ServerConfig(graceful_timeout=1), headers={"X-A": "1"}) as client:
        print(client.server_url, (await client.get("/numbers")).status_code)


async def test_sse_client(sse_client: Callable[..., Awaitable[TestClient]]) -> None:
    client = await sse_client(app, headers={"x-user": "ada"})

    async def scenario() -> None:
        await client.get("/")

    steps: int = await cancel_everywhere(scenario, check=lambda: None, interrupt=client.drain)
    print(steps)


hosted: StreamLifespan = stream_lifespan(limits=Limits(max_streams=100, max_age=3600))
wrapped_app = hosted.wrap(app)


@hosted.on_open
@hosted.on_close
def watch_hosted(stream: StreamSnapshot) -> None:
    print(len(hosted.streams), stream.label, hosted.streams.close(lambda other: other.label == stream.label))


async def mounted() -> None:
    place: str | None = last_event_id({"type": "http", "headers": []})
    print(place)
    async with stream_lifespan() as state, hosted as other, hosted(app) as third:
        print(state, other, third)


for item in Decoder().feed(b"data: x\n\n"):
    print(item)
