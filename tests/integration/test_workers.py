"""`chirp-trio run --workers`: several processes behind one port, which are kept running, replaced, and ended together."""

import os
import re
import shutil
import signal
import socket
import time
from contextlib import contextmanager

import psutil
import pytest

from tests.certificates import make_certificate
from tests.integration.clients import HTTP1
from tests.integration.server import APPS, SCRIPTS, Server, chirp_trio, wait_until
from tests.integration.soak.settings import LONG
from tests.integration.test_certificates import der, shown
from tests.integration.test_handover import Clients

SECONDS = LONG and 60
ENOUGH = 100  # answers, at least, while workers are replaced


@pytest.fixture
def folder(tmp_path):
    shutil.copy(APPS / "processes.py", tmp_path)
    return tmp_path


@contextmanager
def workers(app="processes:app", *options, number=2, cwd=APPS, forked=True):
    with chirp_trio(app, "--workers", str(number), *options, cwd=cwd, forked=forked) as server:
        yield server


def pids(server):
    """The processes that serve."""
    return {child.pid for child in psutil.Process(server.process.pid).children()}


def is_gone(pid):
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def answering(server, number):
    """The processes that have answered, once so many have, or `PATIENCE` is over."""
    found = set()

    def ask():
        found.add(int(server.get("/")[1]))
        return len(found) >= number

    wait_until(ask)
    return found


def test_all_of_them_are_pythons_of_their_own():
    with workers(forked=False) as server:
        assert len(pids(server)) == 2
        assert not any("origin.py" in word for pid in pids(server) for word in psutil.Process(pid).cmdline())
        assert int(server.get("/")[1]) in pids(server)
        assert server.stop() == 0


def test_all_of_them_serve_and_one_that_was_killed_is_told_of_and_another_is_started():
    with workers(number=3) as server:
        before = pids(server)
        assert answering(server, 3) == before
        assert len(before) == 3

        mark = server.mark()
        victim = before.pop()
        os.kill(victim, signal.SIGKILL)
        server.wait_for_line(
            rf"^chirp_trio: the worker {victim} has ended, killed by SIGKILL; another one is started in 0\.1 s$", mark
        )
        assert answering(server, 2) <= before  # nobody is refused meanwhile
        wait_until(lambda: len(pids(server)) == 3)
        assert answering(server, 3) == pids(server) > before

        assert psutil.Process(server.process.pid).num_threads() == 1
        mark = server.mark()
        assert server.stop() == 0
        assert len(server.lines(mark)) == 3  # each has ended in order
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(server.address)


def test_a_parent_that_was_killed_takes_its_workers_with_it():
    with workers() as server:
        found = pids(server)
        with HTTP1(server.address) as client:
            response = client.request("/stream")
            client.wait_for(response, b"data: first\n\n")
            server.signal(signal.SIGKILL)
            client.wait_for_end(response)  # in order
        wait_until(lambda: all(map(is_gone, found)))
        assert all(map(is_gone, found))
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(server.address)


def test_the_stop_drains_all_of_them():
    with workers("processes:app", "--drain-delay", "1.5") as server:
        with HTTP1(server.address) as client:
            response = client.request("/stream")
            client.wait_for(response, b"data: first\n\n")
            assert server.get("/health/ready") == (200, b'{"status": "ready"}')
            server.signal(signal.SIGTERM)
            wait_until(lambda: all(server.get("/health/ready")[0] == 503 for _ in range(10)))
            assert server.get("/health/ready")[0] == 503
            assert server.get("/health/live")[0] == 200
            assert len(pids(server)) == 2
            client.wait_for_end(response)
        assert server.wait() == 0
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(server.address)


def test_a_worker_that_hangs_at_the_stop_is_ended_with_a_line_that_names_the_place():
    with (
        workers("hanging:app", "--graceful-timeout", "0.4", "--shutdown-timeout", "0") as server,
        HTTP1(server.address) as client,
    ):
        client.request("/blocking")
        server.wait_for_line("^begun$")
        assert server.stop() == 1
        server.wait_for_line(r"has not stopped within 2\.4 s, and is ended now\. What hangs: ")


def test_a_second_interrupt_ends_them_at_once():
    with workers("hanging:app", "--graceful-timeout", "60") as server, HTTP1(server.address) as client:
        client.request("/blocking")
        server.wait_for_line("^begun$")
        found = pids(server)
        server.signal(signal.SIGINT)
        wait_until(lambda: len(pids(server)) == 1)  # the other one has nothing to wait for
        time.sleep(0.6)  # until then it would be the same Ctrl-C
        server.signal(signal.SIGINT)
        assert server.wait() == 130
        assert all(map(is_gone, found))


def test_a_socket_file_is_there_until_the_end(folder):
    path = folder / "socket"
    command = [SCRIPTS / "chirp-trio", "run", "--workers", "2", "--bind", f"unix:{path}", "processes:app"]
    with Server(command, cwd=folder) as server:
        server.wait_for_line(rf"serving processes:app on http://unix:{path} with 2 workers \(Ctrl-C stops it\)$")
        os.kill(next(iter(pids(server))), signal.SIGTERM)
        server.wait_for_line(r"has ended, with the exit code 0; another one is started in 0\.1 s$")
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
            client.sendall(b"GET / HTTP/1.0\r\n\r\n")
            assert client.recv(65536).startswith(b"HTTP/1.1 200 ")
        assert server.stop() == 0
        assert not path.exists()


# -- what is wrong from the start on -------------------------------------------------------------------------------------


def ended(app, *options, cwd=APPS):
    """How a start has ended, and all that was said."""
    with Server([SCRIPTS / "chirp-trio", "run", "--port", "0", "--workers", "2", *options, app], cwd=cwd) as server:
        return server.wait(), server.lines()


