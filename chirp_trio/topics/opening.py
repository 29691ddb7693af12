"""What has to be open while it is used."""

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from types import TracebackType
from typing import Protocol, Self


class Openable(ABC):
    """`async with` it: opened once at a time.

    Args:
        called: What messages call it.
    """

    def __init__(self, called: str) -> None:
        self._called = called
        self._opening: AbstractAsyncContextManager[None] | None = None

    @abstractmethod
    def opened(self) -> AbstractAsyncContextManager[None]:
        """What opens it."""

    @abstractmethod
    def check_thread(self) -> None:
        """Raise `RuntimeError` where it can be neither opened nor closed, outside of trio."""

    async def __aenter__(self) -> Self:
        self.check_thread()
        if self._opening is not None:
            raise RuntimeError(f"{self._called} is open already")
        self._opening = self.opened()
        try:
            await self._opening.__aenter__()
        except BaseException:
            self._opening = None
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool | None:
        self.check_thread()
        assert self._opening is not None
        try:
            return await self._opening.__aexit__(kind, error, traceback)
        finally:
            self._opening = None


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
