"""What the README says of its peers holds for those that are installed, as far as it can be tried in memory."""

import subprocess
import sys

import pytest

from tests.docs.runner import ROOT
from tests.peers import table, trying
from tests.peers.apps import PEERS

INSTALLED = [name for name, (distribution, make) in PEERS.items() if make and table.installed(distribution)]
IN_MEMORY = [row for row in trying.ROWS if "worker stops" not in row]

ONE = """
import logging, warnings
warnings.simplefilter("ignore")
logging.disable()
from tests.peers import trying
from tests.peers.apps import PEERS
distribution, make = PEERS[{name!r}]
for row in {rows!r}:
    print(trying.ROWS[row](distribution, make))
"""


@pytest.mark.parametrize("name", INSTALLED)
def test_the_table_is_right_about(name):
    said = table.read()
    command = [sys.executable, "-c", ONE.format(name=name, rows=IN_MEMORY)]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    came = {row: None if line == "None" else line for row, line in zip(IN_MEMORY, printed, strict=True)}
    wrong = {row: (said[row, name], line) for row, line in came.items() if not table.agree(said[row, name], line)}
    assert wrong == {}


def test_the_table_has_a_column_for_each_of_them():
    assert {name for _, name in table.read()} >= set(PEERS)
    assert {row for row, _ in table.read()} >= set(trying.ROWS)
