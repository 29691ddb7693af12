"""`chirp-trio publish` as a user has it: at a real server, between other programs, and interrupted."""

import os
import signal
from contextlib import contextmanager
from pathlib import Path

import pytest

from chirp_trio import RedisStore, Topic
from tests import forking
from tests.integration.redis_topics import remembered
from tests.integration.server import SCRIPTS
from tests.redis_servers import RedisServer

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(params=["redis", "valkey"])
def server(request, tmp_path):
    with RedisServer(request.param, tmp_path / "server") as server:
        yield server


@contextmanager
def publish(server, *arguments):
    """Its process, with pipes for what it reads and says."""
    command = [SCRIPTS / "chirp-trio", "publish", "--redis", server.url, "--timeout", "30", *arguments]
    (read, stdin), (stdout, output), (stderr, errors) = (os.pipe() for _ in range(3))
    process = forking.servers.start(command, cwd=Path.cwd(), env=os.environ, input=read, output=output, errors=errors)
    for descriptor in (read, output, errors):
        os.close(descriptor)
    process.stdin, process.stdout, process.stderr = os.fdopen(stdin, "wb"), os.fdopen(stdout, "rb"), os.fdopen(stderr, "rb")
    with process.stdin, process.stdout, process.stderr:
        try:
            yield process
        finally:
            process.kill()
            process.wait()


async def there(server):
    async with Topic("news", store=RedisStore(server.url)) as topic:
        return remembered(topic)


def said(process):
    """What it has said, besides what the log warns of."""
    return [line for line in process.stderr.read().decode().splitlines() if "which is old" not in line]


async def test_each_line_is_published_when_it_comes_and_an_interruption_ends_it(server):
    with publish(server, "news") as process:
        ids = []
        for line in (b"one\n", b"two\n"):
            process.stdin.write(line)
            process.stdin.flush()
            ids.append(process.stdout.readline().decode().strip())
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
        assert said(process) == []
    assert [id.partition("-")[2] for id in ids] == ["1", "2"]
    assert await there(server) == ["one", "two"]


async def test_whoever_reads_the_ids_may_have_enough_of_them(server):
    with publish(server, "news") as process:
        process.stdin.write(b"one\n")
        process.stdin.flush()
        assert process.stdout.readline().endswith(b"-1\n")
        process.stdout.close()
        process.stdin.write(b"two\nthree\n")
        process.stdin.close()
        assert process.wait(30) == 0
        assert said(process) == []
    assert await there(server) == ["one", "two", "three"]


async def test_a_server_that_takes_no_more_ends_it(server):
    with publish(server, "news") as process:
        process.stdin.write(b"one\n")
        process.stdin.flush()
        assert process.stdout.readline().endswith(b"-1\n")
        server.ask("CONFIG", "SET", "maxmemory", "1")
        process.stdin.write(b"two\nthree\n")
        process.stdin.flush()
        assert process.wait(30) == 3
        (problem,) = said(process)
    assert problem.startswith("chirp-trio: the topic 'news' in Redis was not written: OOM ")
