"""What user_code.py has no use for, so that a type checker has seen every public name at work."""

from collections.abc import AsyncGenerator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from typing import Any

from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.requests import Request as StarletteRequest
from starlette.routing import Mount

from chirp_trio import (
    App,
    BlockNotFound,
    ChirpError,
    ClientDisconnected,
    Comment,
    CompressionDictionary,
    ConfigurationError,
    Ending,
    EventStream,
    EventTooLarge,
    LifespanError,
    LiveStreams,
    Presence,
    Published,
    RedisStore,
    Request,
    StoreError,
    StreamSnapshot,
    Subscription,
    TemplateError,
    TemplateNotFound,
    Topic,
    WrongRuntimeError,
    last_event_id,
    merge,
    merge_cursors,
    stream_lifespan,
)
from chirp_trio.checking import Finding, check_app
from chirp_trio.metrics import StreamCollector, TopicCollector
from chirp_trio.testing import AppError, AppStillRunning, LeftBehind, SSERefused, SSETimeout, TestClient, check_store
from chirp_trio.topics import RECORD_VERSION, Delivery, Epoch, Epochs, Ids, Journal, Record, Store

app = App()
chat: Topic = app.topic("chat", history=10, max_age=60)
news: Topic = app.topic("news")
words = CompressionDictionary.of_events(["<p>one</p>"], event_type="card")
words_path: str = app.dictionary(words, match="/live/*")
compressed = EventStream(news.subscribe(), compress=words)
joined: Topic = app.topic("joined", store=RedisStore("redis://127.0.0.1", confirm="disk", timeout=1))


def is_news(event: Published) -> bool:
    return event.value != "" and bool(event.id)


@app.route("/chat")
async def everything(request: Request) -> EventStream:
    cursor = request.last_event_id or merge_cursors(chat, news)
    subscription: Subscription = chat.subscribe(cursor, buffer=10)
    return EventStream(merge(subscription, news.subscribe(cursor)))


async def count() -> int:
    async for change in chat.presence():
        if change.kind == "join":
            return change.subscribers
    return Presence("leave", 0).subscribers


@app.on_close
def tell(stream: StreamSnapshot) -> None:
    if stream.ending is Ending.DISCONNECTED:
        print(stream.label)


def watch(streams: LiveStreams) -> list[str]:
    CollectorRegistry().register(StreamCollector(streams))
    CollectorRegistry().register(TopicCollector([chat, news]))
    return [stream.path for stream in streams]


def problems() -> list[str]:
    found: list[Finding] = check_app(app)
    return [f"{finding.file}:{finding.line}: {finding.message}" for finding in found]


async def fail(client: TestClient) -> str:
    try:
        await client.sse("/chat", timeout=1)
    except (SSETimeout, SSERefused, AppError, AppStillRunning, LeftBehind) as failure:
        return str(failure)
    except (BlockNotFound, TemplateNotFound, TemplateError, ConfigurationError, StoreError, LifespanError) as error:
        return str(error)
    except (ClientDisconnected, EventTooLarge, WrongRuntimeError, ChirpError) as error:
        return str(error)
    return Comment("nothing").text


type Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
type Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Middleware:
    def __init__(self, app: Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]) -> None:
        self.app = app

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)


async def in_starlette(request: StarletteRequest) -> EventStream:
    return EventStream(news.subscribe(last_event_id(request.scope)))


wrapped = App(middleware=[Middleware])
starlette = Starlette(routes=[Mount("/app", app)], lifespan=stream_lifespan)


class ListStore(Store):
    def journal(self, delivery: Delivery) -> Journal:
        return ListJournal(delivery)


class ListJournal(Journal):
    @property
    def is_empty(self) -> bool:
        return True

    def __init__(self, delivery: Delivery) -> None:
        self.delivery = delivery
        self.ids: Ids = Epochs([Epoch(0, "list", 0)])

    @asynccontextmanager
    async def opened(self) -> AsyncGenerator[None]:
        self.delivery.begin(self.ids, RECORD_VERSION, [(Record("text", "x"), 0.0), (Record.gap(None), 0.0)])
        yield
        self.delivery.close()

    def publish_nowait(self, record: Record) -> str:
        return self.delivery.deliver(record, 0.0)

    async def publish(self, record: Record) -> str:
        return self.publish_nowait(record)


async def test_a_store() -> None:
    await check_store(ListStore(), timeout=10)
