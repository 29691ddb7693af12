"""The same as `compressed`, as it is done by hand on asyncio: a queue for each client, and a compressor for each."""

import asyncio
import zlib
from collections import defaultdict
from compression import zstd
from itertools import count

from .cards import MAKE
from .workload import HEARTBEAT_INTERVAL

queues = defaultdict(set)  # by path
numbers = count(1)


class Gzip:
    def __init__(self):
        self._stream = zlib.compressobj(wbits=31)

    def compress(self, data):
        return self._stream.compress(data) + self._stream.flush(zlib.Z_SYNC_FLUSH)


class Zstandard:
    def __init__(self):
        self._stream = zstd.ZstdCompressor()

    def compress(self, data):
        return self._stream.compress(data, zstd.ZstdCompressor.FLUSH_BLOCK)


class Plain:
    def compress(self, data):
        return data


COMPRESSORS = {"identity": Plain, "gzip": Gzip, "zstd": Zstandard}


async def app(scope, receive, send):
    if scope["type"] != "http":
        raise NotImplementedError("this app has neither lifespan nor WebSockets")
    _, kind, coding = scope["path"].split("/")
    if scope["method"] == "POST":
        event = b"id: 0123456789ab-%d\ndata: %b\n\n" % (next(numbers), MAKE[kind]().encode())
        for queue in queues[scope["path"]]:
            queue.put_nowait(event)
        await send({"type": "http.response.start", "status": 204})
        await send({"type": "http.response.body"})
        return
    headers = [(b"content-type", b"text/event-stream"), (b"content-encoding", coding.encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    sending = asyncio.create_task(send_events(send, queues[scope["path"]], COMPRESSORS[coding]()))
    try:
        while (await receive())["type"] != "http.disconnect":
            pass
    finally:
        sending.cancel()


async def send_events(send, waiting, compressor):
    queue = asyncio.Queue()
    waiting.add(queue)
    try:
        await send({"type": "http.response.body", "body": compressor.compress(b": hello\n\n"), "more_body": True})
        while True:
            event = b": heartbeat\n"
            try:
                async with asyncio.timeout(HEARTBEAT_INTERVAL):
                    event = await queue.get()
            except TimeoutError:
                pass
            await send({"type": "http.response.body", "body": compressor.compress(event), "more_body": True})
    finally:
        waiting.remove(queue)
