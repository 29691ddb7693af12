"""The host names in requests: those for which an app answers, and those for which debug mode shows errors.

The owner of any web page can point a name at 127.0.0.1, so that the page may read what it requests there (DNS
rebinding). It cannot choose what the browser says in `Host`: that name.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

from ..asgi import Scope
from ..errors import ConfigurationError

EVERY_HOST = "*"

_HOST = re.compile(r"(?:\[(?P<bracketed>[0-9a-f:.]+)\]|(?P<name>[0-9a-z_.-]+))(?::\d*)?")  # RFC 9110, 7.2
_LOCAL_NAMES = {"localhost", "testserver"}  # the second is what clients in tests say, and no name server has it
_PROXIES = {b"forwarded", b"via", b"x-forwarded-for", b"x-forwarded-host", b"x-real-ip"}


@dataclass(frozen=True, slots=True)
class DebugMode:
    """Which requests may be answered with tracebacks: those of this machine, under its own names.

    Args:
        is_on: Whether the app is in debug mode at all.
        hosts: The names under which everybody may see them.
    """

    is_on: bool
    hosts: tuple[str, ...]

    def includes(self, scope: Scope) -> bool:
        """Whether it is for this request."""
        if not self.is_on:
            return False
        host = _host_of(scope)
        if EVERY_HOST in self.hosts or host in self.hosts:
            return True
        client = scope.get("client")
        is_passed_on = any(name in _PROXIES for name, _ in scope["headers"])
        return client is not None and _is_loopback(client[0]) and not is_passed_on and _is_local(host)


def is_recipient(scope: Scope, hosts: tuple[str, ...]) -> bool:
    """Whether a request is for one of the hosts, for this machine under its own names, or for the address it came in at."""
    if EVERY_HOST in hosts:
        return True
    host = _host_of(scope)
    server = scope.get("server")
    return host in hosts or _is_local(host) or (host != "" and server is not None and _is_same(host, server[0]))


def check_hosts(setting: str, hosts: str | Iterable[str]) -> tuple[str, ...]:
    """The names in a setting, as they are compared.

    Raises:
        ConfigurationError: One is no name of a host, or has a port.
        TypeError: They are not text.
    """
    several = (hosts,) if isinstance(hosts, str) else tuple(hosts) if isinstance(hosts, Iterable) else (hosts,)
    if not all(isinstance(host, str) for host in several):
        raise TypeError(f"{setting} is {hosts!r}; it must be the name of a host, or several")
    for host in several:
        if host != EVERY_HOST and (not _host(host) or re.search(r":\d*\Z", host.rpartition("]")[2])):
            raise ConfigurationError(
                f"{setting} has {host!r}; it must be the name or address of a host without a port, such as "
                "'dev.example.com' or '[::1]', or '*' for any"
            )
    return tuple(host if host == EVERY_HOST else _host(host) for host in several)


def _host_of(scope: Scope) -> str:
    """What the request calls the app: a name or an address, without the port; "" where it is none, or there are several."""
    hosts = [value for name, value in scope["headers"] if name == b"host"]
    return _host(hosts[0].decode("latin-1")) if len(hosts) == 1 else ""


def _host(text: str) -> str:
    found = _HOST.fullmatch(text.lower())
    return (found["bracketed"] or found["name"]) if found else ""


def _is_local(host: str) -> bool:
    address = _address(host)
    # The unspecified address is where servers say that they are, and leads here.
    return host in _LOCAL_NAMES or (address is not None and (address.is_loopback or address.is_unspecified))


def _is_loopback(text: str) -> bool:
    address = _address(text)
    return address is not None and address.is_loopback


def _is_same(one: str, other: str) -> bool:
    address = _address(one)
    return one == other or (address is not None and address == _address(other))


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None
