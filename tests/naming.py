"""Names for the values that tests are run with."""

import re


def name_of(value):
    """What to call a value in the name of a test: the same in every process."""
    return re.sub(" at 0x[0-9a-f]+", "", ascii(value))
