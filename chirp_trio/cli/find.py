"""The app that a command is for: named by the user, or found in the current folder."""

import inspect
import os
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from ..asgi import ASGIApp
from ..errors import ConfigurationError, text_of
from ..failures import is_of_application
from ..habits import cure
from ..web.config import importing
from .load import NoSuchApp, NoSuchName, article, load_app

_FILES = ("app.py", "main.py", "asgi.py", "server.py", "application.py")
_NAMES = ("app", "application", "asgi")
_FACTORIES = ("create_app", "make_app")


def find(target: str | None, *, is_factory: bool = False, is_checked: bool = True) -> tuple[ASGIApp, str]:
    """An app, and its name for messages.

    Args:
        target: The app, as for `load_app()`; None: that of the first file of `app.py`, `main.py` and so on that exists.
        is_factory: Whether the target is a function without parameters that returns the app.
        is_checked: Whether it has to be an ASGI app; otherwise it may be anything that can be called.

    Raises:
        ConfigurationError: There is no app, or it cannot be imported, or it is no ASGI app.
    """
    if target is not None and "://" in target:
        raise ConfigurationError(
            f"{target!r} is a URL; it must name an app, such as 'module:app' (`chirp-trio tail` takes URLs)"
        )
    if target is None:
        targets = _discovered(_FACTORIES if is_factory else _NAMES)
    elif is_factory and not target.partition(":")[2]:
        targets = [f"{target.removesuffix(':')}:{name}" for name in _FACTORIES]
    else:
        targets = [target]
    failure: NoSuchName | None = None
    for each in targets:
        try:
            return _load(each, is_factory=is_factory, is_checked=is_checked)
        except NoSuchName as error:
            failure = failure or error  # there may be another of the usual names
    assert failure is not None
    raise failure


def _discovered(names: tuple[str, ...]) -> list[str]:
    file = next((file for file in _FILES if Path(file).is_file()), None)
    if file is None:
        raise ConfigurationError(
            f"there is none of {', '.join(_FILES)} in {Path.cwd()}; name the app, as in `chirp-trio run module:app`"
        )
    return [f"{file}:{name}" for name in names]


def _load(target: str, *, is_factory: bool, is_checked: bool) -> tuple[ASGIApp, str]:
    token = importing.set(True)
    try:
        found: object = load_app(target, may_be_class=is_factory)
    except NoSuchApp:
        raise
    except (Exception, SystemExit) as error:
        raise ConfigurationError(f"{target} cannot be imported: {told(error)}") from error
    finally:
        importing.reset(token)
    if is_factory:
        found = _made_by(found, target)
    if is_checked:
        _check(found, target)
    return cast(ASGIApp, found), target


def _made_by(factory: object, target: str) -> object:
    if not callable(factory) or inspect.iscoroutinefunction(factory) or _needed(factory):
        cure = (
            ": leave --factory out" if callable(factory) and not isinstance(factory, type) and _needed(factory) == 3 else ""
        )
        raise ConfigurationError(
            f"{target} is {_kind(factory)}; with --factory it must be a plain function without parameters{cure}"
        )
    try:
        made: object = factory()
    except (Exception, SystemExit) as error:
        raise ConfigurationError(f"{target}() failed: {told(error)}") from error
    if not callable(made):
        raise ConfigurationError(f"{target}() returned {article(made)}; it must return an ASGI app")
    return made


def _check(found: object, target: str) -> None:
    """Raise an error if its signature shows that it is no ASGI app."""
    if isinstance(found, type):
        raise ConfigurationError(f"{target} is a class; it must be an app, such as {found.__name__}()")
    assert callable(found)
    needed = _needed(found)
    if needed is None or needed == 3:
        return
    if needed == 0 and inspect.iscoroutinefunction(found):
        raise ConfigurationError(
            f"{target} is {_kind(found)}, without parameters; it must be an app, or with --factory a plain function that "
            "makes one; what has to be awaited belongs in the app's lifespan"
        )
    if needed == 0 and inspect.isfunction(found):
        raise ConfigurationError(f"{target} is a function without parameters; if it makes the app, say --factory")
    if needed == 2:
        raise ConfigurationError(
            f"{target} is {_kind(found)} that takes two arguments, as WSGI apps do; it must be an ASGI app, as Flask and "
            "Django (WSGI) are not: it runs under gunicorn, and an ASGI app of its routes here"
        )
    raise ConfigurationError(f"{target} is {_kind(found)}; it must be an ASGI app, which takes scope, receive and send")


def _needed(function: Callable[..., Any]) -> int | None:
    """The number of arguments that a function needs; None if its signature is not known, or takes any number."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except TypeError, ValueError:
        return None
    if any(parameter.kind is parameter.VAR_POSITIONAL for parameter in parameters):
        return None
    positional = [each for each in parameters if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)]
    needed = sum(each.default is each.empty for each in positional)
    return 3 if needed <= 3 <= len(positional) else needed


def _kind(value: object) -> str:
    if inspect.isroutine(value):
        return f"the {'async ' if inspect.iscoroutinefunction(value) else ''}function {getattr(value, '__name__', value)}"
    return article(value)


def told(error: BaseException) -> str:
    """An error in one line, with the place in the application where it was raised."""
    if isinstance(error, SyntaxError) and error.filename is not None:
        return f"{type(error).__name__}: {error.msg} ({_short(error.filename)}:{error.lineno})"
    text = " ".join(text_of(error).split()) or type(error).__name__
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if is_of_application(frame.filename)]
    place = f" ({_short(frames[-1].filename)}:{frames[-1].lineno}: {frames[-1].line})" if frames else ""
    instead = cure(error)
    return f"{type(error).__name__}: {text}{place}{f'; {instead}' if instead else ''}"


def _short(file: str) -> str:
    relative = os.path.relpath(file)
    return file if relative.startswith(os.pardir) else relative
