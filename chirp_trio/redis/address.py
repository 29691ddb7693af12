"""Where a server is, as a URL says it."""

from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from ..errors import ConfigurationError

_PORT = 6379
_SENTINEL_PORT = 26379
_SENTINEL = ("redis+sentinel", "rediss+sentinel")


class Sentinel(NamedTuple):
    """Where a Sentinel is, and as whom to ask it; see `Address`."""

    host: str
    port: int
    user: str
    password: str

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Address:
    """A server, and as whom to use it.

    Attributes:
        host: Its name, or its address; of a socket in the file system the path; of what Sentinel knows the name there.
        port: Its port; None: it is such a socket, or known to Sentinel.
        is_encrypted: Whether TLS is spoken.
        user: Who asks; empty: nobody in particular.
        password: That user's; empty: there is none.
        database: The number of the database.
        sentinels: Who knows where it is at the moment; default: nobody has to be asked.
    """

    host: str
    port: int | None
    is_encrypted: bool
    user: str
    password: str = field(repr=False)
    database: int
    sentinels: tuple[Sentinel, ...] = field(default=(), repr=False)

    def __str__(self) -> str:
        """As messages call it: without a password."""
        if self.sentinels:
            return f"{self.host!r} of the Sentinels {', '.join(map(str, self.sentinels))}"
        return self.host if self.port is None else f"{self.host}:{self.port}"


def parse_address(url: object) -> Address:
    """The address that a URL means.

    Raises:
        TypeError: It is no text.
        ConfigurationError: It is of none of the kinds that there are, or there is something in it that cannot be.
    """
    if not isinstance(url, str):
        raise TypeError(f"RedisStore: url is {url!r}; it must be text, such as 'redis://127.0.0.1:6379/0'")
    try:
        parts = urlsplit(url)
        port = None if parts.scheme in _SENTINEL else parts.port
    except ValueError as error:
        raise ConfigurationError(f"RedisStore: the url cannot be read: {error}") from None
    shown = url if "@" not in url else f"{parts.scheme}://...@{url.rpartition('@')[2]}"  # a password is nobody's business
    if "cluster" in parts.scheme:
        raise ConfigurationError(
            f"RedisStore: url is {shown!r}; Redis Cluster is not supported: give the address of one server, as in "
            "'redis://127.0.0.1:6379/0', or let Sentinel tell it, as in 'redis+sentinel://127.0.0.1:26379/mymaster'"
        )
    if parts.scheme not in ("redis", "rediss", "unix", *_SENTINEL):
        raise ConfigurationError(
            f"RedisStore: url is {shown!r}; it must begin with redis://, rediss://, unix://, redis+sentinel:// or "
            "rediss+sentinel://"
        )
    if parts.fragment:
        raise ConfigurationError("RedisStore: the url has a #; in a password it is written as %23")
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if parts.scheme in _SENTINEL:
        return _parse_sentinels(parts, user, password)
    if parts.scheme == "unix":
        options = _options(parts, {"db": "0"})
        return Address(unquote(parts.path), None, False, user, password, _database(options["db"]))
    if not parts.hostname:
        raise ConfigurationError("RedisStore: the url names no host, as in 'redis://127.0.0.1:6379/0'")
    _options(parts, {})
    database = _database(parts.path.removeprefix("/") or "0")
    return Address(parts.hostname, port or _PORT, parts.scheme == "rediss", user, password, database)


def _parse_sentinels(parts: SplitResult, user: str, password: str) -> Address:
    options = _options(parts, {"sentinel_user": "", "sentinel_password": ""})
    sentinels = []
    for place in parts.netloc.rpartition("@")[2].split(","):
        try:
            one = urlsplit(f"//{place}")
            host, port = one.hostname, one.port
        except ValueError as error:
            raise ConfigurationError(f"RedisStore: the url cannot be read: {error}") from None
        if not host:
            raise ConfigurationError(
                "RedisStore: the url names no Sentinel, as in 'redis+sentinel://10.0.0.1:26379,10.0.0.2:26379/mymaster'"
            )
        sentinels.append(Sentinel(host, port or _SENTINEL_PORT, options["sentinel_user"], options["sentinel_password"]))
    name, _, database = parts.path.removeprefix("/").partition("/")
    if not name:
        raise ConfigurationError(
            "RedisStore: the url does not say by which name Sentinel knows the server, as in "
            "'redis+sentinel://127.0.0.1:26379/mymaster'"
        )
    is_encrypted = parts.scheme == "rediss+sentinel"
    return Address(unquote(name), None, is_encrypted, user, password, _database(database or "0"), tuple(sentinels))


def _options(parts: SplitResult, known: dict[str, str]) -> dict[str, str]:
    given = dict(parse_qsl(parts.query, keep_blank_values=True))
    for name in given:
        if name not in known:
            there = " and ".join(known) or "none"
            raise ConfigurationError(f"RedisStore: the url has the option {name!r}; of {parts.scheme}:// there is {there}")
    return known | given


def _database(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 6):
        raise ConfigurationError(f"RedisStore: the database is {text!r}; it must be a number, as in 'redis://127.0.0.1/0'")
    return int(text)
