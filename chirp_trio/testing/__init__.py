"""Testing apps and their event streams, in memory on the test's clock or over real sockets, with no task left behind.

Nothing in chirp_trio imports this room. It needs httpx: `pip install 'chirp-trio[testing]'`.
"""

import importlib.util

if importlib.util.find_spec("httpx") is None:
    raise ModuleNotFoundError("chirp_trio.testing needs httpx: pip install 'chirp-trio[testing]'", name="httpx")

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
from .deadline import AppStillRunning
from .exchange import AppError
from .hosting import LeftBehind
from .result import SSERefused, SSEResult, SSETimeout
from .sse import SSEStream
from .stores import check_store
from .transport import ASGITransport

__all__ = [
    "ASGITransport",
    "AppError",
    "AppStillRunning",
    "LeftBehind",
    "SSERefused",
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
    "check_store",
]
