"""The client's address behind proxies, as trusted proxies tell it in headers.

A client can write anything into the headers that proxies use. So they are read from the right, where the nearest proxy has
added its part, and only as far as trusted proxies have written them. If they cannot be understood, or contradict each other,
the client has no address: above all not that of the proxy, which may be allowed more than a client is.
"""

import ipaddress
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from ..addresses import Address, parse_address
from ..asgi import ASGIApp, Receive, Scope, Send
from ..errors import ConfigurationError

type _Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class _Hop(NamedTuple):
    """One hop of a request: the peer that a proxy saw, and the scheme that it spoke."""

    address: Address
    port: int
    scheme: str


class TrustedProxies:
    """The trusted proxies.

    Args:
        proxies: Addresses and networks, and `"unix"` for every connection through a Unix socket.

    Raises:
        ConfigurationError: One of them is none of these.
    """

    def __init__(self, proxies: Iterable[str]) -> None:
        self._networks: list[_Network] = []
        self._trusts_unix = False
        for proxy in proxies:
            if proxy == "unix":
                self._trusts_unix = True
                continue
            try:
                if not isinstance(proxy, str):
                    raise TypeError  # a number would be taken for an address
                self._networks.append(ipaddress.ip_network(proxy))
            except TypeError, ValueError:
                raise ConfigurationError(
                    f"trusted_proxies has {proxy!r}; it must be an address such as '10.0.0.1', a network such as "
                    "'10.0.0.0/8' with zeros where addresses differ, or 'unix'"
                ) from None

    def __contains__(self, address: Address) -> bool:
        return any(address in network for network in self._networks)

    def trusts_peer_of(self, scope: Scope) -> bool:
        """Whether a request's connection comes from a trusted proxy."""
        if not scope.get("client"):
            return self._trusts_unix
        address = parse_address(scope["client"][0])
        return address is not None and address in self

    def client(self, hops: Iterable[_Hop | None]) -> _Hop | None:
        """The nearest hop of a request that is no trusted proxy, or the farthest hop; None if one on the way is not known.

        Args:
            hops: The hops, from the nearest on. They are read only as far as that takes.
        """
        client = None
        for client in hops:
            if client is None or client.address not in self:
                break
        return client


class ForwardedClient:
    """An ASGI app behind proxies: `client` and `scheme` of a scope are taken from the trusted ones among them.

    Args:
        app: The app.
        proxies: The trusted proxies; see `TrustedProxies`.
    """

    def __init__(self, app: ASGIApp, proxies: Iterable[str]) -> None:
        self._app = app
        self._proxies = TrustedProxies(proxies)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in {"http", "websocket"} and self._proxies.trusts_peer_of(scope):
            scope = self._corrected(scope)
        await self._app(scope, receive, send)

    def _corrected(self, scope: Scope) -> Scope:
        standard = _values(scope, b"forwarded")
        listed = _values(scope, b"x-forwarded-for")
        said = [self._proxies.client(_read_forwarded(standard))] if standard else []
        said += [self._proxies.client(_read_list(listed))] if listed else []
        corrected = dict(scope)
        # A proxy that sets one of the two headers may pass on the other as the client has sent it: they have to agree.
        client = said[0] if len({hop and hop.address for hop in said}) == 1 else None
        if said:
            corrected["client"] = (str(client.address), client.port) if client else None
            if client is None:
                return corrected
        schemes = {client.scheme} if client and client.scheme else set()
        schemes |= {text.strip().lower() for text in _values(scope, b"x-forwarded-proto").split(",")[-1:] if text}
        if schemes in ({"http"}, {"https"}):
            scheme = schemes.pop()
            corrected["scheme"] = scheme if scope["type"] == "http" else scheme.replace("http", "ws")
        return corrected


def _values(scope: Scope, name: bytes) -> str:
    """All headers of a name, joined by commas (RFC 9110, 5.3); empty if there is none."""
    return ",".join(value.decode("latin-1") for key, value in scope["headers"] if key.lower() == name)


def _read_list(text: str) -> Iterator[_Hop | None]:
    """The hops in an `X-Forwarded-For` header, from the nearest on."""
    end = len(text)
    while end >= 0:
        comma = text.rfind(",", 0, end)
        yield _parse_hop(text[comma + 1 : end].strip())
        end = comma


_PAIR = re.compile(r"""[ \t]*([A-Za-z0-9_-]+)=(?:([^\s",;=]+)|"((?:[^"\\]|\\.)*)")[ \t]*([,;]|$)""")


def _read_forwarded(text: str) -> Iterator[_Hop | None]:
    """The hops in a `Forwarded` header (RFC 7239), from the nearest on; none at all if the header is malformed.

    The header may hold quoted text from the client, so it can neither be split at commas nor be read from the right.
    """
    elements: list[dict[str, str]] = [{}]
    position = 0
    while position < len(text):
        pair = _PAIR.match(text, position)
        if pair is None or pair[1].lower() in elements[-1]:
            return
        elements[-1][pair[1].lower()] = pair[2] or pair[3]
        position = pair.end()
        if pair[4] == ",":
            elements.append({})
    for element in reversed(elements):
        yield _parse_hop(element.get("for", ""), element.get("proto", "").lower())


_NODE = re.compile(r"(?:\[([^\]]*)\]|([0-9.]+))(?::([0-9]{1,5}))?")


def _parse_hop(text: str, scheme: str = "") -> _Hop | None:
    """`192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:4711`; None for anything else."""
    node = _NODE.fullmatch(text)
    address = parse_address(text if node is None else node[1] or node[2])
    port = int(node[3] or 0) if node is not None else 0
    return _Hop(address, port, scheme) if address and port <= 65535 else None
