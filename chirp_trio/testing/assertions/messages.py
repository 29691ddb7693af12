"""Parts of the messages of assertions: what came, cut to a readable size, and a guess at what was meant."""

import difflib
from collections.abc import Iterable

_LONGEST = 600  # characters of something that came


def cut(text: str) -> str:
    """The text, or its beginning and its end."""
    if len(text) <= _LONGEST:
        return text
    half = _LONGEST // 2
    return f"{text[:half]} … {len(text) - 2 * half} characters … {text[-half:]}"


def did_you_mean(wanted: str, existing: Iterable[str]) -> str:
    """A hint at the most similar text that exists; empty if none is similar."""
    close = difflib.get_close_matches(wanted, list(existing), 1)
    return f"; did you mean {close[0]!r}?" if close else ""
