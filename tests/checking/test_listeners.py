"""`check_app` finds listeners for events that nobody sends, and says nothing where a name may come from somewhere."""

import pytest

from tests.cases import each_case

APP = """
import trio
import chirp_trio
from chirp_trio import App, Comment, EventStream, Fragment, SSEEvent, Template
from site_names import Names, OTHER

NAME = "constant"
app = App()

@app.route("/")
async def page():
    return Template("page.html")

{stream}
"""
NAMES = "from enum import StrEnum\nOTHER = 'imported'\nclass Names(StrEnum):\n    MEMBER = 'member'"
DIRECT = """
@app.route("/live")
async def live(request):
    async def events():
        {yields}
    return EventStream(events)
"""


def decorated(decorator, yields):
    return DIRECT.format(yields=yields).replace("    async def", f"    @{decorator}\n    async def", 1)


def page(attributes, connect='sse-connect="/live"'):
    return f"<main {connect}>\n  <p {attributes}></p>\n</main>"


def check(site, stream, text, **files):
    return site.check(
        {"site_app.py": APP.format(stream=stream), "site_names.py": NAMES, "templates/page.html": text, **files}
    )


def unheard(attribute, name, line=2):
    return f"templates/page.html:{line}: {attribute} waits for {name!r}, which is never sent to this page"


def messages(found):
    return [line.partition(";")[0] for line in found]


# -- where the markup says what it waits for ------------------------------------------------------------


@each_case(
    ("text", "line", "attribute"),
    [
        pytest.param(page('sse-swap="typo"'), 2, "sse-swap", id="sse-swap"),
        pytest.param(page('data-sse-swap="typo"', 'data-sse-connect="/live"'), 2, "data-sse-swap", id="data-sse-swap"),
        pytest.param(page('sse-swap="cpu, typo ,memory,"'), 2, "sse-swap", id="one of a list"),
        pytest.param(page('hx-get="/" hx-trigger="sse:typo"'), 2, "hx-trigger", id="hx-trigger"),
        pytest.param(
            page('hx-get="/" hx-trigger="click[a,b], sse:typo[x] delay:1s, sse:cpu"'),
            2,
            "hx-trigger",
            id="one of several triggers",
        ),
        pytest.param('<main sse-connect="/live" sse-close="typo">', 1, "sse-close", id="sse-close"),
        pytest.param('<main hx-sse:connect="/live"\n hx-sse:close="typo">', 2, "hx-sse:close", id="htmx 4's close"),
        pytest.param('<main hx-sse:connect="/live"><p sse-swap="typo">', 1, "sse-swap", id="htmx 4's connect"),
        pytest.param('<main sse-connect="/live" sse-swap="typo">', 1, "sse-swap", id="the same element"),
        pytest.param(
            '<main sse-connect="/live"><br/><img><i><b></i>\n<p sse-swap="typo"/>', 2, "sse-swap", id="open elements"
        ),
    ],
)
def test_a_name_that_nobody_sends_is_found(site, text, line, attribute):
    stream = DIRECT.format(yields="yield SSEEvent(1, event='cpu'); yield SSEEvent(1, event='memory')")
    assert check(site, stream, text) == [unheard(attribute, "typo", line)]


