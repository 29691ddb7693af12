"""Writing that neither blocks nor fails: pipes, files and descriptors of every state, in memory and without a server."""

import io
import os
import socket
import sys
import threading

import pytest

from chirp_trio.output import NonBlockingWriter, drain_output, unblocked, unblocked_output
from tests.cases import each_case


@pytest.fixture
def pipe():
    reader, writer = os.pipe()
    yield reader, writer
    os.close(reader)
    os.close(writer)


def read(reader, size):
    """Exactly so many bytes."""
    data = b""
    while len(data) < size:
        data += os.read(reader, size - len(data))
    return data


def test_everything_arrives_in_order_however_slowly_it_is_read(pipe):
    reader, writer = pipe
    file = NonBlockingWriter(writer)
    lines = [b"%d %s\n" % (number, b"x" * (number % 500)) for number in range(2000)]
    for line in lines:
        assert file.write(line) == len(line)
    assert read(reader, sum(map(len, lines))) == b"".join(lines)


def test_what_is_too_much_is_lost_in_whole_writes_and_counted(pipe):
    reader, writer = pipe
    file = NonBlockingWriter(writer, limit=10_000)
    lines = [b"%05d %s\n" % (number, b"x" * 93) for number in range(2000)]
    for line in lines:
        file.write(line)
    text = b""
    while b"lost here" not in text:
        text += os.read(reader, 65536)
    kept, notice = text.rstrip(b"\n").split(b"\n")[:-1], text.rstrip(b"\n").split(b"\n")[-1]
    assert [line + b"\n" for line in kept] == lines[: len(kept)]
    assert notice.decode() == (
        f"chirp_trio: {2000 - len(kept)} lines were lost here: nobody read them, or they could not be written"
    )
    assert len(kept) < 2000
    file.write(b"after\n")
    assert read(reader, 6) == b"after\n"


def test_one_lost_line_is_counted_in_the_singular(pipe):
    reader, writer = pipe
    file = NonBlockingWriter(writer, limit=10)
    file.write(b"x" * 100_000)
    file.write(b"lost\n")
    text = b""
    while b"lost here" not in text:
        text += os.read(reader, 65536)
    assert text == b"x" * 100_000 + b"chirp_trio: 1 line was lost here: nobody read them, or they could not be written\n"


def test_a_long_line_that_is_lost_in_parts_is_counted_once(pipe):
    """Python writes the end of a line by itself where the rest is longer than eight kilobytes."""
    reader, writer = pipe
    file = NonBlockingWriter(writer, limit=150_000)
    for _ in range(5):
        file.write(b"x" * 100_000)
        file.write(b"\n")
    text = b""
    while b"lost here" not in text:
        text += os.read(reader, 65536)
    kept, _, notice = text.rpartition(b"\nchirp_trio: ")
    assert set(kept.split(b"\n")) == {b"x" * 100_000}
    assert notice.startswith(b"%d lines were lost here: " % (5 - len(kept.split(b"\n"))))


def test_a_line_whose_end_is_kept_is_not_taken_for_a_part_of_the_next_one(pipe):
    file = NonBlockingWriter(pipe[1])
    file._thread = threading.current_thread()  # which writes nothing
    file._lose(b"one\nhalf of")  # what could not be written of a piece
    file.write(b" two\n")
    file.write(b"three\n")
    assert file._lost == 3


def test_a_socket_that_nobody_reads_blocks_nobody():
    one, other = socket.socketpair()
    with one, other:
        file = NonBlockingWriter(one.fileno())
        for _ in range(2000):
            file.write(b"x" * 1000)
        assert len(other.recv(65536)) > 0


@each_case("path", ["/dev/full", "/dev/null"])
def test_a_device_is_written_to_whatever_comes_of_it(path):
    descriptor = os.open(path, os.O_WRONLY)
    file = NonBlockingWriter(descriptor)
    for _ in range(100):
        assert file.write(b"a line\n") == 7
    file.drain(60)
    os.close(descriptor)


def test_a_pipe_whose_reader_has_left_takes_all():
    reader, writer = os.pipe()
    file = NonBlockingWriter(writer)
    os.close(reader)
    for _ in range(100):
        assert file.write(b"a line\n") == 7
    file.drain(60)
    os.close(writer)


def test_a_file_is_written_at_once(tmp_path):
    with (tmp_path / "log").open("a") as log:
        file = unblocked(log)
        print("one line", file=file)
        assert (tmp_path / "log").read_text() == "one line\n"


def test_a_terminal_is_written_to():
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    file = NonBlockingWriter(theirs)
    assert file.isatty()
    file.write(b"a line\n")
    file.drain(60)
    assert os.read(ours, 100) == b"a line\r\n"
    os.close(ours)
    os.close(theirs)


def test_text_that_the_encoding_does_not_have_fails_nobody(pipe):
    reader, writer = pipe
    with open(writer, "w", encoding="ascii", closefd=False) as stream:
        print("caf\xe9 \ud800", file=unblocked(stream))
    assert os.read(reader, 100) == b"caf\\xe9 \\ud800\n"


def test_what_is_no_file_of_the_system_stays_as_it_is():
    file = io.StringIO()
    assert unblocked(file) is file


def test_a_file_is_made_non_blocking_once(pipe):
    with open(pipe[1], "w", closefd=False) as stream:
        file = unblocked(stream)
        assert unblocked(file) is file


def test_without_a_thread_lines_are_lost_and_nothing_else(pipe, monkeypatch):
    reader, writer = pipe
    file = NonBlockingWriter(writer)

    def refuse(self):
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        file.write(b"x" * 100_000)
        file.write(b"a line\n")
    file.write(b"another\n")  # now there is one
    text = b""
    while b"lost here" not in text:
        text += os.read(reader, 65536)
    assert text.endswith(b"another\nchirp_trio: 1 line was lost here: nobody read them, or they could not be written\n")


def test_a_process_that_was_forked_writes_for_itself(pipe):
    reader, writer = pipe
    file = NonBlockingWriter(writer)
    file.write(b"x" * 100_000)  # so that there is a thread, which the other process will not have
    child = os.fork()
    if not child:
        try:
            file.write(b"y" * 1000)
            file.drain(60)
        finally:
            os._exit(0)
    data = read(reader, 101_000)
    os.waitpid(child, 0)
    assert (data.count(b"x"), data.count(b"y")) == (100_000, 1000)


def test_draining_waits_no_longer_than_it_is_told(pipe):
    file = NonBlockingWriter(pipe[1])
    file.write(b"x" * 100_000)
    file.drain(0)
    drain_output(0)
    read(pipe[0], 100_000)
    file.drain(60)


def test_the_block_gives_the_process_its_own_back(pipe, monkeypatch):
    with open(pipe[1], "w", closefd=False) as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        monkeypatch.setattr(sys, "stderr", None)
        with unblocked_output():
            print("on standard output")
            print("on standard error, which the process has none of", file=sys.stderr)
            assert sys.stdout is not stream
        assert (sys.stdout, sys.stderr) == (stream, None)
    assert os.read(pipe[0], 100) == b"on standard output\n"
