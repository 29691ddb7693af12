"""The bare app once more, for servers on asyncio."""

import asyncio

from .workload import HEARTBEAT_INTERVAL, encode, make_event

START = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]}


async def app(scope, receive, send):
    if scope["type"] != "http":
        raise NotImplementedError("this app has neither lifespan nor WebSockets")
    await send(START)
    sending = asyncio.create_task(send_firehose(send) if scope["path"] == "/firehose" else send_with_heartbeat(send))
    try:
        while (await receive())["type"] != "http.disconnect":
            pass
    finally:
        sending.cancel()


async def send_firehose(send):
    number = 0
    while True:
        number += 1
        await send({"type": "http.response.body", "body": encode(make_event(number)), "more_body": True})
        await asyncio.sleep(0)  # or nothing else would run, and nobody would see that the client has left


async def send_with_heartbeat(send):
    events = asyncio.Queue(64)
    events.put_nowait(make_event(0))
    while True:
        body = b": heartbeat\n\n"
        try:
            async with asyncio.timeout(HEARTBEAT_INTERVAL):
                body = encode(await events.get())
        except TimeoutError:
            pass
        await send({"type": "http.response.body", "body": body, "more_body": True})