@each_case(
    "text",
    [
        pytest.param(page('sse-swap="cpu"'), id="it is sent"),
        pytest.param(page('sse-swap="message"'), id="events without a name"),
        pytest.param(
            page('sse-swap="chirp:error" hx-trigger="sse:chirp:gap, sse:open, sse:error"'),
            id="the library's and the browser's",
        ),
        pytest.param(page('hx-trigger="click, typo from:body, load delay:1s"'), id="events of the document"),
        pytest.param(page('hx-trigger="sse:cpu"'), id="a trigger"),
        pytest.param(page('sse-swap="{{ typo }}"'), id="a computed name"),
        pytest.param(page('sse-swap="job-{{ id }}"'), id="a name with a computed part"),
        pytest.param(page('sse-swap="cpu{% if typo %},typo{% end %}"'), id="a name, perhaps"),
        pytest.param(page('sse-swap=""'), id="no name"),
        pytest.param('<main sse-connect="/live"></main><p sse-swap="typo">', id="outside of the connection"),
        pytest.param('<main></section><p sse-swap="typo">', id="without a connection"),
        pytest.param('<script>new EventSource("/live")</script><p sse-swap="typo">', id="a connection of a script"),
        pytest.param(page('sse-swap="typo"', 'sse-connect="{{ url }}"'), id="a computed connection"),
        pytest.param(page('sse-swap="typo"', 'sse-connect="/mounted/live"'), id="a connection to a mounted app"),
        pytest.param(
            '<main sse-connect="/live"><div {{ attributes }}><p sse-swap="typo">', id="computed attributes between them"
        ),
        pytest.param(page('sse-swap="typo"') + '<i sse-connect="{{ url }}">', id="a second connection that is computed"),
        pytest.param(page('sse-swap="typo"') + "{% include name %}", id="a computed include"),
        pytest.param("{% extends name %}{% block body %}" + page('sse-swap="typo"') + "{% end %}", id="a computed parent"),
        pytest.param(page('sse-swap="typo"') + '<button hx-post="/run">', id="an answer to a request of htmx 4"),
    ],
)
def test_what_may_be_sent_is_left_alone(site, text):
    stream = DIRECT.format(yields="yield SSEEvent(1, event='cpu')")
    stream += """
@app.route("/run", methods=["POST"])
async def run():
    async def steps():
        yield Fragment("page.html", event="typo")
    return EventStream(steps)
app.mount("/mounted", app)
"""
    assert check(site, stream, text) == []


def test_a_name_that_is_like_one_that_is_sent_is_told_with_it(site):
    stream = DIRECT.format(yields="yield Fragment('page.html', event='stats-update')")
    assert check(site, stream, page('sse-swap="stats-updates"')) == [
        unheard("sse-swap", "stats-updates") + "; did you mean 'stats-update'?"
    ]


def test_only_what_may_be_meant_is_suggested(site):
    found = check(site, TOPIC + "PATH = '/gaps'", page('sse-swap="gaps" hx-trigger="sse:chirp:gab"'))
    assert found == [
        unheard("hx-trigger", "chirp:gab") + "; did you mean 'chirp:gap'?",
        unheard("sse-swap", "gaps"),
    ]


def test_only_a_page_that_connects_to_a_stream_of_this_name_is_left_alone(site):
    stream = (
        DIRECT.format(yields="yield SSEEvent(1, event='cpu')")
        + """
@app.route("/news")
async def news():
    async def headlines():
        yield SSEEvent(1, event='headline')
    return EventStream(headlines)
"""
    )

    def again(text):
        return site.check({"templates/page.html": text})

    assert check(site, stream, page('sse-swap="headline"')) == [unheard("sse-swap", "headline")]
    assert again(page('sse-swap="headline"') + '<i sse-connect="/news">') == []
    assert again(page('sse-swap="headline"', 'sse-connect="/{{ which }}"')) == []
    assert again(page('sse-swap="typo"', 'sse-connect="/{{ which }}"')) == [unheard("sse-swap", "typo")]


ROUTES = """
@app.route("/live", methods=["POST"])
async def post(): return EventStream(others)
@app.route("/live")
async def live():
    async def events(): yield SSEEvent(1, event="cpu")
    return EventStream(events)
@app.route("/{name}")
async def other(name): return EventStream(others)
@app.route("/either/stream")
async def stream(): return EventStream(others)
@app.route("/either/unknown")
async def unknown(): return others()
async def others(): yield SSEEvent(1, event="other")
"""


