"""Looks for mistakes in an app without running it: what its pages ask for, against what its routes have to offer.

It reads the routes of an `App`, its templates and its Python files. It calls no handler, opens no socket, and does not enter
the lifespan. What cannot be known, it leaves alone.
"""

from .app import check_app
from .finding import Finding

__all__ = ["Finding", "check_app"]
