"""Submitted forms: their fields and files, from bytes. Bounded in number, and read in linear time."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from ..errors import HTTPError
from .charsets import decode
from .multi import Headers, MultiMapping

URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"

_NO_BYTE = re.compile(rb"%(?![0-9A-Fa-f]{2}).{0,2}", re.DOTALL)
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*+"?')  # one that nobody closes goes on to the end, and is looked at once
# As RFC 8187 has it. No browser sends it with a form (RFC 7578, 4.2, forbids that), and some libraries do.
_EXTENDED_FILENAME = re.compile(r";\s*filename\*\s*=\s*([^;']*)'[^;']*'([^;]*)", re.IGNORECASE)
# How a part's content may be encoded: not at all (RFC 7578, 4.7).
_PLAIN = {"", "7bit", "8bit", "binary"}


@dataclass(frozen=True, slots=True)
class UploadFile:
    """A file that came with a form. It is in memory, within the app's `max_body_size`, and nothing has to be closed.

    Attributes:
        filename: What the client calls it. Anything may be in it: never use it as a path.
        content_type: What the client says that it is; `"application/octet-stream"` where it says nothing.
        content: Its bytes.
        headers: The headers of its part of the form.

    Example:
        >>> app = App()
        >>> @app.post("/pictures")
        ... async def keep(request: Request):
        ...     picture = (await request.form()).files["picture"]
        ...     return f"{len(picture.content)} bytes of {picture.content_type}"
    """

    filename: str
    content_type: str
    content: bytes = field(repr=False)
    headers: Headers = field(repr=False)


class Form(MultiMapping):
    """The fields of a form, and in `files` its files: both by name."""

    __slots__ = ("files",)

    def __init__(self, fields: Iterable[tuple[str, str]] = (), files: Iterable[tuple[str, UploadFile]] = ()) -> None:
        super().__init__(fields)
        self.files = MultiMapping[UploadFile](files)

    def __eq__(self, other: object) -> bool:
        return super().__eq__(other) and (not isinstance(other, Form) or self.files == other.files)

    __hash__ = None


def parse_content_type(header: str) -> tuple[str, dict[str, str]]:
    """A content type in lower case, and its parameters as a dict with names in lower case."""
    kind, options = parse_options_header(header)
    return kind.decode("latin-1").strip(), {
        name.decode("latin-1").lower(): value.decode("latin-1") for name, value in options.items()
    }


def parse_form(body: bytes, limit: int) -> Form:
    """The fields of a form, as browsers send them (WHATWG URL, `application/x-www-form-urlencoded`).

    Raises:
        HTTPError: 413, if there are more than `limit`. 400, saying which field, where a percent sign is not the start of a
            byte or the bytes are not UTF-8.
    """
    if body.count(b"&") >= limit:
        raise _too_many(limit)
    fields = []
    for number, pair in enumerate(body.split(b"&"), start=1):
        if pair:
            name, _, value = pair.partition(b"=")
            fields.append((_unquote(name, number), _unquote(value, number)))
    return Form(fields)


def _unquote(quoted: bytes, number: int) -> str:
    quoted = quoted.replace(b"+", b" ")
    wrong = _NO_BYTE.search(quoted)
    if wrong is not None:
        raise HTTPError(400, f"the form's field {number} holds {wrong[0].decode('latin-1')!r}, which encodes no byte")
    return decode(unquote_to_bytes(quoted), "utf-8", f"the form's field {number}")


@dataclass(slots=True)
class _Part:
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    content: bytearray = field(default_factory=bytearray)


def parse_multipart(body: bytes, boundary: str, limit: int) -> Form:
    """The fields and files of a form that is sent as `multipart/form-data` (RFC 7578).

    A field without a charset of its own is in that which the form's field `_charset_` names, else in UTF-8. A file without
    name and content is what browsers send where none was chosen; it is left out.

    Raises:
        HTTPError: 413, if there are more than `limit`. 415, if a charset or an encoding is none of those that are taken.
            400, if the body is malformed.
    """
    parts = _split(body, boundary, limit)
    described = [(part, *_disposition(part, number)) for number, part in enumerate(parts, start=1)]
    default = next((bytes(part.content).decode("latin-1") for part, name, *_ in described if name == b"_charset_"), "utf-8")
    fields, files = [], []
    for number, (part, raw_name, raw_filename, filename_charset) in enumerate(described, start=1):
        what = f"the form's part {number}"
        headers = Headers(part.headers)
        encoding = headers.get("content-transfer-encoding", "").strip().lower()
        if encoding not in _PLAIN:
            raise HTTPError(415, f"{what} is encoded as {encoding[:40]!r}; it must be as it is")
        name = decode(raw_name, default, f"the name of {what}")
        kind, options = parse_content_type(headers.get("content-type", ""))
        if raw_filename is None:
            fields.append((name, decode(bytes(part.content), options.get("charset", default), what)))
        elif raw_filename or part.content:
            filename = decode(raw_filename, filename_charset or default, f"the filename of {what}")
            files.append((name, UploadFile(filename, kind or "application/octet-stream", bytes(part.content), headers)))
    return Form(fields, files)


def _split(body: bytes, boundary: str, limit: int) -> list[_Part]:
    parts: list[_Part] = []
    name, value = bytearray(), bytearray()
    is_complete = False

    def begin() -> None:
        if len(parts) >= limit:
            raise _too_many(limit)
        parts.append(_Part())

    def end_header() -> None:
        parts[-1].headers.append((bytes(name).lower(), bytes(value)))
        name.clear()
        value.clear()

    def end() -> None:
        nonlocal is_complete
        is_complete = True

    try:
        parser = MultipartParser(
            boundary.encode("latin-1"),
            {
                "on_part_begin": begin,
                "on_header_field": lambda data, start, stop: name.extend(data[start:stop]),
                "on_header_value": lambda data, start, stop: value.extend(data[start:stop]),
                "on_header_end": end_header,
                "on_part_data": lambda data, start, stop: parts[-1].content.extend(data[start:stop]),
                "on_end": end,
            },
        )
        parser.write(body)
    except FormParserError as error:
        raise HTTPError(400, f"the form is malformed: {error}") from None
    if not is_complete:
        raise HTTPError(400, "the form is malformed: it ends before its last boundary")
    return parts


def _disposition(part: _Part, number: int) -> tuple[bytes, bytes | None, str | None]:
    """The part's name, and its filename if it has one, as bytes; and what charset the filename is in, if that is told."""
    header = Headers(part.headers).get("content-disposition", "")
    kind, options = parse_options_header(header)
    if kind != b"form-data" or b"name" not in options:
        raise HTTPError(400, f"the form's part {number} has no name; it needs content-disposition: form-data; name=...")
    extended = _EXTENDED_FILENAME.search(_QUOTED.sub("", header)) if b"filename" not in options else None
    if extended is not None:
        return options[b"name"], unquote_to_bytes(extended[2].strip().encode("latin-1")), extended[1].strip()
    return options[b"name"], options.get(b"filename"), None


def _too_many(limit: int) -> HTTPError:
    return HTTPError(413, f"the form has more than {limit} fields")
