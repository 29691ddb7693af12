"""What is public is on purpose: exported, documented, and with examples that run."""

import ast
import doctest
import importlib
import inspect
import pkgutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

import chirp_trio
import chirp_trio.checking
import chirp_trio.metrics
import chirp_trio.testing

PACKAGES = [chirp_trio, chirp_trio.testing, chirp_trio.checking]


def module_names():
    found = [chirp_trio.__name__]
    found += [module.name for module in pkgutil.walk_packages(chirp_trio.__path__, "chirp_trio.")]
    return [name for name in found if ".examples" not in name]


@pytest.mark.parametrize(
    "package", [chirp_trio, chirp_trio.testing, chirp_trio.checking], ids=lambda package: package.__name__
)
def test_all_names_exactly_what_is_public(package):
    public = {name for name, value in vars(package).items() if not name.startswith("_") and not inspect.ismodule(value)}
    assert public == set(package.__all__)
    assert list(package.__all__) == sorted(package.__all__)


@pytest.mark.parametrize(
    "name", [name for name in module_names() if importlib.import_module(name).__file__.endswith("__init__.py")]
)
def test_each_folder_says_what_it_is_for(name):
    assert len(importlib.import_module(name).__doc__) > 80


@pytest.mark.parametrize("name", module_names())
def test_the_examples_in_docstrings_run(name):
    module = importlib.import_module(name)
    # A body of `...` keeps doctest from taking "Traceback (most recent call last)" too literally.
    result = doctest.testmod(
        module, optionflags=doctest.ELLIPSIS | doctest.IGNORE_EXCEPTION_DETAIL, extraglobs=vars(chirp_trio)
    )
    assert result.failed == 0


@pytest.mark.parametrize(
    "package", [chirp_trio, chirp_trio.testing, chirp_trio.checking], ids=lambda package: package.__name__
)
def test_every_public_name_has_a_docstring_of_its_own(package):
    missing = [name for name in package.__all__ if not inspect.getdoc(getattr(package, name))]
    assert missing == []


def test_type_checkers_see_every_public_name_at_work():
    code = "".join(path.read_text() for path in Path(__file__).parent.with_name("typing").glob("*.py"))
    used = {node.id for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Name)}
    public = {name for package in [*PACKAGES, chirp_trio.metrics] for name in package.__all__}
    assert public - used == set()


def topics_room():
    for name in module_names():
        if name.startswith("chirp_trio.topics"):
            members = vars(importlib.import_module(name)).values()
            yield from (kind for kind in members if inspect.isclass(kind) and kind.__module__ == name)


@pytest.mark.parametrize("kind", list(topics_room()), ids=lambda kind: kind.__name__)
def test_the_signatures_of_topics_can_be_looked_at(kind):
    """Which tools do that draw documentation, complete code or wrap functions: no name is there for type checkers only."""
    functions = [inspect.unwrap(function) for _, function in inspect.getmembers(kind, inspect.isfunction)]
    functions += [member.fget for _, member in inspect.getmembers(kind) if isinstance(member, property)]
    assert functions
    for function in functions:
        inspect.signature(function)


def test_the_library_imports_neither_pytest_nor_what_only_tests_need():
    unwanted = {"pytest", "httpx", "rich", "trio.testing"}
    code = f"import sys, chirp_trio, chirp_trio.cli; sys.exit(str({unwanted} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.stderr.strip() == "set()"


def test_the_version_stands_in_the_changelog():
    changelog = Path(__file__).parents[2] / "CHANGELOG.md"
    assert f"## {version('chirp-trio')}" in changelog.read_text()