@each_case(
    "text",
    [
        pytest.param(page('sse-swap="other"'), id="the first route that fits counts, and its method"),
        pytest.param(page('sse-swap="other"') + '<script>new EventSource("/x")</script>', id="what a script gets is its own"),
        pytest.param(page('sse-swap="typo"', 'sse-connect="/either/stream"'), id="another name"),
    ],
)
def test_only_events_that_come_to_the_page_count(site, text):
    assert len(check(site, ROUTES, text)) == 1


def test_a_connection_to_one_of_several_routes_is_known_if_all_of_them_are(site):
    assert check(site, ROUTES, page('sse-swap="typo"', 'sse-connect="/either/{{ which }}"')) == []


def test_a_page_that_lacks_something_is_not_judged(site):
    text = page('sse-swap="typo"') + '{% include "parts/missing" %}'
    assert check(site, ROUTES, text) == ["templates/page.html:3: there is no template 'parts/missing'"]


# -- where Python says what it sends: a source that writes its names out --------------------------------

COMPUTED = "\ndef elsewhere(name):\n    return SSEEvent(1, event=name)\n"  # so that only the stream itself can tell


@each_case(
    ("stream", "sent"),
    [
        (DIRECT.format(yields="yield SSEEvent(1, 'cpu')"), "cpu"),
        (DIRECT.format(yields="yield SSEEvent(data=1, event=NAME)"), "constant"),
        (DIRECT.format(yields="yield SSEEvent(data=1, event=OTHER)"), "imported"),
        (DIRECT.format(yields="yield SSEEvent(data=1, event=Names.MEMBER)"), "member"),
        (DIRECT.format(yields="yield chirp_trio.SSEEvent(1, event='a' if request else 'cpu')"), "cpu"),
        (DIRECT.format(yields="yield SSEEvent(Fragment('page.html', event='cpu'))"), "cpu"),
        (DIRECT.format(yields="yield Fragment('page.html', event='cpu', **{'a': 1})"), "cpu"),
        (DIRECT.format(yields="event = Fragment('page.html', event='cpu'); yield event"), "cpu"),
        (DIRECT.format(yields="yield SSEEvent(1, event='cpu') if request else {'a': 1}"), "cpu"),
        (DIRECT.format(yields="yield Comment('x'); yield f'{request}'; yield [1]; yield SSEEvent(1, 'cpu')"), "cpu"),
        (DIRECT.format(yields="for name in ('disk', 'cpu'):\n            yield SSEEvent(1, event=name)"), "cpu"),
        (DIRECT.format(yields="yield 1").replace("(events)", "(events(), 'cpu')"), "cpu"),
        (DIRECT.format(yields="yield 1").replace("(events)", "(generator=events, event_type='cpu')"), "cpu"),
        (DIRECT.format(yields="yield Fragment('page.html')").replace("(events)", "(events, event_type='cpu')"), "cpu"),
        (DIRECT.format(yields="yield SSEEvent(1, 'cpu')").replace("return", "stream =") + "    return stream", "cpu"),
        (decorated("trio.as_safe_channel", "yield SSEEvent(1, 'cpu')"), "cpu"),
        (
            """
async def events(count):
    yield SSEEvent(1, event="cpu")
@app.route("/live")
async def live(request):
    if request.query:
        return "no stream"
    source = events(7)
    return EventStream(source)
""",
            "cpu",
        ),
    ],
)  # fmt: skip
def test_a_source_that_writes_its_names_out_is_known(site, stream, sent):
    assert check(site, stream + COMPUTED, page(f'sse-swap="{sent}"')) == []
    assert messages(site.check({"templates/page.html": page('sse-swap="typo"')})) == [unheard("sse-swap", "typo")]


