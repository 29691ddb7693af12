"""Servers whose standard output and standard error nobody reads, or that have none, or none that can be written to."""

import os
import re
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


def start_redirected(redirection, command, number):
    """A Python of its own, since it is Python that finds no output at its beginning: under a shell that redirects."""
    shell = ["bash", "-c", f"exec {shlex.join(map(str, command))} {redirection}"]
    null = subprocess.DEVNULL
    return subprocess.Popen(shell, cwd=APPS, stdin=null, stdout=null, stderr=null, pass_fds=[number])


@contextmanager
def serving(*arguments, output=None, redirection=""):
    """`chirp-trio run` whose output goes there, or is redirected; gives the address and the process."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        number = listener.fileno()
        options = ["--access-log", "--bind", f"fd://{number}", *arguments]
        command = [SCRIPTS / "chirp-trio", "run", *options, "talkative:app"]
        if output is None:
            process = start_redirected(redirection, command, number)
        else:
            process = forking.servers.start(command, cwd=APPS, env=os.environ, output=output, inherited=[number])
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


@pytest.mark.parametrize(
    "redirection",
    ["2>&-", ">&-", "<&- >&- 2>&-", "2>/dev/full", ">/dev/full 2>&1", "2> >(true)", "> >(true) 2>&1", "2</dev/null"],
)
def test_output_that_cannot_be_written_to_stops_nobody(redirection):
    with serving(redirection=redirection) as (address, process):
        use(address, 5)
        assert stop(process) == 0


@contextmanager
def pipe():
    reader, writer = os.pipe()
    try:
        yield reader, writer
    finally:
        os.close(reader)
        os.close(writer)


def fill(writer):
    """Write until it takes no more."""
    os.set_blocking(writer, False)
    try:
        while True:
            os.write(writer, b"x" * 4095 + b"\n")
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


def test_a_thousand_requests_are_answered_whose_log_nobody_reads():
    with pipe() as (reader, writer), serving(output=writer) as (address, process), HTTP1(address) as live:
        stream = live.request("/live")
        live.wait_for(stream, b"tick")
        with HTTP1(address) as client:
            for _ in range(1000):
                response = client.request("/nowhere")
                client.wait_for_end(response)
                assert response.status == 404
        go_on(live, stream)
        assert stop(process) == 0
        assert text_in(reader).count("GET /nowhere") < 1000  # and the test is one: it was full


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
            requests = 400
            for _ in range(requests):  # 1 MiB may wait, and 64 KiB are in the pipe
                assert status(address, "/talk") == 200
            text = ""
            while "lost here" not in text:
                text += text_in(reader)
            assert status(address, "/fail") == 500
            assert stop(process) == 0
            said = (text + text_in(reader)).splitlines()
        (notice,) = [line for line in said if "lost here" in line]
        lost = int(re.match(r"chirp_trio: (\d+) lines were lost here: nobody read them", notice)[1])
        whole = [line for line in said if re.search(r"GET /talk|logged|printed", line)]
        assert len(whole) + lost == 5 * requests
        assert said.index(notice) < next(index for index, line in enumerate(said) if "LookupError: failed" in line)


@pytest.mark.skipif(sys.platform != "linux", reason="a writer that does not wait is Linux's")
def test_two_processes_that_share_a_pipe_do_not_block_one_another():
    with pipe() as (_, writer), serving(output=writer) as one, serving(output=writer) as other:
        for _ in range(MANY):
            assert status(one[0], "/talk") == status(other[0], "/talk") == 200
        assert stop(one[1]) == stop(other[1]) == 0
