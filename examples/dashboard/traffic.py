"""What chirp_trio itself does for this page: its streams, and what they carry."""

from dataclasses import dataclass

import trio

from chirp_trio import LiveStreams


@dataclass(frozen=True, slots=True)
class Rates:
    """What went out since the look before, in a second: events, and their bytes; None before there were two looks."""

    events: float | None = None
    bytes: float | None = None


class Traffic:
    """Looks at the streams of an app, now and then.

    Args:
        streams: The streams.
    """

    def __init__(self, streams: LiveStreams) -> None:
        self._streams = streams
        self._before: tuple[float, int, int] | None = None
        self.rates = Rates()

    def look(self) -> None:
        """Take the rates anew."""
        now = trio.current_time(), self._streams.events, self._streams.bytes
        if self._before is not None and now[0] > self._before[0]:
            seconds, events, sent = (late - early for late, early in zip(now, self._before, strict=True))
            self.rates = Rates(events / seconds, sent / seconds)
        self._before = now
