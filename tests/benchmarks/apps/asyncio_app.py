"""The bare app once more, for servers on asyncio; `joining` is the same, but sends what waits in a queue in one piece."""

import asyncio

from .queues import subscribed
from .workload import HEARTBEAT_INTERVAL, encode, make_event

START = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]}


async def app(scope, receive, send):
    await serve(scope, receive, send, asyncio.Queue.get_nowait)


async def joining(scope, receive, send):
    await serve(scope, receive, send, take_all)


async def serve(scope, receive, send, take):
    if scope["type"] != "http":
        raise NotImplementedError("this app has neither lifespan nor WebSockets")
    await send(START)
    path = scope["path"]
    sending = asyncio.create_task(send_firehose(send) if path == "/firehose" else send_with_heartbeat(send, path, take))
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


async def send_with_heartbeat(send, path, take):
    with subscribed(path) as events:
        while True:
            body = b": heartbeat\n"
            if not events.empty():
                body = take(events)
            else:  # a timeout costs something, so there is one only where there is waiting
                try:
                    async with asyncio.timeout(HEARTBEAT_INTERVAL):
                        body = await events.get()
                except TimeoutError:
                    pass
            await send({"type": "http.response.body", "body": body, "more_body": True})


def take_all(events):
    return b"".join(events.get_nowait() for _ in range(events.qsize()))
