"""Assertions about fragments: whether something is one, and what it contains."""

import re
from types import NoneType

import httpx

from ...arguments import check_type
from ...markup import Element, parse_html
from ...wire import SSEEvent
from ..result import SSEResult
from .html import text_of
from .messages import cut, did_you_mean
from .selectors import Selector

# A fragment in a test: a response, an event as it arrived, or text.
type HTML = httpx.Response | SSEEvent | str

_WHOLE_PAGE = frozenset({"html", "head", "body"})
_MARKUP = re.compile(r"</?[a-z]|<!|&#?\w+;", re.IGNORECASE)  # what makes a text markup: a tag, a comment, an entity
_OURS = "chirp:"  # the library's own events


def html_of(name: str, value: object, status: int | None = None) -> str:
    """The HTML in a value that a test has.

    Args:
        name: The argument's name, for messages.
        value: The value.
        status: The status that a response must have; None: any below 400.

    Raises:
        AssertionError: The response is not HTML, or has another status; or the event is one of the library's own.
        TypeError: The value is no response, event or text.
        ValueError: `status` is given, and the value is no response.
    """
    check_type("status", status, (int, NoneType), "an HTTP status, or None")
    if status is not None and not isinstance(value, httpx.Response):
        raise ValueError(f"status is {status!r}, but {name} is no response, so it has no status; leave status out")
    match value:
        case str():
            return value
        case SSEEvent(data=str(data)):
            if (value.event or "").startswith(_OURS):
                raise AssertionError(f"it is the event {value.event!r}, and no fragment: {cut(data)}")
            return data
        case httpx.Response():
            if value.status_code != status if status is not None else value.status_code >= 400:
                wanted = f"status {status}" if status is not None else "a status below 400, as none is asked for"
                raise AssertionError(
                    f"{_told(value)} should have {wanted}, and has {value.status_code}; what came: {cut(value.text)}"
                )
            kind = value.headers.get("content-type", "")
            if kind.partition(";")[0].strip().lower() != "text/html":
                raise AssertionError(
                    f"{_told(value)} is no HTML: its content-type is {kind or 'missing'}; what came: {cut(value.text)}"
                )
            return value.text
        case _:
            raise TypeError(
                f"{name} is {cut(repr(value))}; it must be HTML: an httpx.Response, an SSEEvent as it arrived, or text"
            )


def assert_is_fragment(fragment: HTML, *, status: int | None = None) -> None:
    """Assert that HTML is a fragment, not a whole page: it has no doctype, and no html, head or body element.

    Args:
        fragment: A response, an event as it arrived, or text.
        status: The status that a response must have; default: any below 400.

    Raises:
        AssertionError: It is a whole page, or empty; or a response that is not HTML or has another status; or an event of
            the library's own, such as `chirp:error`.
        ValueError: `status` is given, and `fragment` is no response.

    Example:
        >>> assert_is_fragment("<li>tea</li>")
        >>> assert_is_fragment("<!doctype html><title>Tea</title>")
        Traceback (most recent call last):
        ...
        AssertionError: it is a whole page, and no fragment: it has a doctype; what came: <!doctype html><title>Tea</title>
    """
    _parse_fragment("fragment", fragment, status)


