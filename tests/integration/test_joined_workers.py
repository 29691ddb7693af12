"""`--workers 2` under load, and a worker is killed every second: no client that resumes loses an event.

`CHIRP_TRIO_SOAK` makes it sixty kills, and 300 clients.
"""

import os
import signal
from contextlib import suppress

import pytest
import trio

from tests.integration.joined import PATIENCE, SECONDS, Process, World, play
from tests.integration.soak.settings import SEED
from tests.integration.test_joined_processes import check
from tests.redis_servers import RedisServer

KILLS = "kills of a worker"
PUBLISHED = 20  # events, at least, between two of them


class Parent(Process):
    """One that serves nobody, and whose workers do."""

    options = ("--workers", "2")

    def stop(self):
        self.process.terminate()
        return self.process.wait(PATIENCE)


class WorldOfWorkers(World):
    async def harm(self):
        """Kill the worker that answers, once a second, and once something was published since the last one."""
        (parent,) = self.processes
        while self.done.get(KILLS, 0) < SECONDS:
            before = len(self.acknowledged)
            await trio.sleep(1)
            while len(self.acknowledged) < before + PUBLISHED:  # noqa: ASYNC110
                await trio.sleep(0.05)
            with suppress(OSError, ValueError, trio.BrokenResourceError):
                os.kill(await self.answering(parent), signal.SIGKILL)
                self.count(KILLS)

    async def answering(self, parent):
        """The process of the worker that answers first."""
        async with await trio.open_tcp_stream("127.0.0.1", parent.port) as stream:
            await stream.send_all(b"GET /process HTTP/1.0\r\nhost: test\r\n\r\n")
            answer = b"".join([piece async for piece in stream])
        return int(answer.partition(b"\r\n\r\n")[2])


@pytest.mark.timeout(10 * SECONDS + 200)
def test_no_client_that_resumes_loses_an_event_while_a_worker_is_killed_every_second(tmp_path):
    with RedisServer("redis", tmp_path / "server") as server:
        parent = Parent(server.url, tmp_path / "log")
        parent.start()
        try:
            world = WorldOfWorkers(SEED, server, [parent])
            truth = trio.run(play, world)
            assert parent.stop() == 0
        finally:
            parent.kill()
    check(world, truth, "redis")
    told = parent.log.read_text().count("has ended, killed by SIGKILL; another one is started in ")
    assert told == world.done[KILLS]
