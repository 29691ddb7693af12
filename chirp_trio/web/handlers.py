"""Handlers: checked when they are registered, and called with arguments by name, in a thread if they are not async."""

import inspect
from annotationlib import Format
from collections.abc import Callable, Mapping
from contextvars import Context, copy_context
from functools import partial
from typing import Annotated, Any, Union, get_args, get_origin
from uuid import UUID

import trio

from ..errors import ConfigurationError
from ..threads import handler_threads

# Annotations that a converter serves, and that converter's name.
_CONVERTERS = {int: "int", float: "float", UUID: "uuid", "int": "int", "float": "float", "UUID": "uuid", "uuid.UUID": "uuid"}


def handler_name(handler: Callable[..., Any]) -> str:
    """What to call a handler in a message: `module.function`."""
    while isinstance(handler, partial):
        handler = handler.func
    name = getattr(handler, "__qualname__", None) or repr(handler)
    return f"{getattr(handler, '__module__', None) or '?'}.{name}"


def check_handler(handler: Callable[..., Any], offered: Mapping[str, object], where: str) -> frozenset[str]:
    """The names among `offered` that are parameters of the handler.

    Its own signature decides, and not that of a function which it wraps (`functools.wraps`). What goes into its
    `**parameters` is for the wrapped function, if there is one: as much as that takes.

    Args:
        handler: The handler.
        offered: What there is: names, and for those from the path what they are converted to.
        where: What to call the place of its registration in a message.

    Raises:
        ConfigurationError: It is not callable, or has a parameter that is not offered.
    """
    if not callable(handler):
        raise ConfigurationError(f"{where}: the handler is {handler!r}; it must be a function")
    if _has_a_yield(handler) or _has_a_yield(type(handler).__call__):
        raise ConfigurationError(
            f"{where}: the handler {handler_name(handler)} has a yield; it must return EventStream(source), where the source "
            "is a function that yields"
        )
    try:
        parameters = _parameters(handler)
    except (TypeError, ValueError) as error:
        raise ConfigurationError(f"{where}: the parameters of {handler_name(handler)} cannot be known: {error}") from error
    bound = handler.keywords if isinstance(handler, partial) else {}
    wrapped = _wrapped_by(handler)
    wanted = set()
    for parameter in parameters:
        if parameter.kind is parameter.VAR_KEYWORD:
            wanted |= _wanted_by_wrapped(wrapped, offered, where) if wrapped is not None else set(offered)
        elif parameter.kind is not parameter.VAR_POSITIONAL and parameter.name not in bound:
            if parameter.kind is parameter.POSITIONAL_ONLY or parameter.name not in offered:
                raise _refusal(handler, parameter, offered, where)
            _check_annotation(handler, parameter, offered[parameter.name], where)
            wanted.add(parameter.name)
    if wrapped is not None and [parameter.kind for parameter in parameters] == [inspect.Parameter.VAR_POSITIONAL]:
        missing = _wanted_by_wrapped(wrapped, offered, where)
        if missing:
            raise ConfigurationError(
                f"{where}: the decorator around {handler_name(wrapped)} takes *{parameters[0].name} only, and parameters are "
                f"given by name ({', '.join(sorted(missing))}): let it take and hand on **parameters as well"
            )
    return frozenset(wanted)


def _has_a_yield(function: object) -> bool:
    return inspect.isasyncgenfunction(function) or inspect.isgeneratorfunction(function)


def is_async(handler: Callable[..., Any]) -> bool:
    """Whether a handler is an async function, or an object that can be called as one."""
    return inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(type(handler).__call__)


async def call_handler(handler: Callable[..., Any], arguments: Mapping[str, object]) -> object:
    """Call a handler; in a thread if it is a plain function, so that it may block.

    The context variables that it sets there are those of its request afterwards, as they are after an async one.
    """
    if is_async(handler):
        return await handler(**arguments)

    # In a tuple, because trio refuses what a decorator around an async function returns: something to be awaited.
    def call() -> tuple[object, Context, Context]:
        before = copy_context()
        return handler(**arguments), before, copy_context()

    value, before, after = await trio.to_thread.run_sync(call, limiter=handler_threads())
    for variable, content in after.items():
        if variable not in before or before[variable] is not content:
            variable.set(content)
    return await value if inspect.isawaitable(value) else value


