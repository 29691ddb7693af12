"""`chirp-trio tail`: what it asks, what it prints, how it exits."""

import importlib.util
import json
import os
import pty
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
import trio

from chirp_trio.cli import main
from tests import forking
from tests.integration.clients import PATIENCE
from tests.integration.scripted import BREAK, END, WAIT, scripted, status, stream
from tests.integration.server import chirp_trio

COMMAND = [sys.executable, "-m", "chirp_trio.cli", "tail"]
ONE = stream("id: 7\ndata: one\n\n", end=WAIT)
CHANGING = {"NO_COLOR", "FORCE_COLOR", "PYTHONUNBUFFERED"}  # what it prints, or when
PLAIN = {name: value for name, value in os.environ.items() if name not in CHANGING}


async def tail(server, *arguments, url=None):
    """The exit code."""
    command = ["tail", *arguments, url or server.url]
    with trio.fail_after(PATIENCE):
        return await trio.to_thread.run_sync(main, command, abandon_on_cancel=True)


@pytest.fixture
def free_port():
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


@pytest.fixture(autouse=True)
def nothing_of_this_machine(monkeypatch):
    """Nobody between us and the server, and no certificates that others trust: reading those takes longer than most tests."""
    monkeypatch.setenv("SSL_CERT_FILE", os.devnull)
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    PLAIN.update(NO_PROXY="*", SSL_CERT_FILE=os.devnull)


# -- what it asks ---------------------------------------------------------------------------------------------------------


async def test_what_is_asked_by_default():
    """LD HTTP behavior/default method and headers; WPT request-accept, request-cache-control."""
    async with scripted(ONE) as server:
        assert await tail(server, "--max", "1") == 0

    [asked] = server.asked
    assert (asked.method, asked.target) == ("GET", "/")
    assert asked.headers == {
        "host": server.url.removeprefix("http://").encode(),
        "accept": b"text/event-stream",
        "accept-encoding": b"identity",
        "cache-control": b"no-cache",
        "pragma": b"no-cache",
        "connection": b"keep-alive",
        "user-agent": b"chirp-trio",
    }


async def test_headers_may_be_given():
    """LD HTTP behavior/custom headers."""
    async with scripted(ONE) as server:
        more = ["-H", "header-name-1: value-1", "--header", "header-name-2:  é ", "-H", "ACCEPT: x", "-H", "nothing:"]
        assert await tail(server, "--max", "1", *more) == 0

    headers = server.asked[0].headers
    assert (headers["header-name-1"], headers["header-name-2"]) == (b"value-1", "é".encode())
    assert (headers["accept"], headers["nothing"]) == (b"x", b"")


async def test_the_id_to_begin_after():
    async with scripted(ONE) as server:
        assert await tail(server, "--max", "1", "--since", "é 6") == 0

    assert server.asked[0].headers["last-event-id"] == "é 6".encode()


@pytest.mark.parametrize("path", ["", "/", "/live?a=b"])
async def test_the_scheme_may_be_left_out(path):
    async with scripted(ONE) as server:
        assert await tail(server, "--max", "1", url=server.url.removeprefix("http://") + path) == 0

    assert server.asked[0].target == (path or "/")


# -- what it prints -------------------------------------------------------------------------------------------------------


async def test_events_are_printed_and_comments_where_they_are_wanted(capfd):
    answer = stream(": hi\n", "data: a\ndata: b\n\n", "event: tick\nid: 7\ndata: \x1b[31m\n\n", end=END)
    async with scripted(answer) as server:
        assert await tail(server, "--no-reconnect") == 0
        assert await tail(server, "--no-reconnect", "--comments") == 0

    events = "message: a\n  b\ntick #7: \\x1b[31m\n"
    assert capfd.readouterr() == (f"{events}: hi\n{events}", "")


async def test_json_is_printed_on_a_line_for_each_event(capfd):
    async with scripted(stream(": hi\n", "retry: 5\ndata: a\ndata: é\n\n", "event: e\nid: 7\ndata: {}\n\n")) as server:
        assert await tail(server, "--no-reconnect", "--json", "--comments") == 0

    assert [json.loads(line) for line in capfd.readouterr().out.splitlines()] == [
        {"comment": "hi"},
        {"event": "message", "id": None, "data": "a\né", "retry": 5},
        {"event": "e", "id": "7", "data": "{}", "retry": None},
    ]


