"""Few of many in one turn of the event loop."""

import trio


class Turns:
    """A bound for how many tasks go on in one turn of the event loop. The others wait for one of the next turns.

    What takes little time for one connection, such as to find that its client has left, would hold up everybody's events if
    thousands did it in one turn.

    Args:
        most: How many go on without a wait. In one turn there are at most twice as many, and a few wait each time.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._left = most
        self._waiting = trio.lowlevel.ParkingLot()

    async def take(self) -> None:
        """Go on, at once or in a later turn. Can be cancelled while it waits."""
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
