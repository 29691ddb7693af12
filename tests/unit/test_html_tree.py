"""HTML as a tree, and the selectors that find something in it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chirp_trio.htmx import listeners
from chirp_trio.markup import parse_html
from chirp_trio.testing.assertions.html import text_of
from chirp_trio.testing.assertions.selectors import Selector, UnknownSelector
from tests.cases import each_case
from tests.nasty_html import NASTY, shape


@each_case(("text", "tree"), NASTY.items())
def test_a_text_becomes_the_tree_that_browsers_make_of_it(text, tree):
    assert shape(text) == tree


def test_a_reader_sees_no_scripts_and_one_space_between_words():
    root = parse_html("<p>a\n  <b>b</b>&nbsp;c</p><script>d</script><style>e</style><template>f</template>")
    assert text_of(root) == "a b c"


def test_of_an_attribute_that_is_there_twice_the_first_counts():
    [element] = parse_html("<a ID=one id=two hidden>").descendants()
    assert str(element) == '<a id="one" hidden>'


def test_htmx_reads_its_attributes_with_data_as_well():
    [element] = parse_html('<a data-sse-swap="news">').descendants()
    assert element.get("sse-swap") == "news"
    assert element.get("sse-connect") is None


def test_an_element_knows_its_line():
    assert [element.line for element in parse_html("<a>\n\n<b></b></a>").descendants()] == [1, 3]


@given(st.text(alphabet="<>/!-ab p\"'=&;#\n", max_size=60))
def test_nothing_is_an_error_in_html(text):
    for element in parse_html(text).descendants():
        assert element.parent is not None


PAGE = parse_html(
    """
    <main id="room" class="big  open" lang="en-GB">
      <ul class="people"><li class="new" sse-swap="people, rooms"><b>Ada</b></li><li id="2x">Grace</li></ul>
    </main>
    <p data-x="it's" title='say "no"'>bye</p>
    """
)


@each_case(
    ("selector", "found"),
    [
        ("main", ["main"]),
        ("MAIN", ["main"]),
        ("*", ["main", "ul", "li", "b", "li", "p"]),
        ("#room", ["main"]),
        (".open.big", ["main"]),
        (".bi", []),
        ("li", ["li", "li"]),
        ("li.new", ["li"]),
        ("main li", ["li", "li"]),
        ("main > li", []),
        ("main>ul >li", ["li", "li"]),
        ("main b", ["b"]),
        ("#room .people > .new b", ["b"]),
        ("p, b", ["b", "p"]),
        ("p,#nobody , b", ["b", "p"]),
        ("[lang]", ["main"]),
        ("[lang|=en]", ["main"]),
        ("[lang=en]", []),
        ("[ lang = 'en-GB' ]", ["main"]),
        ('[lang="en-GB"]', ["main"]),
        ("[class~=open]", ["main"]),
        ("[sse-swap~='rooms']", ["li"]),
        ("[sse-swap^='people,']", ["li"]),
        ("[sse-swap$=rooms]", ["li"]),
        ("[sse-swap*=', r']", ["li"]),
        ("[sse-swap*='']", []),
        ("[sse-swap^='']", []),
        ("[sse-swap$='']", []),
        ("[class|=new]", ["li"]),
        (r"#\32 x", ["li"]),
        (r"[data-x='it\'s']", ["p"]),
        (r"""[title="say \"no\""]""", ["p"]),
        (r"[data-x='it\27 s']", ["p"]),
        ("  p  ", ["p"]),
    ],
)
def test_a_selector_finds_what_it_means(selector, found):
    assert [element.tag for element in Selector(selector).find_all(PAGE)] == found


@each_case(
    "selector",
    ["", "  ", "p:first-child", "p + p", "p ~ p", "> p", "p,", ",p", "p >", "#", "a[b", "[a=b i]", "closest main!", "*b"],
)
def test_a_selector_of_another_kind_is_refused(selector):
    with pytest.raises(UnknownSelector, match="is not understood"):
        Selector(selector)


@given(st.text(min_size=1, max_size=8).filter(lambda name: name.strip() and not set(name) & set("\r\n\0,")))
def test_what_names_an_event_for_htmx_4_finds_the_element_that_waits_for_it(name):
    root = parse_html("<p></p><p></p>")
    one, other = root.descendants()
    one.attributes["sse-swap"] = f"first,{name},last"
    other.attributes["sse-swap"] = f"x{name}x"
    assert Selector(listeners(name)).find_all(root) == [one]