def assert_fragment_contains(
    fragment: HTML, *texts: str, selector: str | None = None, count: int | None = None, status: int | None = None
) -> None:
    """Assert that a fragment contains these texts, or elements that match a selector, or such elements with these texts.

    A text with a tag, a comment or an entity in it is looked for in the markup, as it was written. Any other text is looked
    for in what a reader sees: without tags and attributes, with entities resolved and white space collapsed. There, blocks,
    cells, items and lines are separated by a space, and scripts, styles, templates and `hidden` elements are left out.

    Args:
        fragment: A response, an event as it arrived, or text.
        *texts: The texts; all of them have to be there. With a selector: one and the same element has to contain all of them,
            as a reader sees it; it may be hidden itself.
        selector: A CSS selector of types, ids, classes, attributes, spaces, `>` and commas; default: the whole fragment.
        count: How many elements with these texts must match the selector; default: one or more.
        status: The status that a response must have; default: any below 400.

    Raises:
        AssertionError: Something is missing, or it is no fragment, as for `assert_is_fragment`.
        ValueError: There is neither a text nor a selector, or the selector is not supported.

    Example:
        >>> assert_fragment_contains("<li class='new'>tea &amp; biscuits</li>", "tea & biscuits")
        >>> assert_fragment_contains("<ul><li>tea<li>biscuits</ul>", selector="ul > li", count=2)
    """
    markup, root = _parse_fragment("fragment", fragment, status)
    _check_question("assert_fragment_contains", texts, selector, count)
    if selector is None:
        for text in texts:
            if not _holds(markup, root, text):
                hint = _other_meaning(markup, root, text) or _hint(text, root)
                raise AssertionError(f"it does not contain {text!r}{hint}; what came: {cut(markup)}")
        return
    selected = Selector(selector).find_all(root)
    found = [element for element in selected if all(" ".join(text.split()) in text_of(element) for text in texts)]
    if bool(found) if count is None else len(found) == count:
        return
    wanted = f"{'an element' if count is None else f'{count} elements'} {selector!r}"
    if texts:
        wanted += f" with {' and '.join(map(repr, texts))}"
    there = f"{len(found)} of them" if found else "none"
    if texts and selected:
        there += "; there are: " + ", ".join(f"{element} {text_of(element)!r}" for element in selected[:5])
    raise AssertionError(f"it should contain {wanted}, and contains {there}{_hint(selector, root)}; what came: {cut(markup)}")


def assert_fragment_not_contains(fragment: HTML, *texts: str, selector: str | None = None, status: int | None = None) -> None:
    """Assert that a fragment contains none of these texts, or no element that matches a selector.

    Texts are looked for as by `assert_fragment_contains`: markup in the markup, any other text in what a reader sees.

    Args:
        fragment: A response, an event as it arrived, or text.
        *texts: The texts; none of them may be there. With a selector: no such element may contain any of them.
        selector: A CSS selector, as in `assert_fragment_contains`; default: the whole fragment.
        status: The status that a response must have; default: any below 400.

    Raises:
        AssertionError: Something of this is there, or it is no fragment, as for `assert_is_fragment`.
        ValueError: There is neither a text nor a selector, or the selector is not supported.

    Example:
        >>> assert_fragment_not_contains("<li>tea</li>", "coffee", "milk")
    """
    markup, root = _parse_fragment("fragment", fragment, status)
    _check_question("assert_fragment_not_contains", texts, selector, None)
    if selector is None:
        for text in texts:
            if _holds(markup, root, text):
                raise AssertionError(f"it contains {text!r}; what came: {cut(markup)}")
        return
    for element in Selector(selector).find_all(root):
        held = [text for text in texts if " ".join(text.split()) in text_of(element)]
        if held or not texts:
            what = f" with {' and '.join(map(repr, held))}" if held else ""
            raise AssertionError(f"it contains an element {selector!r}{what}: {element}; what came: {cut(markup)}")


