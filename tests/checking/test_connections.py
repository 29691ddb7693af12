"""`check_app` finds the connections of pages to what is no event stream, and leaves alone what it cannot know."""

import pytest

from tests.cases import each_case

APP = """
from chirp_trio import App, EventStream, Page, Redirect, Response, Template

app = App()

@app.route("/")
async def page():
    return Template("page.html")

@app.route("/live")
async def live():
    async def numbers():
        yield 1
    return EventStream(numbers)

@app.route("/rooms/{id:int}/live")
async def room(id):
    async def numbers():
        yield id
    return EventStream(numbers())

@app.route("/annotated")
async def annotated() -> dict[str, int] | None:
    return helper()

@app.route("/responding")
async def responding():
    return Response(b"data: 1\\n\\n", content_type="text/event-stream")

@app.route("/moved")
async def moved():
    return Redirect("/live")

@app.route("/unknown")
async def unknown():
    return helper()

@app.route("/send", methods=["POST"])
async def send():
    return EventStream(numbers)

@app.route("/both", methods=["POST"])
async def post_both():
    return None

@app.route("/both")
async def get_both():
    return EventStream(numbers)

@app.route("/either")
async def either(request):
    if request.query:
        return Template("page.html")
    return EventStream(numbers)

def helper(): ...

def add_debugging():
    app.route("/debug/{id}")(live)

async def numbers(): yield 1

async def other(scope, receive, send): ...
app.mount("/other", other)
"""


def page(url, attribute="sse-connect"):
    return f'<!doctype html>\n<title>A page</title>\n<main\n  class="live"\n  {attribute}="{url}">\n</main>\n'


@each_case("attribute", ["sse-connect", "data-sse-connect", "hx-sse:connect", "data-hx-sse:connect"])
def test_a_path_without_a_route_is_found_with_its_line(site, attribute):
    assert site.check({"site_app.py": APP, "templates/page.html": page("/nowhere", attribute)}) == [
        f"templates/page.html:5: {attribute} '/nowhere': no route has this path"
    ]


@each_case(
    ("url", "problem"),
    [
        pytest.param("/liev", "no route has this path; did you mean '/live'?", id="a misspelt path"),
        pytest.param("/live/", "no route has this path; did you mean '/live'?", id="a slash too many"),
        pytest.param("/lives?since=7", "no route has this path; did you mean '/live'?", id="a query"),
        pytest.param("/rooms/7/life", "no route has this path; did you mean '/rooms/{id:int}/live'?", id="a parameter"),
        pytest.param("/rooms/hall/live", "no route has this path; did you mean '/rooms/{id:int}/live'?", id="no number"),
        pytest.param("/", "site_app.page answers it, and that returns no EventStream", id="a page"),
        pytest.param("/annotated", "site_app.annotated answers it, and that returns no EventStream", id="annotated"),
        pytest.param("/send", "its route takes POST, and event streams are asked for with GET", id="another method"),
    ],
)
def test_what_is_no_event_stream_is_told_with_the_reason(site, url, problem):
    assert site.check({"site_app.py": APP, "templates/page.html": page(url)}) == [
        f"templates/page.html:5: sse-connect {url!r}: {problem}"
    ]


def test_computed_parts_of_a_url_are_compared_with_the_patterns_of_the_routes(site):
    url = "/rooms/{{ id }}/messages"
    assert site.check({"site_app.py": APP, "templates/page.html": page(url)}) == [
        "templates/page.html:5: sse-connect '/rooms/…/messages': no route has this path; did you mean '/rooms/{id:int}/live'?"
    ]


def test_a_script_that_opens_an_event_source_is_a_connection(site):
    script = """<p>
<script>
  /* new EventSource("/comment") */
  // new EventSource("/comment")
  const a = new EventSource("/live"), b = new EventSource( '/nowhere', {withCredentials: true})
  const c = new EventSource("/rooms/" + id), d = new EventSource(`/rooms/${id}`), e = new EventSource(url)
  const f = new EventSource("/rooms/{{ id }}/messages")
</script>
<script type="text/template">new EventSource("/template")</script>
new EventSource("/text")
"""
    assert site.check({"site_app.py": APP, "templates/page.html": script}) == [
        "templates/page.html:5: new EventSource '/nowhere': no route has this path",
        (
            "templates/page.html:7: new EventSource '/rooms/…/messages': no route has this path; "
            "did you mean '/rooms/{id:int}/live'?"
        ),
    ]


