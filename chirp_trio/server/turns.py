"""A limit for the tasks that continue in one turn of the event loop."""

import trio


class Turns:
    """A limit for the tasks that continue in one turn of the event loop. The others wait for one of the next turns.

    Work that takes little time for one connection, such as to notice that its client has left, would delay all events if
    thousands of tasks did it in one turn.

    Args:
        most: The number of tasks that continue without a wait. In one turn at most twice as many do.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._left = most
        self._waiting = trio.lowlevel.ParkingLot()

    async def take(self) -> None:
        """Continue at once, or wait for a later turn. Can be cancelled while it waits."""
        while not self._left:
            if not self._waiting:
                self._renew_in_next_turn()
            await self._waiting.park()
        self._left -= 1

    def _renew_in_next_turn(self) -> None:
        trio.lowlevel.current_trio_token().run_sync_soon(self._renew)

    def _renew(self) -> None:
        self._left = self._most
        self._waiting.unpark(count=self._most)
        if self._waiting:
            self._renew_in_next_turn()
