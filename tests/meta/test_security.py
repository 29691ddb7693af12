"""SECURITY.md: what it names is there."""

import ast
import re
from pathlib import Path

from tests.cases import each_case

ROOT = Path(__file__).parents[2]
ROWS = [line for line in (ROOT / "SECURITY.md").read_text().splitlines() if line.startswith("| ") and " --- " not in line]
TESTS = sorted({name for row in ROWS for name in re.findall(r"`(tests/[^`]+)`", row)})


@each_case("name", TESTS)
def test_a_test_that_shows_a_bound_is_there(name):
    path, _, function = name.partition("::")
    tree = ast.parse((ROOT / path).read_text())
    assert function in {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_every_row_has_an_attacker_a_resource_a_bound_and_a_test():
    assert len(ROWS) > 30
    assert {row.count(" |") for row in ROWS} == {4}
