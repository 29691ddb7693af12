"""What is due in a stream at a time: a heartbeat, or an end. A part of `LiveStream`, for the host's one timer."""

import logging
from typing import TYPE_CHECKING

from .ending import Ending

if TYPE_CHECKING:
    from .lifecycle import LiveStream

logger = logging.getLogger("chirp_trio.stream")


def look(stream: LiveStream, now: float) -> float | None:
    """Do what is due in the stream at this time; return when to look again.

    It asks to be called again within `send_timeout`, so that a send that begins in the meantime is seen in time.
    """
    if stream.ending is not None:
        return _look_for_source(stream, now)
    if now >= stream._expires:
        stream.end(Ending.EXPIRED)
        return None
    due = _look_at_client(stream, now)
    return due if due is None else min(due, stream._expires)


def _look_at_client(stream: LiveStream, now: float) -> float | None:
    settings = stream._stream
    if not stream._begun and now < stream._since + settings.start_grace:
        return stream._since + settings.start_grace
    if stream._sending_since is not None:
        if now < stream._sending_since + settings.send_timeout:
            return stream._sending_since + settings.send_timeout
        stream.end(Ending.STALLED)
        return None
    due = now + settings.send_timeout
    if settings.heartbeat_interval is not None:
        if now >= stream._last_sent + settings.heartbeat_interval:
            stream._last_sent = now
            if stream._revalidation is None:
                stream.beat()
            else:
                stream._revalidation.before_heartbeat()
        due = min(due, stream._last_sent + settings.heartbeat_interval)
    if not stream._begun:
        stream._write_soon()
    return due


def _look_for_source(stream: LiveStream, now: float) -> float | None:
    if stream._source_closed:
        return None
    if now < stream._since + stream._stream.cleanup_timeout:
        return stream._since + stream._stream.cleanup_timeout
    logger.warning(
        "%s: its source is still cleaning up %g s after the end (%s), and is not waited for",
        stream._name, stream._stream.cleanup_timeout, stream.ending,
    )  # fmt: skip
    stream._source_late = True
    stream._write_soon()
    return None
