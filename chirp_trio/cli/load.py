"""`load_app`: import the app that the command line names."""

import importlib
import importlib.util
import sys
from pathlib import Path
from typing import cast

from ..asgi import ASGIApp
from ..errors import ConfigurationError


class NoSuchApp(ConfigurationError):
    """There is no such file, module or app."""


class NoSuchName(NoSuchApp):
    """The module exists, but has no app of that name."""


def load_app(target: str) -> ASGIApp:
    """The app that `module:name` or `folder/file.py:name` names; without `:name`, it is `app`.

    Raises:
        ConfigurationError: There is no such module, or no such app in it.
    """
    place, _, name = target.partition(":")
    name = name or "app"
    if not place or (place.startswith(".") and not place.endswith(".py")):
        raise NoSuchApp(f"{target!r} names no app; it must be like 'module:app' or 'folder/file.py:app'")
    sys.path.insert(0, str(Path.cwd()))
    try:
        module = _load_file(Path(place)) if place.endswith(".py") else importlib.import_module(place)
    except ModuleNotFoundError as error:
        if error.name is None or not (place == error.name or place.startswith(error.name + ".")):
            raise  # the module exists, but one that it imports does not
        raise NoSuchApp(f"there is no module {place!r} in {Path.cwd()} or on Python's path") from None
    found: object = module
    for part in name.split("."):
        found = getattr(found, part, None)
    if not callable(found):
        apps = sorted(key for key, value in vars(module).items() if callable(value) and type(value).__name__ == "App")
        kind = f"; {name} is {article(found)}" if found is not None else ""
        raise NoSuchName(f"{place!r} has no app called {name!r}; apps in it: {', '.join(apps) or 'none'}{kind}")
    return cast(ASGIApp, found)


def _load_file(path: Path) -> object:
    if not path.is_file():
        raise NoSuchApp(f"there is no file {str(path)!r}")
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
    name = type(value).__name__
    return f"{'an' if name[0] in 'aeiouAEIOU' else 'a'} {name}"
