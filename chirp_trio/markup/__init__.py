"""HTML as a tree: a page that has come, or the text of a template.

This room knows nothing of htmx, whose room reads pages with it, nor of what a tree is read for.
"""

from .tree import BEGIN, END, HOLE, Element, parse_html

__all__ = ["BEGIN", "END", "HOLE", "Element", "parse_html"]
