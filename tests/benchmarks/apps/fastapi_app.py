"""FastAPI's own event streams."""

from fastapi import FastAPI
from fastapi.sse import EventSourceResponse, ServerSentEvent

from .queues import firehose, texts
from .readings import Reading

app = FastAPI()


@app.get("/firehose", response_class=EventSourceResponse)
async def get_firehose():
    async for event in firehose():
        yield event


@app.get("/models", response_class=EventSourceResponse)
async def get_models():
    async for event in firehose():
        yield Reading(**event)


@app.get("/idle", response_class=EventSourceResponse)
async def get_idle():
    async for text in texts("/idle"):
        yield ServerSentEvent(raw_data=text)


@app.get("/fan-out", response_class=EventSourceResponse)
async def get_fan_out():
    async for text in texts("/fan-out"):
        yield ServerSentEvent(raw_data=text)


@app.get("/saturated/{streams}", response_class=EventSourceResponse)
async def get_saturated(streams: int):
    async for text in texts(f"/saturated/{streams}"):
        yield ServerSentEvent(raw_data=text)
