"""`RedisStore` at real servers: what topics promise, and what happens where the server does not."""

import shutil
import signal
import ssl
import subprocess

import pytest
import trio

from chirp_trio import RedisStore, StoreError, Topic
from chirp_trio.redis.listening import Listening
from chirp_trio.testing import check_store
from chirp_trio.topics.topic import audience_of
from tests.redis_servers import FREE_PORT, RedisServer

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(params=["redis", "valkey"])
def kind(request):
    return request.param


@pytest.fixture
def server(kind, tmp_path):
    with RedisServer(kind, tmp_path / "server") as server:
        yield server


@pytest.fixture
def store(server):
    return RedisStore(server.url, timeout=2)


async def values(topic, last_event_id, count):
    """What somebody gets who comes back; a gap as what it says is missing."""
    got = []
    with trio.fail_after(20):
        events = aiter(topic.subscribe(last_event_id))
        while len(got) < count:
            event = await anext(events)
            got.append(("gap", event.value["missed"]) if event.event == "chirp:gap" else event.value)
    return got


async def publish_at_last(topic, value):
    """Publish as soon as that is possible again."""
    with trio.fail_after(20):
        while True:
            try:
                return await topic.publish(value)
            except StoreError:
                await trio.sleep(0.05)


async def test_a_server_is_a_store(store):
    await check_store(store)


async def test_a_socket_in_the_file_system_leads_to_a_server_too(kind, tmp_path):
    path = tmp_path / "socket"
    with RedisServer(kind, tmp_path / "server", unixsocket=str(path)):
        async with Topic("news", store=RedisStore(f"unix://{path}?db=3")) as topic:
            await topic.publish("x")


async def test_a_user_with_a_password_and_a_prefix_needs_no_more_than_the_documentation_says(kind, tmp_path):
    with RedisServer(kind, tmp_path / "server") as server:
        rights = "~app:* &app:* -@all +hello +auth +info +ping +function|load +fcall +hmget +xrange +xrevrange +subscribe"
        rights += " +unsubscribe +client|setname +select +wait +waitaof +hset +del +xadd +get +set +publish"
        rights += " +multi +exec +exists +hdel +hgetall +pexpire +sadd +srem +smembers"
        if kind == "redis":
            rights = rights.replace(" +waitaof", "")
        assert server.ask("ACL", "SETUSER", "app", "on", ">s3cret/word", *rights.split()) == b"+OK\r\n"
        url = f"redis://app:s3cret%2Fword@127.0.0.1:{server.port}/0"
        await check_store(RedisStore(url, prefix="app"))
        with pytest.raises(StoreError, match=r"cannot be opened: WRONGPASS"):
            async with Topic("news", store=RedisStore(url.replace("s3cret", "wrong"), timeout=2)):
                pass


async def test_tls_verifies_names(kind, tmp_path):
    openssl = shutil.which("openssl")
    assert openssl is not None
    command = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -keyout key.pem -out cert.pem"
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    subprocess.run([openssl, *command.split(), *names], cwd=tmp_path, check=True, capture_output=True)  # noqa: ASYNC221
    files = {"tls_cert_file": str(tmp_path / "cert.pem"), "tls_key_file": str(tmp_path / "key.pem")}
    try:
        server = RedisServer(kind, tmp_path / "server", **files, tls_auth_clients="no")
        server.options["tls-port"] = str(server.port + 1 if server.port < 65535 else server.port - 1)
        server.start()
    except RuntimeError as error:
        pytest.skip(f"this server has no TLS: {error}")
    context = ssl.create_default_context(cafile=str(tmp_path / "cert.pem"))
    port = server.options["tls-port"]
    with server_ended(server):
        async with Topic("news", store=RedisStore(f"rediss://localhost:{port}", ssl_context=context)) as topic:
            await topic.publish("x")
        for url, options in ((f"rediss://127.0.0.1:{port}", {"ssl_context": context}), (f"rediss://localhost:{port}", {})):
            with pytest.raises(StoreError, match=r"(?i)certificate"):
                async with Topic("news", store=RedisStore(url, timeout=3, **options)):
                    pass


class server_ended:  # noqa: N801 - a block
    def __init__(self, server):
        self.server = server

    def __enter__(self):
        return self.server

    def __exit__(self, *_):
        self.server.kill()


# -- the server is not there --------------------------------------------------------------------------------------------