def _parameters(handler: Callable[..., Any]) -> list[inspect.Parameter]:
    try:
        signature = inspect.signature(handler, follow_wrapped=False, annotation_format=Format.FORWARDREF)
    except ValueError:
        # It is no function of Python's, such as a staticmethod in its class or what functools.cache makes.
        wrapped = _wrapped_by(handler)
        if wrapped is None:
            raise
        return _parameters(wrapped)
    return list(signature.parameters.values())


def _wrapped_by(handler: Callable[..., Any]) -> Callable[..., Any] | None:
    """The function that a decorator wraps, if it tells, as `functools.wraps` does."""
    while isinstance(handler, partial):
        handler = handler.func
    wrapped = getattr(handler, "__wrapped__", None) or getattr(type(handler).__call__, "__wrapped__", None)
    return wrapped if callable(wrapped) else None


def _wanted_by_wrapped(wrapped: Callable[..., Any], offered: Mapping[str, object], where: str) -> set[str]:
    """The names among those offered that a wrapped function takes. Others may come from its wrapper."""
    try:
        parameters = _parameters(wrapped)
    except TypeError, ValueError:
        return set(offered)
    wanted = set()
    for parameter in parameters:
        if parameter.kind is parameter.VAR_KEYWORD:
            inner = _wrapped_by(wrapped)
            wanted |= _wanted_by_wrapped(inner, offered, where) if inner is not None else set(offered)
        elif parameter.name in offered:
            _check_annotation(wrapped, parameter, offered[parameter.name], where)
            wanted.add(parameter.name)
        elif parameter.default is not parameter.empty:
            raise _refusal(wrapped, parameter, offered, where, "; one that a decorator gives has no default")
    return wanted


def _refusal(
    handler: Callable[..., Any], parameter: inspect.Parameter, offered: Mapping[str, object], where: str, more: str = ""
) -> ConfigurationError:
    name, there = parameter.name, f"there are only: {', '.join(sorted(offered))}"
    if parameter.kind is parameter.POSITIONAL_ONLY:
        more = f"{more}; it takes it by position only, and parameters are given by name"
    elif type(parameter.default).__module__.partition(".")[0] in {"fastapi", "litestar"} or (
        type(parameter.default).__name__ == "Depends"
    ):
        kind = type(parameter.default).__name__
        more = f"{more}; nothing calls what {kind}(...) holds: the handler calls it itself, or a decorator"
    elif parameter.default is not parameter.empty:
        more = (
            f"{more}; its default would be all that it ever gets: parameters of the URL are in request.query, and a value of "
            "your own is bound with functools.partial"
        )
    return ConfigurationError(f"{where}: the handler {handler_name(handler)} wants {name!r}; {there}{more}")


def _members(annotation: object) -> set[str | type]:
    """The types of an annotation: of a union and of `Annotated`, those inside."""
    if isinstance(annotation, str):
        return {member.strip() for member in annotation.split("|")}
    if isinstance(annotation, type):
        return {annotation}
    if get_origin(annotation) not in (Union, Annotated):
        return set()
    return {member for inner in get_args(annotation) for member in _members(inner)}


def _check_annotation(handler: Callable[..., Any], parameter: inspect.Parameter, converter: object, where: str) -> None:
    members = _members(parameter.annotation)
    wanted = next((_CONVERTERS[member] for member in members if member in _CONVERTERS), None)
    if wanted is not None and converter is str and not {str, "str"} & members:
        name = parameter.name
        raise ConfigurationError(
            f"{where}: the handler {handler_name(handler)} takes {name!r} as {wanted}, and the path gives text; write "
            f"{{{name}:{wanted}}} in the path"
        )
