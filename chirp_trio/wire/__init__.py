"""Bytes and events: what one server-sent event is, how it is written and how it is read.

Sans-IO: this room knows no trio, no sockets, no templates, and nothing of who sends or listens.
"""

from .decode import Decoder, is_event_stream
from .encode import ABSENT, HEARTBEAT, check_text, encode_comment, encode_data, encode_event, encode_id, encode_retry
from .event import Comment, SSEEvent, check_one_line
from .html import HTML, SupportsHTML, as_html, check_swap
from .renderable import NoData, Renderable, html_text
from .to_json import EncodeJSON, JSONDefault, check_json_default, encode_json, json_encoder

__all__ = [
    "ABSENT",
    "HEARTBEAT",
    "HTML",
    "Comment",
    "Decoder",
    "EncodeJSON",
    "JSONDefault",
    "NoData",
    "Renderable",
    "SSEEvent",
    "SupportsHTML",
    "as_html",
    "check_json_default",
    "check_one_line",
    "check_swap",
    "check_text",
    "encode_comment",
    "encode_data",
    "encode_event",
    "encode_id",
    "encode_json",
    "encode_retry",
    "html_text",
    "is_event_stream",
    "json_encoder",
]
