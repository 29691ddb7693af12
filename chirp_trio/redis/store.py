"""`RedisStore`: which server joins the processes, and what is waited for."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import override

from ..topics import Delivery, Journal, Store
from ..wire import check_text
from .journal import RedisJournal
from .link import Link
from .options import Options


@dataclass(frozen=True, slots=True)
class RedisStore(Options, Store):
    """A server of Redis (7 or newer) or Valkey, which joins the topics of several processes and machines.

    Topics of the same name and prefix are one: each subscriber gets what is published in any process, in the same order, and
    may come back to any of them. It needs the extra `redis`. Nothing is opened before a topic is; see `Topic`.

    Args:
        url: The server: `redis://user:password@host:port/database`, `rediss://` for TLS, or `unix:///path?db=0`. Or those
            who know which one is the master: `redis+sentinel://user:password@host:port,host:port/name/database`.
        prefix: What the names of its keys begin with; default `"chirp"`.
        confirm: What `publish()` waits for. `"written"` (the default): the server has it, in memory. `"disk"`: its
            append-only file has it on the disk. `"replica"`: a replica has it.
        timeout: Seconds within which the server has to answer, to be connected to, and to have what is published; default 5.
        max_length: How many events of a topic the server keeps, at least; default 10,000, or the topic's `history` if that
            is more. A process that is further behind tells its subscribers of a gap.
        max_waiting: How many events of a topic may wait to be written; default 10,000.
        max_waiting_bytes: How many bytes they may have together; default 16 MiB.
        at_start: What happens where the server cannot be reached when a topic is opened. `"wait"` (the default): it is tried
            again for `timeout`, and then opening fails. `"go_on"`: the topic begins without its history, which its
            subscribers are told of once the server is there.
        presence_ttl: Seconds after which nobody is there whose process has died; default 30.
        ssl_context: Certificates and keys for `rediss://`; default: the system's authorities, and names are verified.

    Attributes:
        is_shared: True: a topic of the same name may be open in several processes.

    Raises:
        TypeError: An argument has a wrong type.
        ConfigurationError: An argument that cannot work.
        ModuleNotFoundError: The extra is not installed.

    Example:
        >>> RedisStore("redis://127.0.0.1:6379/0", confirm="replica").confirm
        'replica'
    """

    is_shared = True

    _link: Link = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        Options.__post_init__(self)
        object.__setattr__(self, "_link", Link(self))

    @override
    def tell(self, notice: str) -> None:
        self._link.peers.tell(notice)

    @override
    def heard(self, hear: Callable[[str], object]) -> AbstractContextManager[None]:
        return self._link.peers.heard(hear)

    @override
    def journal(self, delivery: Delivery) -> Journal:
        check_text("the name of the topic", delivery.name)
        return RedisJournal(delivery, self, self._link)
