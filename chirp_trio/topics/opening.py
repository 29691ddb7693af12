"""Opening and closing a topic."""

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from types import TracebackType
from typing import Protocol


class Opening:
    """The two halves of an `async with`, for an object that can be opened only once at a time.

    Args:
        called: The object's name, for messages.
    """

    __slots__ = ("_called", "_entered")

    def __init__(self, called: str) -> None:
        self._called = called
        self._entered: AbstractAsyncContextManager[None] | None = None

    async def enter(self, manager: AbstractAsyncContextManager[None]) -> None:
        """Open the object.

        Raises:
            RuntimeError: The object is open already.
        """
        if self._entered is not None:
            raise RuntimeError(f"{self._called} is open already")
        self._entered = manager
        try:
            await manager.__aenter__()
        except BaseException:
            self._entered = None
            raise

    async def leave(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool | None:
        """Close the object; return whether that suppresses the error."""
        assert self._entered is not None
        try:
            return await self._entered.__aexit__(kind, error, traceback)
        finally:
            self._entered = None


class Closable(Protocol):
    """An object that can be closed without waiting."""

    def close(self) -> None:
        """Close it."""


@asynccontextmanager
async def closed_at_last(closable: Closable) -> AsyncGenerator[None]:
    """A block at whose end the object, which is open already, is closed."""
    try:
        yield
    finally:
        closable.close()
