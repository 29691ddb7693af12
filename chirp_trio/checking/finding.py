"""What was found, and where."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """Something in an app that does not fit together. As text it is `file:line: message`.

    Attributes:
        file: The Python file or template.
        line: The line in it, counted from 1.
        message: What is wrong with it.

    Example:
        >>> from pathlib import Path
        >>> str(Finding(Path("index.html"), 7, "nobody sends the event 'tick'"))
        "index.html:7: nobody sends the event 'tick'"
    """

    file: Path
    line: int
    message: str

    def __str__(self) -> str:
        here = Path.cwd()
        file = self.file.relative_to(here) if self.file.is_relative_to(here) else self.file
        return f"{file}:{self.line}: {self.message}"


def suggest(word: str, words: Iterable[str], compare_as: Callable[[str], str] = str, likeness: float = 0.75) -> str:
    """The end of a message about a word that is none of these; nothing, if it is like none of them.

    Args:
        word: The word.
        words: What there is.
        compare_as: What a word of these is compared as; default: itself.
        likeness: How like they have to be, from 0 to 1; default 0.75.
    """
    compared = {compare_as(one): one for one in sorted(set(words))}
    close = [compared[one] for one in get_close_matches(word, compared, n=2, cutoff=likeness)]
    return f"; did you mean {' or '.join(map(repr, close))}?" if close else ""
