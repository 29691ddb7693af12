"""Sources of streams: which objects are accepted, and how they are opened.

Whatever the user gives is an async generator from here on; but for the library's own, which put ready bytes into the stream
by themselves: see `push_source`.
"""

import inspect
import weakref
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, suppress
from contextvars import ContextVar
from functools import partial
from types import AsyncGeneratorType, FunctionType
from typing import Protocol, TypeIs

import trio

type Items = AsyncIterable[object] | AbstractAsyncContextManager[AsyncIterable[object]]
type Source = Items | Callable[[], Items]

# Running generators that were passed to a stream. Each belongs to one stream only.
_in_use: weakref.WeakSet[AsyncGenerator[object]] = weakref.WeakSet()

_ACCEPTED = (
    "an async generator function (best: nothing runs before the stream does), an async generator or any other async "
    "iterable, a trio.MemoryReceiveChannel, or what a @trio.as_safe_channel function returns"
)


def check_source(source: object) -> None:
    """Raise `TypeError`, naming what came and what is accepted, unless `source` can be opened."""
    if _is_items(source):
        return
    if inspect.iscoroutine(source):
        source.close()  # closed, because it is never awaited, which would be another warning
    if inspect.iscoroutine(source) or _is_or_calls(source, inspect.iscoroutinefunction):
        raise TypeError(f"EventStream got a coroutine, that is, an async function without a yield; it takes {_ACCEPTED}")
    cure = ""
    if inspect.isgenerator(source) or _is_or_calls(source, inspect.isgeneratorfunction):
        cure = "; this generator is not async: write `async def` where it says `def`"
    elif isinstance(source, Iterable) and not isinstance(source, type):
        cure = "; to send the items of something, loop over it with `for` in an async generator function, and yield them"
    if cure or not callable(source) or isinstance(source, type):
        raise TypeError(f"EventStream got {source!r} of type {type(source).__name__}; it takes {_ACCEPTED}{cure}")
    _check_parameters(source)


def _is_or_calls(source: object, is_function: Callable[[object], bool]) -> bool:
    """Whether it is a function of this kind, or an object with a `__call__` of this kind."""
    if isinstance(source, type):
        return False
    return is_function(source) or (callable(source) and is_function(type(source).__call__))


def _check_parameters(function: Callable[..., object]) -> None:
    try:
        # Of the function that will be called: a decorator may give the one behind it what it needs.
        parameters = inspect.signature(function, follow_wrapped=False).parameters.values()
    except TypeError, ValueError:
        return  # a function of C may not tell
    variable = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    needed = [
        parameter.name for parameter in parameters if parameter.default is parameter.empty and parameter.kind not in variable
    ]
    if needed:
        name = getattr(function, "__name__", repr(function))
        raise TypeError(
            f"EventStream got the function {name!r}, which needs {', '.join(map(repr, needed))}; it is called without "
            f"arguments. Write it inside of the handler, where it sees these, or pass {name}(...), what it returns"
        )


def source_name(source: Source) -> str:
    """The name of a source for messages: `module.function`, or its class."""
    while isinstance(source, partial):
        source = source.func
    named: object = source if hasattr(source, "__qualname__") else type(source)
    module = getattr(named, "__module__", None)
    frame = getattr(source, "ag_frame", None)
    if module is None and frame is not None:
        module = frame.f_globals.get("__name__")
    name = getattr(named, "__qualname__", None) or type(source).__name__
    return f"{module}.{name}" if module else str(name)


def call_source(source: Source) -> Items:
    """The source itself, or what it returns if it is a function.

    Raises:
        TypeError: It returned what cannot be a source.
    """
    return source if _is_items(source) else _call(source)


def open_source(items: Items, source: Source) -> AsyncGenerator[object]:
    """The generator that yields what a source does, and that closes it when it ends, however it ends.

    It has to be run by one task from its first step to its last, and whatever is raised while it stands at a `yield` has
    to be thrown into it there.

    Args:
        items: What `call_source()` has returned for the source.
        source: The source.

    Raises:
        TypeError: A function returned what cannot be a source.
        RuntimeError: A generator has run already, or is another stream's.
    """
    if isinstance(items, trio.MemoryReceiveChannel):
        return _receive(items)
    if isinstance(items, AsyncIterable):
        iterator = items.__aiter__()
        if not isinstance(iterator, AsyncGenerator):
            return _iterate(iterator)
        if isinstance(iterator, AsyncGeneratorType) and not _is_generator_function(source):
            _take(iterator)
        return iterator
    return _enter(items)


def _is_generator_function(source: Source) -> bool:
    """Whether each call of it makes a generator that nobody else has: to ask that for its state would cost it a frame."""
    return type(source) is FunctionType and bool(source.__code__.co_flags & inspect.CO_ASYNC_GENERATOR)


def _take(generator: AsyncGenerator[object]) -> None:
    """Reserve a generator for one stream. Two streams would each get a part of its items, and end together."""
    state = inspect.getasyncgenstate(generator)
    if state == inspect.AGEN_CLOSED or state == inspect.AGEN_RUNNING or generator in _in_use:
        why = "has run already" if state == inspect.AGEN_CLOSED else "is the source of another one, which goes on"
        raise RuntimeError(
            f"the async generator {source_name(generator)!r} of this EventStream {why}; pass the generator function itself, "
            "and every stream will have a generator of its own"
        )
    _in_use.add(generator)


async def close_source(source: Source) -> None:
    """Close a source that is never opened, so that the sender of a memory channel, for instance, is told."""
    if isinstance(source, AsyncGeneratorType) and source in _in_use:
        return  # it is another stream's
    close = getattr(source, "aclose", None)
    if close is not None:
        await close()


async def _receive(channel: trio.MemoryReceiveChannel[object]) -> AsyncGenerator[object]:
    """The items of a channel. Waiting items are taken without a checkpoint each, because the outbox is bounded anyway."""
    with channel, suppress(trio.EndOfChannel):
        while True:
            try:
                item = channel.receive_nowait()
            except trio.WouldBlock:
                item = await channel.receive()
            yield item


async def _iterate(iterator: AsyncIterator[object]) -> AsyncGenerator[object]:
    try:
        async for item in iterator:
            yield item
    finally:
        close = getattr(iterator, "aclose", None)
        if close is not None:
            await close()


async def _enter(manager: AbstractAsyncContextManager[AsyncIterable[object]]) -> AsyncGenerator[object]:
    async with manager as items:
        async for item in items:
            yield item


def _is_items(source: object) -> TypeIs[Items]:
    return isinstance(source, AsyncIterable | AbstractAsyncContextManager) and not isinstance(source, type)


def _call(source: Source) -> Items:
    assert callable(source)
    items = source()
    if not _is_items(items):
        check_source(items)
        raise TypeError(f"the function that EventStream got returned a function; it must return {_ACCEPTED}")
    return items


class Reading(Protocol):
    """What reads events that have ids, for a source that may yield them."""

    @property
    def has_begun(self) -> bool:
        """Whether the source has got any."""


# In the tasks of a source: takes the id after which what it has begun to read goes on.
place_listener: ContextVar[Callable[[str, Reading], None]] = ContextVar("place_listener")
