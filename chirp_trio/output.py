"""Standard error and standard output that nobody reads, or that cannot be written to, and that stop nobody.

A pipe takes some bytes, 64 KiB on Linux, and then blocks who writes to it until somebody reads. In a server that is the
thread in which all requests are served: one log that is not read any more would stop them all, and the server's end as well.
"""

import atexit
import io
import os
import stat
import sys
import threading
import time
from collections import deque
from collections.abc import Buffer, Iterator
from contextlib import contextmanager, suppress
from typing import TextIO, cast
from weakref import WeakSet

_LIMIT = 1024 * 1024  # bytes that wait to be written; what comes after them is lost
_AT_THE_END = 1.0  # seconds that a process waits at its end for what is not written yet
_NOWAIT = getattr(os, "RWF_NOWAIT", None)  # writing what can be written without waiting: Linux


class NonBlockingWriter(io.RawIOBase):
    r"""A file whose `write()` neither blocks nor fails.

    What a pipe or a socket takes at once is written at once. The rest waits in memory, for a thread to write it when somebody
    reads again. Where too much waits, what comes is lost; a line tells later how many lines these were.

    Args:
        fd: The file's descriptor. It stays open when this is closed.
        limit: How many bytes may wait; default 1 MiB.

    Example:
        >>> reader, writer = os.pipe()
        >>> NonBlockingWriter(writer).write(b"a line\n"), os.read(reader, 100)
        (7, b'a line\n')
    """

    def __init__(self, fd: int, *, limit: int = _LIMIT) -> None:
        super().__init__()
        self._fd = fd
        self._limit = limit
        self._is_file = stat.S_ISREG(os.fstat(fd).st_mode)
        self._begin()
        _writers.add(self)

    def _begin(self) -> None:
        self._process = os.getpid()
        self._waiting: deque[bytes] = deque()
        self._size = 0  # of what waits, and of what the thread is writing
        self._lost = 0  # lines, since the last one that was written
        self._is_lost_in_part = False  # whether the end of the last of them is still to come
        self._thread: threading.Thread | None = None
        # Reentrant: what is found to be garbage within may write as well.
        self._changed = threading.Condition(threading.RLock())

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._fd

    def isatty(self) -> bool:
        return os.isatty(self._fd)

    def write(self, data: Buffer, /) -> int:
        """Take all of the bytes; return how many they are."""
        if self._process != os.getpid():  # a fork: thread, and what waits for it, are the other process's
            self._begin()
        given = bytes(data)
        with self._changed:
            rest = given if self._size or self._lost else self._write_at_once(given)
            if rest:
                self._keep(rest)
        return len(given)

    def drain(self, seconds: float) -> None:
        """Wait until all is written, but no longer than so many seconds."""
        if self._process == os.getpid():
            with self._changed:
                self._changed.wait_for(lambda: not self._size, seconds)

    def _write_at_once(self, data: bytes) -> bytes:
        """Write what can be written without waiting; return the rest."""
        with suppress(OSError):  # it would have to wait, cannot be asked not to (a terminal), or fails: the thread sees
            while data and (self._is_file or _NOWAIT is not None):
                taken = os.write(self._fd, data) if self._is_file else os.pwritev(self._fd, [data], -1, _NOWAIT or 0)
                data = data[taken:]
        return data

    def _keep(self, data: bytes) -> None:
        """Have the thread write it."""
        if self._size and (self._lost or self._size + len(data) > self._limit):
            self._lose(data)
            return
        if self._thread is None:
            thread = threading.Thread(target=self._write_all, name="chirp_trio output", daemon=True)
            try:
                thread.start()
            except RuntimeError:  # the system has none to give
                self._lose(data)
                return
            self._thread = thread
        self._waiting.append(data)
        self._size += len(data)
        self._is_lost_in_part = False  # the line that is lost ends with this
        self._changed.notify_all()

    def _lose(self, data: bytes) -> None:
        """Count its lines as lost; one that is lost in several parts counts once."""
        if data:
            is_part = not data.endswith(b"\n")
            self._lost += data.count(b"\n") + is_part - self._is_lost_in_part
            self._is_lost_in_part = is_part

    def _write_all(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting)
                data = b"".join(self._waiting)
                self._waiting.clear()
            rest = self._write_patiently(data)
            with self._changed:
                self._size -= len(data)
                self._lose(rest)
                if self._lost and not rest and not self._waiting:
                    lines = "1 line was" if self._lost == 1 else f"{self._lost} lines were"
                    notice = f"chirp_trio: {lines} lost here: nobody read them, or they could not be written\n".encode()
                    self._waiting.append(notice)
                    self._size += len(notice)
                    self._lost, self._is_lost_in_part = 0, False
                self._changed.notify_all()

    def _write_patiently(self, data: bytes) -> bytes:
        """Write all, however long that takes; return what cannot be written."""
        while data:
            try:
                data = data[os.write(self._fd, data) :]
            except BlockingIOError:  # somebody has made it non-blocking
                time.sleep(0.1)
            except OSError:
                break
        return data


_writers: WeakSet[NonBlockingWriter] = WeakSet()


def unblocked(stream: TextIO) -> TextIO:
    """The same text file, with writing that neither blocks nor fails; as it is where the system has no file for it."""
    if isinstance(getattr(stream, "buffer", None), NonBlockingWriter):
        return stream
    try:
        stream.flush()
        return _text_file(stream.fileno(), stream.encoding)
    except OSError, ValueError:  # a StringIO, or what a test captures; or it cannot be written to
        return stream


@contextmanager
def unblocked_output() -> Iterator[None]:
    """For a block, writing to standard error, and to a standard output that is no terminal, neither blocks nor fails.

    A terminal's standard output stays as it is, for debuggers, which ask their questions there.
    """
    _occupy_descriptors()
    before = sys.stdout, sys.stderr
    # Where Python was started without one of them, `print()` would write to the other.
    output, error = (stream or _text_file(number, "utf-8") for number, stream in enumerate(before, 1))
    sys.stdout, sys.stderr = output if output.isatty() else unblocked(output), unblocked(error)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before
        drain_output()


def drain_output(seconds: float = _AT_THE_END) -> None:
    """Wait until all output is written, but no longer than so many seconds: for whoever is about to end the process."""
    end = time.monotonic() + seconds
    for writer in list(_writers):
        writer.drain(max(0.0, end - time.monotonic()))


def _occupy_descriptors() -> None:
    """Open nothing in the place of what the process was started without, or a client's connection may come to be there."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest that is free


def _text_file(descriptor: int, encoding: str) -> TextIO:
    # A raw file in the place of a buffer, as Python itself has it with `-u`.
    writer = cast(io.BufferedWriter, NonBlockingWriter(descriptor))
    return io.TextIOWrapper(writer, encoding, "backslashreplace", line_buffering=True)


atexit.register(drain_output)
