"""The options of `Topic.subscribe()`."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..arguments import check_count, check_function
from .overflow import Overflow, check_overflow
from .presence import check_member


@dataclass(frozen=True, slots=True)
class SubscribeOptions:
    """See `Topic.subscribe()`, also for the errors that it raises."""

    last_event_id: str | None
    replay: int
    buffer: int
    overflow: Overflow
    key: Callable[[Any], object] | None
    filter: Callable[[Any], bool] | None
    member: str | None

    def __post_init__(self) -> None:
        check_count("replay", self.replay, least=0)
        check_count("buffer", self.buffer, least=1)
        check_overflow(self.overflow, self.key)
        check_function("filter", self.filter)
        check_function("key", self.key)
        if self.last_event_id is not None and not isinstance(self.last_event_id, str):
            raise TypeError(
                f"last_event_id is {self.last_event_id!r}; it must be text, such as request.last_event_id, or None"
            )
        check_member(self.member)
