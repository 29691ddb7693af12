"""When a host looks at its streams, and what it remembers of those that are over."""

import trio

from chirp_trio import App, EventStream
from chirp_trio.stream import open_stream_host
from chirp_trio.stream.host import Due
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


class Failing:
    """A stream that cannot be looked at for the first time, and wants to be looked at again later."""

    def __init__(self):
        self.looks = []

    def look(self, now):
        self.looks.append(now)
        if len(self.looks) == 1:
            raise ValueError("broken")
        return None if len(self.looks) == 3 else Due(now + 10)


async def test_a_stream_that_could_not_be_looked_at_is_looked_at_again_soon(autojump_clock, caplog):
    failing = Failing()
    async with open_stream_host() as host:
        began = trio.current_time()
        host.look_at(failing, Due(began + 5))
        await trio.sleep(100)
        assert [at - began for at in failing.looks] == [5, 7, 17]
    assert [record.getMessage() for record in caplog.records] == ["a stream could not be looked at"]
