"""HTML as a tree: a page that has come, or the text of a template."""

from .tree import BEGIN, END, HOLE, Element, parse_html

__all__ = ["BEGIN", "END", "HOLE", "Element", "parse_html"]
