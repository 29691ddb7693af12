"""One row of the table for one peer, tried: each function returns what the table has to say."""

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing, suppress
from importlib.metadata import metadata
from pathlib import Path

import trio
import trio.testing

ROOT = Path(__file__).parents[2]
SCOPE = {
    "type": "http",
    "asgi": {"version": "3.0", "spec_version": "2.1"},
    "http_version": "1.1",
    "method": "GET",
    "scheme": "http",
    "query_string": b"",
    "root_path": "",
    "headers": [(b"host", b"app"), (b"accept", b"text/event-stream")],
    "client": ("127.0.0.1", 1),
    "server": ("127.0.0.1", 80),
    "state": {},
}


def python(distribution: str, _make: object) -> str:
    """The oldest Python that it can be installed for."""
    required = metadata(distribution)["Requires-Python"]
    return re.search(r">=\s*(3\.\d+)", required)[1]


async def first_messages(make: Callable, path: str, sleep: Callable, seconds: float, sent: list) -> None:
    """Ask an app, and keep what it sends in some seconds."""

    async def receive():
        await sleep(seconds * 2)
        return {"type": "http.disconnect"}

    async def send(message):
        sent.append(message)

    scope = {**SCOPE, "path": path, "raw_path": path.encode(), "state": {}}
    with suppress(BaseException if sleep is asyncio.sleep else Exception):
        await make()(scope, receive, send)


def on_trio(make: Callable, path: str, seconds: float) -> list:
    sent: list = []

    async def main():
        with trio.move_on_after(seconds):
            await first_messages(make, path, trio.sleep, seconds, sent)

    with suppress(Exception):
        trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0.02))
    return sent


def on_asyncio(make: Callable, path: str, seconds: float) -> list:
    """What it sends until its first event is there, at the latest until these seconds, which are real ones, are over."""
    sent: list = []

    async def main():
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                asked = asyncio.create_task(first_messages(make, path, asyncio.sleep, seconds, sent))
                while not streams(sent) and not asked.done():  # noqa: ASYNC110 - an app knows of no event
                    await asyncio.sleep(0.01)

    with suppress(Exception):
        asyncio.run(main())
    return sent


def streams(sent: list) -> bool:
    """Whether the first event came."""
    return b"first" in b"".join(message.get("body", b"") for message in sent)


def runs_on_trio(_distribution: str, make: Callable) -> str:
    if not streams(on_trio(make, "/quiet", 5)):
        return "no"
    return "yes" if streams(on_asyncio(make, "/quiet", 2)) else "yes, only"


def runs_on_asyncio(_distribution: str, make: Callable) -> str:
    return "yes" if streams(on_asyncio(make, "/quiet", 2)) else "no"


def heartbeats(_distribution: str, make: Callable) -> str | None:
    """In a minute without an event; None where only a minute of real time could tell."""
    sent = on_trio(make, "/quiet", 61)
    if not streams(sent):
        return None
    body = b"".join(message.get("body", b"") for message in sent)
    return "yes" if re.search(rb"^:", body.partition(b"first")[2], re.MULTILINE) else "no"


def keeps_the_status(_distribution: str, make: Callable) -> str:
    sent = on_trio(make, "/failing", 5) or on_asyncio(make, "/failing", 2)
    return "yes" if sent and sent[0].get("status") == 403 else "no"


def ends_properly(_distribution: str, make: Callable) -> str | None:
    """Whether the last chunk comes when hypercorn's trio worker is told to stop."""
    if not streams(on_trio(make, "/quiet", 5)):
        return None
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "app.py").write_text(f"from tests.peers.apps import {make.__name__}\n\napp = {make.__name__}()\n")
        command = [sys.executable, "-m", "hypercorn", "--worker-class", "trio", "--bind", f"127.0.0.1:{port}", "app:app"]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        with subprocess.Popen(command, cwd=folder, env=environment, **quiet) as server:
            try:
                client = connected(port)
                with closing(client):
                    client.sendall(b"GET /quiet HTTP/1.1\r\nhost: app\r\n\r\n")
                    received = b""
                    while b"first" not in received:
                        received += client.recv(65536)
                    server.send_signal(signal.SIGTERM)
                    with suppress(ConnectionError):
                        while piece := client.recv(65536):
                            received += piece
            finally:
                server.kill()
    return "yes" if received.endswith(b"0\r\n\r\n") else "no"


def connected(port: int) -> socket.socket:
    deadline = time.monotonic() + 30
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=30)
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


# The rows of the table, and how each is tried.
ROWS: dict[str, Callable] = {
    "Python": python,
    "Runs on trio": runs_on_trio,
    "Runs on asyncio": runs_on_asyncio,
    "Heartbeats without asking": heartbeats,
    "An error in the source, before its first event, keeps its status": keeps_the_status,
    "Streams get a proper end when hypercorn's trio worker stops": ends_properly,
}
