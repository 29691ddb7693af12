"""Bytes and events: what one server-sent event is, how it is written and how it is read.

Sans-IO: this room knows no trio, no sockets, no templates, and nothing of who sends or listens.
"""

from .decode import Decoder, is_event_stream
from .encode import (
    HEARTBEAT,
    Renderable,
    check_text,
    encode_comment,
    encode_data,
    encode_event,
    encode_id,
    encode_json,
    encode_retry,
)
from .event import Comment, SSEEvent, check_one_line

__all__ = [
    "HEARTBEAT",
    "Comment",
    "Decoder",
    "Renderable",
    "SSEEvent",
    "check_one_line",
    "check_text",
    "encode_comment",
    "encode_data",
    "encode_event",
    "encode_id",
    "encode_json",
    "encode_retry",
    "is_event_stream",
]
