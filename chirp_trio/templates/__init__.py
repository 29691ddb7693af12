"""Templates: the values that stand for them, which handlers return and sources yield, and the engine that renders them.

This room knows files and kida, which it loads when the first template is asked for. It must not know requests, streams, nor
which client a piece of a page is for.
"""

from .templates import Templates
from .values import OOB, Fragment, Page, Stream, Template, TemplateValue, ValidationError

__all__ = ["OOB", "Fragment", "Page", "Stream", "Template", "TemplateValue", "Templates", "ValidationError"]
