"""`RedisStore` where Sentinel tells which server is the master: at the start, and after each failover."""

from contextlib import contextmanager

import pytest
import trio

from chirp_trio import RedisStore, StoreError, Topic
from tests.integration.redis_topics import publish_at_last, values
from tests.redis_servers import RedisServer, SentinelServer, free_port

pytestmark = pytest.mark.timeout(120)


@contextmanager
def watched(kind, folder, **options):
    """A master, its replica, and a Sentinel that knows both."""
    with (
        RedisServer(kind, folder / "a", **options) as master,
        RedisServer(kind, folder / "b", replicaof=f"127.0.0.1 {master.port}", **options) as replica,
    ):
        replica.wait_for("replication", b"master_link_status:up")
        with SentinelServer(kind, folder / "sentinel", master) as sentinel:
            sentinel.wait_for("sentinel", b"slaves=1")
            yield master, replica, sentinel


@pytest.mark.parametrize("kind", ["redis", "valkey"])
async def test_the_master_is_found_again_after_a_failover_and_whoever_may_have_missed_something_is_told(tmp_path, kind):
    with watched(kind, tmp_path) as (master, replica, sentinel):
        url = f"redis+sentinel://127.0.0.1:{free_port()},127.0.0.1:{sentinel.port}/news"  # the first one is not there
        store = RedisStore(url, timeout=5)
        async with Topic("news", store=store) as topic, Topic("news", store=store) as other:
            id = await topic.publish("1")
            assert master.ask("EXISTS", "chirp:{news}") == b":1\r\n"
            master.kill()
            await publish_at_last(topic, "2")
            assert b"role:master" in replica.ask("INFO", "replication")
            assert replica.ask("EXISTS", "chirp:{news}") == b":1\r\n"
            for one in (topic, other):
                assert await values(one, id, 2) == [("gap", None), "2"]
            # The one that was away comes back as a replica, and changes nothing.
            await trio.to_thread.run_sync(master.start)
            await publish_at_last(topic, "3")
            assert await values(other, id, 3) == [("gap", None), "2", "3"]


async def test_where_no_sentinel_knows_a_master_opening_fails_and_says_what_each_of_them_says(tmp_path):
    with RedisServer("redis", tmp_path / "a") as master, SentinelServer("redis", tmp_path / "s", master) as sentinel:
        url = f"redis+sentinel://127.0.0.1:{free_port()},127.0.0.1:{sentinel.port}/other"
        said = rf"cannot be opened: no Sentinel tells where .*refused.*:{sentinel.port}: it knows no 'other'"
        with pytest.raises(StoreError, match=said):
            async with Topic("news", store=RedisStore(url, timeout=2)):
                pass


async def test_sentinel_may_want_a_password_of_its_own(tmp_path):
    with RedisServer("redis", tmp_path / "a", requirepass="secret") as master:
        sentinel = SentinelServer("redis", tmp_path / "s", master, **{"auth-pass": "secret"})
        sentinel.lines.append("requirepass open")
        with sentinel:
            url = sentinel.url.replace("://", "://:secret@")
            with pytest.raises(StoreError, match="NOAUTH"):
                async with Topic("news", store=RedisStore(url, timeout=2)):
                    pass
            async with Topic("news", store=RedisStore(f"{url}?sentinel_password=open", timeout=5)) as topic:
                await topic.publish("x")
