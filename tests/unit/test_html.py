"""HTML as a value: what stands for one, and what is refused."""

import jinja2
import kida
import markupsafe
import pytest

from chirp_trio import HTML, SSEEvent
from chirp_trio.wire import as_html
from tests.cases import each_case
from tests.naming import name_of


class Element:
    """As htpy, dominate and FastHTML have them."""

    def __html__(self):
        return "<b>1</b>"


class Broken:
    def __html__(self):
        return b"<b>"


class Anything:
    """Answers to any name, as mocks do."""

    def __getattr__(self, name):
        return lambda: "<b>"


@each_case(
    "markup",
    [
        pytest.param("<b>1</b>", id="text"),
        pytest.param(Element(), id="an element"),
        pytest.param(markupsafe.Markup("<b>1</b>"), id="markupsafe"),
        pytest.param(kida.Markup("<b>1</b>"), id="kida"),
        pytest.param(HTML("<b>1</b>"), id="itself"),
        pytest.param(markupsafe.Markup(jinja2.Template("<b>{{ n }}</b>").render(n=1)), id="Jinja"),
    ],
)
def test_html_is_made_of_whatever_is_html(markup):
    html = HTML(markup, event="tick")

    assert (html.markup, type(html.markup), str(html)) == ("<b>1</b>", str, "<b>1</b>")
    assert html == HTML("<b>1</b>", event="tick")


@each_case(
    ("markup", "options", "error", "message"),
    [
        pytest.param(
            5, {}, TypeError, "markup is of type int; it must be text, or an object with a method __html__", id="int"
        ),
        pytest.param(None, {}, TypeError, "markup is of type NoneType", id="None"),
        pytest.param(Element, {}, TypeError, "markup is of type type", id="class"),
        pytest.param(Anything(), {}, TypeError, "markup is of type Anything", id="answers to any name"),
        pytest.param(Broken(), {}, TypeError, "the __html__() of a Broken returned b'<b>'; it must return text", id="bytes"),
        pytest.param("\ud800", {}, ValueError, "HTML: markup holds '\\ud800' at position 0", id="half a surrogate pair"),
        pytest.param("", {"event": "a\nb"}, ValueError, "HTML: event is 'a\\nb'; it must be one line", id="event"),
        pytest.param("", {"target": 5}, TypeError, "HTML: target is 5; it must be a str", id="target"),
        pytest.param("", {"swap": "a\0"}, ValueError, "HTML: swap is 'a\\x00'", id="swap"),
    ],
)
def test_html_that_cannot_be_sent_is_refused_when_it_is_made(markup, options, error, message):
    with pytest.raises(error) as refusal:
        HTML(markup, **options)

    assert message in str(refusal.value)


@each_case("value", ["<b>", 5, None, {"a": 1}, Element, Anything()], ids=name_of)
def test_what_only_looks_like_html_is_none(value):
    assert as_html(value) is None


@each_case("data", [HTML("<b>1</b>", event="other"), Element(), markupsafe.Markup("<b>1</b>")], ids=name_of)
def test_an_event_with_html_is_encoded_as_text(data):
    assert SSEEvent(data, event="tick").encode() == "event: tick\ndata: <b>1</b>\n\n"


def test_a_template_takes_it_as_it_is():
    environment = jinja2.Environment(autoescape=True)

    assert environment.from_string("{{ a }}").render(a=HTML("<b>")) == "<b>"
    assert kida.Environment().from_string("{{ a }}").render(a=HTML("<b>")) == "<b>"