async def test_it_ends_after_so_many_events_that_came_at_once(capfd):
    async with scripted(stream("data: a\n\n: hi\n\ndata: b\n\ndata: c\n\n", end=WAIT)) as server:
        assert await tail(server, "--max", "2", "--comments") == 0

    assert capfd.readouterr().out == "message: a\n: hi\nmessage: b\n"


async def test_it_tells_of_connections_that_are_lost_unless_it_is_to_be_quiet(capfd):
    answers = [stream("retry: 10\ndata: a\n\n"), stream("data: b\n\n", end=BREAK), stream("data: c\n\n", end=WAIT)]
    for quiet in ([], ["--quiet"]):
        async with scripted(*answers) as server:
            assert await tail(server, "--max", "3", *quiet) == 0

        printed, told = capfd.readouterr()
        assert printed == "message: a\nmessage: b\nmessage: c\n"
        assert told.splitlines() == ([] if quiet else [
            "chirp-trio: the server ended the stream; trying again in 0.5 s",
            "chirp-trio: connected again",
            "chirp-trio: the connection was lost: Connection reset by peer; trying again in 0.5 s",
            "chirp-trio: connected again",
        ])  # fmt: skip


async def test_a_stream_that_is_silent_is_left_after_a_while(capfd):
    async with scripted(stream("retry: 0\ndata: a\n\n", end=WAIT), stream("data: b\n\n", end=WAIT)) as server:
        assert await tail(server, "--max", "2", "--idle-timeout", "0.2") == 0

    assert "nothing came for 0.2 s" in capfd.readouterr().err


# -- how it exits ---------------------------------------------------------------------------------------------------------


async def test_a_stream_that_is_over_for_good_is_a_success(capfd):
    async with scripted(status(204)) as server:
        assert await tail(server) == 0

    assert capfd.readouterr() == ("", "")


async def test_a_refusal_is_3_and_says_why(capfd):
    async with scripted([b"HTTP/1.1 403 No\x1b[31m way\r\nContent-Length: 0\r\n\r\n"]) as server:
        assert await tail(server, "--quiet") == 3

    assert capfd.readouterr().err == f"chirp-trio: {server.url}: the server answered 403 No\\x1b[31m way\n"


async def test_giving_up_is_4_and_says_why(capfd, free_port):
    async with scripted() as server:
        assert await tail(server, "--retries", "0", url=f"127.0.0.1:{free_port}") == 4
        assert await tail(server, "--no-reconnect", url=f"127.0.0.1:{free_port}") == 4

    assert capfd.readouterr().err == f"chirp-trio: http://127.0.0.1:{free_port}: cannot connect: Connection refused\n" * 2


async def test_a_server_that_does_not_speak_tls_is_told(nursery, capfd):
    async def answer(stream):
        async with stream:
            await stream.receive_some()
            await stream.send_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    [listener] = await nursery.start(partial(trio.serve_tcp, answer, 0, host="127.0.0.1"))
    url = f"https://127.0.0.1:{listener.socket.getsockname()[1]}"

    assert await tail(None, "--retries", "0", url=url) == 4
    assert capfd.readouterr().err == (
        f"chirp-trio: {url}: it does not answer in TLS, which https:// is: http:// may be what it speaks\n"
    )
    nursery.cancel_scope.cancel()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["http://"], "'http://' is no URL of an event stream"),
        ([""], "'' is no URL of an event stream"),
        (["ftp://x"], "'ftp://x' is no URL of an event stream"),
        (["http://x:99999"], "the port of 'http://x:99999' is 99999; it must be a number from 1 to 65535"),
        (["http://[::1"], "'http://[::1' is no URL: "),
        (["http://xn--a/"], "'http://xn--a/' is no URL: "),
        (["x", "-H", "no colon"], "--header is 'no colon'; it must be like 'Name: value'"),
        (["x", "-H", "a b: c"], "--header is 'a b: c'; it must be like"),
        (["x", "-H", "a: b\nc: d"], "--header is 'a: b\\nc: d'; it must be like"),
        (["x", "-H", "LAST-event-id: 7"], "--since gives the first one"),
        (["x", "--since", "a\nb"], "--since is 'a\\nb'; it must be one line of text"),
        (["x", "--since", "\udcff"], "--since holds '\\udcff' at position 0"),
    ],
    ids=repr,
)
def test_what_cannot_be_asked_for_is_2_and_says_why(arguments, message, capfd):
    assert main(["tail", *arguments]) == 2
    printed, told = capfd.readouterr()
    assert printed == ""
    assert told.startswith("chirp-trio: ")
    assert message in told


