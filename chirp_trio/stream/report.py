"""An error, told twice: the log gets all of it, the client a reference to the log."""

import secrets

from ..asgi import ErrorListener, note_asyncio
from ..errors import text_of
from ..logs import logger_of
from ..wire import encode_event

logger = logger_of("stream")


def new_reference() -> str:
    """What a client is told instead of an error, and the log is searched for."""
    return secrets.token_hex(4)


def report(name: str, what: str, error: Exception, *, debug: bool, listener: ErrorListener | None = None) -> bytes:
    """Log an error; return the event that tells the client of it.

    Args:
        name: The stream's path.
        what: What went wrong, in a few words.
        error: The error.
        debug: Whether the client is told what it is.
        listener: Who is told as well; default: nobody.
    """
    note_asyncio(error)
    reference = new_reference()
    logger.error("%s: %s (reference %s)", name, what, reference, exc_info=error)
    if listener is not None:
        listener(what, error)
    told = {"reference": reference}
    if debug:
        told["error"] = "\n".join([f"{type(error).__name__}: {text_of(error)}", *getattr(error, "__notes__", ())])
    return encode_event(told, "chirp:error", None, None)
