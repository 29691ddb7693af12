"""Servers whose standard output and standard error nobody reads, or that have none, or none that can be written to."""

import os
import re
import select
import shlex
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager

import pytest

from tests import forking
from tests.integration.clients import HTTP1, PATIENCE
from tests.integration.server import APPS, SCRIPTS

MANY = 30  # requests, each of which says about 4 KiB: several times what a pipe takes


def start_without_files(command, number):
    """A Python of its own, since it is Python that finds no files at its beginning: under a shell that closes them."""
    shell = ["bash", "-c", f"exec {shlex.join(map(str, command))} <&- >&- 2>&-"]
    null = subprocess.DEVNULL
    return subprocess.Popen(shell, cwd=APPS, stdin=null, stdout=null, stderr=null, pass_fds=[number])


@contextmanager
def serving(*arguments, output=None, errors=None, before=()):
    """`chirp-trio run` whose output goes there, or that has none; gives the address and the process.

    `before` is what Python runs in place of the command, which is among its arguments.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        number = listener.fileno()
        options = ["--access-log", "--bind", f"fd://{number}", *arguments]
        command = [*before, SCRIPTS / "chirp-trio", "run", *options, "talkative:app"]
        if output is None:
            process = start_without_files(command, number)
        else:
            process = forking.servers.start(
                command, cwd=APPS, env=os.environ, output=output, errors=errors, inherited=[number]
            )
        try:
            yield listener.getsockname(), process
        finally:
            process.kill()
            process.wait()


def status(address, path):
    with HTTP1(address) as client:
        response = client.request(path, headers=[("connection", "close")])
        client.wait_for_end(response)
        return response.status


def use(address, requests):
    """Look at a stream, and make many requests beside it that say much: the stream has to go on behind them."""
    with HTTP1(address) as client:
        stream = client.request("/live")
        client.wait_for(stream, b"tick")
        for _ in range(requests):
            assert status(address, "/talk") == 200
        assert status(address, "/fail") == 500
        go_on(client, stream)


def go_on(client, stream):
    """Read until the stream has gone on, behind all that it had sent already."""
    client.socket.setblocking(False)
    try:
        while True:
            client.receive()
    except BlockingIOError:
        client.socket.settimeout(PATIENCE)
    before = len(stream.body)
    while len(stream.body) <= before + 4096:
        client.receive()


def stop(process):
    process.send_signal(signal.SIGTERM)
    return process.wait(PATIENCE)


def test_output_that_is_closed_stops_nobody():
    with serving() as (address, process):
        use(address, 5)
        assert stop(process) == 0


CLOSING = """
import os, runpy, sys
_, name, *sys.argv = sys.argv
os.close({"stdout": 1, "stderr": 2}[name])
setattr(sys, name, None)
setattr(sys, f"__{name}__", None)
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.mark.parametrize("name", ["stdout", "stderr"])
def test_one_output_that_is_closed_stops_nobody(tmp_path, name):
    """With what Python has where that is so at its beginning."""
    script = tmp_path / "closing.py"
    script.write_text(CLOSING)
    null = os.open(os.devnull, os.O_WRONLY)
    try:
        with serving(output=null, before=[sys.executable, script, name]) as (address, process):
            use(address, 5)
            assert stop(process) == 0
    finally:
        os.close(null)


def full_device():
    return os.open("/dev/full", os.O_WRONLY)


def pipe_without_a_reader():
    reader, writer = os.pipe()
    os.close(reader)
    return writer


def file_to_read_from():
    return os.open(os.devnull, os.O_RDONLY)


@pytest.mark.parametrize("is_alone", [False, True], ids=["output and errors", "errors"])
@pytest.mark.parametrize("open_one", [full_device, pipe_without_a_reader, file_to_read_from])
def test_output_that_cannot_be_written_to_stops_nobody(open_one, is_alone):
    broken, null = open_one(), os.open(os.devnull, os.O_WRONLY)
    try:
        with serving(output=null if is_alone else broken, errors=broken) as (address, process):
            use(address, 5)
            assert stop(process) == 0
    finally:
        os.close(broken)
        os.close(null)


