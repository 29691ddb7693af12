"""The faults that the mutation run puts into a source are faults, and each is one."""

import ast
from pathlib import Path

from tests.cases import each_case
from tests.mutation.mutants import all_mutants, mutants_of

ROOT = Path(__file__).parents[2]
HERE = Path("here.py")


def faults(source):
    return [mutant.apply(source) for mutant in mutants_of(HERE, source)]


@each_case(
    ("source", "expected"),
    [
        ("x = a < b", ["x = a <= b"]),
        ("x = a is not b", ["x = a is b"]),
        ("x = a in (b)", ["x = a not in (b)"]),
        ("x = a and b", ["x = a or b"]),
        ("x = a - b", ["x = a + b"]),
        ("x = not (a)", ["x = (a)"]),
        ("x = 1", ["x = 2"]),
        ("x = True", ["x = False"]),
        ("if a: b()", ["if a: pass", "if not a: b()"]),
        ("while a: b.c = d", ["while a: pass", "while not a: b.c = d"]),
        ("def f():\n    return a", ["def f():\n    return None"]),
        ("def f(a=1): ...", ["def f(a=2): ..."]),
        ("raise E('a' + b)", ["pass"]),
        ("x = 'é' < b", ["x = 'é' <= b"]),
        ("'''A docstring: 1 < 2.'''", []),
        ("logger.info('a')", []),
        ("def f(a: 1): ...", []),
    ],
)
def test_a_slip_of_the_hand_is_made_of_each_expression(source, expected):
    assert sorted(faults(source)) == sorted(expected)


def test_faults_of_the_package_can_be_compiled_and_change_their_file():
    sources = {}
    count = 0
    for mutant in list(all_mutants(ROOT, ["wire", "topics/storage"]))[::9]:
        source = sources.setdefault(mutant.path, (ROOT / mutant.path).read_text())
        changed = mutant.apply(source)
        assert changed != source
        ast.parse(changed)
        count += 1
    assert count > 100
