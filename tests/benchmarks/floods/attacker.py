"""`python -m tests.benchmarks.floods.attacker PORT NAME SECONDS`: one flood, at its rate, and then it is over.

It prints how many units it has sent, and how many connections they took.
"""

import json
import socket
import ssl
import sys
import time
from contextlib import suppress

from .attacks import ATTACKS, Attack, Pieces, context

TURN = 0.02  # seconds; in each the share of units is sent that is due
PATIENCE = 0.5  # seconds that a connection may take to be made, or to take bytes


class Attacker:
    def __init__(self, port: int, attack: Attack) -> None:
        self._port = port
        self._attack = attack
        self._context = context(attack.protocol) if attack.protocol else None
        self._connection: socket.socket | None = None
        self._pieces: Pieces = iter(())
        self._kept: list[socket.socket] = []
        self.units = 0
        self.connections = 0

    def send(self) -> None:
        """The next piece, on a new connection if need be."""
        try:
            if self._connection is None:
                self._connect()
            piece, units = next(self._pieces)
            self._connection.settimeout(PATIENCE)
            self._connection.sendall(piece)
            self.units += units
            self._drain()
        except StopIteration:
            self._leave()
        except OSError:
            self._kept.append(self._connection) if self._connection and self._attack.stays else self._close()
            self._connection = None

    def _connect(self) -> None:
        self._pieces = self._attack.pieces()
        self.connections += 1
        self._connection = socket.create_connection(("127.0.0.1", self._port), PATIENCE)
        if self._context is not None:
            self._connection = self._context.wrap_socket(self._connection)

    def _drain(self) -> None:
        """Take what has come, or the server could stop reading; `ConnectionError` if it has closed the connection."""
        self._connection.setblocking(False)
        with suppress(ssl.SSLWantReadError, BlockingIOError):
            while self._connection.recv(65536):
                pass
            raise ConnectionResetError

    def _leave(self) -> None:
        if self._attack.stays:
            self._kept.append(self._connection)
            self._connection = None
        else:
            if self._attack.unit == "connection":  # its answer
                self._connection.settimeout(PATIENCE)
                with suppress(OSError):
                    while self._connection.recv(65536):
                        pass
            self._close()

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None


def main(port: int, name: str, seconds: float) -> None:
    attack = ATTACKS[name]
    attacker = Attacker(port, attack)
    began = time.monotonic()
    while (passed := time.monotonic() - began) < seconds:
        while attacker.units < attack.rate * passed and time.monotonic() - began < seconds:
            attacker.send()
        time.sleep(TURN)
    print(json.dumps({"units": attacker.units, "connections": attacker.connections}), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], float(sys.argv[3]))
