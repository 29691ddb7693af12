"""Checks of text before it is encoded: what a field of an event may hold."""

# What ends a line in an event stream (WHATWG HTML, "Parsing an event stream"), and NUL, for which the standard makes an
# id be ignored. None of them can be carried by a field that is one line.
_FORBIDDEN = {"\r": "a carriage return", "\n": "a line feed", "\0": "a NUL"}


def check_text(name: str, text: str) -> None:
    """Raise `ValueError` where UTF-8 cannot carry the text, that is, where it holds half of a surrogate pair."""
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise uncarried(name, error) from None


def check_one_line(name: str, text: object) -> None:
    """Raise unless `text` is None or a single line of text."""
    if text is None:
        return
    if not isinstance(text, str):
        raise TypeError(f"{name} is {text!r}; it must be a str without line breaks, or None")
    for character, called in _FORBIDDEN.items():
        if character in text:
            raise ValueError(f"{name} is {text!r}; it must be one line of text, and holds {called}")
    check_text(name, text)


def uncarried(name: str, error: UnicodeEncodeError) -> ValueError:
    """The error for a text that UTF-8 cannot carry."""
    half = error.object[error.start]
    return ValueError(f"{name} holds {half!r} at position {error.start}: half of a surrogate pair, which UTF-8 cannot carry")
