"""JSON in a page: in a script and in attributes, whatever a value holds, it is that value that a browser reads."""

import json
from html.parser import HTMLParser

from chirp_trio import Template
from chirp_trio.templates import Templates
from tests.cases import each_case

HOSTILE = [
    "it's",
    "' onmouseover='alert(1)' x='",
    '" onmouseover="alert(1)" x="',
    "</script><script>alert(1)</script>",
    "<!--<script>",
    "<img src=x onerror=alert(1)>",
    "&#39; onmouseover=alert(1) &quot; &amp; &lt;",
    "\\u0027 \\' \\",
    "\u2028\u2029\0",
]

PAGES = {
    "single.html": "<p hx-vals='{{ value | tojson }}'></p>",
    "indented.html": "<p hx-vals='{{ value | tojson(2) }}'></p>",
    "double.html": '<p hx-vals="{{ value | tojson(attr=true) }}"></p>',
    "script.html": "<script>{{ value | tojson }}</script>",
}


class Reader(HTMLParser):
    """What a browser would find: the elements, their attributes, and the text between them."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.text = [], ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data


@each_case("hostile", HOSTILE)
@each_case("name", PAGES)
def test_a_hostile_value_in_json_stays_a_value(tmp_path, name, hostile):
    (tmp_path / name).write_text(PAGES[name])
    value = {hostile: [hostile, {"n": 1}]}

    page = Reader(Templates(tmp_path).render(Template(name, value=value)))

    [(tag, attributes)] = page.elements
    assert list(attributes) == ([] if tag == "script" else ["hx-vals"])
    assert json.loads(page.text if tag == "script" else attributes["hx-vals"]) == value
