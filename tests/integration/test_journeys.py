"""How far an event travels through the package, under the server of ours: the files on its way are few enough to be read."""

import sys
from contextlib import asynccontextmanager
from pathlib import Path

import trio
import trio.testing

import chirp_trio
from chirp_trio import App, EventStream, ServerConfig, serve

PACKAGE = Path(chirp_trio.__file__).parent

# What may be read to follow an event from the call that gives it to the socket. The last three files are the server's.
FILES_OF_A_YIELDED_ITEM = 7
CALLS_OF_A_YIELDED_ITEM = 20


class Trace:
    """The functions of the package that are called while it is on, as (file, function)."""

    def __init__(self):
        self.calls = []

    def __enter__(self):
        sys.setprofile(self._note)
        return self

    def __exit__(self, *_):
        sys.setprofile(None)

    def _note(self, frame, event, _argument):
        path = Path(frame.f_code.co_filename)
        if event == "call" and path.is_relative_to(PACKAGE):
            self.calls.append((str(path.relative_to(PACKAGE)), frame.f_code.co_qualname))

    @property
    def files(self):
        return {file for file, _ in self.calls}

    def __repr__(self):
        return "\n".join(f"{file:28} {function}" for file, function in self.calls)


@asynccontextmanager
async def client_of(source):
    """Serve an app with one source; a function that reads what a client of it gets, until there is some text."""
    app = App()
    app.route("/")(lambda: EventStream(source))
    async with trio.open_nursery() as nursery:
        [url] = await nursery.start(serve, app, ServerConfig(port=0))
        host, _, port = url.removeprefix("http://").rpartition(":")
        async with await trio.open_tcp_stream(host, int(port)) as connection:
            await connection.send_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n")

            async def read_until(text):
                received = b""
                while text not in received:
                    received += await connection.receive_some()

            yield read_until
        nursery.cancel_scope.cancel()


async def test_a_yielded_item_passes_few_files():
    trace, go_on = Trace(), trio.Event()

    async def source():
        yield "first"
        await go_on.wait()
        with trace:
            yield "second"
            await trio.sleep_forever()

    with trio.fail_after(30):
        async with client_of(source) as read_until:
            await read_until(b"data: first\n\n")
            await trio.testing.wait_all_tasks_blocked()
            go_on.set()
            await read_until(b"data: second\n\n")
            sys.setprofile(None)
    assert trace.calls[0] == ("stream/producer.py", "Producer._accept"), trace
    assert ("server/transport.py", "Transport._write") in trace.calls, trace
    assert len(trace.files) <= FILES_OF_A_YIELDED_ITEM, trace
    assert len(trace.calls) <= CALLS_OF_A_YIELDED_ITEM, trace
