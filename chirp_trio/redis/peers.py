"""What the processes that share a server tell one another beside events: whose subscriptions each has, and notices.

Of each process that has any subscription there is a hash with how many it has of each topic and member. It expires unless the
process goes on to renew it, so nobody is there for long who is dead. On one channel each process tells what it changes in its
hash, counting; whoever misses a count reads the hash again. Notices are in a stream, so that nobody misses one who was away.
"""

from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager

import trio

from ..logs import logger_of
from ..topics import Delivery
from ..topics.history import new_name
from .attendance import Attendances
from .connection import Connection, ConnectionLostError, ServerError
from .hearing import Hearing
from .options import Options
from .peer_keys import PeerKeys
from .telling import Telling

logger = logger_of("topics")


class Peers:
    """One process among those that share a server.

    Args:
        options: What the store is told.

    Attributes:
        keys: Where the server has what is told.
    """

    def __init__(self, options: Options) -> None:
        self.keys = PeerKeys(options.prefix, new_name())
        self._ttl = options.presence_ttl
        self._attendances = Attendances()
        self._telling = Telling(self.keys, self._attendances, options.presence_ttl)
        self._hearing = Hearing(self.keys, self._attendances, options.presence_ttl)

    def add(self, delivery: Delivery) -> None:
        """Tell a topic who is there elsewhere."""
        self._attendances.add(delivery)

    def remove(self, delivery: Delivery) -> None:
        """Do so no longer, and forget who is there in this one."""
        self._attendances.remove(delivery)
        if self._attendances.changed:
            self._telling.wake()

    def count(self, delivery: Delivery, member: str | None, count: int) -> None:
        """So many of a topic's subscriptions are that member's now."""
        self._attendances.set(delivery, (delivery.name, member), count)
        self._telling.wake()

    async def wait_until_told(self) -> None:
        """Wait until others know of everything, for a moment at most, where no topic is left that could tell them."""
        if not self._attendances.is_open:
            await self._telling.wait_until_told()

    def tell(self, notice: str) -> None:
        """See `Store.tell()`."""
        self._hearing.hear(notice)
        self._telling.tell(notice)

    def heard(self, hear: Callable[[str], object]) -> AbstractContextManager[None]:
        """See `Store.heard()`."""
        return self._hearing.heard(hear)

    def take(self, message: bytes) -> None:
        """Another process has told something."""
        self._hearing.take(message)

    async def read(self, connection: Connection, doorbell: Connection) -> None:
        """Be told on the doorbell, and read by the other connection, until one is lost."""
        await self._keep(lambda: self._hearing.use(connection, doorbell))

    async def write(self, connection: Connection) -> None:
        """Tell by this connection, until it is lost.

        It is neither the one that writes events, which may wait for a disk or a replica longer than this process would be
        remembered, nor the doorbell: Redis 7.0 puts what is published in a transaction into the transaction's own answer.
        """
        await self._keep(lambda: self._telling.use(connection))

    async def _keep(self, use: Callable[[], Awaitable[None]]) -> None:
        """Use a connection again after a pause where the server refuses something, which is told once."""
        told = ""
        while True:
            try:
                await use()
            except ConnectionLostError:
                await trio.sleep_forever()  # until whoever has it is done with it
            except ServerError as error:
                if str(error) != told:
                    told = str(error)
                    logger.warning("what processes tell one another, such as who is there, is not known: %s", told)
            await trio.sleep(self._ttl / 3)
