"""`load_app`: import the app that the command line names."""

import importlib
import importlib.util
import sys
from pathlib import Path
from pkgutil import iter_modules
from typing import cast

from ..asgi import ASGIApp
from ..errors import ConfigurationError
from .meant import hint_at


class NoSuchApp(ConfigurationError):
    """There is no such file, module or app."""


class NoSuchName(NoSuchApp):
    """The module exists, but has no app of that name."""


def load_app(target: str, *, may_be_class: bool = True) -> ASGIApp:
    """The app that `module:name` or `folder/file.py:name` names; without `:name`, it is `app`.

    Args:
        target: That name.
        may_be_class: Whether a class is taken for an app where the module has an app beside it; default True.

    Raises:
        ConfigurationError: There is no such module, or no such app in it.
    """
    place, _, name = target.partition(":")
    name = name or "app"
    if not place or (place.startswith(".") and not place.endswith(".py")):
        raise NoSuchApp(f"{target!r} names no app; it must be like 'module:app' or 'folder/file.py:app'{hint_at(target)}")
    sys.path.insert(0, str(Path.cwd()))
    try:
        module = _load_file(Path(place), target) if place.endswith(".py") else importlib.import_module(place)
    except ModuleNotFoundError as error:
        if error.name is None or not (place == error.name or place.startswith(error.name + ".")):
            raise  # the module exists, but one that it imports does not
        raise NoSuchApp(f"there is no module {place!r} in {Path.cwd()} or on Python's path{hint_at(target)}") from None
    found: object = module
    for part in name.split("."):
        found = getattr(found, part, None)
    apps = sorted(key for key, value in vars(module).items() if callable(value) and type(value).__name__ == "App")
    if not callable(found) or (isinstance(found, type) and apps and not may_be_class):
        kind = f"; {name} is {article(found)}" if found is not None else ""
        told = f"{place!r} has no app called {name!r}; apps in it: {', '.join(apps) or 'none'}"
        raise NoSuchName(f"{told}{kind}{_hint_at_modules(module) if not apps else ''}{_hint_at_call(name)}")
    return cast(ASGIApp, found)


def _hint_at_modules(module: object) -> str:
    """Where else an app may be: in a module of this package."""
    names = sorted(each.name for each in iter_modules(getattr(module, "__path__", ())))
    return f"; modules in it, where one may be: {', '.join(names[:6])}{', ...' if len(names) > 6 else ''}" if names else ""


def _hint_at_call(name: str) -> str:
    """What to write in place of a call."""
    return "; a function that makes an app is named without parentheses, and with --factory" if "(" in name else ""


def _load_file(path: Path, target: str) -> object:
    if path.is_dir():
        raise NoSuchApp(f"{str(path)!r} is a folder; it must be a file of Python")
    if not path.is_file():
        raise NoSuchApp(f"there is no file {str(path)!r}{hint_at(target)}")
    sys.path.insert(0, str(path.resolve().parent))
    # A file may have the name of another module, so it is loaded by its path, under a name that is free.
    name = path.stem
    while name in sys.modules or name in sys.stdlib_module_names:
        name += "_"
    spec = importlib.util.spec_from_file_location(name, path.resolve())
    assert spec is not None
    assert spec.loader is not None
    sys.modules[name] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def article(value: object) -> str:
    """The name of a value's class, as a noun: `an int`."""
    if isinstance(value, type):
        return "a class"
    name = type(value).__name__
    return f"{'an' if name[0] in 'aeiouAEIOU' else 'a'} {name}"
