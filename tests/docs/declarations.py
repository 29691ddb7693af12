"""How the code declares what is public: signatures as they are written, from the code that runs."""

import enum
import inspect
import re
import sys
from annotationlib import Format, call_evaluate_function
from collections.abc import Iterable
from dataclasses import dataclass
from types import ModuleType
from typing import TypeAliasType

from tests.public import NOT_CONSTRUCTED, PUBLIC

_WIDTH = 82  # characters that fit into a line of the site's column


@dataclass
class Entry:
    """A public name, or a method or a property of one."""

    name: str  # such as `Topic.publish`
    value: object
    module: ModuleType
    owner: str = ""  # the class, of a method

    @property
    def anchor(self) -> str:
        return f"{self.module.__name__}.{self.name}"

    @property
    def page(self) -> str:
        return f"{self.module.__name__}.md"

    @property
    def function(self) -> object:
        """What has the signature: of a property, or a class method, the function inside."""
        return getattr(self.value, "fget", None) or getattr(self.value, "__func__", self.value)

    @property
    def docstring(self) -> str:
        return (inspect.getdoc(self.function) or "") if callable(self.function) else ""

    @property
    def signature(self) -> inspect.Signature | None:
        """Its parameters and types as they are written; None where nobody calls it."""
        if self.name in NOT_CONSTRUCTED or not callable(self.function):
            return None
        try:
            signature = inspect.signature(self.function, annotation_format=Format.STRING)
        except ValueError:  # of an exception, which takes what every exception does
            return None
        names = {id(value): name for name, value in vars(sys.modules[self.function.__module__]).items()}

        def written(parameter: inspect.Parameter) -> inspect.Parameter:
            default = parameter.default
            if default is parameter.empty or not repr(default).startswith("<"):
                return parameter
            return parameter.replace(default=_Name(names.get(id(default)) or default.__name__))

        parameters = [written(parameter) for parameter in signature.parameters.values()]
        result = signature.empty if inspect.isclass(self.value) else signature.return_annotation
        return signature.replace(parameters=parameters, return_annotation=result)


class _Name(str):
    """A default that has no notation of its own, by the name that its module has for it."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def _type_parameters(value: object) -> str:
    parameters = getattr(value, "__type_params__", ())
    return f"[{', '.join(parameter.__name__ for parameter in parameters)}]" if parameters else ""


def declaration(entry: Entry) -> str:
    """How a name is declared, with one parameter on each line if they do not fit into one."""
    name, value, function = entry.name.rpartition(".")[2], entry.value, entry.function
    signature = entry.signature
    if isinstance(value, enum.EnumType):
        return f"class {name}:\n" + "".join(f"    {member.name} = {member.value!r}\n" for member in value).rstrip()
    if not callable(function):
        return f"{name} = {value!r}"
    before = f"class {name}"
    if not inspect.isclass(value):
        is_async = bool(function.__code__.co_flags & (inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR))
        before = f"async def {name}" if is_async else f"def {name}"
        if inspect.isasyncgenfunction(getattr(function, "__wrapped__", None)) and not is_async:
            before = f"@asynccontextmanager\nasync def {name}"
        if isinstance(value, property | classmethod):
            before = f"@{type(value).__name__}\n{before}"
    before += _type_parameters(function)
    if signature is None:
        return before
    after = f" -> {signature.return_annotation}" if signature.return_annotation is not signature.empty else ""
    width = _WIDTH - len(before.splitlines()[-1]) - len(after)
    return before + signature.format(max_width=width, quote_annotation_strings=False)


def bases(value: object) -> list[str]:
    """What a class is derived from, as users know it."""
    found = []
    for base in value.__bases__ if inspect.isclass(value) else ():
        if base in PUBLIC.values() or (base.__module__ == "builtins" and base is not object):
            found.append(base.__name__)
        elif base.__module__.partition(".")[0] not in {"builtins", "abc", "typing", "chirp_trio", "starlette"}:
            found.append(f"{base.__module__}.{base.__name__}")
    return found


def types(entries: Iterable[Entry]) -> dict[str, str]:
    """The types that signatures call by a short name, and what they stand for."""
    found: dict[str, str] = {}

    def look(text: str, modules: set[str]) -> None:
        for name in re.findall(r"\b[A-Z]\w+", text):
            for module in modules:
                alias = vars(sys.modules[module]).get(name)
                if isinstance(alias, TypeAliasType) and name not in found:
                    found[name] = call_evaluate_function(alias.evaluate_value, Format.STRING, owner=alias)
                    look(found[name], {alias.__module__})

    for entry in entries:
        if entry.signature is not None:
            kinds = getattr(entry.value, "__mro__", [entry.function])
            look(str(entry.signature), {kind.__module__ for kind in kinds if kind.__module__.startswith("chirp_trio")})
    return dict(sorted(found.items()))
