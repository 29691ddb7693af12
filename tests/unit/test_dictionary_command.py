"""`chirp-trio dictionary`: what it makes of templates and of a topic's events, and what it says where it can make nothing."""

import pytest
import trio

from chirp_trio import App, CompressionDictionary, ConfigurationError, SQLiteStore
from chirp_trio.cli import main
from chirp_trio.compression import DictionaryCoding
from chirp_trio.web.samples import recent_events

pytestmark = pytest.mark.usefixtures("folder")

PUBLISHING = """
from contextlib import asynccontextmanager
from chirp_trio import App, Fragment

@asynccontextmanager
async def lifespan(app):
    for number in range({count}):
        news.publish_nowait(Fragment("page.html", "row", event="row", number=number))
    yield

app = App(lifespan=lifespan)
news = app.topic("news")
"""
PAGE = """<ul>{# a comment that is nobody's business #}
{% for number in [1, 2] %}{% block row %}<li class="number">{{ number }}</li>{% end %}{% end %}
</ul>
"""


@pytest.fixture
def app(folder):
    (folder / "app.py").write_text(PUBLISHING.format(count=12))
    (folder / "templates").mkdir()
    (folder / "templates" / "page.html").write_text(PAGE)
    return folder


def test_it_has_the_newest_events_of_a_topic_as_they_are_sent(app, capsys):
    assert main(["dictionary", "--topic", "news", "--events", "3", "--output", "news.dictionary"]) == 0

    text = (app / "news.dictionary").read_bytes()
    first, second, third, rest = text.split(b"\n\n")
    assert rest == b""
    assert (first, second, third) == tuple(
        b'event: row\nid: %b-%d\ndata: <li class="number">%d</li>' % (text[15:27], number + 1, number)
        for number in (9, 10, 11)
    )
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"news.dictionary: {len(text)} bytes of 0 templates, 3 events"
    assert lines[1].startswith("with the rest of it as the dictionary, the newest event takes ")


def test_what_it_writes_is_a_dictionary(app):
    assert main(["dictionary", "--topic", "news", "-o", "news.dictionary"]) == 0

    content = (app / "news.dictionary").read_bytes()
    dictionary = CompressionDictionary(content)
    assert content.count(b"\n\n") == 8
    assert len(DictionaryCoding(dictionary).encode([content[-70:]])) < 40 + 30  # its head, and hardly more


def test_of_templates_it_has_the_text_without_what_they_compute_their_comments_and_their_statements(app, capsys):
    assert main(["dictionary", "--template", "page.html", "-o", "page.dictionary"]) == 0

    assert (app / "page.dictionary").read_bytes() == b'data: <ul>\ndata: <li class="number"></li>\ndata: </ul>\n\n'
    assert capsys.readouterr().out == "page.dictionary: 55 bytes of 1 template, 0 events\n"


def test_events_come_after_templates_because_what_is_likely_stands_best_at_the_end(app):
    assert main(["dictionary", "--template", "page.html", "--topic", "news", "--events", "1", "-o", "both"]) == 0

    text = (app / "both").read_bytes()
    assert text.startswith(b"data: <ul>\n")
    assert text.endswith(b'data: <li class="number">11</li>\n\n')


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "neither --topic nor --template is given; --topic NAME takes events, --template FILE takes templates"),
        (["--topic", "nwes"], "the app has no topic 'nwes' when it is imported; its topics: 'news'"),
        (["--template", "pgae.html"], "there is no template 'pgae.html' in "),
        (["--template", "broken.html"], "template 'broken.html'"),
        (["--template", "huge.html"], "no dictionary can be made of that: content has 1048584 bytes"),
        (["--template", "page.html", "-o", "nowhere/page"], "'nowhere/page' cannot be written: No such file or directory"),
    ],
)
def test_what_it_cannot_do_it_says_in_a_line_and_writes_nothing(app, capsys, options, message):
    (app / "templates" / "broken.html").write_text("{# and no end")
    (app / "templates" / "huge.html").write_text("x" * 1024 * 1024)
    before = {path.name for path in app.iterdir()}

    assert main(["dictionary", "-o", "written", *options]) == 2
    said = capsys.readouterr().err
    assert said.startswith("chirp-trio: ")
    assert message in said
    assert said.count("\n") == 1
    assert {path.name for path in app.iterdir()} - {"__pycache__"} == before


def test_of_another_frameworks_app_there_is_none(folder, capsys):
    (folder / "shop.py").write_text("from starlette.applications import Starlette\napp = Starlette()")

    assert main(["dictionary", "shop", "--topic", "news", "-o", "written"]) == 2
    assert "shop is a Starlette; a dictionary can be made of a chirp_trio.App only" in capsys.readouterr().err


def test_an_app_that_cannot_be_run_is_told_in_a_line(folder, capsys):
    (folder / "app.py").write_text(PUBLISHING.format(count=1))  # there is no such template

    assert main(["dictionary", "--topic", "news", "-o", "written"]) == 1
    assert capsys.readouterr().err.startswith("chirp-trio: app.py:app cannot be run: TemplateNotFound: there is no template")
    assert not (folder / "written").exists()


# -- a topic's events, in virtual time -----------------------------------------------------------------------------------


async def test_a_stored_topic_has_the_events_and_the_ids_of_earlier_processes(folder):
    ids = []
    for _ in range(2):
        app = App()
        topic = app.topic("news", store=SQLiteStore(folder / "history.db"))
        async with app.running():
            ids.append(topic.publish_nowait("something new"))
    app = App()
    app.topic("news", store=SQLiteStore(folder / "history.db"))

    events = await recent_events(app, "news", 2, seconds=60)

    assert events == [f"id: {id}\ndata: something new\n\n".encode() for id in ids]


async def test_those_that_are_not_there_yet_are_waited_for(autojump_clock):
    app = App()
    topic = app.topic("news")

    async def publish():
        for number in range(3):
            await trio.sleep(4)
            topic.publish_nowait(number)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(publish)
        begun = trio.current_time()
        events = await recent_events(app, "news", 8, seconds=10)
        assert trio.current_time() - begun == 10
        nursery.cancel_scope.cancel()

    assert [event.rpartition(b"data: ")[2] for event in events] == [b"0\n\n", b"1\n\n"]


async def test_where_there_is_none_in_that_time_it_says_so(autojump_clock):
    app = App()
    app.topic("news")
    with pytest.raises(ConfigurationError, match=r"^the topic 'news' had no event within 10 seconds; give it a store"):
        await recent_events(app, "news", 8, seconds=10)


async def test_a_closed_topic_is_not_waited_for(autojump_clock):
    app = App()
    topic = app.topic("news")
    topic.publish_nowait("the last")
    topic.close()
    assert len(await recent_events(app, "news", 8, seconds=10)) == 1
