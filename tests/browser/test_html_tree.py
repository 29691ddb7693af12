"""The reader of HTML, for `chirp-trio check` and for assertions, against the one of a browser."""

from tests.nasty_html import NASTY

# As htmx parses a fragment. What a browser adds that nobody has written is left out, as the reader leaves it out.
SHAPE = """text => {
    const template = document.createElement("template");
    template.innerHTML = text;
    const show = node => {
        if (node.nodeType === Node.TEXT_NODE) return node.data;
        if (node.nodeType !== Node.ELEMENT_NODE) return [...node.childNodes].map(show).join("");
        const inner = [...(node.content ?? node).childNodes].map(show).join("");
        const name = node.localName;
        return ["tbody", "colgroup"].includes(name) && !text.includes("<" + name) ? inner : `${name}(${inner})`;
    };
    return [...template.content.childNodes].filter(node => node.nodeType !== Node.COMMENT_NODE).map(show).join("");
}"""


def test_what_tests_and_the_check_take_for_the_tree_is_what_a_browser_makes_of_it(page):
    shapes = {text: page.evaluate(SHAPE, text) for text in NASTY}
    assert shapes == NASTY
