"""`python -m tests.peers`: try what the README's table says, print it, and exit with 1 where it has become wrong."""

import logging
import sys
import warnings

from . import table, trying
from .apps import PEERS


def main() -> int:
    warnings.simplefilter("ignore")
    logging.disable()
    said, wrong = table.read(), 0
    for name, (distribution, make) in PEERS.items():
        version = table.installed(distribution)
        print(f"\n{name} {version or 'is not installed'}")
        if version is None:
            continue
        for row, attempt in trying.ROWS.items():
            came = table.NOT_TRIED if make is None and attempt is not trying.python else attempt(distribution, make)
            says = said[row, name]
            agrees = table.agree(says, came)
            wrong += not agrees
            print(f"  {'ok   ' if agrees else 'WRONG'} {row}: {says}" + ("" if agrees else f"; it is {came}"), flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