@contextmanager
def pipe():
    reader, writer = os.pipe()
    try:
        yield reader, writer
    finally:
        os.close(reader)
        os.close(writer)


PAGE = 4096  # bytes, in which a pipe takes and gives


def fill(writer):
    """Write until it takes no more."""
    os.set_blocking(writer, False)
    try:
        while True:
            os.write(writer, b"x" * (PAGE - 1) + b"\n")
    except BlockingIOError:
        os.set_blocking(writer, True)


def text_in(reader):
    """All that is there, without waiting for more."""
    os.set_blocking(reader, False)
    pieces = []
    try:
        while piece := os.read(reader, 65536):
            pieces.append(piece)
    except BlockingIOError:
        pass
    return b"".join(pieces).decode()


def test_a_pipe_that_nobody_reads_stops_neither_streams_nor_the_stop():
    with pipe() as (reader, writer), serving(output=writer) as (address, process):
        use(address, MANY)
        assert stop(process) == 0
        said = text_in(reader).splitlines()
        assert any("serving talkative:app" in line for line in said)  # what it takes at once is there at once
        assert sum("GET /talk" in line for line in said) < MANY  # and the test is one: it was full


def test_requests_are_answered_whose_log_nobody_reads():
    with pipe() as (reader, writer), serving(output=writer) as (address, process), HTTP1(address) as live:
        stream = live.request("/live")
        live.wait_for(stream, b"tick")
        fill(writer)
        os.read(reader, PAGE)
        with HTTP1(address) as client:
            for _ in range(100):
                response = client.request("/nowhere")
                client.wait_for_end(response)
                assert response.status == 404
        go_on(live, stream)
        assert stop(process) == 0
        assert 0 < text_in(reader).count("GET /nowhere") < 100  # and the test is one: it was full


def test_a_pipe_that_is_full_from_the_start_stops_neither_start_nor_stop():
    with pipe() as (_, writer):
        fill(writer)
        with serving(output=writer) as (address, process):
            use(address, 5)
            assert stop(process) == 0


def test_a_pipe_that_is_full_does_not_keep_an_error_of_the_command_from_being_one():
    with pipe() as (_, writer):
        fill(writer)
        with serving("--root-path", "nonsense", output=writer) as (_, process):
            assert process.wait(PATIENCE) == 2


def test_what_waited_is_written_once_somebody_reads_again_and_what_was_lost_is_counted():
    with pipe() as (reader, writer):
        with serving(output=writer) as (address, process):
            for _ in range(10):  # 1 MiB may wait, and 64 KiB are in the pipe
                assert status(address, "/talk?times=40") == 200
            text = ""
            while "lost here" not in text:
                assert select.select([reader], [], [], PATIENCE)[0]
                text += text_in(reader)
            assert status(address, "/fail") == 500
            assert stop(process) == 0
            said = (text + text_in(reader)).splitlines()
        (notice,) = [line for line in said if "lost here" in line]
        lost = int(re.match(r"chirp_trio: (\d+) lines were lost here: nobody read them", notice)[1])
        whole = [line for line in said if re.search(r"GET /talk|logged|printed", line)]
        assert len(whole) + lost == 10 * (40 + 4)
        assert said.index(notice) < next(index for index, line in enumerate(said) if "LookupError: failed" in line)


@pytest.mark.skipif(sys.platform != "linux", reason="a writer that does not wait is Linux's")
def test_two_processes_that_share_a_pipe_do_not_block_one_another():
    with pipe() as (_, writer), serving(output=writer) as one, serving(output=writer) as other:
        for _ in range(MANY):
            assert status(one[0], "/talk") == status(other[0], "/talk") == 200
        assert stop(one[1]) == stop(other[1]) == 0
