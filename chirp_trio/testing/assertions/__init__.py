"""What tests of fragments, of pages and of their streams want to know; each assertion says what came instead.

Plain functions that raise `AssertionError`, of use with and without pytest.
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
