"""What HTML connects to and listens for."""

from chirp_trio.htmx.page import read_page
from chirp_trio.markup import BEGIN, END, HOLE
from tests.cases import each_case


def events(text):
    return [(listener.event, listener.connection and listener.connection.url) for listener in read_page(text).listeners]


def test_a_connection_knows_where_it_stands():
    text = '<p>\n<main class="sse-connect"\n  sse-connect = "/a?b&amp;c">'
    (connection,) = read_page(text).connections
    assert (connection.url, connection.attribute) == ("/a?b&c", "sse-connect")
    assert connection.position == text.index("sse-connect =")


def test_a_listener_knows_where_it_stands():
    text = '<p title="ä">\n\n<main SSE-SWAP="a, b">'
    assert [listener.position for listener in read_page(text).listeners] == [text.index("SSE-SWAP")] * 2


def test_a_listener_has_the_closest_connection_around_it():
    text = """
<body sse-connect="/outer" sse-close="done">
  <main><p>unclosed<section sse-connect="/inner" sse-swap="own"><br><img/><i sse-swap="in"></i></section>
  <i sse-swap="out"></i></main>
</body>
<i sse-swap="after"></i>
<input sse-connect="/of-an-element-without-content" sse-swap="input"><i sse-swap="last"></i>
"""
    assert events(text) == [
        ("done", "/outer"),
        ("own", "/inner"),
        ("in", "/inner"),
        ("out", "/outer"),
        ("after", None),
        ("input", "/of-an-element-without-content"),
        ("last", None),
    ]


def test_both_generations_may_be_named_on_one_element():
    text = '<main sse-connect="/two" hx-sse:connect="/four" sse-close="a" hx-sse:close="b"><p sse-swap="c">'
    assert [connection.url for connection in read_page(text).connections] == ["/two", "/four"]
    assert events(text) == [("a", "/two"), ("b", "/two"), ("c", "/two")]


def test_requests_of_htmx_are_told_apart_from_connections():
    wiring = read_page('<a hx-get="/a"></a><form data-hx-post="/b"></form>')
    assert [(request.attribute, request.url) for request in wiring.requests] == [("hx-get", "/a"), ("data-hx-post", "/b")]
    assert not wiring.connections


@each_case(
    ("trigger", "names"),
    [
        ("sse:a", ["a"]),
        ("click, sse:a once, sse:b:c[event.x, y] delay:1s", ["a", "b:c"]),
        ("a from:sse:b, load", []),
        ("sse:", []),
        ("", []),
    ],
)
def test_triggers_are_read_as_htmx_reads_them(trigger, names):
    assert [event for event, _ in events(f'<p hx-trigger="{trigger}">')] == names


@each_case(
    ("value", "url"),
    [
        (f"/a{HOLE}", f"/a{HOLE}"),
        (f"/a{BEGIN}/b{END}", f"/a{HOLE}"),
        (f"/a{BEGIN}/b{BEGIN}{HOLE}{END}{END}/c{BEGIN}{END}", f"/a{HOLE}/c{HOLE}"),
        (f"/a{END}", HOLE),
    ],
)
def test_what_may_be_there_or_not_is_a_hole(value, url):
    assert [connection.url for connection in read_page(f'<p sse-connect="{value}">').connections] == [url]


def test_attributes_that_may_be_there_or_not_are_there():
    text = f'<p{BEGIN} sse-connect="/a"{END}{BEGIN}sse-connect="/b"{END} {BEGIN}sse-swap="c"{END}>'
    wiring = read_page(text)
    assert [connection.url for connection in wiring.connections] == ["/a", "/b"]
    assert [listener.event for listener in wiring.listeners] == ["c"]


def test_nobody_knows_what_is_around_a_listener_in_an_element_with_computed_attributes():
    assert events(f'<main sse-connect="/a"><div {HOLE}><p sse-swap="b">') == [("b", None)]


@each_case("text", ["", "<", "<p", "<p sse-swap", "</p>", "<script>", "<!--", "<p sse-swap=a", "</script></p>"])
def test_what_is_no_html_is_no_error(text):
    assert read_page(text).connections == []


@each_case(
    ("page", "listening"),
    [
        ('<ul hx-ext="sse"><li sse-connect="/a">one<li sse-swap="x">two</ul>', [("x", None)]),
        ('<main hx-ext="sse" sse-connect="/a"><p hx-trigger="keyup[a,sse:b], sse:news"></p></main>', [("news", "/a")]),
        ('<p sse-connect="/a" hx-trigger="keyup[a[0],sse:b[1],c], sse:news[x == \'],sse:d\']">', [("news", "/a")]),
        ('<p sse-connect="/a" hx-trigger="click from:closest (i, sse:b), sse:news">', [("news", "/a")]),
        ('<main hx-ext="sse" sse-connect="/a"/><p sse-swap="x"></p>', [("x", "/a")]),
        ('<p hx-ext="sse" sse-connect="/a"><div sse-swap="x"></div>', [("x", None)]),
        ('<main hx-sse:connect="/a"><p hx-trigger="sse:news"></p></main>', [("news", "/a")]),
        ('<p sse-swap=" x , y "></p>', [("x", None), ("y", None)]),
        ('<img sse-connect="/a" sse-swap="x"><p sse-swap="y">', [("x", "/a"), ("y", None)]),
        ('<table sse-connect="/a"><tr><td sse-connect="/b">1<td sse-swap="x">2</table>', [("x", "/a")]),
        ('<div data-sse-connect="/a"><p data-sse-swap="x">', [("x", "/a")]),
        ('<div sse-connect="/a"><script>"<p sse-swap=x>"</script><!-- <p sse-swap="y"> --></div>', []),
    ],
)
def test_a_page_is_read_as_htmx_reads_it(page, listening):
    assert events(page) == listening


def test_of_two_attributes_for_the_same_the_first_counts_unless_a_template_decides():
    page = '<p sse-swap="a" sse-swap="b"><p data-sse-swap="c" sse-swap="d"><p data-sse-swap="e" data-sse-swap="f">'
    assert [event for event, _ in events(page)] == ["a", "d", "e"]
    template = f'<p {BEGIN}sse-swap="a"{END}{BEGIN}data-sse-swap="b"{END}>'
    assert [event for event, _ in events(template)] == ["a", "b"]
