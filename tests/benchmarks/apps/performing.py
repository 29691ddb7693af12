"""What applications do with topics: publish in a loop, render fragments, send models."""

from contextlib import asynccontextmanager
from functools import partial
from itertools import count
from pathlib import Path

import trio

from chirp_trio import App, AppConfig, EventStream, Fragment, Request

from .ours import publish_at_intervals, wait_for_subscribers
from .readings import Reading
from .workload import FAN_OUT_INTERVAL, make_event

ITEMS = [{"kind": "ok", "name": f"web-{number:02}", "value": 1000 + number} for number in range(10)]


@asynccontextmanager
async def lifespan(_app):
    async with trio.open_nursery() as nursery:
        yield {"nursery": nursery}
        nursery.cancel_scope.cancel()


app = App(AppConfig(template_dir=Path(__file__).parent / "templates"), lifespan=lifespan)
topics = {}


def make_card(number):
    return Fragment("card.html", title="Servers", event_text=make_event(number)["event"], items=ITEMS)


def topic_of(request, first, publish):
    """Whoever is the first one to come to a path starts its publisher."""
    if request.path not in topics:
        topic = topics[request.path] = app.topic(request.path)
        topic.publish_nowait(first)
        request.state["nursery"].start_soon(publish, topic)
    return topics[request.path]


async def publish_in_a_loop(streams, topic):
    """What one writes first."""
    await wait_for_subscribers(topic, streams)
    for number in count(1):
        await topic.publish(make_event(number))


async def publish_cards(topic):
    for number in count(1):
        await trio.sleep(FAN_OUT_INTERVAL)
        topic.publish_nowait(make_card(number))


async def readings():
    for number in count(1):
        yield Reading(**make_event(number))


@app.route("/looping/{streams:int}")
async def get_looping(request: Request, streams: int):
    return EventStream(topic_of(request, make_event(0), partial(publish_in_a_loop, streams)).subscribe(replay=1))


@app.route("/rendered-once")
async def get_rendered_once(request: Request):
    return EventStream(topic_of(request, make_card(0), publish_cards).subscribe(replay=1))


@app.route("/rendered-for-each")
async def get_rendered_for_each(request: Request):
    numbers = topic_of(request, make_event(0), publish_at_intervals).subscribe(replay=1)

    async def source():
        async for published in numbers:
            yield make_card(int(published.value["event"][-10:]))

    return EventStream(source)


@app.route("/models")
async def get_models():
    return EventStream(readings)
