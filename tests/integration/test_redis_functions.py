"""The functions in a server that processes of several versions share: the newest of them puts them there."""

import pytest

from chirp_trio import RedisStore, Topic
from chirp_trio.redis.server import LIBRARY
from tests.integration.redis_topics import values
from tests.redis_servers import RedisServer

pytestmark = pytest.mark.timeout(120)

OLDER = LIBRARY.replace("local REVISION = 1", "local REVISION = 0").replace("redis.call('PUBLISH'", "redis.call('ECHO'")
NEWER = LIBRARY.replace("local REVISION = 1", "local REVISION = 99")
WITHOUT_REVISION = LIBRARY.replace("chirp_revision_1", "chirp_other_1")
OTHERS = "#!lua name=chirp_trio_1\nredis.register_function('chirp_revision_1', function() return 0 end)"


@pytest.fixture(params=["redis", "valkey"])
def server(request, tmp_path):
    with RedisServer(request.param, tmp_path / "server") as server:
        yield server


@pytest.mark.parametrize(
    ("there", "then"), [("", 1), (OLDER, 1), (WITHOUT_REVISION, 1), (OTHERS, 1), (NEWER, 99)], ids=lambda code: None
)
async def test_the_newest_functions_are_used_by_all(server, there, then):
    if there:
        server.load(there)
    store = RedisStore(server.url)
    async with Topic("news", store=store) as topic, Topic("news", store=RedisStore(server.url)) as other:
        cursor = other.cursor
        await topic.publish("1")
        assert server.ask("FCALL", "chirp_revision_1", "0") == b":%d\r\n" % then
        assert await values(other, cursor, 1) == ["1"]


async def test_functions_that_somebody_has_taken_back_are_put_there_again(server):
    async with Topic("news", store=RedisStore(server.url, timeout=10)) as topic:
        cursor = topic.cursor
        await topic.publish("1")
        server.load(OTHERS, "REPLACE")
        await topic.publish("2")
        assert await values(topic, cursor, 2) == ["1", "2"]


async def test_whoever_may_not_load_functions_is_told_where_they_are_old(server, caplog):
    server.load(WITHOUT_REVISION)
    assert server.ask("ACL", "SETUSER", "default", "-function|load") == b"+OK\r\n"
    async with Topic("news", store=RedisStore(server.url)) as topic:
        await topic.publish("1")
    assert (
        "the functions of chirp_trio are not there, or of an older version, and this user may not load others" in caplog.text
    )
