"""What the server can be told."""

import logging
import math
from dataclasses import dataclass
from pathlib import Path

from hypercorn.config import Config

from ..errors import ConfigurationError


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerConfig:
    """Settings of `serve()` and `App.run()`.

    Args:
        host: The address to listen on; default `"127.0.0.1"`, which only this machine reaches.
        port: The port; default 8000; 0 takes a free one.
        certfile: A TLS certificate (PEM), and what vouches for it; default: no TLS.
        keyfile: The certificate's private key (PEM); needed with `certfile`, and only then.
        graceful_timeout: Seconds that requests may go on once the server is to stop, before they are cancelled;
            default 3. Event streams are told at once, and do not need it.
        write_timeout: Seconds that a client may take no bytes of a response, before its connection is reset; default 30.
            Clients that have vanished from the network are found in the same time, where the system can do that (Linux).
        access_log: Log a line for each request, to standard error; default: no.

    Raises:
        ConfigurationError: A setting that cannot work; the message names what is allowed.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    certfile: str | Path | None = None
    keyfile: str | Path | None = None
    graceful_timeout: float = 3.0
    write_timeout: float = 30.0
    access_log: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.host, str) or not self.host:
            raise ConfigurationError(f"host is {self.host!r}; it must be an address or a name, such as '127.0.0.1'")
        if not isinstance(self.port, int) or isinstance(self.port, bool) or not 0 <= self.port <= 65535:
            raise ConfigurationError(f"port is {self.port!r}; it must be a number from 0 to 65535")
        if (self.certfile is None) != (self.keyfile is None):
            given = "certfile" if self.keyfile is None else "keyfile"
            raise ConfigurationError(f"only {given} is given; TLS needs certfile and keyfile")
        for name, file in (("certfile", self.certfile), ("keyfile", self.keyfile)):
            if file is not None and not Path(file).is_file():
                raise ConfigurationError(f"{name} is {str(file)!r}; there is no such file")
        _check_seconds("graceful_timeout", self.graceful_timeout, "zero or more", least=0)
        _check_seconds("write_timeout", self.write_timeout, "one or more", least=1)

    def for_hypercorn(self) -> Config:
        """The same, as hypercorn's configuration."""
        config = Config()
        config.bind = [f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"]
        config.certfile = str(self.certfile) if self.certfile is not None else None
        config.keyfile = str(self.keyfile) if self.keyfile is not None else None
        config.graceful_timeout = self.graceful_timeout
        config.accesslog = _access_logger() if self.access_log else None
        config.loglevel = "WARNING"  # the start-up line is ours
        config.backlog = 1024
        return config


def _check_seconds(name: str, value: object, allowed: str, *, least: float) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value < math.inf:
        raise ConfigurationError(f"{name} is {value!r}; it must be a number of seconds, {allowed}")


def _access_logger() -> logging.Logger:
    """The logger of the access log, on standard error unless the application has given it somewhere else to go."""
    logger = logging.getLogger("chirp_trio.access")
    logger.setLevel(logging.INFO)
    if not logger.hasHandlers():
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%Y-%m-%d %H:%M:%S"))
        logger.addHandler(handler)
    return logger
