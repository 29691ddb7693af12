"""Middleware of every kind: what it may do with `send`, with the messages that go through it, and with tasks of its own.

None of them depends on how a stream is cut into messages: what leaves it is a function of the bytes that have come in.
"""

import copy
import math
import re
from contextlib import suppress
from functools import partial

import trio
from starlette.middleware.base import BaseHTTPMiddleware

EXTRA = re.compile(rb": EXTRA (\d+)-(\d+)\n\n")

# What an event may hold for the middleware that looks for it.
SECRET, HIDDEN, UNWANTED = "sk-12345", "sk-***", "unwanted"


class Layer:
    """Middleware that leaves everything as it is. Those that derive from it do something else."""

    def __init__(self, app, number, random, begun):
        self.app = app
        self.number = number  # of this layer in its stack
        self.random = random
        self.begun = begun  # set once the client has the head of the response

    async def __call__(self, scope, receive, send):
        if scope["type"] == "http":
            await self.serve(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def serve(self, scope, receive, send):
        await self.app(scope, receive, send)


class Sending(Layer):
    """Middleware that wraps `send`, and passes on what is sent."""

    async def serve(self, scope, receive, send):
        await self.app(scope, receive, partial(self.send, send))

    async def send(self, send, message):
        await send(message)


class Pretending(Sending):
    """The same, with a method that claims to be equal to any other."""

    async def serve(self, scope, receive, send):
        await self.app(scope, receive, Pretender(send))


class Pretender:
    def __init__(self, behind):
        self.behind = behind
        self.__self__ = getattr(behind, "__self__", None)
        self.__func__ = getattr(behind, "__func__", None)

    def __eq__(self, other):
        return True

    __hash__ = None

    async def __call__(self, message):
        await trio.lowlevel.checkpoint()
        await self.behind(message)


class ReceiveOnly(Layer):
    async def serve(self, scope, receive, send):
        async def receiving():
            await trio.lowlevel.checkpoint()
            return await receive()

        await self.app(scope, receiving, send)


class CopiedScope(Layer):
    async def serve(self, scope, receive, send):
        copied = {key: copy.deepcopy(scope[key]) for key in ("extensions", "headers")}
        await self.app({**scope, **copied}, receive, send)


class Delaying(Sending):
    async def send(self, send, message):
        match self.random.randrange(4):
            case 0:
                await trio.sleep(self.random.random() / 500)
            case 1 | 2 as times:
                for _ in range(times):
                    await trio.lowlevel.checkpoint()
        await send(message)


class InAnotherTask(Sending):
    async def send(self, send, message):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(send, message)


class Queueing(Layer):
    """What is sent goes into a queue, and a task of its own sends it on: as BaseHTTPMiddleware does, or with more room."""

    async def serve(self, scope, receive, send):
        room = self.random.choice([0, 1, 5, math.inf])
        queue, queued = trio.open_memory_channel(room)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.pass_on, queued, send)
            async with queue:
                await self.app(scope, receive, queue.send)

    async def pass_on(self, queued, send):
        async for message in queued:
            if self.random.randrange(3) == 0:
                await trio.lowlevel.checkpoint()
            await send(message)
            if message["type"] == "http.response.body" and not message.get("more_body"):
                return  # what comes now is from somebody who adds beside the stream, and too late


class Changing(Sending):
    """Changes what is in a piece."""

    async def send(self, send, message):
        if message.get("body"):
            message = {**message, "body": self.change(message["body"])}
        await send(message)


class Redacting(Changing):
    def change(self, body):
        return body.replace(SECRET.encode(), HIDDEN.encode())


class Growing(Changing):
    def change(self, body):
        return body.replace(b"q", b"qqq")


class Emptying(Changing):
    def change(self, body):
        return b""


class Dropping(Sending):
    """Takes events out, and drops the messages of which nothing is left."""

    async def send(self, send, message):
        if message.get("body"):
            events = message["body"].split(b"\n\n")
            left = b"\n\n".join(event for event in events if UNWANTED.encode() not in event)
            if not left and message.get("more_body"):
                return
            message = {**message, "body": left}
        await send(message)


class Splitting(Sending):
    async def send(self, send, message):
        body = message.get("body", b"")
        if len(body) > 1:
            half = self.random.randrange(1, len(body))
            await send({**message, "body": body[:half], "more_body": True})
            message = {**message, "body": body[half:]}
        await send(message)


class Joining(Layer):
    """Holds each piece back until the next one."""

    async def serve(self, scope, receive, send):
        held = b""

        async def sending(message):
            nonlocal held
            if message["type"] != "http.response.body":
                await send(message)
            elif message.get("more_body"):
                piece, held = held, message.get("body", b"")
                await send({**message, "body": piece})
            else:
                await send({**message, "body": held + message.get("body", b"")})

        await self.app(scope, receive, sending)


class Adding(Sending):
    """Sends pieces of its own after those of the stream."""

    async def serve(self, scope, receive, send):
        self.count = 0
        await super().serve(scope, receive, send)

    async def send(self, send, message):
        await send(message)
        if message.get("more_body"):
            self.count += 1
            await send(extra(self.number, self.count))


class AddingBeside(Layer):
    """Sends pieces of its own while the stream goes on, from another task, by the very same `send`."""

    async def serve(self, scope, receive, send):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.add, send)
            await self.app(scope, receive, send)
            nursery.cancel_scope.cancel("the response is over")

    async def add(self, send):
        await self.begun.wait()
        for count in range(self.random.choice([3, 30])):
            await trio.sleep(self.random.random() / 500)
            with suppress(Exception):  # the response is over
                await send(extra(self.number, count))


def extra(layer, count):
    return {"type": "http.response.body", "body": b": EXTRA %d-%d\n\n" % (layer, count), "more_body": True}


class Starlettes(BaseHTTPMiddleware):
    """Starlette's own, which does nothing here. `@app.middleware("http")` is this."""

    def __init__(self, app, number, random, begun):
        super().__init__(app)

    async def dispatch(self, request, call_next):
        return await call_next(request)


class StarlettesReading(Starlettes):
    """The usual way to look at a body there."""

    async def dispatch(self, request, call_next):
        response = await call_next(request)
        pieces = response.body_iterator

        async def reading():
            async for piece in pieces:
                yield piece

        response.body_iterator = reading()
        return response


# Where pieces are cut anywhere, nobody may look for something in them, nor send pieces of two tasks through.
NOT_AROUND = {
    Splitting: {Redacting, Dropping},
    AddingBeside: {Splitting, Joining},
}

# How often each is taken.
LAYERS = {
    Layer: 1, Sending: 2, Pretending: 1, ReceiveOnly: 2, CopiedScope: 1, Delaying: 2, InAnotherTask: 2, Queueing: 3,
    Redacting: 1, Growing: 1, Emptying: 0.3, Dropping: 1, Splitting: 1, Joining: 1, Adding: 1, AddingBeside: 4,
    Starlettes: 3, StarlettesReading: 1,
}  # fmt: skip
