"""The bare app once more, for servers on asyncio."""

import asyncio

from .workload import FAN_OUT_INTERVAL, HEARTBEAT_INTERVAL, encode, make_event

START = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]}


async def app(scope, receive, send):
    if scope["type"] != "http":
        raise NotImplementedError("this app has neither lifespan nor WebSockets")
    await send(START)
    events = asyncio.Queue(64)
    events.put_nowait(make_event(0))
    sending = asyncio.create_task(send_firehose(send) if scope["path"] == "/firehose" else send_with_heartbeat(send, events))
    if scope["path"] == "/fan-out":
        subscribe(events)
    try:
        while (await receive())["type"] != "http.disconnect":
            pass
    finally:
        subscribers.discard(events)
        sending.cancel()


subscribers = set()
background = set()


def subscribe(events):
    if not background:
        background.add(asyncio.create_task(publish()))
    subscribers.add(events)


async def publish():
    number = 0
    while True:
        await asyncio.sleep(FAN_OUT_INTERVAL)
        number += 1
        event = make_event(number)
        for events in subscribers:
            events.put_nowait(event)


async def send_firehose(send):
    number = 0
    while True:
        number += 1
        await send({"type": "http.response.body", "body": encode(make_event(number)), "more_body": True})
        await asyncio.sleep(0)  # or nothing else would run, and nobody would see that the client has left


async def send_with_heartbeat(send, events):
    while True:
        body = b": heartbeat\n\n"
        try:
            async with asyncio.timeout(HEARTBEAT_INTERVAL):
                body = encode(await events.get())
        except TimeoutError:
            pass
        await send({"type": "http.response.body", "body": body, "more_body": True})
