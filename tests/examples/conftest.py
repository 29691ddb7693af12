"""The examples as their readers have them: modules that import one another by their plain names."""

import sys
from pathlib import Path

EXAMPLES = Path(__file__).parents[2] / "examples"

sys.path += [str(EXAMPLES / name) for name in ("dashboard", "chat", "progress", "todo")]
