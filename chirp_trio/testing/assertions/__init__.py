"""Assertions about fragments, pages and streams. Their messages show what came instead.

They are plain functions that raise `AssertionError`, so they work without pytest, too.
"""

from .closing import assert_closed_cleanly
from .fragments import assert_fragment_contains, assert_fragment_not_contains, assert_is_error_fragment, assert_is_fragment
from .wiring import assert_sse_wired

__all__ = [
    "assert_closed_cleanly",
    "assert_fragment_contains",
    "assert_fragment_not_contains",
    "assert_is_error_fragment",
    "assert_is_fragment",
    "assert_sse_wired",
]