def test_a_lifespan_that_fails_is_told_once_and_ends_the_parent():
    status, lines = ended("unstartable:app")
    assert status == 1
    assert [line for line in lines if line.startswith("chirp-trio:")] == [
        "chirp-trio: the app's lifespan failed: ValueError: no database"
    ]


def test_an_app_that_cannot_be_imported_is_told_once_and_ends_the_parent(folder):
    (folder / "broken").touch()
    status, lines = ended("processes:app", cwd=folder)
    assert status == 2
    (line,) = lines
    assert line.startswith("chirp-trio: processes:app cannot be imported: RuntimeError: it is broken (processes.py:")


def test_an_address_in_use_is_told_once_and_ends_the_parent():
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        command = [SCRIPTS / "chirp-trio", "run", "--workers", "2", "--bind", address, "processes:app"]
        with Server(command) as server:
            assert server.wait() == 2
            assert server.lines() == [f"chirp-trio: cannot listen on {address}: Address already in use"]


def test_a_start_that_hangs_is_stopped_by_one_signal():
    command = [SCRIPTS / "chirp-trio", "run", "--workers", "2", "--port", "0", "hanging:never_starting"]
    with Server(command) as server:
        server.wait_for_line("^begun$")
        assert server.stop() == 0
        assert server.lines() == ["begun"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_while_the_app_is_imported_says_nothing(tmp_path, number):
    (tmp_path / "slow.py").write_text("import time\nprint('begun', flush=True)\ntime.sleep(60)\napp = None\n")
    command = [SCRIPTS / "chirp-trio", "run", "--workers", "2", "--port", "0", "slow:app"]
    with Server(command, cwd=tmp_path) as server:
        server.wait_for_line("^begun$")
        server.signal(number)
        assert server.wait() == 0
        assert server.lines() == ["begun"]


@pytest.mark.parametrize(
    ("topic", "code", "told"),
    [
        ("without a store", 2, r"cannot be imported: ConfigurationError: the topic 'early' has no store,"),
        ("in a file", 2, r"cannot be imported: ConfigurationError: the topic 'kept' has a SQLiteStore, which serves one"),
        ("in the lifespan", 1, r"the app's lifespan failed: ConfigurationError: the topic 'late' has no store,"),
    ],
)
def test_topics_that_are_not_shared_are_refused_with_the_cure(monkeypatch, topic, code, told):
    monkeypatch.setenv("CHIRP_TRIO_TEST_TOPIC", topic)
    status, lines = ended("refused:app")
    assert status == code
    (line,) = [line for line in lines if line.startswith("chirp-trio:")]
    assert re.search(told, line)
    assert "this process is one of 2 (--workers)" in line
    assert "store=RedisStore(url)" in line


# -- what goes wrong later -----------------------------------------------------------------------------------------------


def test_one_that_cannot_be_started_again_is_tried_while_another_serves_and_ends_the_parent_when_none_does(folder):
    with workers(cwd=folder) as server:
        (folder / "broken").touch()
        first, second = pids(server)
        mark = server.mark()
        os.kill(first, signal.SIGKILL)
        for pause in (r"0\.2", r"0\.4"):
            server.wait_for_line(
                rf"the worker \d+ has ended before it served, with the exit code 2; another one is started in {pause} s$",
                mark,
            )
        assert answering(server, 1) == {second}
        os.kill(second, signal.SIGKILL)
        assert server.wait() == 2
        assert any(line.endswith(", and no worker is left") for line in server.lines(mark))


def test_a_replacement_that_does_not_start_leaves_those_that_serve(folder):
    with workers(cwd=folder) as server:
        before = pids(server)
        (folder / "broken").touch()
        server.signal(signal.SIGHUP)
        server.wait_for_line("^chirp_trio: SIGHUP: the worker .* with the exit code 2; the workers that there are go on$")
        assert answering(server, 2) == pids(server) == before

        (folder / "broken").unlink()
        server.signal(signal.SIGHUP)
        server.wait_for_line("SIGHUP: all workers have been replaced$")
        assert answering(server, 2) == pids(server)
        assert not pids(server) & before
        assert server.stop() == 0


def test_a_replacement_waits_for_no_drain_delay_and_shows_the_renewed_certificate(tmp_path):
    for name in ("first", "renewed"):
        (tmp_path / name).mkdir()
        make_certificate(tmp_path / name)
    first = tmp_path / "first"
    options = ["--certfile", first / "cert.pem", "--keyfile", first / "key.pem", "--drain-delay", "3600"]
    with workers("processes:app", *options) as server:
        assert shown(server.address) == der(first)
        for name in ("cert.pem", "key.pem"):
            shutil.copy(tmp_path / "renewed" / name, first)
        server.signal(signal.SIGHUP)
        server.wait_for_line("SIGHUP: all workers have been replaced$")
        assert {shown(server.address) for _ in range(10)} == {der(tmp_path / "renewed")}


def test_nobody_is_refused_while_they_are_replaced():
    """`CHIRP_TRIO_SOAK` makes it long: a minute of replacements."""
    with workers("endings:app") as server, Clients(server.address) as clients:
        began, rounds = time.monotonic(), 0
        while not rounds or clients.answers <= ENOUGH or time.monotonic() - began < SECONDS:
            mark = server.mark()
            server.signal(signal.SIGHUP)
            server.wait_for_line("SIGHUP: all workers have been replaced$", mark)
            rounds += 1
        rate = clients.answers / (time.monotonic() - began)
    print(f"\n{rounds} rounds of replacements, {clients.answers} answers, {rate:.0f} a second; failures: {clients.failures}")
    assert clients.failures == []
    assert clients.answers > ENOUGH
