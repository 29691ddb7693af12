"""FastAPI's own event streams."""

from fastapi import FastAPI
from fastapi.sse import EventSourceResponse

from .workload import firehose, idle

app = FastAPI()


@app.get("/firehose", response_class=EventSourceResponse)
async def get_firehose():
    async for event in firehose():
        yield event


@app.get("/idle", response_class=EventSourceResponse)
async def get_idle():
    async for event in idle():
        yield event
