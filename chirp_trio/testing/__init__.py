"""Testing apps and their event streams: in memory, on the test's clock, with no task left behind.

Nothing in chirp_trio imports this room. It needs httpx: `pip install 'chirp-trio[testing]'`.
"""

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
    "cancel_everywhere",
]