@pytest.mark.parametrize("option", ["--max", "--retries", "--idle-timeout", "--connect-timeout"])
@pytest.mark.parametrize("value", ["-1", "x", "", "nan", "inf", "\u00b2", "9" * 5000])
def test_a_number_that_is_none_is_2_and_says_why(option, value, capfd):
    if value == "9" * 5000 and option.endswith("timeout"):
        value = "1e999"
    with pytest.raises(SystemExit) as caught:
        main(["tail", "x", f"{option}={value}"])
    assert caught.value.code == 2
    assert f"chirp-trio: {option} is '" in capfd.readouterr().err


@pytest.mark.parametrize("missing", ["httpx", "rich"])
def test_without_its_extra_it_says_how_to_have_it(missing, monkeypatch, capfd):
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == missing else found(name))

    assert main(["tail", "x"]) == 2
    assert capfd.readouterr().err == "chirp-trio: tail needs httpx and rich: pip install 'chirp-trio[tail]'\n"


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1", "x://127.0.0.1:1", "http://127.0.0.1:x"])
def test_a_proxy_that_cannot_be_used_is_2_and_says_why(proxy, monkeypatch, capfd):
    monkeypatch.setenv("HTTP_PROXY", proxy)

    assert main(["tail", "--retries", "0", "http://x/"]) == 2
    assert capfd.readouterr().err.startswith("chirp-trio: a proxy that the environment names cannot be used: ")


def test_without_a_standard_output_it_says_so(monkeypatch, capfd):
    monkeypatch.setattr(sys, "stdout", None)

    assert main(["tail", "x"]) == 2
    assert capfd.readouterr().err == "chirp-trio: tail needs a standard output to print to\n"


# -- as a process ---------------------------------------------------------------------------------------------------------


class Running:
    """The command as a process of its own."""

    def __init__(self, process, output, errors):
        self.process = process
        self._output = output
        self._errors = errors

    # However long the machine takes to start a process: what hangs here is ended by the timeout of all tests.
    async def line(self):
        return await trio.to_thread.run_sync(self._output.readline, abandon_on_cancel=True)

    async def end(self):
        """Its exit code, and what it has said of errors."""
        code = await trio.to_thread.run_sync(self.process.wait, abandon_on_cancel=True)
        return code, os.pread(self._errors.fileno(), 1 << 16, 0).decode()

    def leave(self):
        """Read no more of what it prints."""
        self._output.close()


def spawned(command, *, cwd, env, output, errors):
    return subprocess.Popen(command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=output, stderr=errors)


@contextmanager
def process(server, *arguments, output=None, env=PLAIN, start=forking.servers.start):
    """The command, which prints to a pipe that the test reads, or to the descriptor that is given."""
    reading, writing = os.pipe()
    with open(reading, "rb") as printed, tempfile.TemporaryFile() as errors:  # noqa: PTH123
        command = [*COMMAND, *arguments, server.url]
        env = {**env, "PYTHONWARNINGS": "error"}
        place = writing if output is None else output
        process = start(command, cwd=Path.cwd(), env=env, output=place, errors=errors.fileno())
        os.close(writing)
        try:
            yield Running(process, printed, errors)
        finally:
            process.kill()
            process.wait()


async def test_ctrl_c_is_130_and_nothing_else():
    async with scripted(ONE) as server:
        with process(server) as running:
            assert await running.line() == b"message #7: one\n"  # flushed, although it is a pipe
            running.process.send_signal(signal.SIGINT)
            assert await running.end() == (130, "")


async def test_a_pipe_whose_reader_leaves_ends_it_at_once():
    async with scripted(ONE) as server:
        with process(server) as running:
            await running.line()
            running.leave()
            assert await running.end() == (0, "")


async def test_an_output_that_takes_nothing_any_more_ends_it_with_the_next_event():
    ours, theirs = socket.socketpair()
    async with scripted(stream("data: x\n\n", "data: y\n\n", end=WAIT)) as server:
        with process(server, output=theirs.fileno()) as running:
            theirs.close()
            ours.close()
            assert await running.end() == (0, "")


async def test_characters_that_the_output_cannot_have_are_escaped():
    async with scripted(stream("data: é☃\n\n")) as server:
        env = {**PLAIN, "PYTHONIOENCODING": "latin-1"}
        with process(server, "--no-reconnect", env=env, start=spawned) as running:  # a Python reads that as it begins
            assert await running.line() == b"message: \xe9\\u2603\n"
            assert await running.end() == (0, "")


COMMANDING = "event: e\x1b[1m\nid: \x1b[2m\ndata: a\x1b[2J[red]b\x9b1m\u202e\tc\ndata: d\n\n"


