"""Handlers: checked when they are registered, called with what they ask for by name, in a thread if they are not async."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import trio

from ..errors import ConfigurationError


def handler_name(handler: Callable[..., Any]) -> str:
    """What to call a handler in a message: `module.function`."""
    name = getattr(handler, "__qualname__", None) or repr(handler)
    return f"{getattr(handler, '__module__', None) or '?'}.{name}"


def check_handler(handler: Callable[..., Any], offered: frozenset[str], where: str) -> frozenset[str]:
    """The names among `offered` that the handler takes.

    Raises:
        ConfigurationError: It is not callable, or wants a parameter that nobody offers.
    """
    if not callable(handler):
        raise ConfigurationError(f"{where}: the handler is {handler!r}; it must be a function")
    if inspect.isasyncgenfunction(handler):
        raise ConfigurationError(
            f"{where}: the handler {handler_name(handler)} has a yield; it must return EventStream(source), where the source "
            "is a function that yields"
        )
    try:
        parameters = inspect.signature(handler).parameters.values()
    except ValueError as error:
        raise ConfigurationError(f"{where}: the parameters of {handler_name(handler)} cannot be known: {error}") from error
    wanted = set()
    for parameter in parameters:
        if parameter.kind is parameter.VAR_KEYWORD:
            return offered
        if parameter.name in offered and parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            wanted.add(parameter.name)
        elif parameter.default is parameter.empty and parameter.kind is not parameter.VAR_POSITIONAL:
            raise ConfigurationError(
                f"{where}: the handler {handler_name(handler)} wants {parameter.name!r}; there are only: "
                f"{', '.join(sorted(offered))}"
            )
    return frozenset(wanted)


async def call_handler(handler: Callable[..., Any], arguments: Mapping[str, object]) -> object:
    """Call a handler; in a thread if it is a plain function, so that it may block."""
    if inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(type(handler).__call__):
        return await handler(**arguments)
    # In a tuple, because trio refuses what a decorator around an async function returns: something to be awaited.
    (value,) = await trio.to_thread.run_sync(lambda: (handler(**arguments),))
    return await value if inspect.isawaitable(value) else value