@each_case(
    "yields",
    [
        pytest.param("yield SSEEvent(1, event=request.path)", id="a computed name"),
        pytest.param("yield SSEEvent(1, event=f'{request}')", id="a text that is put together"),
        pytest.param("yield SSEEvent(**request.state)", id="arguments from elsewhere"),
        pytest.param("yield SSEEvent(*request.state)", id="positional arguments from elsewhere"),
        pytest.param("yield SSEEvent(request.state)", id="data that may be a fragment"),
        pytest.param("yield Fragment('page.html', **request.state)", id="variables, and perhaps a name"),
        pytest.param("yield request.state", id="an item from elsewhere"),
        pytest.param("yield elsewhere('typo')", id="an item that a function makes"),
        pytest.param("yield 1 if request else request.state", id="one of two items"),
        pytest.param("for item in request.state:\n            yield item", id="items of a loop"),
        pytest.param("name = 'cpu'; name = request.path\n        yield SSEEvent(1, event=name)", id="a name that changes"),
        pytest.param("event = SSEEvent(1, 'cpu'); event = request.state\n        yield event", id="an item that changes"),
        pytest.param("SSEEvent = request.state\n        yield SSEEvent(1, event='cpu')", id="another SSEEvent"),
    ],
)
def test_a_source_with_an_item_that_cannot_be_known_is_left_alone(site, yields):
    assert check(site, DIRECT.format(yields=yields) + COMPUTED, page('sse-swap="typo"')) == []


@each_case(
    "stream",
    [
        pytest.param("@app.route('/live')\nasync def live(request): return EventStream(request.state)", id="from elsewhere"),
        pytest.param("@app.route('/live')\nasync def live() -> EventStream: return make()", id="a stream from elsewhere"),
        pytest.param("@app.route('/live')\nasync def live(): return make()", id="something from elsewhere"),
        pytest.param("@app.route('/live')\nasync def live(): return EventStream(**make())", id="arguments from elsewhere"),
        pytest.param("@app.route('/live')\nasync def live(): return EventStream(plain, **make())", id="options"),
        pytest.param("@app.route('/live')\nasync def live(): return EventStream(plain, *make())", id="arguments"),
        pytest.param(
            "@app.route('/live')\nasync def live(request):\n    if request: return make()\n    return EventStream(plain)",
            id="one of two streams from elsewhere",
        ),
        pytest.param("@app.route('/live')\nasync def live(): return EventStream(*make())", id="a source from elsewhere"),
        pytest.param("@app.route('/live')\nasync def live(): return EventStream(make, make())", id="a computed name"),
        pytest.param("@app.route('/live')\nasync def live(): return EventStream(lambda: make())", id="a lambda"),
        pytest.param("@app.route('/live')\nasync def live(): return EventStream(make)", id="a function that does not yield"),
        pytest.param("@app.route('/live')\nasync def live(): return EventStream(trio.sleep)", id="somebody else's function"),
        pytest.param("def other(f): return f\n" + decorated("other", "yield 1"), id="a decorator"),
    ],
)  # fmt: skip
def test_a_stream_whose_source_cannot_be_seen_is_left_alone(site, stream):
    assert (
        check(site, stream + "\nasync def make(): ...\nasync def plain(): yield 1" + COMPUTED, page('sse-swap="typo"')) == []
    )


# -- where events come from elsewhere in the app --------------------------------------------------------

TOPIC = """
from chirp_trio import Topic
topic = Topic("topic", history=10)

@app.route("/live")
async def live(request):
    return EventStream(topic.subscribe(request.last_event_id))

def publish():
    topic.publish_nowait(Fragment("page.html", event="cpu"))
"""


def test_what_is_published_to_topics_is_all_that_comes_from_them(site):
    assert check(site, TOPIC, page('sse-swap="cpu"')) == []
    assert site.check({"templates/page.html": page('sse-swap="cpus"')}) == [
        unheard("sse-swap", "cpus") + "; did you mean 'cpu'?"
    ]


