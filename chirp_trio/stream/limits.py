"""The limits of an app's streams: their number, their age, and the reconnection times of their clients."""

from dataclasses import dataclass
from types import NoneType

from ..arguments import check_count, check_seconds, check_type, is_seconds
from ..errors import ConfigurationError

# See `Limits.max_write_delay`.
MAX_WRITE_DELAY = 0.005


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of the streams of an app that is not an `App`, for `stream_lifespan()`; an `AppConfig` has the same.

    Args:
        max_streams: How many event streams there may be; one more is refused with a 503; default: no limit.
        max_streams_per_client: How many there may be to one client's address, or IPv6 network of 64 bits; one more is refused
            with a 429; default: no limit.
        max_age: Seconds after which an event stream ends, a tenth more or less at random, so that clients do not all
            reconnect at once; default: no limit.
        reconnect_after: How many seconds clients shall wait before they come back when the server stops: each is told a
            time at random between the two; default 1 to 5; None tells them nothing.
        reconnection_time: How many seconds clients shall wait before they come back whenever else a connection is lost.
            They are told when a stream begins, because what they were told by a server that stopped stays with them
            otherwise; so not where `reconnect_after` is None. Default 3; None tells them nothing.
        max_write_delay: How many seconds events may wait, while more come than can be written one by one, so that they are
            written in one piece. It is not waited for longer than the last such turn of all streams has taken, and an event
            that comes alone is written at once. Default 0.005; with 0 none waits.

    Raises:
        ConfigurationError: A limit is zero, negative, or otherwise out of range; the message says what is allowed.
        TypeError: A limit is not a number.

    Example:
        >>> Limits(max_streams=10_000, max_streams_per_client=20).max_age is None
        True
    """

    max_streams: int | None = None
    max_streams_per_client: int | None = None
    max_age: float | None = None
    reconnect_after: tuple[float, float] | None = (1.0, 5.0)
    reconnection_time: float | None = 3.0
    max_write_delay: float = MAX_WRITE_DELAY

    def __post_init__(self) -> None:
        for name in ("max_streams", "max_streams_per_client"):
            if (number := getattr(self, name)) is not None:
                check_count(name, number, least=1, of="a number of streams", otherwise=", or None for no limit")
        if self.max_age is not None:
            check_seconds("max_age", self.max_age, otherwise=", or None for no limit")
        told = "a tuple of two times in seconds, the shorter one first, or None, and clients are told nothing"
        check_type("reconnect_after", self.reconnect_after, (tuple, NoneType), told)
        told = "a time in seconds, or None, and clients are told none"
        check_type("reconnection_time", self.reconnection_time, (int, float, NoneType), told)
        if self.reconnect_after is not None and not _is_range(self.reconnect_after):
            raise ConfigurationError(
                f"reconnect_after is {self.reconnect_after!r}; it must be a tuple of two times in seconds, the shorter one "
                "first, or None, and clients are told nothing"
            )
        if self.reconnection_time is not None and not is_seconds(self.reconnection_time):
            raise ConfigurationError(
                f"reconnection_time is {self.reconnection_time!r}; it must be a time in seconds, or None, and clients are "
                "told none"
            )
        check_seconds("max_write_delay", self.max_write_delay, least=0)


def _is_range(value: object) -> bool:
    return isinstance(value, tuple) and len(value) == 2 and all(map(is_seconds, value)) and value[0] <= value[1]