async def test_a_server_that_is_not_there_at_the_start_is_waited_for(server, store):
    server.kill()
    with pytest.raises(StoreError, match=r"the topic 'news' in Redis at 127\.0\.0\.1:\d+ cannot be opened: .*refused"):
        async with Topic("news", store=store):
            pass
    async with trio.open_nursery() as nursery:
        nursery.start_soon(start_after, server, 0.5)
        async with Topic("news", store=RedisStore(server.url, timeout=20)) as topic:
            await topic.publish("x")


async def start_after(server, seconds):
    await trio.sleep(seconds)
    await trio.to_thread.run_sync(server.start)


async def test_a_topic_may_begin_without_its_history_and_tells_of_that_once_the_server_is_there(server):
    async with Topic("news", store=RedisStore(server.url)) as topic:
        await topic.publish("old")
    server.kill()
    store = RedisStore(server.url, timeout=0.5, at_start="go_on")
    async with Topic("news", store=store) as topic:
        with pytest.raises(StoreError, match=r"'news' in Redis was not written: .*refused"):
            await topic.publish("nobody gets this")
        cursor = topic.cursor
        await trio.to_thread.run_sync(server.start)
        assert await values(topic, cursor, 2) == [("gap", None), "old"]
        await publish_at_last(topic, "new")
        assert await values(topic, cursor, 3) == [("gap", None), "old", "new"]


async def test_a_server_that_was_killed_has_lost_nothing_and_nobody_is_told_of_a_gap(server, store):
    async with Topic("news", store=store) as topic, Topic("news", store=store) as other:
        ids = [await topic.publish("1")]
        await trio.to_thread.run_sync(server.restart)
        ids.append(await publish_at_last(topic, "2"))
        for one in (topic, other):
            assert await values(one, ids[0], 1) == ["2"]
        assert ids[0].partition("-")[0] != ids[1].partition("-")[0], "another life of the server is another epoch"
    async with Topic("news", store=store) as topic:
        assert await values(topic, ids[0], 1) == ["2"]


@pytest.mark.parametrize("how", ["without its file", "FLUSHALL"])
async def test_what_a_server_has_forgotten_is_a_gap(server, store, how):
    async with Topic("news", store=store) as topic, Topic("news", store=store) as other:
        cursor = other.cursor
        id = await topic.publish("1")
        assert await values(other, cursor, 1) == ["1"]
        if how == "FLUSHALL":
            server.ask("FLUSHALL")
        else:
            await trio.to_thread.run_sync(lambda: server.restart(with_file=False))
        await publish_at_last(topic, "2")
        for one in (topic, other):
            assert await values(one, id, 2) == [("gap", None), "2"]
    async with Topic("news", store=store) as topic:
        assert await values(topic, id, 1) == [("gap", None)]


async def test_a_server_without_a_file_may_have_lost_events_and_everybody_is_told(kind, tmp_path, caplog):
    with RedisServer(kind, tmp_path / "server", appendonly="no", save="3600 1") as server:
        store = RedisStore(server.url, timeout=2)
        async with Topic("news", store=store) as topic:
            id = await topic.publish("1")
            server.ask("SAVE")
            await topic.publish("lost, and nobody knows")
            await trio.to_thread.run_sync(server.restart)
            await publish_at_last(topic, "2")
            async with Topic("news", store=RedisStore(server.url)) as other:
                got = await values(other, id, 2)
                if got[-1] != "2":  # the process that has delivered what was lost has told of it as well
                    got = await values(other, id, 3)
                assert got in ([("gap", None), "2"], [("gap", None), ("gap", 1), "2"])
    assert "it has no append-only file, so a restart loses events" in caplog.text


async def test_what_a_power_cut_takes_from_the_file_is_told_by_those_who_have_had_it(server, store, tmp_path):
    async with Topic("news", store=store) as topic:
        id = await topic.publish("1")
        server.copy(tmp_path / "copy")
        lost = [await topic.publish(text) for text in ("2", "3")]
        assert await values(topic, id, 2) == ["2", "3"]
        server.kill()
        shutil.rmtree(server.folder)
        shutil.copytree(tmp_path / "copy", server.folder)
        await trio.to_thread.run_sync(server.start)
        async with Topic("news", store=RedisStore(server.url)) as other:
            assert await values(other, id, 1) == [("gap", 2)]
            await topic.publish("4")
            assert await values(other, id, 2) == [("gap", 2), "4"]
            assert (await values(other, lost[1], 1)) == [("gap", None)]
        assert await values(topic, lost[0], 3) == ["3", ("gap", 2), "4"]