@each_case(
    "url",
    [
        pytest.param("/live", id="a stream"),
        pytest.param("/live?a=1&amp;b=2#c", id="a query and a fragment"),
        pytest.param("/l%69ve", id="an escape"),
        pytest.param(" /live\n", id="white space"),
        pytest.param("/rooms/7/live", id="a parameter"),
        pytest.param("/rooms/{{ id }}/live", id="a computed parameter"),
        pytest.param("/{{ kind }}/{{ id }}/live", id="computed parts"),
        pytest.param("/rooms/{{ 'a' }}{{ id }}/live{{ query }}", id="computed parts side by side"),
        pytest.param("/live{{ query }}&amp;b=2", id="a computed query"),
        pytest.param("/live{% if cursor %}?since={{ cursor }}{% end %}", id="a query, perhaps"),
        pytest.param("{% if a %}/live{% else %}/elsewhere{% end %}", id="one of two"),
        pytest.param("{{ prefix }}/elsewhere", id="a computed beginning"),
        pytest.param("{{ url }}", id="computed"),
        pytest.param("", id="nothing"),
        pytest.param("elsewhere", id="relative"),
        pytest.param("?since=1", id="a query only"),
        pytest.param("/a/../live", id="dots"),
        pytest.param("https://example.org/elsewhere", id="another host"),
        pytest.param("//example.org/elsewhere", id="another host, without its scheme"),
        pytest.param("/other/live", id="a mounted app"),
        pytest.param("/other", id="a mounted app itself"),
        pytest.param("/other/{{ id }}", id="something in a mounted app"),
        pytest.param("/unknown", id="a handler that returns what another function does"),
        pytest.param("/responding", id="a response with a content type of its own"),
        pytest.param("/moved", id="a redirect"),
        pytest.param("/debug/7", id="a route that is not there now"),
        pytest.param("/both", id="two methods"),
        pytest.param("/either", id="a stream, sometimes"),
    ],
)
def test_what_may_reach_a_stream_is_left_alone(site, url):
    assert site.check({"site_app.py": APP, "templates/page.html": page(url)}) == []


def test_two_ways_to_connect_are_two_connections(site):
    main = '<main {% if a %}sse-connect="/live"{% else %}sse-connect="/nowhere"{% end %} {{ rest }}>'
    assert site.check({"site_app.py": APP, "templates/page.html": main}) == [
        "templates/page.html:1: sse-connect '/nowhere': no route has this path"
    ]


def test_what_only_looks_like_a_connection_is_left_alone(site):
    text = """
<!-- <main sse-connect="/comment"> -->
{# <main sse-connect="/comment"> #}
<p title='sse-connect="/title"'>sse-connect="/text"</p>
<pre>&lt;main sse-connect="/escaped"&gt;</pre>
<textarea><main sse-connect="/textarea"></textarea>
{% if false %}<main sse-connect="/never">{% end %}
"""
    assert site.check({"site_app.py": APP, "templates/page.html": text}) == []


# -- decorators, other kinds of handlers, middleware, proxies -------------------------------------------


@each_case(
    "handler",
    [
        pytest.param("@streaming\nasync def live() -> dict: return {}", id="a decorator that wraps"),
        pytest.param("@hidden\nasync def live() -> dict: return {}", id="a decorator that does not say that it wraps"),
        pytest.param("async def make(): return {}\nlive = functools.partial(make)", id="a partial"),
        pytest.param("class Live:\n    async def __call__(self): return {}\nlive = Live()", id="an object"),
        pytest.param("async def live() -> 'Nothing': return make()", id="an annotation that nobody can resolve"),
        pytest.param("live = lambda: EventStream(numbers)", id="a lambda"),
    ],
)
def test_a_handler_that_is_not_what_it_looks_like_is_left_alone(site, handler):
    app = f"""
import functools
from chirp_trio import App, EventStream, Template
app = App()
async def numbers(): yield 1
def streaming(function):
    @functools.wraps(function)
    async def wrapper(): return EventStream(numbers)
    return wrapper
def hidden(function):
    async def wrapper(): return await function()
    return wrapper
{handler}
app.route("/live")(live)
@app.route("/")
async def page(): return Template("page.html")
"""
    assert site.check({"site_app.py": app, "templates/page.html": page("/live")}) == []


@each_case(
    "body",
    [
        pytest.param("return {'a': 1}", id="a dict"),
        pytest.param("return f'<p>{1}</p>'", id="text"),
        pytest.param("return None", id="None"),
        pytest.param("pass", id="nothing"),
        pytest.param("if 1: raise HTTPError(404)\n    return Ours('page.html')", id="a template, by another name"),
        pytest.param("return chirp_trio.Template('page.html')", id="a template, by its package"),
        pytest.param("from chirp_trio import Template as T\n    return T('page.html')", id="a template, imported here"),
        pytest.param("answer = [1]\n    return answer", id="a variable"),
        pytest.param("def inner():\n        return EventStream(inner)\n    return 'text'", id="an inner function"),
    ],
)
def test_a_handler_that_says_what_it_returns_is_believed(site, body):
    app = f"""
import chirp_trio
from chirp_trio import App, EventStream, HTTPError, Template as Ours
app = App()
@app.route("/live")
async def live():
    {body}
@app.route("/")
async def page(): return Ours("page.html")
"""
    assert site.check({"site_app.py": app, "templates/page.html": page("/live")}) == [
        "templates/page.html:5: sse-connect '/live': site_app.live answers it, and that returns no EventStream"
    ]


