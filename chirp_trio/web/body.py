"""Request bodies: read within a limit, and parsed so that an error says where it is. Sources are bytes, not requests."""

import json
from typing import Any

from ..asgi import Receive
from ..errors import ClientDisconnected, HTTPError
from .charsets import decode


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


def parse_json(body: bytes) -> Any:
    """The body as JSON (RFC 8259: always UTF-8). Raises `HTTPError` 400, saying where, if it is not."""
    text = decode(body, "utf-8", "the request body")
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise HTTPError(
            400, f"the request body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}"
        ) from None
    except (RecursionError, ValueError) as error:
        raise HTTPError(400, f"the request body is JSON that cannot be read: {error}") from None


def _too_large(limit: int) -> HTTPError:
    return HTTPError(413, f"the request body is larger than {limit} bytes")
