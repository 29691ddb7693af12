"""What the README says of its peers holds for those that are installed, as far as it can be tried in memory."""

import json
import subprocess
import sys

import pytest

from tests.docs.runner import ROOT
from tests.peers import table, trying
from tests.peers.apps import PEERS

INSTALLED = [name for name, (distribution, make) in PEERS.items() if make and table.installed(distribution)]
IN_MEMORY = [row for row in trying.ROWS if "worker stops" not in row]

TRY = """
import json, logging, warnings
warnings.simplefilter("ignore")
logging.disable()
from tests.peers import trying
from tests.peers.apps import PEERS
print(json.dumps({{name: {{row: trying.ROWS[row](*PEERS[name]) for row in {rows!r}}} for name in {names!r}}}))
"""


@pytest.fixture(scope="module")
def came():
    """What came when each peer was tried, in a process that warns of nothing and logs nothing."""
    command = [sys.executable, "-c", TRY.format(names=INSTALLED, rows=IN_MEMORY)]
    return json.loads(subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout)


@pytest.mark.parametrize("name", INSTALLED)
def test_the_table_is_right_about(name, came):
    said = table.read()
    wrong = {row: (said[row, name], cell) for row, cell in came[name].items() if not table.agree(said[row, name], cell)}
    assert wrong == {}


def test_the_table_has_a_column_for_each_of_them():
    assert {name for _, name in table.read()} >= set(PEERS)
    assert {row for row, _ in table.read()} >= set(trying.ROWS)
