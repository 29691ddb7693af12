"""The example of to-do lists, in which to make a hash of a password costs next to nothing."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3] / "examples" / "todo"))

import accounts
from todo import app as app

accounts.COST = 2
