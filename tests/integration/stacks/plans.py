"""Apps that answer with an event stream, within random stacks of middleware; each made of a number, always the same."""

from dataclasses import dataclass, field
from random import Random

import trio
from fastapi import FastAPI, Request
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route

from chirp_trio import App, EventStream, Topic, merge

from .layers import LAYERS, NOT_AROUND, SECRET, UNWANTED, AddingBeside

SEED = "middleware"
PLACES = {"App": 4, "App in App": 2, "EventStream": 2, "Starlette": 2, "Starlette in App": 1, "FastAPI": 1}
SOURCES = {"function": 6, "topic": 1, "merged": 1}
SIZES = {(0, 100): 84, (1_000, 20_000): 12, (50_000, 300_000): 3, (1_000_000, 4_000_000): 0.6}

# What a topic remembers: nothing is to be lost, however slow the client.
PLENTY = 1 << 30


@dataclass
class Reader:
    """How a client reads: what its system holds for it, how much it takes at once, and how often it pauses."""

    buffer: int | None
    late: float  # seconds before it reads at all
    pause: float  # seconds between its first reads
    at_once: int = 65536


READERS = {
    "fast": Reader(None, 0, 0),
    "late": Reader(8192, 0.02, 0),
    "slow": Reader(8192, 0, 0.002),
    "small": Reader(4096, 0, 0, 4000),
}


@dataclass
class Plan:
    """What one stack is, and who reads what comes out of it."""

    number: int
    place: str
    source: str
    layers: list[type]  # the innermost first
    inside: int  # how many of them are in the app's own list of middleware
    events: list[tuple[str, float]]  # with the pause after each: so many checkpoints, or a fraction of a second
    reader: str
    logged: bool  # whether our server has its access log and its trusted proxies

    @property
    def adds_beside(self):
        return AddingBeside in self.layers

    def __str__(self):
        layers = ", ".join(layer.__name__ for layer in self.layers) or "no middleware"
        size = sum(len(data) for data, _ in self.events)
        return (
            f"stack {self.number}: {self.source} in {self.place}, {layers} ({self.inside} inside), "
            f"{len(self.events)} events of {size} characters, {self.reader} reader"
        )


def make_plan(number):
    random = Random(f"{SEED} {number}")
    layers = []
    for _ in range(random.choice([0, 0, 1, 1, 1, 2, 2, 3, 4])):
        layer = choose(random, LAYERS)
        if not any(layer in NOT_AROUND.get(inner, ()) for inner in layers):
            layers.append(layer)
    place = choose(random, PLACES)
    count = random.choice([1, 2, 5, 20, 60])
    return Plan(
        number,
        place,
        choose(random, SOURCES),
        layers,
        random.randint(0, len(layers)) if place not in ("EventStream", "Starlette in App") else 0,
        [(make_data(random, index), make_pause(random)) for index in range(count)],
        random.choice(list(READERS)),
        random.random() < 0.5,
    )


def choose(random, weights):
    return random.choices(list(weights), list(weights.values()))[0]


def make_data(random, index):
    words = [f"event {index}", *random.choices([SECRET, UNWANTED, "qq", "é\n", " "], [2, 1, 3, 2, 3], k=random.randint(0, 3))]
    return " ".join(words) + "x" * random.randint(*choose(random, SIZES))


def make_pause(random):
    return random.choice([0, 0, 0, 0, 1, 3, random.random() / 300])


async def pause(length):
    if 0 < length < 1:
        await trio.sleep(length)
    else:
        for _ in range(int(length)):
            await trio.lowlevel.checkpoint()


@dataclass
class Visit:
    """One run of a plan: an app made for it, and what tells that its client has the head of the response."""

    plan: Plan
    nursery: trio.Nursery
    prefix: str  # of its path
    begun: trio.Event = field(default_factory=trio.Event)

    @property
    def path(self):
        return f"{self.prefix}/live"

    def make_app(self):
        wrap = self.wrappers()
        inside, outside = wrap[: self.plan.inside], wrap[self.plan.inside :]
        app = getattr(self, _MAKERS[self.plan.place])(inside)
        for wrapper in outside:
            app = wrapper(app)
        return app

    def wrappers(self):
        def wrapper(layer, number):
            random = Random(f"{SEED} {self.plan.number} {number}")
            return lambda app: layer(app, number, random, self.begun)

        return [wrapper(layer, number) for number, layer in enumerate(self.plan.layers)]

    # -- the stream -----------------------------------------------------------------------------------------------------

    def stream(self):
        return EventStream(getattr(self, f"make_{self.plan.source}")(), heartbeat_interval=600, send_timeout=300)

    def make_function(self):
        async def source():
            for data, length in self.plan.events:
                yield data
                await pause(length)

        return source

    def make_topic(self):
        topic = Topic("topic", history_bytes=PLENTY)
        self.nursery.start_soon(self.publish, [topic])
        return topic.subscribe()

    def make_merged(self):
        topics = [Topic(name, history_bytes=PLENTY) for name in ("even", "odd")]
        self.nursery.start_soon(self.publish, topics)
        return merge(*(topic.subscribe() for topic in topics))

    async def publish(self, topics):
        for index, (data, length) in enumerate(self.plan.events):
            topics[index % len(topics)].publish_nowait(data)
            await pause(length)
        for topic in topics:
            topic.close()

    # -- where it is ----------------------------------------------------------------------------------------------------

    def make_chirp(self, inside, path=None):
        app = App(middleware=inside[::-1])

        @app.route(path or self.path)
        async def live():
            return self.stream()

        return app

    def make_mounted(self, inside):
        app = App(middleware=inside[::-1])
        app.mount(self.prefix, self.make_chirp([], "/live"))
        return app

    def make_bare(self, inside):
        async def app(scope, receive, send):
            await self.stream()(scope, receive, send)

        return app

    def make_starlette(self, inside, path=None):
        async def live(request):
            return self.stream()

        return Starlette(
            routes=[Route(path or self.path, live)], middleware=[Middleware(wrapper) for wrapper in inside[::-1]]
        )

    def make_starlette_in_app(self, inside):
        app = App()
        app.mount(self.prefix, self.make_starlette([], "/live"))
        return app

    def make_fastapi(self, inside):
        app = FastAPI(openapi_url=None)
        for wrapper in inside:
            app.add_middleware(wrapper)

        @app.middleware("http")
        async def nothing(request: Request, call_next):
            return await call_next(request)

        @app.get(self.path)
        async def live():
            return self.stream()

        return app


_MAKERS = {
    "App": "make_chirp",
    "App in App": "make_mounted",
    "EventStream": "make_bare",
    "Starlette": "make_starlette",
    "Starlette in App": "make_starlette_in_app",
    "FastAPI": "make_fastapi",
}
