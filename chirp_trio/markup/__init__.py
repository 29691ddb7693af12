"""HTML, read once and in one way: as a tree, and what its attributes say to htmx about event streams.

`chirp-trio check` reads templates with it, and `chirp_trio.testing` what has come.
"""

from .htmx import CONNECT_2, CONNECT_4, connection_of, events_in, trigger_names
from .reading import Connection, Listener, Markup, read_markup
from .tree import BEGIN, END, HOLE, Element, parse_html

__all__ = [
    "BEGIN",
    "CONNECT_2",
    "CONNECT_4",
    "END",
    "HOLE",
    "Connection",
    "Element",
    "Listener",
    "Markup",
    "connection_of",
    "events_in",
    "parse_html",
    "read_markup",
    "trigger_names",
]