async def test_what_it_takes_of_acknowledged_events_that_nobody_has_read_is_told_by_the_publisher(
    server, store, tmp_path, monkeypatch
):
    fetch, may_read = Listening._fetch, trio.Event()
    may_read.set()

    async def fetch_when_allowed(self, connection, life):
        await may_read.wait()
        await fetch(self, connection, life)

    monkeypatch.setattr(Listening, "_fetch", fetch_when_allowed)
    async with Topic("news", store=store) as topic:
        id = await topic.publish("1")
        assert await values(topic, topic.cursor, 0) == []
        server.copy(tmp_path / "copy")
        may_read = trio.Event()
        await topic.publish("2")
        server.kill()
        shutil.rmtree(server.folder)
        shutil.copytree(tmp_path / "copy", server.folder)
        may_read.set()
        await trio.to_thread.run_sync(server.start)
        async with Topic("news", store=RedisStore(server.url)) as other:
            assert await values(other, id, 1) == [("gap", 1)]


async def test_what_the_server_has_trimmed_is_a_gap_of_so_many(server, store):
    async with Topic("news", store=store) as topic:
        ids = [await topic.publish(number) for number in range(10)]
    server.ask("XTRIM", "chirp:{news}", "MAXLEN", "3")
    async with Topic("news", store=store) as topic:
        assert await values(topic, ids[1], 4) == [("gap", 5), 7, 8, 9]
        server.signal(signal.SIGSTOP)
        await trio.sleep(2.5)  # the connection is given up, and no bell is heard
        server.signal(signal.SIGCONT)
        server.ask("XTRIM", "chirp:{news}", "MAXLEN", "0")
        await publish_at_last(topic, "new")
        assert await values(topic, ids[9], 1) == ["new"]


# -- a server that does not answer, or refuses --------------------------------------------------------------------------


async def test_a_frozen_server_is_found_and_everything_goes_on_after_it(server, store):
    async with Topic("news", store=store) as topic:
        id = await topic.publish("1")
        server.signal(signal.SIGSTOP)
        began = trio.current_time()
        with pytest.raises(StoreError, match="may have been written or not"):
            await topic.publish("2")
        assert trio.current_time() - began < 10
        server.signal(signal.SIGCONT)
        await publish_at_last(topic, "3")
        assert await values(topic, id, 2) == ["2", "3"]


async def test_a_publish_whose_answer_was_lost_is_stored_once(server, store):
    async with Topic("news", store=RedisStore(server.url, timeout=10)) as topic, trio.open_nursery() as nursery:
        for number in range(300):
            nursery.start_soon(topic.publish, number)
            if number % 50 == 0:
                await trio.sleep(0.005)
                server.ask("CLIENT", "KILL", "TYPE", "normal")
    async with Topic("news", store=store) as topic:
        assert sorted(event.value for event in audience_of(topic).log.since(0, 1000)) == list(range(300))


async def test_a_server_that_is_full_says_so_and_is_read_all_the_same(server, store):
    async with Topic("news", store=store) as topic, Topic("news", store=store) as other:
        id = await topic.publish("1")
        server.ask("CONFIG", "SET", "maxmemory", "1")
        with pytest.raises(StoreError, match=r"was not written: OOM .*more memory"):
            await topic.publish("2")
        assert await values(other, "nobody's", 1) == [("gap", None)]
        topic.publish_nowait("lost")
        assert await values(topic, id, 1) == [("gap", 1)]
        server.ask("CONFIG", "SET", "maxmemory", "0")
        await topic.publish("3")
        assert await values(topic, id, 2) == [("gap", 1), "3"]
        assert await values(other, id, 1) == ["3"]


async def test_a_replica_is_refused_and_one_that_becomes_one_is_left(server, store, kind, tmp_path):
    with RedisServer(kind, tmp_path / "other") as master:
        async with Topic("news", store=store) as topic:
            await topic.publish("1")
            server.ask("REPLICAOF", "127.0.0.1", str(master.port))
            with pytest.raises(StoreError, match=r"replica|written or not|not written"):
                await topic.publish("2")
            with pytest.raises(StoreError, match="it is a replica"):
                async with Topic("other", store=RedisStore(server.url, timeout=3)):
                    pass
            server.ask("REPLICAOF", "NO", "ONE")
            await publish_at_last(topic, "3")


