"""Where a server is, as a URL says it."""

from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from ..errors import ConfigurationError

_PORT = 6379


@dataclass(frozen=True, slots=True)
class Address:
    """A server, and as whom to use it.

    Attributes:
        host: Its name, or its address; of a socket in the file system the path.
        port: Its port; None: it is such a socket.
        is_encrypted: Whether TLS is spoken.
        user: Who asks; empty: nobody in particular.
        password: That user's; empty: there is none.
        database: The number of the database.
    """

    host: str
    port: int | None
    is_encrypted: bool
    user: str
    password: str = field(repr=False)
    database: int

    def __str__(self) -> str:
        """As messages call it: without a password."""
        return self.host if self.port is None else f"{self.host}:{self.port}"


def parse_address(url: object) -> Address:
    """The address that a URL means.

    Raises:
        TypeError: It is no text.
        ConfigurationError: It is none of `redis://`, `rediss://` and `unix://`, or there is something in it that cannot be.
    """
    if not isinstance(url, str):
        raise TypeError(f"RedisStore: url is {url!r}; it must be text, such as 'redis://127.0.0.1:6379/0'")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ConfigurationError(f"RedisStore: the url cannot be read: {error}") from None
    shown = url if "@" not in url else f"{parts.scheme}://...@{url.rpartition('@')[2]}"  # a password is nobody's business
    if "sentinel" in parts.scheme or "cluster" in parts.scheme:
        raise ConfigurationError(
            f"RedisStore: url is {shown!r}; neither Sentinel nor Cluster is spoken: give the address of one server, "
            "or of a proxy or a DNS name that leads to the one which is the master"
        )
    if parts.scheme not in ("redis", "rediss", "unix"):
        raise ConfigurationError(f"RedisStore: url is {shown!r}; it must begin with redis://, rediss:// or unix://")
    if parts.fragment:
        raise ConfigurationError("RedisStore: the url has a #; in a password it is written as %23")
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if parts.scheme == "unix":
        return Address(unquote(parts.path), None, False, user, password, _database(_option(parts.query, "db") or "0"))
    if not parts.hostname:
        raise ConfigurationError("RedisStore: the url names no host, as in 'redis://127.0.0.1:6379/0'")
    _option(parts.query, "")
    database = _database(parts.path.removeprefix("/") or "0")
    return Address(parts.hostname, port or _PORT, parts.scheme == "rediss", user, password, database)


def _option(query: str, name: str) -> str:
    if not query:
        return ""
    key, _, value = query.partition("=")
    if not name or key != name:
        raise ConfigurationError(f"RedisStore: the url has the option {key!r}; only unix:// has one, which is db")
    return value


def _database(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 6):
        raise ConfigurationError(f"RedisStore: the database is {text!r}; it must be a number, as in 'redis://127.0.0.1/0'")
    return int(text)
