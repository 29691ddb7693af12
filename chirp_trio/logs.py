"""The loggers of every room: what they write cannot be forged by a client.

Paths, labels, ids and the texts of errors hold what clients send. A line feed in them would begin a line of the client's own
in the log, and an escape sequence would be obeyed by the terminal of whoever reads it.
"""

import logging
import secrets
import traceback
from collections.abc import Iterator, Mapping
from numbers import Number

_OWN = frozenset(vars(logging.makeLogRecord({})))  # the attributes that every record has


def logger_of(room: str) -> logging.Logger:
    """The logger `chirp_trio.<room>`, whose records are harmless before any handler sees them."""
    logger = logging.getLogger(f"chirp_trio.{room}")
    if _make_harmless not in logger.filters:
        logger.addFilter(_make_harmless)
    return logger


def new_reference() -> str:
    """What a client is told instead of an error, and the log is searched for."""
    return secrets.token_hex(4)


def harmless(text: str) -> str:
    """The text with escapes in the place of what could end a line, command a terminal, or change the order of reading.

    That is all that Unicode does not call printable: control characters, line and paragraph separators, marks of direction,
    halves of surrogate pairs.
    """
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode("ascii") for character in text
    )


def _make_harmless(record: logging.LogRecord) -> bool:
    if isinstance(record.args, Mapping):
        record.args = {name: _harmless_argument(value) for name, value in record.args.items()}
    elif record.args:
        record.args = tuple(map(_harmless_argument, record.args))
    for name, value in vars(record).items():
        if isinstance(value, str) and name not in _OWN:  # what was given as `extra`, for formatters that name it
            setattr(record, name, harmless(value))
    error = record.exc_info[1] if record.exc_info else None
    if error is not None and not record.exc_text and not all(text.isprintable() for text in _texts_of(error)):
        # Formatters take it as it is. Indented, so that no line of an error's text is the beginning of one in the log.
        lines = "".join(traceback.format_exception(error)).rstrip("\n").split("\n")
        record.exc_text = "\n".join(f"  {harmless(line)}" for line in lines)
    return True


def _harmless_argument(value: object) -> object:
    return value if value is None or isinstance(value, Number) else harmless(_text(value))


def _text(value: object) -> str:
    try:
        return str(value)
    except Exception:  # the class of an error is anybody's
        return f"<{type(value).__name__}, whose str() failed>"


def _texts_of(error: BaseException) -> Iterator[str]:
    """What a traceback shows that may come from outside: the texts and notes of an error and of all that led to it."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        yield _text(one)
        notes = getattr(one, "__notes__", ())
        yield from map(_text, notes if isinstance(notes, list | tuple) else (notes,))
        if isinstance(one, SyntaxError):
            yield from (_text(part) for part in (one.text, one.filename))
        waiting += [one.__cause__, one.__context__, *(one.exceptions if isinstance(one, BaseExceptionGroup) else ())]
