"""The charsets that text in a request may have. A client cannot choose any other of Python's codecs.

Some of Python's codecs take quadratic time, and some are not charsets, so a client must not choose among them.
"""

from ..errors import HTTPError

_ACCEPTED = "UTF-8, US-ASCII, ISO-8859-1, Windows-1252 or UTF-16"
_LONGEST_NAME = 40

_CODECS = {
    **dict.fromkeys(["utf-8", "utf8"], "utf-8"),
    **dict.fromkeys(["us-ascii", "ascii", "ansi-x3.4-1968", "iso646-us"], "ascii"),
    **dict.fromkeys(["iso-8859-1", "iso8859-1", "iso-8859-1:1987", "latin-1", "latin1", "l1"], "latin-1"),
    **dict.fromkeys(["windows-1252", "cp1252", "x-cp1252"], "cp1252"),
    **dict.fromkeys(["utf-16", "utf16"], "utf-16"),
    **dict.fromkeys(["utf-16le", "utf-16-le"], "utf-16-le"),
    **dict.fromkeys(["utf-16be", "utf-16-be"], "utf-16-be"),
}


def decode(content: bytes, charset: str, what: str) -> str:
    """Text that came as bytes, in the charset that the client has named.

    Args:
        content: The bytes.
        charset: The charset's name, as the client sent it.
        what: What they are, for the error: `"the request body"`.

    Raises:
        HTTPError: 415 if the charset is none of those that are taken; 400, saying where, if the bytes are not in it.
    """
    codec = _CODECS.get(charset.strip().lower().replace("_", "-"))
    if codec is None:
        raise HTTPError(415, f"the charset of {what} is {charset[:_LONGEST_NAME]!r}; it must be {_ACCEPTED}")
    try:
        return content.decode(codec)
    except UnicodeDecodeError as error:
        raise HTTPError(400, f"{what} is not {codec}: {error.reason} at byte {error.start}") from None