def test_middleware_may_answer_what_has_no_route(site):
    app = APP.replace("App()", "App(middleware=[lambda app: lambda *arguments: app(*arguments)])")
    assert site.check({"site_app.py": app, "templates/page.html": page("/nowhere")}) == []


def test_a_path_that_a_proxy_takes_away_is_taken_away(site):
    files = {"site_app.py": APP, "templates/page.html": page("/shop/live")}
    assert site.check(files, root_path="/shop") == site.check(files, root_path="/shop/") == []
    for found in (site.check(root_path="/other"), site.check()):
        assert found == [
            (
                "templates/page.html:5: sse-connect '/shop/live': no route has this path; "
                "did you mean '/live' or '/rooms/{id:int}/live'?"
            )
        ]


def test_a_path_that_something_else_answers_is_left_alone(site):
    files = {"site_app.py": APP, "templates/page.html": page("/news/live")}
    assert len(site.check(files, elsewhere=["/new"])) == 1
    for elsewhere in (["/old", "/news"], ["/news/"], ["/"]):
        assert site.check(elsewhere=elsewhere) == []
    with pytest.raises((TypeError, ValueError), match="elsewhere is '/news'; it must be a list of paths"):
        site.check(elsewhere="/news")


def test_of_two_routes_for_a_path_the_first_one_counts(site):
    app = """
from chirp_trio import App, EventStream, Template
app = App()
@app.route("/{name}")
async def page(name): return Template("page.html")
@app.route("/live")
async def live(): return EventStream(numbers)
async def numbers(): yield 1
"""
    assert site.check({"site_app.py": app, "templates/page.html": page("/live")}) == [
        "templates/page.html:5: sse-connect '/live': site_app.page answers it, and that returns no EventStream"
    ]
    assert site.check({"templates/page.html": page("/{{ name }}")}) == []


# -- templates that belong together ---------------------------------------------------------------------


def test_a_page_is_what_its_template_extends_includes_and_imports(site):
    files = {
        "site_app.py": APP,
        "templates/page.html": """{% extends "base.html" %}
{% from "parts/macros.html" import live %}
{% block url %}/in-child{% end %}
{% block unused %}<p sse-connect="/unused">{% end %}
{% block body -%}

<u sse-connect="/after-space"></u>{{ super() }}
{% include "parts/part.html" %}
{% for part in parts %}{% include part %}{% end %}
{% call live() %}<i sse-connect="/in-slot"></i>{% end %}
{% embed "parts/card.html" %}{% block inner %}<b sse-connect="/in-embedded"></b>{% end %}{% end %}
{% end %}
""",
        "templates/base.html": """<body
 sse-connect="{% block url %}/in-base{% end %}">
{% block body %}<p sse-connect="/in-parent"></p>{% end %}
{% block inner %}<u sse-connect="/in-block-of-this-name"></u>{% end %}""",
        "templates/parts/part.html": '\n{% include "./deep.html" %}{% include "page.html" %}',
        "templates/parts/deep.html": '\n\n<p sse-connect="/in-include"></p>',
        "templates/parts/macros.html": '\n{% def live() %}<div sse-connect="/in-macro">{% slot %}</div>{% end %}',
        "templates/parts/card.html": '{% block inner %}<b sse-connect="/replaced"></b>{% end %}',
    }
    assert [line.partition(": no")[0] for line in site.check(files)] == [
        "templates/base.html:2: sse-connect '/in-child'",
        "templates/base.html:3: sse-connect '/in-parent'",
        "templates/base.html:4: sse-connect '/in-block-of-this-name'",
        "templates/page.html:7: sse-connect '/after-space'",
        "templates/page.html:10: sse-connect '/in-slot'",
        "templates/page.html:11: sse-connect '/in-embedded'",
        "templates/parts/deep.html:3: sse-connect '/in-include'",
        "templates/parts/macros.html:2: sse-connect '/in-macro'",
    ]


@pytest.mark.parametrize("block", ["'part'", "name"])
def test_of_a_template_that_is_no_page_only_the_blocks_that_are_sent_count(site, block):
    app = APP.replace("import App", "import App, Fragment")
    app = app.replace('Template("page.html")', f'Fragment("page.html", {block})')
    text = '<p sse-connect="/elsewhere">{% block part %}<p sse-connect="/nowhere">{% end %}'
    found = site.check({"site_app.py": app, "templates/page.html": text})
    assert [line.partition(" ")[2] for line in found] == (
        ["sse-connect '/nowhere': no route has this path"] if block == "'part'" else []
    )


def test_a_template_that_this_app_does_not_name_is_left_alone(site):
    files = {"site_app.py": APP, "templates/page.html": "<p>", "templates/other.html": page("/of-another-app")}
    assert site.check(files) == []


def test_white_space_that_a_template_takes_away_counts_for_the_line(site):
    text = "{% if x -%}\n\n\n\n\n\n\n\n<p sse-connect='/nowhere'>{% end %}"
    assert site.check({"site_app.py": APP, "templates/page.html": text}) == [
        "templates/page.html:9: sse-connect '/nowhere': no route has this path"
    ]
