"""`Finding`: a mistake, and its place."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """A mistake in an app. Its text is `file:line: message`.

    Attributes:
        file: The Python file or template.
        line: The line in the file, counted from 1.
        message: What is wrong there.

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
    """The end of a message about a wrong word: a hint at similar right ones; empty if none is similar.

    Args:
        word: The wrong word.
        words: The right words.
        compare_as: Returns the text that stands for a right word in the comparison; default: the word itself.
        likeness: How similar they have to be, from 0 to 1; default 0.75.
    """
    compared = {compare_as(one): one for one in sorted(set(words))}
    close = [compared[one] for one in get_close_matches(word, compared, n=2, cutoff=likeness)]
    return f"; did you mean {' or '.join(map(repr, close))}?" if close else ""
