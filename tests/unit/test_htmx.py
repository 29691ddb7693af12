"""The two generations of htmx: what they say in a request, and how each gets a fragment in an event stream."""

import re

import pytest

from chirp_trio import Fragment
from chirp_trio.htmx import element_id, listeners
from chirp_trio.stream.client import is_htmx4_stream
from chirp_trio.templates import Templates
from chirp_trio.web import Headers
from chirp_trio.web.fragments import FragmentRenderers
from tests.cases import each_case

EVENT_SOURCE = [(b"accept", b"text/event-stream")]
HTMX4 = [(b"hx-request", b"true"), (b"accept", b"text/html, text/event-stream")]


@each_case(
    ("headers", "is_it"),
    [
        pytest.param({"hx-request": "true", "accept": "text/html, text/event-stream"}, True, id="htmx 4"),
        pytest.param({"accept": "text/event-stream"}, False, id="EventSource"),
        pytest.param({"hx-request": "true", "accept": "text/html"}, False, id="htmx wants HTML"),
        pytest.param({"hx-request": "true"}, False, id="htmx accepts anything"),
        pytest.param({"hx-request": "false", "accept": "text/event-stream"}, False, id="not htmx"),
    ],
)
def test_a_stream_of_htmx_4_is_told_by_its_headers(headers, is_it):
    assert is_htmx4_stream([(name.encode(), value.encode()) for name, value in headers.items()]) is is_it


@each_case(
    ("headers", "found"),
    [
        pytest.param([(b"hx-target", b"panel")], "panel", id="htmx 2"),
        pytest.param([(b"hx-target", b"a#b%20")], "a#b%20", id="htmx 2, an id like one of htmx 4"),
        pytest.param([(b"hx-target", b"")], None, id="htmx 2, no id"),
        pytest.param([(b"hx-target", b"div#panel"), (b"hx-source", b"a")], "panel", id="htmx 4"),
        pytest.param([(b"hx-target", b"div#gr%C3%B6%C3%9Fe"), (b"hx-source", b"a")], "größe", id="htmx 4, encoded"),
        pytest.param([(b"hx-target", b"div#a#b"), (b"hx-source", b"a")], "a#b", id="htmx 4, a second hash"),
        pytest.param([(b"hx-target", b"div"), (b"hx-source", b"a")], None, id="htmx 4, no id"),
        pytest.param([(b"hx-source", b"a")], None, id="htmx 4, no header"),
        pytest.param([], None, id="a browser"),
    ],
)
def test_the_id_of_an_element(headers, found):
    assert element_id(Headers(headers), "hx-target") == found


@pytest.fixture
def renderers(tmp_path):
    (tmp_path / "item.html").write_text("<li>{{ text }}</li>")
    (tmp_path / "page.html").write_text("<ul>{% block item %}<li>{{ text }}</li>{% endblock %}</ul>")
    return FragmentRenderers(Templates(tmp_path))


def test_an_event_source_gets_the_fragment_under_its_name(renderers):
    fragment = Fragment("page.html", "item", text="a & b", target="#list", swap="beforeend")

    assert renderers.choose(EVENT_SOURCE)(fragment, "news") == ("<li>a &amp; b</li>", "news")


def test_an_event_source_gets_an_unnamed_fragment_unnamed(renderers):
    assert renderers.choose(EVENT_SOURCE)(Fragment("item.html", text="a"), None) == ("<li>a</li>", None)


@pytest.mark.parametrize("event", [None, ""], ids=["no name", "an empty name"])
def test_htmx_4_gets_an_unnamed_fragment_as_it_is(renderers, event):
    assert renderers.choose(HTMX4)(Fragment("item.html", text="a"), event) == ("<li>a</li>", None)


@pytest.mark.parametrize(
    ("options", "event", "tag"),
    [
        pytest.param({}, "news", f'<hx-partial hx-target="{listeners("news")}">', id="named"),
        pytest.param({"target": "#list"}, "news", '<hx-partial hx-target="#list">', id="with a target"),
        pytest.param({"target": "#list"}, None, '<hx-partial hx-target="#list">', id="unnamed, with a target"),
        pytest.param(
            {"target": "#l", "swap": "beforeend"}, "news", '<hx-partial hx-target="#l" hx-swap="beforeend">', id="with a swap"
        ),
        pytest.param({"swap": ""}, "news", f'<hx-partial hx-target="{listeners("news")}" hx-swap="">', id="with empty swap"),
        pytest.param(
            {"target": 'a[title="<&>"]', "swap": 'x"y'},
            None,
            '<hx-partial hx-target="a[title=&quot;&lt;&amp;&gt;&quot;]" hx-swap="x&quot;y">',
            id="what HTML escapes",
        ),
    ],
)
def test_htmx_4_gets_a_fragment_in_a_partial_that_says_where_it_goes(renderers, options, event, tag):
    text, name = renderers.choose(HTMX4)(Fragment("item.html", text="a", **options), event)

    assert text == f"{tag}<li>a</li></hx-partial>"
    assert name is None


def test_a_swap_alone_wraps_nothing(renderers):
    assert renderers.choose(HTMX4)(Fragment("item.html", text="a", swap="beforeend"), None) == ("<li>a</li>", None)


def test_all_streams_share_one_renderer_per_generation(renderers):
    assert renderers.choose(EVENT_SOURCE) is renderers.choose([])
    assert renderers.choose(HTMX4) is renderers.choose([(b"HX-Request", b"true"), (b"Accept", b"text/event-stream")])


# -- the selector -------------------------------------------------------------------------------------------------------

_TESTS = {
    "~=": lambda value, wanted: wanted in value.split(),
    "^=": str.startswith,
    "*=": str.__contains__,
    "$=": str.endswith,
}


def selects(selector, value):
    """Whether a selector finds an element with this `sse-swap`, as CSS has it (Selectors 4, 6.1 and 6.2)."""
    tests = re.findall(r"\[sse-swap([~^*$]=)'((?:[^'\\]|\\[0-9a-f]+ )*)'\]", selector)
    assert ",".join(f"[sse-swap{operator}'{text}']" for operator, text in tests) == selector
    return any(_TESTS[operator](value, unescape(text)) for operator, text in tests)


def unescape(text):
    return re.sub(r"\\([0-9a-f]+) ", lambda found: chr(int(found[1], 16)), text)


@each_case(
    "value",
    ["news", "news,other", "other,news", "a,news,b", "a, news, b", "a, news", "news , other", "  news ", "a,\n news,\n b"],
)
def test_the_selector_finds_who_listens(value):
    assert selects(listeners("news"), value)


@each_case(
    "value",
    ["", "other", "newsletter", "the-news", "news-flash,other", "a,newsletter,b", "other,oldnews", "News", "new,s"],
)
def test_the_selector_passes_over_who_listens_for_something_else(value):
    assert not selects(listeners("news"), value)


@each_case(
    "event",
    ["user-join", "stats_update", "chat:1.new", "it's", 'say "hi"', "a\\b", "a]b", "<b>&", "größe", "☃", "a\tb"],
)
def test_any_event_name_is_found_by_its_own_selector(event):
    selector = listeners(event)

    assert selects(selector, f"{event},other")
    assert selects(selector, f"other,{event}")
    assert not selects(selector, "other")


@each_case("event", ["it's", 'say "hi"', "a\\b", "a]b", "a,b", "<b>&"])
def test_what_could_end_a_selectors_string_is_escaped(event):
    assert re.fullmatch(r"[\w.:\- \\]*", listeners(event).split("='")[1].split("']")[0])
