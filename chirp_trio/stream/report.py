"""An error, told twice: the log gets all of it, the client a reference to the log."""

import secrets

from ..asgi import ErrorListener, note_asyncio
from ..logs import logger_of
from ..wire import encode_event

logger = logger_of("stream")


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
    reference = secrets.token_hex(4)
    logger.error("%s: %s (reference %s)", name, what, reference, exc_info=error)
    if listener is not None:
        listener(what, error)
    told = {"reference": reference}
    if debug:
        told["error"] = "\n".join([f"{type(error).__name__}: {error}", *getattr(error, "__notes__", ())])
    return encode_event(told, "chirp:error", None, None)
