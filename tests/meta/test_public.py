"""What is public is on purpose: exported, documented, and with examples that run."""

import ast
import doctest
import enum
import importlib
import importlib.util
import inspect
import pkgutil
import typing
from importlib.metadata import version
from pathlib import Path

import chirp_trio
from tests.cases import each_case
from tests.public import MODULES

# The others are single files, in which the names that they import seem to be public too.
PACKAGES = [module for module in MODULES if hasattr(module, "__path__")]


def module_names():
    found = [chirp_trio.__name__]
    found += [module.name for module in pkgutil.walk_packages(chirp_trio.__path__, "chirp_trio.")]
    return [name for name in found if ".examples" not in name]


@each_case("package", PACKAGES, ids=lambda package: package.__name__)
def test_all_names_exactly_what_is_public(package):
    public = {name for name in dir(package) if not name.startswith("_") and not inspect.ismodule(getattr(package, name))}
    assert public == set(package.__all__)
    assert list(package.__all__) == sorted(package.__all__, key=lambda name: (not name.isupper(), name))


@each_case("name", [name for name in module_names() if importlib.import_module(name).__file__.endswith("__init__.py")])
def test_each_folder_says_what_it_is_for(name):
    assert len(importlib.import_module(name).__doc__) > 80


def has_examples(name):
    return ">>>" in Path(importlib.util.find_spec(name).origin).read_text()


@each_case("name", [name for name in module_names() if has_examples(name)])
def test_the_examples_in_docstrings_run(name):
    module = importlib.import_module(name)
    # A body of `...` keeps doctest from taking "Traceback (most recent call last)" too literally.
    result = doctest.testmod(
        module, optionflags=doctest.ELLIPSIS | doctest.IGNORE_EXCEPTION_DETAIL, extraglobs=vars(chirp_trio)
    )
    assert result.failed == 0 < result.attempted


@each_case("package", PACKAGES, ids=lambda package: package.__name__)
def test_every_public_name_has_a_docstring_of_its_own(package):
    missing = [name for name in package.__all__ if not inspect.getdoc(getattr(package, name))]
    assert missing == []


@each_case("package", MODULES, ids=lambda package: package.__name__)
def test_every_public_name_has_an_example(package):
    public = {name: getattr(package, name) for name in package.__all__}
    documented = {name: value for name, value in public.items() if not isinstance(value, str | int)}
    assert [name for name, value in documented.items() if ">>>" not in inspect.getdoc(value)] == []


def test_type_checkers_see_every_public_name_at_work():
    code = "".join(path.read_text() for path in Path(__file__).parent.with_name("typing").glob("*.py"))
    used = {node.id for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Name)}
    public = {name for package in MODULES for name in package.__all__}
    assert public - used == set()


# -- introspection --------------------------------------------------------------------------------------------------------


def public_things():
    """Every public name, and every public method and property of public classes, by its name."""
    for package in MODULES:
        for name in package.__all__:
            value = getattr(package, name)
            if callable(value):
                yield f"{package.__name__}.{name}", value
            for attribute in dir(value) if inspect.isclass(value) else ():
                thing = inspect.getattr_static(value, attribute)
                thing = getattr(thing, "fget", None) or getattr(thing, "__func__", thing)
                is_public = not attribute.startswith("_") or attribute in {"__init__", "__call__"}
                if is_public and inspect.isfunction(thing) and thing.__module__.startswith("chirp_trio"):
                    yield f"{package.__name__}.{name}.{attribute}", thing


THINGS = dict(public_things())


def test_everything_public_tells_its_signature_and_its_types():
    silent = {}
    for name, thing in THINGS.items():
        try:
            if not (
                inspect.isclass(thing) and issubclass(thing, BaseException | enum.Enum) and "__init__" not in vars(thing)
            ):
                inspect.signature(thing)
            typing.get_type_hints(thing)
        except Exception as error:
            silent[name] = error
    assert silent == {}


def test_introspection_has_seen_methods_and_properties():
    assert {"chirp_trio.App.route", "chirp_trio.App.ready", "chirp_trio.testing.TestClient.live"} <= set(THINGS)


def test_the_version_stands_in_the_changelog():
    changelog = Path(__file__).parents[2] / "CHANGELOG.md"
    assert f"## {version('chirp-trio')}" in changelog.read_text()