def test_a_module_that_is_not_imported_may_publish_too(site):
    worker = "from site_app import topic\nfrom chirp_trio import SSEEvent as Event\ntopic.publish_nowait(Event(1, 'typo'))"
    assert check(site, TOPIC, page('sse-swap="typo"'), **{"jobs/worker.py": worker}) == []
    for folder in (".hidden/worker.py", "site-packages/worker.py", "environment/lib/worker.py"):
        (site.folder / "jobs" / "worker.py").unlink(missing_ok=True)
        site.write({folder: worker, "environment/pyvenv.cfg": ""})
        assert site.check() == [unheard("sse-swap", "typo")]


@pytest.mark.parametrize(
    "more",
    [
        pytest.param("def publish(name): topic.publish_nowait(SSEEvent(1, event=name))", id="a computed name"),
        pytest.param("def publish(name): topic.publish_nowait(SSEEvent(1, name))", id="a computed name, by position"),
        pytest.param("def publish(row): topic.publish_nowait(SSEEvent(**row))", id="arguments from elsewhere"),
        pytest.param("def publish(row): topic.publish_nowait(SSEEvent(*row))", id="positional arguments from elsewhere"),
        pytest.param("def publish(row): topic.publish_nowait(Fragment('page.html', **row))", id="variables from elsewhere"),
        pytest.param("def publish(name): send({'event': name})", id="a dict that may become arguments"),
        pytest.param("def publish(name): copy.replace(event, event=name)", id="an event made from another one"),
        pytest.param(
            "def publish(x):\n    n = 'a'; n = x\n    topic.publish_nowait(SSEEvent(1, n))", id="a name that changes"
        ),
        pytest.param("class Mine(SSEEvent): ...", id="a class of events"),
        pytest.param("make = SSEEvent", id="another name for events"),
        pytest.param("def publish(rows): return map(SSEEvent, rows)", id="events made by somebody else"),
        pytest.param("def publish(decoder): return chirp_trio.Decoder()", id="a decoder"),
        pytest.param("from chirp_trio import Decoder", id="a decoder, imported"),
        pytest.param("from chirp_trio.wire.decode import Decoder", id="a decoder, from where it is"),
        pytest.param("from chirp_trio import *", id="everything"),
        pytest.param("shared = Topic('shared', store=make())", id="a topic with a store"),
        pytest.param("import site_plugin", id="a package that has to do with events"),
        pytest.param("from site_plugin import events", id="a package that has to do with events, in part"),
        pytest.param("MARKUP = '<main sse-connect=\"/live\">'", id="markup in Python"),
    ],
)
def test_where_a_name_may_come_from_elsewhere_topics_are_left_alone(site, more, monkeypatch, tmp_path_factory):
    installed = tmp_path_factory.mktemp("lib") / "site-packages"
    installed.mkdir()
    (installed / "site_plugin.py").write_text("from chirp_trio import SSEEvent\nevents = []")
    monkeypatch.syspath_prepend(str(installed))
    stream = f"{TOPIC}\ndef make(): ...\ndef Topic(*a, **b): ...\n{more}\n"
    assert check(site, stream, page('sse-swap="typo"')) == []


@each_case(
    "more",
    [
        pytest.param("def handle(item: SSEEvent) -> SSEEvent | None: return isinstance(item, SSEEvent)", id="types"),
        pytest.param("type Items = list[SSEEvent]\nitem: SSEEvent", id="aliases"),
        pytest.param(
            "def handle(item):\n    match item:\n        case SSEEvent() as a: ...\n        case {'a': 1, **rest}: ...",
            id="patterns",
        ),
        pytest.param("send, receive = trio.open_memory_channel[SSEEvent](1)", id="parameters of types"),
        pytest.param(
            "def publish(): topic.publish_nowait(SSEEvent(1, event=NAME if topic else Names.MEMBER))", id="constants"
        ),
        pytest.param("def publish(): topic.publish_nowait(SSEEvent(1, OTHER, id='1'))", id="an imported constant"),
        pytest.param("def publish():\n    for name in ('a', 'b'): topic.publish_nowait(SSEEvent(1, name))", id="a loop"),
        pytest.param("def publish():\n    name = 'a'; topic.publish_nowait(SSEEvent(1, name))", id="a variable"),
        pytest.param("import site_worker", id="a module of the app"),
        pytest.param("def publish(): return {'event': 'a', 'b': topic}, {**{}}", id="a dict"),
        pytest.param(
            "from chirp_trio.testing import TestClient\nimport chirp_trio as ct\nct.App", id="what brings no events"
        ),
        pytest.param("from chirp_trio.stream import EventStream as ES", id="a module of the library"),
    ],
)
def test_what_gives_no_other_names_to_events_changes_nothing(site, more):
    worker = {"site_worker.py": "from chirp_trio import SSEEvent"}
    assert messages(check(site, TOPIC + more, page('sse-swap="typo"'), **worker)) == [unheard("sse-swap", "typo")]


