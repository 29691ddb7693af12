"""One connection: an `EventStream`, the user's source, and the nursery that owns them from first byte to last.

    description      what to stream and how: the settings of a stream (`event_stream` makes a response of it)
    lifecycle        one stream while it is served: its nursery, its tasks, and every way to end
    producer         the source and its task; `source` says what may be one, `push_source` which ones need no task
    writer, sender   what is sent, and the way to the client; `waiting` is what waits on that way
    outcome          whether the stream has ended, and why: what its tasks share
    host, registry   where streams live, and which streams an app has; `placement` finds both for a request

This room knows the wire and ASGI's messages. It must not know apps, templates, topics or any server; of
htmx it knows only how to tell its requests (`client`), and how it wants HTML (`htmx`).
"""

from .client import last_event_id
from .event_stream import EventStream, respond
from .host import StreamHost, open_stream_host
from .lifespan import StreamLifespan, stream_lifespan
from .limits import Limits
from .placement import Placement
from .registry import Hook, LiveStreams, StreamRegistry
from .snapshot import Ending, StreamSnapshot

__all__ = [
    "Ending",
    "EventStream",
    "Hook",
    "Limits",
    "LiveStreams",
    "Placement",
    "StreamHost",
    "StreamLifespan",
    "StreamRegistry",
    "StreamSnapshot",
    "last_event_id",
    "open_stream_host",
    "respond",
    "stream_lifespan",
]
