"""`ServerConfig`: the settings of a server."""

import re
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..arguments import check_count, check_seconds, check_type
from ..errors import ConfigurationError
from ..headers import encode_headers
from .forwarded import TrustedProxies
from .listeners import check_address, tcp_address

_HOST = "127.0.0.1"
_PORT = 8000


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerConfig:
    """Settings of `serve()` and `App.run()`.

    Args:
        host: The address to listen on; default `"127.0.0.1"`, which only this machine reaches.
        port: The port; default 8000; 0 takes a free one.
        bind: Where to listen, in place of `host` and `port`: one address or several, such as `"127.0.0.1:8000"`,
            `"[::1]:8000"`, `"unix:/run/app.sock"`, or `"fd://3"` for a listening socket that the process has inherited.
        reuse_port: Let several processes listen on the same TCP port, and the system share the connections out among them;
            default: no.
        certfile: A TLS certificate (PEM), with the intermediate certificates after it; default: no TLS.
        keyfile: The certificate's private key (PEM); needed with `certfile`, and only then.
        http2: Offer HTTP/2 where TLS lets a client choose; default: yes.
        http2_cleartext: Speak HTTP/2 without TLS with a client that begins with it (RFC 9113, 3.3), such as a proxy that was
            told to; default: no.
        root_path: The prefix of the app's own paths, such as `"/shop"`, whether a proxy removes it from requests or not: apps
            find it in the scope's `root_path`; default: none.
        trusted_proxies: The proxies whose headers `forwarded`, `x-forwarded-for` and `x-forwarded-proto` are believed, for
            the client's address and the scheme: addresses, networks such as `"10.0.0.0/8"`, or `"unix"` for every
            connection through a Unix socket; default: none.
        graceful_timeout: Seconds that requests may go on once the server is to stop, before they are cancelled;
            default 3. Event streams end at once, and do not need it.
        drain_delay: Seconds that the server still takes requests once it is told to stop, while the app is not `ready` any
            more, so that load balancers notice it and send no more; default 0.
        startup_timeout: Seconds that the app's lifespan may take to start; default: as long as it takes.
        shutdown_timeout: Seconds that it may take to end, once the last connection is closed; default 10.
        handshake_timeout: Seconds for a TLS handshake; default 10.
        head_timeout: Seconds for the head of a request, from its first byte on, and until the first request of a connection
            begins; default 10.
        body_timeout: Seconds that the app waits for a piece of a request's body that it has asked for; default 60. A body
            that comes more slowly than 240 bytes a second must be complete within this time.
        keep_alive_timeout: Seconds that a connection may be idle after a response; default 75. Proxies and load balancers
            that use a connection again must have a shorter one: nginx has 60 seconds, as AWS's load balancers have.
        write_timeout: Seconds that a client may take no bytes of a response, before its connection is reset; default 30.
            Clients that have vanished from the network are found in the same time, where the system can do that (Linux).
        max_connections: The largest number of open connections; default 16,384. Further clients get a 503.
        max_connections_per_client: The largest number of them from one address, or from one IPv6 network of 64 bits; default
            1,024. This machine and trusted proxies, which stand for many clients, have no such limit.
        access_log: Log a line for each request when its response has ended, to standard error; default: no.
        server_header: The value of the `server` header of responses; default `"chirp_trio"`; None leaves it out.

    Raises:
        ConfigurationError: A setting that cannot work; the message names what is allowed.
        TypeError: A setting has the wrong type.

    Example:
        >>> ServerConfig(bind=["127.0.0.1:8000", "unix:/run/app.sock"], trusted_proxies="unix").bind
        ('127.0.0.1:8000', 'unix:/run/app.sock')
    """

    host: str = _HOST
    port: int = _PORT
    bind: str | Sequence[str] = ()
    reuse_port: bool = False
    certfile: str | Path | None = None
    keyfile: str | Path | None = None
    http2: bool = True
    http2_cleartext: bool = False
    root_path: str = ""
    trusted_proxies: str | Sequence[str] = ()
    graceful_timeout: float = 3.0
    drain_delay: float = 0.0
    startup_timeout: float | None = None
    shutdown_timeout: float = 10.0
    handshake_timeout: float = 10.0
    head_timeout: float = 10.0
    body_timeout: float = 60.0
    keep_alive_timeout: float = 75.0
    write_timeout: float = 30.0
    max_connections: int = 16_384
    max_connections_per_client: int = 1_024
    access_log: bool = False
    server_header: str | None = "chirp_trio"

    def __post_init__(self) -> None:
        for name in ("reuse_port", "http2", "http2_cleartext", "access_log"):
            check_type(name, getattr(self, name), bool, "True or False")
        self._check_addresses()
        files = (("certfile", self.certfile), ("keyfile", self.keyfile))
        for name, file in files:
            if file is not None and not isinstance(file, str | Path):
                raise TypeError(f"{name} is {file!r}; it must be the path of a file, or None")
        if (self.certfile is None) != (self.keyfile is None):
            given = "certfile" if self.keyfile is None else "keyfile"
            raise ConfigurationError(f"only {given} is given; TLS needs certfile and keyfile")
        for name, file in files:
            if file is not None and not Path(file).is_file():
                raise ConfigurationError(f"{name} is {str(file)!r}; there is no such file")
        check_type("root_path", self.root_path, str, "a path such as '/shop', or ''")
        if not re.fullmatch(r"(?:/[^/?#\s]+)*/?", self.root_path):
            raise ConfigurationError(f"root_path is {self.root_path!r}; it must be a path such as '/shop', or ''")
        object.__setattr__(self, "root_path", self.root_path.rstrip("/"))
        if self.server_header is not None:
            check_type("server_header", self.server_header, str, "text, or None")
            try:
                encode_headers([("server", self.server_header)])
            except ValueError as error:
                raise ConfigurationError(f"server_header cannot be sent: {error}") from None
        object.__setattr__(self, "trusted_proxies", _texts("trusted_proxies", self.trusted_proxies))
        TrustedProxies(self.trusted_proxies)
        for name in ("graceful_timeout", "drain_delay", "shutdown_timeout"):
            check_seconds(name, getattr(self, name), least=0)
        for name in ("handshake_timeout", "head_timeout", "body_timeout", "keep_alive_timeout", "write_timeout"):
            check_seconds(name, getattr(self, name), least=1)
        if self.startup_timeout is not None:
            check_seconds("startup_timeout", self.startup_timeout, least=1, otherwise=", or None")
        for name in ("max_connections", "max_connections_per_client"):
            check_count(name, getattr(self, name), least=1)

    def _check_addresses(self) -> None:
        check_type("host", self.host, str, "an address or a name, such as '127.0.0.1'")
        if not re.fullmatch(r"[^\[\]/\s]+", self.host):
            raise ConfigurationError(f"host is {self.host!r}; it must be an address or a name, such as '127.0.0.1'")
        if re.fullmatch(r"[^:]*:\d*", self.host):
            raise ConfigurationError(f"host is {self.host!r}; it must be an address or a name without a port: port has that")
        check_type("port", self.port, int, "a number from 0 to 65535")
        if not 0 <= self.port <= 65535:
            raise ConfigurationError(f"port is {self.port!r}; it must be a number from 0 to 65535")
        object.__setattr__(self, "bind", _texts("bind", self.bind))
        for address in self.bind:
            check_address(address)
        if self.bind and (self.host, self.port) != (_HOST, _PORT):
            raise ConfigurationError(
                f"bind is {', '.join(self.bind)!r}, and host and port are {tcp_address(self.host, self.port)!r}; "
                "give the one or the other"
            )
        if self.reuse_port and not hasattr(socket, "SO_REUSEPORT"):
            raise ConfigurationError("reuse_port is True; it must be False on this system, which has no SO_REUSEPORT")

    @property
    def addresses(self) -> tuple[str, ...]:
        """The addresses to listen on: `bind`, or else host and port."""
        return tuple(self.bind) or (tcp_address(self.host, self.port),)


def _texts(name: str, value: str | Sequence[str]) -> tuple[str, ...]:
    """One text or a sequence of texts, as a tuple."""
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, Sequence) or isinstance(value, bytes):
        raise TypeError(f"{name} is {value!r}; it must be a text or a sequence of texts")
    return tuple(value)
