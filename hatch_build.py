"""What hatchling asks when it builds: addresses, which are those of where the package is released, and nobody else's.

Without them the package has no URLs, and the links of README.md stay relative. An sdist has them in itself.
"""

import os
import re
from pathlib import Path
from typing import Any, override

from hatchling.metadata.plugin.interface import MetadataHookInterface

# The repository, as https://github.com/owner/name, in which a tag v and the version leads to this one; and the documentation.
REPOSITORY, DOCUMENTATION = "RELEASE_REPOSITORY", "RELEASE_DOCUMENTATION"
_FENCES = re.compile(r"(^```.*?^```[^\n]*$)", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"(?P<before>(?P<picture>!?)\[[^\]]*\]\()(?P<target>(?![a-z][a-z0-9+.-]*:|#|/)[^)\s]+)\)")


class Addresses(MetadataHookInterface):
    """Fills `urls` and `readme`."""

    @override
    def update(self, metadata: dict[str, Any]) -> None:
        """Fill what is not there: in an sdist it may be."""
        repository, documentation = _address(REPOSITORY), _address(DOCUMENTATION)
        if "urls" not in metadata:
            metadata["urls"] = _urls(repository, documentation)
        if "readme" not in metadata:
            text = (Path(self.root) / "README.md").read_text("utf-8")
            if repository is not None:
                text = absolute_links(text, repository, f"v{metadata['version']}")
            metadata["readme"] = {"content-type": "text/markdown", "text": text}


def _address(variable: str) -> str | None:
    """The address in an environment variable, without a slash at its end; None if it is empty, or not set."""
    given = os.environ.get(variable, "")
    if given and not re.fullmatch(r"https://[^\s/?#]+(/[^\s/?#]+)*/?", given):
        raise ValueError(f"{variable} is {given!r}; it must be like https://github.com/owner/name")
    return given.rstrip("/") or None


def _urls(repository: str | None, documentation: str | None) -> dict[str, str]:
    urls = {} if documentation is None else {"Documentation": documentation}
    if repository is not None:
        urls["Source"] = repository
        urls["Changelog"] = f"{repository}/blob/HEAD/CHANGELOG.md"
        urls["Issues"] = f"{repository}/issues"
    return urls


def absolute_links(text: str, repository: str, revision: str) -> str:
    """Markdown, with links to files of the repository that lead there from anywhere, but in code.

    Args:
        text: The Markdown, of a file at the root of the repository.
        repository: The repository's address.
        revision: The tag of which the files are.
    """

    def replace(link: re.Match[str]) -> str:
        kind = "raw" if link["picture"] else "blob"
        return f"{link['before']}{repository}/{kind}/{revision}/{link['target'].removeprefix('./')})"

    parts = _FENCES.split(text)
    return "".join(part if part.startswith("```") else _LINK.sub(replace, part) for part in parts)
