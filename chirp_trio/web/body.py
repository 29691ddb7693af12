"""Request bodies: read within a limit, and parsed so that an error says where it is. Sources are bytes, not requests."""

import json
from typing import Any
from urllib.parse import unquote_to_bytes

from ..asgi import Receive
from ..errors import ClientDisconnected, HTTPError
from .multi import MultiMapping

_HEX = frozenset("0123456789abcdefABCDEF")


async def read_body(receive: Receive, declared: str | None, limit: int) -> bytes:
    """The whole body of a request.

    Args:
        receive: The request's ASGI receive callable.
        declared: Its content-length header, if it has one.
        limit: How many bytes are allowed.

    Raises:
        HTTPError: 413 if it is larger; at once if it says so itself.
        ClientDisconnected: The client left before the end.
    """
    if declared is not None and declared.isascii() and declared.isdigit() and (len(declared) > 18 or int(declared) > limit):
        raise _too_large(limit)
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnected("the client left while its request body was being read")
        body += message.get("body", b"")
        if len(body) > limit:
            raise _too_large(limit)
        if not message.get("more_body", False):
            return bytes(body)


def parse_text(body: bytes, charset: str) -> str:
    """The body as text. Raises `HTTPError` 400, saying where, if it is not in that charset."""
    try:
        return body.decode(charset)
    except LookupError:
        raise HTTPError(400, f"the request body's charset {charset!r} is unknown") from None
    except UnicodeDecodeError as error:
        raise HTTPError(400, f"the request body is not {error.encoding}: {error.reason} at byte {error.start}") from None
    except UnicodeError as error:
        raise HTTPError(400, f"the request body is not {charset}: {error}") from None


def parse_json(body: bytes) -> Any:
    """The body as JSON (RFC 8259: always UTF-8). Raises `HTTPError` 400, saying where, if it is not."""
    text = parse_text(body, "utf-8")
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise HTTPError(
            400, f"the request body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}"
        ) from None
    except (RecursionError, ValueError) as error:
        raise HTTPError(400, f"the request body is JSON that cannot be read: {error}") from None


def parse_form(body: bytes) -> MultiMapping:
    """The fields of a form, as browsers send them (WHATWG URL, `application/x-www-form-urlencoded`).

    Raises `HTTPError` 400, saying which field, where a percent sign is not the start of a byte or the bytes are not UTF-8.
    """
    fields = []
    for number, field in enumerate(body.split(b"&"), start=1):
        if field:
            name, _, value = field.partition(b"=")
            fields.append((_unquote(name, number), _unquote(value, number)))
    return MultiMapping(fields)


def _unquote(quoted: bytes, number: int) -> str:
    text = quoted.replace(b"+", b" ").decode("latin-1")
    percent = text.find("%")
    while percent >= 0:
        if not (len(text) > percent + 2 and _HEX.issuperset(text[percent + 1 : percent + 3])):
            raise HTTPError(400, f"the form's field {number} holds {text[percent : percent + 3]!r}, which encodes no byte")
        percent = text.find("%", percent + 3)
    try:
        return unquote_to_bytes(text.encode("latin-1")).decode()
    except UnicodeDecodeError as error:
        raise HTTPError(400, f"the form's field {number} is not utf-8: {error.reason} at byte {error.start}") from None


def _too_large(limit: int) -> HTTPError:
    return HTTPError(413, f"the request body is larger than {limit} bytes")