def test_an_app_with_a_file_that_cannot_be_read_is_left_alone(site):
    assert check(site, TOPIC, page('sse-swap="typo"'), **{"broken.py": "def"}) == []


def test_an_app_with_very_many_files_is_left_alone(site, monkeypatch):
    monkeypatch.setattr("chirp_trio.checking.project._MOST_FILES", 1)
    assert check(site, TOPIC, page('sse-swap="typo"')) == []


def test_of_what_is_installed_only_the_apps_own_package_counts(site, monkeypatch):
    installed = site.folder / "site-packages"
    monkeypatch.syspath_prepend(str(installed))
    app = APP.format(stream=TOPIC).replace("from site_names", "from site_shop.site_names")
    site.write(
        {
            "site-packages/site_shop/__init__.py": app.replace(
                "App()", "App(chirp_trio.AppConfig(template_dir='templates'))"
            ),
            "site-packages/site_shop/site_names.py": NAMES,
            "site-packages/site_other.py": "def make(SSEEvent, name): return SSEEvent(1, event=name)",
        }
    )
    assert site.check({"templates/page.html": page('sse-swap="typo"')}, module="site_shop") == [unheard("sse-swap", "typo")]


# -- pieces of pages ------------------------------------------------------------------------------------

PIECES = {
    "templates/page.html": '<main sse-connect="/live">{% include "piece.html" %}</main>',
    "templates/piece.html": '<p sse-swap="typo">',
}


def test_a_piece_is_part_of_the_page_that_includes_it(site):
    stream = DIRECT.format(yields="yield SSEEvent(1, 'cpu')")
    found = check(site, stream, "", **PIECES)
    assert found == [unheard("sse-swap", "typo", 1).replace("page.html", "piece.html", 1)]


@each_case(
    "more",
    [
        pytest.param("def piece(): return Fragment('piece.html')", id="which is sent alone"),
        pytest.param("def piece(name): return Fragment(name)", id="which may be sent alone"),
        pytest.param(
            "def other(): return Template('other.html')\n@app.route('/other')\nasync def others():\n"
            "    async def events():\n        yield SSEEvent(1, 'typo')\n    return EventStream(events)",
            id="which another page includes",
        ),
    ],
)
def test_a_piece_that_other_pages_may_have_is_left_alone(site, more):
    other = '<main sse-connect="/other">{% include "piece.html" %}</main>'
    stream = DIRECT.format(yields="yield SSEEvent(1, 'cpu')") + more
    assert check(site, stream, "", **PIECES, **{"templates/other.html": other}) == []


def test_what_a_page_extends_is_always_part_of_it(site):
    files = {
        "templates/page.html": '{% extends "base.html" %}{% block body %}{{ super() }}<p sse-swap="typo">{% end %}',
        "templates/base.html": '<body sse-connect="/live">{% block body %}{% end %}',
    }
    stream = DIRECT.format(yields="yield SSEEvent(1, 'cpu')") + "def piece(name): return Fragment(name)"
    assert check(site, stream, "", **files) == [unheard("sse-swap", "typo", 1)]
