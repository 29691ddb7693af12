"""The examples as their readers have them: modules that import one another by their plain names."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2] / "examples" / "dashboard"))