def assert_is_error_fragment(response: httpx.Response | SSEResult, *texts: str, status: int | None = None) -> None:
    """Assert that a response is the error that an `App` sends to htmx: a status, and an element that shows the error.

    Args:
        response: A response, or the result of a stream that was refused.
        *texts: The texts that the element must show, all of them.
        status: The status; default: any from 400 on.

    Raises:
        AssertionError: The status is another one, or the body has no such element, or a text is missing.

    Example:
        >>> body = '<div class="chirp-error" data-status="404" role="alert">no such room</div>'
        >>> response = httpx.Response(404, html=body)
        >>> assert_is_error_fragment(response, "no such room", status=404)
    """
    check_type("status", status, (int, NoneType), "an HTTP status, or None")
    match response:
        case httpx.Response():
            actual, told = response.status_code, _told(response)
        case SSEResult():
            actual, told = response.status, "the stream"
        case _:
            raise TypeError(f"response is {cut(repr(response))}; it must be an httpx.Response or an SSEResult")
    if actual != status if status is not None else actual < 400:
        wanted = f"status {status}" if status is not None else "the status of an error"
        raise AssertionError(f"{told} should have {wanted}, and has {actual}; what came: {cut(response.text)}")
    remark = ", as for a browser: did the request say that htmx makes it"
    if isinstance(response, httpx.Response):
        markup, root = _parse_fragment("response", response, actual, remark)
    else:
        markup, root = _parse_fragment("response", response.text, None, remark)
    error = next(iter(Selector(".chirp-error").find_all(root)), None)
    if error is None:
        raise AssertionError(f"{told} has no element of the class chirp-error; what came: {cut(markup)}")
    if error.attributes.get("data-status") != str(actual):
        raise AssertionError(f"{told} has status {actual}, and its element says otherwise: {error}")
    for text in texts:
        if " ".join(text.split()) not in text_of(error):
            raise AssertionError(f"the error should say {text!r}, and says {text_of(error)!r}")


# -- what they share --------------------------------------------------------------------------------------------------------


def _parse_fragment(name: str, fragment: object, status: int | None, remark: str = "") -> tuple[str, Element]:
    markup = html_of(name, fragment, status)
    root = parse_html(markup)
    if not any(isinstance(child, Element) or child.strip() for child in root.children) and not root.attributes:
        raise AssertionError(f"it is empty, and no fragment; what came: {cut(repr(markup))}")
    signs = ["a doctype"] if "doctype" in root.attributes else []
    signs += dict.fromkeys(str(element) for element in root.descendants() if element.tag in _WHOLE_PAGE)
    if signs:
        raise AssertionError(
            f"it is a whole page, and no fragment{remark}: it has {' and '.join(signs)}; what came: {cut(markup)}"
        )
    return markup, root


def _holds(markup: str, root: Element, text: str) -> bool:
    return text in markup if _MARKUP.search(text) else " ".join(text.split()) in text_of(root)


def _other_meaning(markup: str, root: Element, text: str) -> str:
    """A hint, if the text is there as markup and was looked for as text, or the other way round."""
    if _MARKUP.search(text):
        is_seen = " ".join(text.split()) in text_of(root)
        return " as markup; a reader sees it as text, which is written with &lt; and &gt;" if is_seen else ""
    return " as a text that a reader sees; it stands in the markup, where a selector finds it" if text in markup else ""


def _hint(wanted: str, root: Element) -> str:
    words = {*text_of(root).split()}
    for element in root.descendants():
        words |= {child.strip() for child in element.children if isinstance(child, str)}
        words |= {f"#{element.attributes['id']}"} if "id" in element.attributes else set()
        words |= {f".{name}" for name in element.attributes.get("class", "").split()}
    return did_you_mean(wanted, sorted(words - {""}))


def _told(response: httpx.Response) -> str:
    try:
        return f"the response to {response.request.method} {response.request.url.path}"
    except RuntimeError:  # a response that a test has made by hand
        return "the response"


def _check_question(name: str, texts: tuple[str, ...], selector: str | None, count: int | None) -> None:
    for text in texts:
        check_type(f"{name}: a text", text, str, "text")
    check_type(f"{name}: selector", selector, (str, NoneType), "a CSS selector, or None")
    check_type(f"{name}: count", count, (int, NoneType), "a number, or None")
    if not texts and selector is None:
        raise ValueError(f"{name}: neither a text nor a selector is given, so there is nothing to look for")
    if "" in texts:
        raise ValueError(f"{name}: one of the texts is empty, and every fragment contains that")
    if count is not None and selector is None:
        raise ValueError(f"{name}: count is {count!r}, and counts the elements of a selector, which is not given")
    if count is not None and count < 0:
        raise ValueError(f"{name}: count is {count!r}; it must be zero or more")
