"""The same streams by hand, in a few lines of ASGI and trio: what all others are compared with."""

import trio

from .workload import HEARTBEAT_INTERVAL, encode, firehose, idle, subscribers

START = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]}


async def app(scope, receive, send):
    if scope["type"] != "http":
        raise NotImplementedError("this app has neither lifespan nor WebSockets")
    await send(START)
    async with trio.open_nursery() as nursery:
        if scope["path"] == "/firehose":
            nursery.start_soon(send_each, send)
        elif scope["path"] == "/idle":
            send_channel, receive_channel = trio.open_memory_channel(64)
            nursery.start_soon(produce, send_channel)
            nursery.start_soon(send_with_heartbeat, send, receive_channel)
        else:
            nursery.start_soon(send_with_heartbeat, send, subscribers.subscribe())
        while (await receive())["type"] != "http.disconnect":
            pass
        nursery.cancel_scope.cancel()


async def send_each(send):
    async for event in firehose():
        await send({"type": "http.response.body", "body": encode(event), "more_body": True})


async def produce(channel):
    # Apart from the sender, because a deadline must not run while a generator is being asked.
    async for event in idle():
        await channel.send(event)


async def send_with_heartbeat(send, events):
    with events:
        while True:
            body = b": heartbeat\n"
            with trio.move_on_after(HEARTBEAT_INTERVAL):
                body = encode(await events.receive())
            await send({"type": "http.response.body", "body": body, "more_body": True})
