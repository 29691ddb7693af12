"""`python -m chirp_trio.cli`, which needs no script on the path."""

import sys

from . import main

if __name__ == "__main__":
    sys.exit(main())
