"""`RedisStore` at real servers: how it gets there, what it may do there, what others do there, and what it costs."""

import shutil
import ssl
import subprocess
from contextlib import ExitStack

import pytest
import trio

from chirp_trio import RedisStore, StoreError, Topic
from chirp_trio.testing import check_store
from tests.integration.redis_topics import values
from tests.redis_servers import FREE_PORT, RedisServer, at_both, free_port

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


async def test_a_socket_in_the_file_system_leads_to_a_server_too(kind, tmp_path):
    path = tmp_path / "socket"
    with RedisServer(kind, tmp_path / "server", unixsocket=str(path)):
        async with Topic("news", store=RedisStore(f"unix://{path}?db=3")) as topic:
            await topic.publish("x")


@at_both
async def test_a_server_is_a_store_for_a_user_who_may_do_no_more_than_the_documentation_says(server):
    rights = "~app:* &app:* -@all +hello +auth +info +ping +function|load +fcall +hmget +xrange +xrevrange +subscribe"
    rights += " +unsubscribe +client|setname +select +wait +waitaof +hset +del +xadd +get +set +publish"
    rights += " +multi +exec +exists +hdel +hgetall +pexpire +sadd +srem +smembers"
    if server.kind == "redis":
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
    port = free_port()
    context = ssl.create_default_context(cafile=str(tmp_path / "cert.pem"))
    with ExitStack() as stack:
        try:
            stack.enter_context(RedisServer(kind, tmp_path / "server", **files, tls_auth_clients="no", tls_port=str(port)))
        except RuntimeError as error:
            if "TLS support" not in str(error):
                raise
            pytest.skip("this server has no TLS")
        async with Topic("news", store=RedisStore(f"rediss://localhost:{port}", ssl_context=context)) as topic:
            await topic.publish("x")
        for url, options in ((f"rediss://127.0.0.1:{port}", {"ssl_context": context}), (f"rediss://localhost:{port}", {})):
            with pytest.raises(StoreError, match=r"(?i)certificate"):
                async with Topic("news", store=RedisStore(url, timeout=1, **options)):
                    pass


async def test_a_cluster_is_refused(kind, tmp_path):
    with (
        RedisServer(kind, tmp_path / "server", cluster_enabled="yes", cluster_port=FREE_PORT) as server,
        pytest.raises(StoreError, match="part of a Redis Cluster, which is not supported: use a server of its own"),
    ):
        async with Topic("news", store=RedisStore(server.url, timeout=1)):
            pass


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


# -- what it costs -----------------------------------------------------------------------------------------------------


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