async def test_a_server_that_was_a_replica_for_a_moment_is_read_on(server, store, monkeypatch):
    monkeypatch.setattr("chirp_trio.redis.listening._COMPARE_AFTER", (60, 60))  # nobody looks in between
    async with Topic("news", store=store) as topic:
        id = await topic.publish("1")
        server.ask("REPLICAOF", "127.0.0.1", "1")
        server.ask("REPLICAOF", "NO", "ONE")
        await publish_at_last(topic, "2")
        got = await values(topic, id, 2)
        assert got == [("gap", None), "2"]


async def test_a_promoted_replica_that_lacks_the_last_events_is_another_epoch_and_a_gap(server, store, kind, tmp_path):
    with RedisServer(kind, tmp_path / "replica", replicaof=f"127.0.0.1 {server.port}") as replica:
        async with Topic("news", store=RedisStore(server.url, confirm="replica")) as topic:
            while b"master_link_status:up" not in replica.ask("INFO", "replication"):  # noqa: ASYNC110
                await trio.sleep(0.05)
            id = await topic.publish("1")
        replica.ask("REPLICAOF", "NO", "ONE")  # while the old master goes on
        async with Topic("news", store=store) as topic:
            lost = await topic.publish("lost")
        server.kill()
        async with Topic("news", store=RedisStore(replica.url)) as topic:
            await topic.publish("2")
            assert await values(topic, id, 2) == [("gap", None), "2"]
            assert await values(topic, lost, 1) == [("gap", None)]


async def test_what_is_to_be_confirmed_and_is_not_is_an_error(server, kind):
    async with Topic("news", store=RedisStore(server.url, confirm="replica", timeout=3)) as topic:
        with pytest.raises(StoreError, match="is written, and no replica has it yet"):
            await topic.publish("x")
    store = RedisStore(server.url, confirm="disk", timeout=2)
    if kind == "redis":
        with pytest.raises(StoreError, match=r"it is Redis 7\.0\.\d+; confirm='disk' needs 7\.2"):
            async with Topic("news", store=store):
                pass
    else:
        async with Topic("news", store=store) as topic:
            await topic.publish("x")


async def test_nothing_is_confirmed_by_a_retry_that_was_not_before_it(server, kind, tmp_path):
    with RedisServer(kind, tmp_path / "replica", replicaof=f"127.0.0.1 {server.port}") as replica:
        async with Topic("news", store=RedisStore(server.url, confirm="replica", timeout=4)) as topic:
            await publish_at_last(topic, "1")
            replica.signal(signal.SIGSTOP)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(lose_answers_after, server, 0.5)
                with pytest.raises(StoreError, match=r"no replica has it yet|may have been written or not"):
                    await topic.publish("2")
            replica.signal(signal.SIGCONT)


async def lose_answers_after(server, seconds):
    await trio.sleep(seconds)
    server.ask("CLIENT", "KILL", "TYPE", "normal")


async def test_a_cluster_is_refused(kind, tmp_path):
    with (
        RedisServer(kind, tmp_path / "server", cluster_enabled="yes", cluster_port=FREE_PORT) as server,
        pytest.raises(StoreError, match="part of a Redis Cluster, which is not supported: use a server of its own"),
    ):
        async with Topic("news", store=RedisStore(server.url, timeout=3)):
            pass


async def test_a_topic_that_is_closed_while_the_server_is_away_ends_and_says_what_is_lost(server, store, caplog):
    got = []

    async def read(subscription):
        got.extend([event.value async for event in subscription])

    async with trio.open_nursery() as nursery, Topic("news", store=store) as topic:
        cursor = topic.cursor
        await topic.publish("1")
        assert await values(topic, cursor, 1) == ["1"]
        nursery.start_soon(read, topic.subscribe(cursor))
        server.kill()
        topic.publish_nowait("lost")
    assert got == ["1", {"topic": "news", "missed": 1}]
    assert "1 events were lost, because they could not be written: the topic 'news' " in caplog.text


