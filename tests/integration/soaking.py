"""How long the tests take that find more the longer they run."""

import os

LONG = float(os.environ.get("CHIRP_TRIO_SOAK", 0))  # seconds
