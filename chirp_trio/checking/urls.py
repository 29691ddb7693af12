"""The routes that a URL in a template can reach. The URL has a hole where the template computes a value."""

from collections.abc import Iterable, Sequence
from functools import cache
from re import split, sub
from urllib.parse import unquote

from ..markup import HOLE
from ..web.routing import Route, is_below

_REST = "{:path}"


def path_of(url: str, root_path: str) -> str | None:
    """The path that a URL asks this app for; None if it goes to another host, or depends on the page's own URL.

    Args:
        url: The URL as it is written in a page.
        root_path: The prefix of the app's paths.
    """
    url = url.strip().translate({ord(space): None for space in "\t\r\n"})
    path = url.partition("#")[0].partition("?")[0]
    if not path.startswith("/") or path[1:2] in {"/", "\\"} or {".", ".."} & set(path.split("/")):
        return None
    for place, character in enumerate(path):
        if character == HOLE and path[place - 1] != "/":
            path = path[: place + 1]  # the hole may be a query, so the rest is left out
            break
    if root_path and is_below(path, root_path):
        path = path[len(root_path) :] or "/"
    return unquote(path)


def reached(path: str, routes: Iterable[Route]) -> list[Route]:
    """The routes that match the path, whatever their methods."""
    if HOLE not in path:
        return [route for route in routes if route.pattern.fullmatch(path)]
    return [route for route in routes if overlap(path, route.path)]


def is_mounted(path: str, prefixes: Iterable[str]) -> bool:
    """Whether the path can belong to an app that is mounted."""
    return any(
        overlap(path, prefix) or overlap(path, f"{prefix}/") or overlap(path, f"{prefix}/{_REST}") for prefix in prefixes
    )


def overlap(path: str, pattern: str) -> bool:
    r"""Whether a path with holes can match a route's path.

    Args:
        path: A path with holes, each of which can be any text.
        pattern: A route's path, with parameters.

    Example:
        >>> overlap(f"/rooms/{HOLE}/live", "/rooms/{id:int}/live")
        True
        >>> overlap(f"/rooms/{HOLE}/live", "/rooms/{id:int}/messages")
        False
    """
    pieces = split(r"(\{[^{}]*\})", pattern)
    tokens: Sequence[str] = [token for piece in pieces for token in ([piece] if piece.startswith("{") else piece)]

    @cache
    def meet(at: int, token: int) -> bool:
        if at == len(path):
            return token == len(tokens)
        if path[at] == HOLE:  # it ends here, or is one piece longer
            return meet(at + 1, token) or (token < len(tokens) and meet(at, token + 1))
        if token == len(tokens):
            return False
        if not tokens[token].startswith("{"):
            return tokens[token] == path[at] and meet(at + 1, token + 1)
        takes = path[at] != "/" or tokens[token].endswith(":path}")
        return takes and (meet(at + 1, token + 1) or meet(at + 1, token))

    return meet(0, 0)


def shown(url: str) -> str:
    """A URL, or the path of a route, for messages: with an ellipsis for each hole and each parameter."""
    return sub(r"\{[^{}]*\}", "…", url.replace(HOLE, "…"))
