"""`AppConfig`: the settings of an `App`, checked when they are given."""

from collections.abc import Iterable
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

from ..arguments import check_count, check_type
from ..compression import Compress, check_compress
from ..stream import Limits
from ..wire import JSONDefault, check_json_default
from .hosts import EVERY_HOST, check_hosts

# Overrides the debug mode of the apps that are made now, whatever their configuration says: `chirp-trio run --debug`.
debugging: ContextVar[bool] = ContextVar("debugging", default=False)
# Whether the command line imports an app now, which then is served, or looked at, by the command.
importing: ContextVar[bool] = ContextVar("importing", default=False)


@dataclass(frozen=True, slots=True)
class AppConfig:
    """The settings of an `App`.

    Args:
        template_dir: The folder of the templates, or several that are searched in turn; default `"templates"`, below
            the directory that the server was started in.
        hosts: Names or addresses in the `Host` header for which the app answers: one or several; default `"*"`, any. Others
            get a 421, but for `localhost`, loopback addresses, and the address at which the connection came in: so `()` is
            what an app needs that shows something private on this machine.
        debug: Show errors with their traceback to the client, and read templates again when they change; default: no. They
            are shown on this machine only: to a client that connects from it, to `localhost` or a loopback address, and
            through no proxy that says that it is one.
        debug_hosts: Names or addresses in the `Host` header for which debug mode shows errors to everybody, such as
            `"dev.example.com"`: one or several; `"*"` for any; default: none.
        max_body_size: How many bytes a request's body may have; default 1 MiB.
        max_form_fields: How many fields and files a form may have; default 1000.
        max_streams: How many event streams there may be; one more is refused with a 503; default: no limit.
        max_streams_per_client: How many there may be to one client's address, or IPv6 network of 64 bits; one more is refused
            with a 429; default: no limit.
        max_age: Seconds after which an event stream ends, a tenth more or less at random, so that its client comes back
            at a time of its own; default: no limit.
        reconnect_after: How many seconds clients shall wait before they come back when the server stops: each is told a
            time at random between the two; default 1 to 5; None tells them nothing.
        reconnection_time: How many seconds clients shall wait before they come back whenever else a connection is lost.
            They are told when a stream begins, because what they were told by a server that stopped stays with them
            otherwise; so not where `reconnect_after` is None. Default 3; None tells them nothing.
        json_default: Asked for each value that is to be JSON (of a handler, a stream, a topic) and that JSON has not: a
            function that returns one that it has, or raises `TypeError`, as with `json.dumps`; default: those are refused.
        compress: Whether event streams are compressed, where they say nothing of it themselves; see `EventStream`.
            Default: no.
        max_write_delay: How many seconds events may wait, while more come than can be written one by one, so that they are
            written in one piece. It is not waited for longer than the last such turn of all streams has taken, and an event
            that comes alone is written at once. Default 0.005; with 0 none waits.

    Raises:
        ConfigurationError: A number is out of range.
        TypeError: An argument has the wrong type.

    Example:
        >>> AppConfig(max_streams=10_000, max_streams_per_client=20, max_age=3600).reconnect_after
        (1.0, 5.0)
    """

    template_dir: str | Path | Iterable[str | Path] = "templates"
    hosts: str | Iterable[str] = EVERY_HOST
    debug: bool = False
    debug_hosts: str | Iterable[str] = ()
    max_body_size: int = 1024 * 1024
    max_form_fields: int = 1000
    max_streams: int | None = None
    max_streams_per_client: int | None = None
    max_age: float | None = None
    reconnect_after: tuple[float, float] | None = (1.0, 5.0)
    reconnection_time: float | None = 3.0
    json_default: JSONDefault | None = None
    compress: Compress = False
    max_write_delay: float = 0.005

    def __post_init__(self) -> None:
        self._check_template_dir()
        check_type("debug", self.debug, bool, "True or False")
        for setting in ("hosts", "debug_hosts"):
            object.__setattr__(self, setting, check_hosts(setting, getattr(self, setting)))
        check_count("max_body_size", self.max_body_size, least=0, of="a number of bytes")
        check_count("max_form_fields", self.max_form_fields, least=1, of="a number of fields")
        check_json_default(self.json_default)
        check_compress("compress", self.compress)
        stream_limits(self)

    def _check_template_dir(self) -> None:
        folders = self.template_dir
        if not isinstance(folders, str | Path):
            folders = tuple(folders) if isinstance(folders, Iterable) and not isinstance(folders, bytes) else (folders,)
            if not all(isinstance(folder, str | Path) for folder in folders):
                raise TypeError(f"template_dir is {self.template_dir!r}; it must be a folder's path, or several")
            object.__setattr__(self, "template_dir", folders)


def stream_limits(config: AppConfig) -> Limits:
    """The limits of streams in these settings."""
    return Limits(
        config.max_streams, config.max_streams_per_client, config.max_age, config.reconnect_after, config.reconnection_time,
        config.max_write_delay,
    )  # fmt: skip
