"""A stream's writer: what is put or closed from within a flush keeps its place."""

from contextvars import copy_context
from types import SimpleNamespace

from chirp_trio.stream.writer import Writer
from tests.cases import each_case


class Connection:
    """The way to a client that takes everything at once, as a `Sender` and as what that writes to."""

    def __init__(self):
        self.sent = []
        self.direct = None
        self.can_start_nowait = self.can_write_nowait = self.is_open = True
        self.body_bytes = 0

    def start_nowait(self, _headers, first):
        self.direct = self
        return self.write_nowait(first)

    def write_nowait(self, data):
        self.sent.append(data)
        self.body_bytes += len(data)
        return True


class DoesAtOnce:
    """A source that does something within the call that tells it of room."""

    def __init__(self, what):
        self.wake = what


def writer_to(connection, **options):
    host = SimpleNamespace(flusher=SimpleNamespace(flush_soon=lambda _writer: None), is_open=True)
    return Writer(connection, host, SimpleNamespace(since=0.0), headers=[], greeting=b"", context=copy_context(), **options)


def test_an_event_that_is_put_while_another_one_is_being_flushed_comes_before_those_that_are_published_then():
    connection = Connection()
    writer = writer_to(connection)
    writer.put(b"first ")
    writer.outbox.wake_at_space(DoesAtOnce(lambda: writer.put(b"second ")))
    writer.flush(1.0)
    writer.write(b"third ", 1, 1.0)
    writer.flush(2.0)
    writer.write(b"fourth ", 1, 3.0)

    assert connection.sent == [b"first ", b"second third ", b"fourth "]
    assert (writer.event_count, writer.byte_count) == (4, len(b"first second third fourth "))


@each_case("coding", [None, SimpleNamespace(encode=lambda pieces: b"*" * (3 + len(pieces)))])
def test_events_count_with_their_own_bytes_whether_they_are_compressed_and_whether_they_wait(coding):
    connection = Connection()
    writer = writer_to(connection, coding=coding)
    counted = []
    for event in (b"one ", b"three ", b"four ", b"five "):
        if event == b"four ":
            writer.put(event)
            writer.flush(2.0)
        else:
            writer.write(event, 1, 1.0)
            writer.flush(1.0)
        counted.append((writer.event_count, writer.byte_count))
    writer.close()

    assert counted == [(1, 4), (2, 10), (3, 15), (4, 20)]
    assert writer.byte_count == 20
    assert len(connection.sent) == 4


def test_a_writer_that_is_closed_while_an_event_is_being_flushed_sends_nothing_after_that():
    connection = Connection()
    writer = writer_to(connection)
    writer.put(b"first ")
    writer.outbox.wake_at_space(DoesAtOnce(writer.close))
    writer.flush(1.0)
    writer.write(b"second ", 1, 1.0)

    assert connection.sent == [b"first "]
