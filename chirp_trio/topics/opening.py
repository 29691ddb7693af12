"""What has to be open while it is used."""

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from types import TracebackType
from typing import Protocol


class Opening:
    """The two halves of an `async with`, for something that is opened once at a time.

    Args:
        called: What messages call it.
    """

    __slots__ = ("_called", "_entered")

    def __init__(self, called: str) -> None:
        self._called = called
        self._entered: AbstractAsyncContextManager[None] | None = None

    async def enter(self, manager: AbstractAsyncContextManager[None]) -> None:
        """Open it.

        Raises:
            RuntimeError: It is open already.
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
        """Close it; whether that takes care of the error."""
        assert self._entered is not None
        try:
            return await self._entered.__aexit__(kind, error, traceback)
        finally:
            self._entered = None


class Closable(Protocol):
    """What can be closed without waiting."""

    def close(self) -> None:
        """Close it."""


@asynccontextmanager
async def closed_at_last(closable: Closable) -> AsyncGenerator[None]:
    """Something that is open already, and is closed when the block is left."""
    try:
        yield
    finally:
        closable.close()
