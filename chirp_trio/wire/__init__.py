"""Bytes and events: what one server-sent event is, how it is written and how it is read.

Sans-IO: this room knows nothing of trio, sockets, templates, or the two ends of a connection.
"""

from .decode import Decoder, is_event_stream
from .event import (
    ABSENT,
    DATA_EVENT,
    HEARTBEAT,
    PLAIN,
    Comment,
    Encodable,
    Render,
    SSEEvent,
    encode_comment,
    encode_data,
    encode_event,
    encode_id,
    encode_item,
    encode_retry,
    is_event,
    unchecked_event,
)
from .html import HTML, SupportsHTML, as_html, check_swap
from .renderable import NoData, Renderable, copied_data, html_text
from .text import check_one_line, check_text
from .to_json import EncodeJSON, JSONDefault, check_json_default, encode_json, json_encoder

__all__ = [
    "ABSENT",
    "DATA_EVENT",
    "HEARTBEAT",
    "HTML",
    "PLAIN",
    "Comment",
    "Decoder",
    "Encodable",
    "EncodeJSON",
    "JSONDefault",
    "NoData",
    "Render",
    "Renderable",
    "SSEEvent",
    "SupportsHTML",
    "as_html",
    "check_json_default",
    "check_one_line",
    "check_swap",
    "check_text",
    "copied_data",
    "encode_comment",
    "encode_data",
    "encode_event",
    "encode_id",
    "encode_item",
    "encode_json",
    "encode_retry",
    "html_text",
    "is_event",
    "is_event_stream",
    "json_encoder",
    "unchecked_event",
]
