"""Feeds that put a topic's events into a stream without a task for each stream."""

from typing import override

import trio

from ..failures import failure_of
from ..stream.push_source import Sink
from ..stream.waiting import Flushable
from .subscriber import Subscriber


class SubscriberFeed(Flushable):
    """Puts the events of a subscriber into a stream, in the turns of the stream's flusher.

    It does the work of `Subscriber.push()` for a subscriber that waits only for events and for room in the stream.

    Args:
        subscriber: The subscriber.
        sink: The stream.
    """

    __slots__ = ("_is_closed", "_sink", "_subscriber")

    def __init__(self, subscriber: Subscriber, sink: Sink) -> None:
        self._subscriber = subscriber
        self._sink = sink
        self._is_closed = False
        subscriber.enter()
        try:
            subscriber.put_place(sink)
            self._put_what_there_is(trio.current_time())
        except BaseException:
            self.close()
            raise

    def wake(self) -> None:
        """Go on in the flusher's next turn, because there are new events or there is room."""
        if not self._is_closed:
            self._sink.writer.flusher.flush_soon(self)

    @override
    def flush(self, now: float) -> None:
        """Put the events that there are into the stream."""
        if self._is_closed:
            return
        self._subscriber.end_waiting()
        try:
            self._put_what_there_is(now)
        except BaseException as raised:
            self._end(failure_of(raised))

    def close(self) -> None:
        """See `Feed`."""
        if not self._is_closed:
            self._is_closed = True
            self._subscriber.end_waiting()
            self._subscriber.leave()

    def _put_what_there_is(self, now: float) -> None:
        writer = self._sink.writer
        while writer.outbox.has_room:
            if not self._put_some():
                if self._subscriber.gets_no_more:
                    self._end(None)
                else:
                    self._subscriber.begin_waiting(self, self._sink)
                return
        writer.outbox.wake_at_space(self)
        writer.flush(now)  # a full outbox is written at once, before other streams have their turn

    def _put_some(self) -> bool:
        """Put the next events into the stream, a few kilobytes at most. True: there were some."""
        subscriber, seat = self._subscriber, self._subscriber.seat
        seat.is_done_with_all()
        if subscriber.is_in_step:
            before = seat.position
            subscriber.put_joined(self._sink)
            return seat.position > before
        events = subscriber.read()  # it is behind: a gap tells the client
        for event in events:
            self._sink.put(event)
        return bool(events)

    def _end(self, error: Exception | None) -> None:
        self.close()
        self._sink.end(error)
