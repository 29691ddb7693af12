"""What a host remembers of streams that are over."""

from chirp_trio import App, EventStream
from chirp_trio.testing import TestClient


async def test_a_host_keeps_no_alarms_of_streams_that_are_over(autojump_clock):
    app = App()

    @app.route("/")
    async def once():
        async def source():
            yield "x"

        return EventStream(source, send_timeout=86400, heartbeat_interval=None)

    async with TestClient(app) as client:
        for _ in range(100):
            await client.sse("/")
        [host] = app._running._hosts
        assert len(host._alarms) < 25
