"""How long the tests take that find more the longer they run, and what their lot is drawn from."""

import os

LONG = float(os.environ.get("CHIRP_TRIO_SOAK", 0))  # seconds; 0: as short as in a run of all tests
SEED = int(os.environ.get("CHIRP_TRIO_SEED", 1))
