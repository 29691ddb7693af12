"""What clients send, in the log of an app that has trouble in every place: each record is one line of ours."""

import logging
import re
from urllib.parse import quote

import pytest
import trio

from chirp_trio import App, EventStream, HTTPError
from chirp_trio.testing import TestClient

HOSTILE = "x\r\n2026-11-28 CRITICAL root\x1b[2J\u202e"


def make_app():
    app = App()

    async def quiet(name):
        yield name
        raise ValueError(f"no such room: {name}")

    @app.route("/item/{name}")
    async def item(name):
        async def source():
            yield "first"
            yield object()

        return EventStream(source, label=name)

    @app.route("/source/{name}")
    async def source(name):
        return EventStream(quiet(name), label=name)

    @app.route("/handler/{name}")
    async def handler(name):
        raise ValueError(f"no such room: {name}")

    @app.route("/error_handler/{name}")
    async def error_handler(name):
        raise HTTPError(418)

    @app.error(418)
    async def teapot(request):
        raise ValueError(request.path)

    @app.route("/revalidate/{name}")
    async def revalidate(name):
        async def ask():
            raise ValueError(name)

        async def source():
            yield "first"
            await trio.sleep_forever()

        return EventStream(source, revalidate=ask, heartbeat_interval=1, label=name)

    @app.on_open
    def hook(stream):
        raise ValueError(stream.path)

    return app


@pytest.mark.parametrize("kind", ["item", "source", "handler", "error_handler", "revalidate"])
async def test_a_path_makes_no_line_of_its_own(kind, caplog, autojump_clock):
    caplog.set_level(logging.DEBUG, "chirp_trio")

    async with TestClient(make_app(), raise_stream_errors=False) as client:
        await client.get(f"/{kind}/{quote(HOSTILE)}")

    records = [record for record in caplog.records if record.name.startswith("chirp_trio")]
    assert records
    written = ""
    for record in records:
        written += logging.Formatter("%(message)s").format(record)
        first, *rest = logging.Formatter("%(message)s").format(record).split("\n")
        assert not any(line.startswith("2026-11-28") for line in rest)
        assert not re.search(r"[\r\x1b\u202e]", "\n".join([first, *rest]))
    assert "2026-11-28 CRITICAL root\\x1b[2J\\u202e" in written
