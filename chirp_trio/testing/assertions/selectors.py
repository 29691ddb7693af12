"""CSS selectors, for asking for elements of a fragment.

Types, ids, classes, attributes and their values, descendants (a space), children (`>`), and lists (commas). No
pseudo-classes and no siblings.

Why no library: cssselect 1.6 matches selectors in trees of lxml only, so matching them in ours would stay here: 98 lines for
154, and one more dependency of 2,243 lines. It also refuses `[hx-sse:connect]`, whose colon CSS wants to be escaped.
Beautiful Soup's soupsieve and selectolax match selectors in trees of their own only.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ...markup import Element

_ESCAPE = r"\\(?:[0-9a-fA-F]{1,6}\s?|[^\n0-9a-fA-F])"
_NAME = rf"(?:[\w-]|[^\x00-\x7f]|{_ESCAPE})+"
_TOKEN = re.compile(
    rf"""(?P<type>\*|{_NAME})
    | \#(?P<id>{_NAME})
    | \.(?P<class>{_NAME})
    | \[\s*(?P<attribute>(?:[\w:-]|{_ESCAPE})+)\s*
        (?:(?P<operator>[~|^$*]?=)\s*(?:"(?P<double>(?:[^"\\]|\\.)*)"|'(?P<single>(?:[^'\\]|\\.)*)'|(?P<bare>{_NAME}))\s*)?
      (?P<case>[iI]\s*)?\]
    | (?P<between>\s*[>,]\s*|\s+)
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPED = re.compile(r"\\(?:([0-9a-fA-F]{1,6})\s?|(.))", re.DOTALL)


class UnknownSelector(ValueError):
    """The text is no selector, or one of a kind that is not supported here."""


@dataclass(frozen=True, slots=True)
class _Test:
    """One condition for one element: of `div.new[hidden]` there are three."""

    attribute: str  # "" for the tag
    operator: str  # "" if the attribute need only be there
    value: str

    def holds(self, element: Element) -> bool:
        if not self.attribute:
            return self.value in {"*", element.tag}
        actual = element.attributes.get(self.attribute)
        if actual is None:
            return False
        value = self.value
        match self.operator:
            case "":
                return True
            case "=":
                return actual == value
            case "~=":
                return value in actual.split()
            case "|=":
                return actual == value or actual.startswith(f"{value}-")
            case "^=":
                return bool(value) and actual.startswith(value)
            case "$=":
                return bool(value) and actual.endswith(value)
            case _:
                return bool(value) and value in actual


# How the element of the step before relates to this one (" ": an ancestor, ">": the parent), and this one's conditions.
type _Step = tuple[str, list[_Test]]


class Selector:
    """A selector that has been read.

    Args:
        text: The selector.

    Raises:
        UnknownSelector: The text is no selector, or one of a kind that is not supported here.

    Example:
        >>> from chirp_trio.markup import parse_html
        >>> page = parse_html('<main id="room"><ul><li class="new">tea<li>biscuits</ul></main>')
        >>> [str(element) for element in Selector("#room > ul li.new").find_all(page)]
        ['<li class="new">']
    """

    def __init__(self, text: str) -> None:
        self._alternatives = list(_parse(text))

    def matches(self, element: Element) -> bool:
        """Whether the selector matches this element."""
        return any(_matches(steps, element) for steps in self._alternatives)

    def find_all(self, root: Element) -> list[Element]:
        """The elements below `root` that the selector matches, in the order of the text."""
        return [element for element in root.descendants() if self.matches(element)]


def _matches(steps: list[_Step], element: Element) -> bool:
    *before, (relation, tests) = steps
    if not all(test.holds(element) for test in tests):
        return False
    if not before:
        return True
    above = list(element.lineage())[1:]
    return any(_matches(before, candidate) for candidate in (above[:1] if relation == ">" else above))


def _parse(text: str) -> Iterator[list[_Step]]:
    steps: list[_Step] = []
    tests: list[_Test] = []
    relation = ""
    position = 0
    stripped = text.strip()
    while position < len(stripped):
        token = _TOKEN.match(stripped, position)
        if token is None or (token["type"] and tests):
            raise UnknownSelector(_explain(text, stripped[position:]))
        position = token.end()
        if token["between"] is None:
            tests.append(_test(token))
            continue
        if not tests:
            raise UnknownSelector(_explain(text, stripped[token.start() :]))
        steps.append((relation, tests))
        tests, relation = [], token["between"].strip() or " "
        if relation == ",":
            yield steps
            steps, relation = [], ""
    if not tests:
        raise UnknownSelector(_explain(text, ""))
    yield [*steps, (relation, tests)]


def _test(token: re.Match[str]) -> _Test:
    if token["type"]:
        return _Test("", "", _unescape(token["type"]).lower())
    if token["id"]:
        return _Test("id", "=", _unescape(token["id"]))
    if token["class"]:
        return _Test("class", "~=", _unescape(token["class"]))
    if token["case"]:
        raise UnknownSelector(_explain(token.string, token[0]))
    value = next((token[kind] for kind in ("double", "single", "bare") if token[kind] is not None), "")
    return _Test(_unescape(token["attribute"]).lower(), token["operator"] or "", _unescape(value))


def _unescape(text: str) -> str:
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)) if found[1] else found[2], text)


def _explain(text: str, rest: str) -> str:
    return (
        f"the selector {text!r} is not understood{f', from {rest!r} on' if rest else ''}; it may have types, ids, classes, "
        "[attributes] with or without a value, spaces, '>' and commas"
    )
