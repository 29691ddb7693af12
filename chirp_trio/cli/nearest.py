"""Hints at what may have been meant."""

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(word: str, words: Iterable[str], likeness: float = 0.6) -> str | None:
    """The most similar of some words; None if there is none that is similar.

    Args:
        word: The wrong word. Capitals and small letters, hyphens and underscores are alike.
        words: The right ones.
        likeness: How similar it has to be, from 0 to 1; default 0.6.
    """
    compared = {_plain(one): one for one in words}
    found = get_close_matches(_plain(word), compared, 1, likeness)
    return compared[found[0]] if found else None


def ask_for(word: str | None) -> str:
    """The end of a message: a question whether this was meant; empty for None."""
    return f"; did you mean {word}?" if word is not None else ""


def _plain(word: str) -> str:
    return word.lower().replace("_", "-")
