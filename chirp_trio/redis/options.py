"""What a `RedisStore` is told."""

import importlib.util
import ssl
from dataclasses import dataclass, field
from typing import Literal

from ..arguments import check_choice, check_count, check_seconds
from ..wire import check_text
from .address import Address, parse_address

_CHOICES = {"confirm": ("written", "disk", "replica"), "at_start": ("wait", "go_on")}


@dataclass(frozen=True, slots=True)
class Options:
    """See `RedisStore`."""

    url: str = field(repr=False)
    prefix: str = "chirp"
    confirm: Literal["written", "disk", "replica"] = "written"
    timeout: float = 5.0
    max_length: int = 10_000
    max_waiting: int = 10_000
    max_waiting_bytes: int = 16 * 1024 * 1024
    at_start: Literal["wait", "go_on"] = "wait"
    presence_ttl: float = 30.0
    ssl_context: ssl.SSLContext | None = field(default=None, repr=False)

    @property
    def address(self) -> Address:
        """Where the server is."""
        return parse_address(self.url)

    def __post_init__(self) -> None:
        if importlib.util.find_spec("hiredis") is None:
            raise ModuleNotFoundError("RedisStore needs hiredis: pip install 'chirp-trio[redis]'", name="hiredis")
        parse_address(self.url)
        if not isinstance(self.prefix, str):
            raise TypeError(f"RedisStore: prefix is {self.prefix!r}; it must be text")
        check_text("RedisStore: prefix", self.prefix)
        for name, known in _CHOICES.items():
            check_choice(f"RedisStore: {name}", getattr(self, name), known)
        for name in ("timeout", "presence_ttl"):
            check_seconds(f"RedisStore: {name}", getattr(self, name))
        for name in ("max_length", "max_waiting", "max_waiting_bytes"):
            check_count(f"RedisStore: {name}", getattr(self, name), least=1)
        if self.ssl_context is not None and not isinstance(self.ssl_context, ssl.SSLContext):
            raise TypeError(f"RedisStore: ssl_context is {self.ssl_context!r}; it must be an ssl.SSLContext, or None")