async def test_what_another_version_has_written_is_left_alone(server, store, caplog):
    server.ask("HSET", "chirp:{news}:meta", "server", "x", "epochs", "0:abc", "last", "0", "version", "2")
    with pytest.raises(StoreError, match="cannot be opened"):
        async with Topic("news", store=store):
            pass
    assert "the topic 'news' in Redis was written by another version of chirp_trio" in caplog.text
    async with Topic("news", store=RedisStore(server.url, at_start="go_on", timeout=1)) as topic:
        with pytest.raises(StoreError, match="the topic was written by another version of chirp_trio"):
            await topic.publish("lost")


async def test_another_program_publishes_by_the_function_in_the_server(server, store):
    words = "chirp:{news} chirp:{news}:meta chirp:{news}:mine chirp:{news}:bell abc123 1767225600000 10000 120000"
    async with Topic("news", store=store) as topic:
        cursor = topic.cursor
        for _ in range(2):
            answer = server.ask("FCALL", "chirp_publish_1", "3", *words.split(), *["4", "kind", "text", "data", "hello"])
            assert answer.endswith(b"\r\n:1\r\n")
        await topic.publish("next")
        assert await values(topic, cursor, 2) == ["hello", "next"]


async def test_what_is_larger_than_what_a_server_holds_back_for_subscribers_is_read_all_the_same(kind, tmp_path):
    with RedisServer(kind, tmp_path / "server", client_output_buffer_limit="pubsub 1mb 512kb 1") as server:
        store = RedisStore(server.url, timeout=5)
        async with Topic("news", store=store) as topic, Topic("news", store=store) as other:
            cursor = other.cursor
            await topic.publish("x" * 2_000_000)
            assert [len(value) for value in await values(other, cursor, 1)] == [2_000_000]
            for _ in range(10):
                await topic.publish("x" * 200_000)
        async with Topic("news", store=store) as topic:
            assert [len(value) for value in await values(topic, cursor, 11)] == [2_000_000] + 10 * [200_000]


@pytest.mark.parametrize("words", ["3 kind text data", "4 kind text data hello 4 kind text", "4 kind text data hello x", ""])
async def test_a_call_of_another_program_that_is_wrong_leaves_the_topic_as_it_is(server, store, words):
    head = "chirp:{news} chirp:{news}:meta chirp:{news}:mine chirp:{news}:bell abc123 1767225600000 10000 120000"
    async with Topic("news", store=store) as topic:
        cursor = topic.cursor
        answer = server.ask("FCALL", "chirp_publish_1", "3", *head.split(), *words.split())
        assert answer.startswith(b"-CHIRP each event is the number of its words, and so many words")
        server.ask("PUBLISH", "chirp:{news}:bell", "*3")
        server.ask("PUBLISH", "chirp:{news}:bell", "nonsense")
        await topic.publish("next")
        assert await values(topic, cursor, 1) == ["next"]


# -- what it costs ------------------------------------------------------------------------------------------------------


async def test_the_server_sees_processes_and_not_subscribers_nor_topics(server, store):
    async with Topic("news", store=store) as topic, trio.open_nursery() as nursery:
        got = []

        async def read():
            async for event in topic.subscribe():
                got.append(event.value)  # noqa: PERF401 - it goes on

        before = commands(server)
        for _ in range(200):
            nursery.start_soon(read)
        while topic.subscribers < 200:  # noqa: ASYNC110
            await trio.sleep(0.01)
        await trio.sleep(0.2)  # who is there is told together
        assert commands(server) - before < 30
        before = commands(server)
        await topic.publish("x")
        while len(got) < 200:  # noqa: ASYNC110
            await trio.sleep(0.01)
        assert commands(server) - before < 20  # those in the script, and those of this test, among them
        assert server.ask("CLIENT", "LIST", "TYPE", "normal").count(b"name=chirp_trio") == 2
        assert server.ask("CLIENT", "LIST", "TYPE", "pubsub").count(b"name=chirp_trio") == 1
        nursery.cancel_scope.cancel()


def commands(server):
    return int(server.ask("INFO", "stats").partition(b"total_commands_processed:")[2].split()[0])


async def test_too_much_that_waits_is_refused_or_waited_for(server):
    store = RedisStore(server.url, max_waiting=5, timeout=2)
    async with Topic("news", store=store) as topic:
        for number in range(5):
            topic.publish_nowait(number)
        with pytest.raises(
            trio.WouldBlock,
            match=r"5 events of \d+ bytes wait to be written; its RedisStore allows max_waiting=\d+ events and ",
        ):
            topic.publish_nowait("too much")
        await topic.publish("there is room at last")
