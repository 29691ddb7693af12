"""Static files, from a fixed table: read once, and served from memory."""

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from chirp_trio import Response

_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}


class Assets:
    """Files, and the URLs that they are found under.

    A URL holds a digest of its file, so that browsers may keep the file for ever: another version has another URL.

    Args:
        files: The files. Their names are unlike one another.
    """

    def __init__(self, *files: Path) -> None:
        bodies = {file.name: file.read_bytes() for file in files}
        self.urls: Mapping[str, str] = {
            name: f"/static/{name}?v={sha256(body).hexdigest()[:12]}" for name, body in bodies.items()
        }
        self._responses = {
            name: Response(
                body,
                headers={"cache-control": "public, max-age=31536000, immutable", "x-content-type-options": "nosniff"},
                content_type=_TYPES[Path(name).suffix],
            )
            for name, body in bodies.items()
        }

    def find(self, name: str) -> Response | None:
        """The response that holds a file; None if there is no such file."""
        return self._responses.get(name)
