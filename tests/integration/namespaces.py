"""Two machines in one: network namespaces with a cable between them, which can be cut."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

SERVER_ADDRESS = "192.0.2.1"  # of a network that is kept for documentation: nothing else is there
_CLIENT_ADDRESS = "192.0.2.2"


class Cable:
    """What connects the two namespaces `server` and `client`."""

    def __init__(self, server: str, client: str) -> None:
        self.server = server
        self.client = client

    def cut(self) -> None:
        """From now on nothing that one end sends reaches the other, and neither is told."""
        _ip("-n", self.client, "link", "set", "cable", "down")


@contextmanager
def two_machines() -> Iterator[Cable]:
    """Make the namespaces, and remove them; skip the test where that is not possible."""
    if shutil.which("ip") is None:
        pytest.skip("there is no `ip` command to make network namespaces with: install the package iproute2")
    cable = Cable(f"server-{os.getpid()}", f"client-{os.getpid()}")
    with ExitStack() as stack:
        for name in cable.server, cable.client:
            try:
                _ip("netns", "add", name)
            except subprocess.CalledProcessError as error:
                pytest.skip(f"network namespaces need root, or the capability SYS_ADMIN: {error.stderr.decode().strip()}")
            stack.callback(_ip, "netns", "delete", name)
        _ip("-n", cable.server, "link", "set", "lo", "up")  # where the server talks to itself
        _ip("-n", cable.server, "link", "add", "cable", "type", "veth", "peer", "name", "cable", "netns", cable.client)
        for name, address in (cable.server, SERVER_ADDRESS), (cable.client, _CLIENT_ADDRESS):
            _ip("-n", name, "address", "add", f"{address}/24", "dev", "cable")
            _ip("-n", name, "link", "set", "cable", "up")
        yield cable


@contextmanager
def inside(namespace: str) -> Iterator[None]:
    """Make sockets, and start processes, in that namespace."""
    with open("/proc/thread-self/ns/net") as home, open(f"/run/netns/{namespace}") as there:  # noqa: PTH123 - as descriptors
        os.setns(there.fileno(), os.CLONE_NEWNET)
        try:
            yield
        finally:
            os.setns(home.fileno(), os.CLONE_NEWNET)


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)
