"""`python -m chirp_trio`, which needs no script on the path."""

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
