"""The log on standard error: one format for all loggers."""

import json
import logging
import logging.config
import sys
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import override

from ..errors import ConfigurationError, text_of

_TEXT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def configure_logging(level: str | None, form: str) -> None:
    """Give the root logger a handler, unless the application, or a file, has given it or chirp_trio's logger one.

    Args:
        level: The lowest level that is logged; None leaves it as it is, usually `"WARNING"`.
        form: `"text"` or `"json"`.
    """
    root = logging.getLogger()
    if level is not None:
        root.setLevel(level.upper())
    if not logging.getLogger("chirp_trio").hasHandlers():  # nor the root logger, to which its records go
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(JSONFormatter() if form == "json" else logging.Formatter(_TEXT))
        root.addHandler(handler)


class JSONFormatter(logging.Formatter):
    """Formats each record as a JSON object on a line, with `time`, `level`, `logger`, `message` and `exception`.

    Named arguments, as those of the access log, and values from `extra` are members of their own.
    """

    @override
    def format(self, record: logging.LogRecord) -> str:
        told: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        told |= {name: value for name, value in vars(record).items() if name not in _OWN}
        if isinstance(record.args, dict):
            told |= {name: value for name, value in record.args.items() if name not in told}
        if record.exc_info or record.exc_text:
            told["exception"] = record.exc_text or self.formatException(record.exc_info)  # type: ignore[arg-type]
        return json.dumps(told, default=str)


def configure_logging_by(file: Path) -> None:
    """Configure logging from a file: JSON or TOML, as for `logging.config.dictConfig`, or INI.

    Raises:
        ConfigurationError: The file cannot be used.
    """
    try:
        if file.suffix in (".json", ".toml"):
            text = file.read_text("utf-8")
            logging.config.dictConfig(json.loads(text) if file.suffix == ".json" else tomllib.loads(text))
        else:
            file.read_bytes()  # `fileConfig` takes a missing file for an empty one
            logging.config.fileConfig(file, disable_existing_loggers=False)
    except OSError as error:
        raise ConfigurationError(f"--log-config is {str(file)!r}, which cannot be read: {error.strerror}") from None
    except Exception as error:
        cause = f": {text_of(error.__cause__)}" if error.__cause__ is not None else ""
        raise ConfigurationError(f"--log-config is {str(file)!r}, which cannot be used: {text_of(error)}{cause}") from error
