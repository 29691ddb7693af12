"""Testing apps and their event streams: in memory, on the test's clock, with no task left behind.

Nothing in chirp_trio imports this room. It needs httpx: `pip install 'chirp-trio[testing]'`.
"""

from .assertions import (
    assert_closed_cleanly,
    assert_fragment_contains,
    assert_fragment_not_contains,
    assert_is_error_fragment,
    assert_is_fragment,
    assert_sse_wired,
)
from .cancellation import cancel_everywhere
from .client import TestClient
from .sse import SSEResult, SSEStream, SSETimeout
from .transport import AppError, AppStillRunning, ASGITransport

__all__ = [
    "ASGITransport",
    "AppError",
    "AppStillRunning",
    "SSEResult",
    "SSEStream",
    "SSETimeout",
    "TestClient",
    "assert_closed_cleanly",
    "assert_fragment_contains",
    "assert_fragment_not_contains",
    "assert_is_error_fragment",
    "assert_is_fragment",
    "assert_sse_wired",
    "cancel_everywhere",
]
