"""The four values that stand for a template: what they hold, that they cannot be changed, and when two are equal."""

import pytest

from chirp_trio import HTML, ConfigurationError, Fragment, Page, Stream, Template
from tests.cases import each_case

VALUES = [Template("a.html", x=1), Fragment("a.html", "b", x=1), Page("a.html", "b", x=1), Stream("a.html", x=1)]
by_type = each_case("value", VALUES, ids=lambda value: type(value).__name__)


@by_type
def test_a_value_holds_its_template_and_its_variables(value):
    assert value.template == "a.html"
    assert value.context == {"x": 1}


@each_case(
    ("value", "block"),
    [(Template("a"), None), (Stream("a"), None), (Fragment("a"), None), (Fragment("a", "b"), "b"), (Page("a", "b"), "b")],
    ids=repr,
)
def test_a_value_holds_its_block(value, block):
    assert getattr(value, "block", None) == block


@each_case("make", [Template, Stream, Fragment, lambda *args, **named: Page(*args, "block", **named)])
def test_a_variable_may_have_any_name(make):
    names = {"self": 1, "template": 2, "block": 3, "context": 4, "value": 5, "name": 6}

    assert make("a.html", **names).context == names


def test_the_options_of_a_fragment_are_variables_too():
    fragment = Fragment("a.html", event="news", target="#list", swap="beforeend", x=1)

    assert (fragment.event, fragment.target, fragment.swap) == ("news", "#list", "beforeend")
    assert fragment.context == {"event": "news", "target": "#list", "swap": "beforeend", "x": 1}


def test_options_that_are_not_given_are_no_variables():
    fragment = Fragment("a.html")

    assert (fragment.event, fragment.target, fragment.swap) == (None, None, None)
    assert fragment.context == {}


@by_type
@each_case("attribute", ["template", "block", "context", "other"])
def test_a_value_cannot_be_changed(value, attribute):
    message = f"a {type(value).__name__} cannot be changed; make a new one"

    with pytest.raises(AttributeError, match=message):
        setattr(value, attribute, None)
    with pytest.raises(AttributeError, match=message):
        delattr(value, attribute)


@each_case("attribute", ["event", "target", "swap"])
def test_the_options_of_a_fragment_cannot_be_changed(attribute):
    with pytest.raises(AttributeError, match="a Fragment cannot be changed"):
        setattr(Fragment("a.html"), attribute, "b")


def test_the_callers_mapping_is_copied():
    variables = {"x": 1}
    value = Template("a.html", **variables)
    variables["x"] = 2

    assert value.context == {"x": 1}


@each_case(
    ("one", "other"),
    [
        pytest.param(Template("a", x=[1]), Template("a", x=[1]), id="Template"),
        pytest.param(Fragment("a", "b", event="c", x=1), Fragment("a", "b", x=1, event="c"), id="Fragment"),
        pytest.param(Page("a", "b"), Page("a", "b"), id="Page"),
        pytest.param(Stream("a"), Stream("a"), id="Stream"),
    ],
)
def test_values_with_the_same_content_are_equal(one, other):
    assert one == other


@each_case(
    "other",
    [
        pytest.param(Fragment("z", "b", x=1), id="template"),
        pytest.param(Fragment("a", "z", x=1), id="block"),
        pytest.param(Fragment("a", x=1), id="no block"),
        pytest.param(Fragment("a", "b", x=2), id="variable"),
        pytest.param(Fragment("a", "b", x=1, event="c"), id="event"),
        pytest.param(Fragment("a", "b", x=1, target="c"), id="target"),
        pytest.param(Fragment("a", "b", x=1, swap="c"), id="swap"),
        pytest.param(Page("a", "b", x=1), id="type"),
        pytest.param("a", id="no template at all"),
    ],
)
def test_values_that_differ_are_not_equal(other):
    assert Fragment("a", "b", x=1) != other


@by_type
def test_a_value_cannot_be_hashed_because_its_variables_may_not_be(value):
    with pytest.raises(TypeError, match="unhashable"):
        hash(value)


@each_case(
    "shown",
    [
        "Template('a.html')",
        "Template('a.html', title='Home', items=[1])",
        "Fragment('a.html')",
        "Fragment('a.html', 'b', x=1)",
        "Fragment('a.html', 'b', x=1, event='news', target='#a', swap='outerHTML')",
        "Page('a.html', 'b', x=1)",
        "Stream('a.html', x=1)",
    ],
)
def test_the_repr_is_what_makes_the_value(shown):
    assert repr(eval(shown)) == shown


@each_case("make", [Template, Stream, Fragment, lambda template: Page(template, "b")])
@each_case("template", [None, 5, b"a.html", ""], ids=repr)
def test_a_template_without_a_name_is_refused(make, template):
    with pytest.raises((TypeError, ValueError)) as refusal:
        make(template)

    assert f"template is {template!r}; it must be the name of a template, such as 'page.html'" in str(refusal.value)


@each_case("make", [Fragment, Page])
@each_case("block", [5, b"b", ""], ids=repr)
def test_a_block_without_a_name_is_refused(make, block):
    with pytest.raises((TypeError, ValueError)) as refusal:
        make("a.html", block)

    assert f"{make.__name__}: block is {block!r}; it must be the name of a block, or None" in str(refusal.value)


def test_a_page_without_a_block_is_refused_with_what_there_is_instead():
    with pytest.raises(TypeError, match=r"must name the block that htmx gets\. For whole pages there is Template"):
        Page("a.html", None)


@each_case("option", ["event", "target", "swap"])
@each_case(("value", "error"), [("a\nb", ValueError), ("a\0", ValueError), (5, TypeError)], ids=repr)
def test_an_option_that_is_not_one_line_of_text_is_refused(option, value, error):
    with pytest.raises(error, match=f"Fragment: {option} is "):
        Fragment("a.html", **{option: value})


# -- ways to swap -------------------------------------------------------------------------------------------------------


@each_case("make", [lambda swap: Fragment("a.html", "b", swap=swap), lambda swap: HTML("<p>", swap=swap)])
@each_case(
    ("swap", "meant"),
    [
        ("beforeEnd", "beforeend"),
        ("innerhtml", "innerHTML"),
        ("outterHTML", "outerHTML"),
        ("afterbegn scroll:top", "afterbegin"),
        ("textcontent", "textContent"),
        ("Delete", "delete"),
        ("apend", "append"),
    ],
)
def test_a_way_to_swap_that_is_nearly_one_of_htmxs_is_refused(make, swap, meant):
    with pytest.raises(ConfigurationError, match=f"swap is '{swap}'; did you mean '{meant}'"):
        make(swap)


@each_case("make", [lambda swap: Fragment("a.html", "b", swap=swap), lambda swap: HTML("<p>", swap=swap)])
@each_case("swap", [None, "beforeend scroll:bottom", "innerMorph", "morph:outerHTML", "morphdom", "mine", "scroll:top"])
def test_every_way_of_htmx_may_be_given_and_those_of_extensions(make, swap):
    assert make(swap).swap == swap