async def test_a_pipe_gets_no_commands_for_the_terminal_where_it_may_end(capfd):
    async with scripted(stream(COMMANDING)) as server:
        assert await tail(server, "--no-reconnect") == 0
    assert capfd.readouterr().out == "e\\x1b[1m #\\x1b[2m: a\\x1b[2J[red]b\\x9b1m\\u202e\tc\n  d\n"


async def test_it_gets_them_if_they_were_asked_for(capfd):
    async with scripted(stream(COMMANDING)) as server:
        assert await tail(server, "--no-reconnect", "--raw") == 0
    assert capfd.readouterr().out == "e\x1b[1m #\x1b[2m: a\x1b[2J[red]b\x9b1m\u202e\tc\n  d\n"


@pytest.mark.parametrize(
    ("arguments", "method", "body", "content_type"),
    [
        (["--data", '{"a": 1}'], "POST", b'{"a": 1}', b"application/json"),
        (["--data", "a=1"], "POST", b"a=1", b"application/x-www-form-urlencoded"),
        (["--data", "", "-X", "PUT"], "PUT", b"", b"application/x-www-form-urlencoded"),
        (["--data", "{}", "-H", "Content-Type: text/plain", "-X", "REPORT"], "REPORT", b"{}", b"text/plain"),
        (["-X", "REPORT"], "REPORT", b"", None),
    ],
)
async def test_a_method_and_a_body_may_be_given_and_nothing_is_done_twice(arguments, method, body, content_type, capfd):
    async with scripted(stream("data: one\n\n")) as server:
        assert await tail(server, *arguments) == 0
    [asked] = server.asked
    assert (asked.method, asked.body, asked.headers.get("content-type")) == (method, body, content_type)
    assert capfd.readouterr().out == "message: one\n"


@pytest.mark.parametrize("no_color", [False, True], ids=["in colour", "NO_COLOR"])
async def test_a_terminal_is_commanded_by_nobody_but_us(no_color):
    ours, theirs = pty.openpty()
    env = {**PLAIN, "TERM": "xterm", **({"NO_COLOR": "1"} if no_color else {})}
    async with scripted(stream("event: e\ndata: a\x1b[2J[red]b\x9b1m\n\n", end=WAIT)) as server:
        with process(server, "--max", "1", output=theirs, env=env) as running:
            assert await running.end() == (0, "")
    os.close(theirs)
    shown = os.read(ours, 1000).decode()
    os.close(ours)

    head = "e" if no_color else "\x1b[1;36me\x1b[0m"
    assert shown == rf"{head}: a\x1b[2J[red]b\x9b1m" + "\r\n"


# -- TLS ------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    if shutil.which("openssl") is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("openssl is not installed")
    folder = tmp_path_factory.mktemp("certificate")
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=localhost"
    files = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "key.pem", "-out", "certificate.pem"]
    subprocess.run([*command.split(), *files], cwd=folder, capture_output=True, check=True)
    return folder


def test_a_certificate_has_to_be_trusted_by_the_system_or_by_nobody_at_all(certificate, monkeypatch, capfd):
    paths = ["--certfile", certificate / "certificate.pem", "--keyfile", certificate / "key.pem"]
    with chirp_trio("endings:app", *paths) as server:
        url = "https://{}:{}/finite/function".format(*server.address)

        assert main(["tail", "--no-reconnect", url]) == 3
        assert main(["tail", "--no-reconnect", "--insecure", url]) == 0
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate / "certificate.pem"))
        assert main(["tail", "--no-reconnect", url]) == 0

    printed, told = capfd.readouterr()
    assert printed == "message: first\nmessage: second\n" * 2
    assert told == f"chirp-trio: {url}: its certificate cannot be trusted: self-signed certificate; --insecure trusts any\n"


def test_a_connection_that_is_not_made_is_given_up_after_a_while(capfd):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"https://127.0.0.1:{silent.getsockname()[1]}"
        assert main(["tail", "--retries", "0", "--connect-timeout", "0.2", url]) == 4

    assert capfd.readouterr().err == f"chirp-trio: {url}: no connection within 0.2 s\n"


# -- with our own server ----------------------------------------------------------------------------------------------------


def test_our_own_streams(capfd):
    with chirp_trio("endings:app") as server:
        assert main(["tail", "--no-reconnect", "{}:{}/finite/function".format(*server.address)]) == 0

    assert capfd.readouterr().out == "message: first\nmessage: second\n"
