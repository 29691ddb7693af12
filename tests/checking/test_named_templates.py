"""`check_app` finds templates and blocks that Python names and that do not exist, and templates that do not parse."""

import importlib

import pytest

from tests.cases import each_case

APP = """
import chirp_trio as ct
import string
from chirp_trio import App, Fragment as Piece, Page, Stream, Template
app = App()
NAME = "CONSTANT"
@app.route("/")
async def page():
    {body}
"""
FILES = {
    "templates/page.html": '{% extends "base.html" %}{% block own %}{% end %}{% region area(x) %}{% end %}',
    "templates/base.html": "{% block inherited %}{% if x %}{% block deep %}{% end %}{% end %}{% end %}",
    "templates/plain.html": "no block",
}


def check(site, body, **files):
    return site.check({"site_app.py": APP.format(body=body), **FILES, **files})


@each_case(
    ("body", "problem"),
    [
        pytest.param(
            "return Template('pages.html')",
            "there is no template 'pages.html'; did you mean 'page.html'?",
            id="template",
        ),
        pytest.param("return Template('nothing')", "there is no template 'nothing'", id="nothing like it"),
        pytest.param("return Template('')", "there is no template ''", id="no name"),
        pytest.param("return Page('gone/x', 'own')", "there is no template 'gone/x'", id="page"),
        pytest.param("return Stream('gone/x')", "there is no template 'gone/x'", id="stream"),
        pytest.param("return Piece('gone/x', 'own')", "there is no template 'gone/x'", id="fragment, by another name"),
        pytest.param("return ct.Template('gone/x')", "there is no template 'gone/x'", id="by its package"),
        pytest.param(
            "from chirp_trio import Template as T\n    return T('gone/x')",
            "there is no template 'gone/x'",
            id="imported here",
        ),
        pytest.param("return Template(NAME)", "there is no template 'CONSTANT'", id="a constant"),
        pytest.param("name = 'gone/x'\n    return Template(name)", "there is no template 'gone/x'", id="a variable"),
        pytest.param("return Template('page.html' if 1 else 'gone/x')", "there is no template 'gone/x'", id="one of two"),
        pytest.param(
            "return Piece('page.html', 'owns')",
            "template 'page.html' has no block 'owns'; did you mean 'own'?",
            id="a block",
        ),
        pytest.param(
            "return Page('page.html', 'title')",
            "template 'page.html' has no block 'title'; its blocks: 'area', 'deep', 'inherited', 'own'",
            id="the block of a page",
        ),
        pytest.param(
            "return [Piece('plain.html', name) for name in ()] or Piece('plain.html', 'own')",
            "template 'plain.html' has no block 'own'; its blocks: none",
            id="a template without blocks",
        ),
    ],
)
def test_what_does_not_exist_is_found(site, body, problem):
    line = 9 + body.count("\n")
    assert check(site, body) == [f"site_app.py:{line}: {problem}"]


@each_case(
    "body",
    [
        pytest.param("return Piece('page.html', 'own', event='x')", id="a block"),
        pytest.param("return Piece('page.html', 'deep')", id="a block in a block of a parent"),
        pytest.param("return Piece('page.html', 'area')", id="a region"),
        pytest.param("return Piece('plain.html')", id="no block"),
        pytest.param("return Piece('plain.html', None)", id="no block, said so"),
        pytest.param("return Template(name)", id="a name from elsewhere"),
        pytest.param("return Template(f'{name}.html')", id="a computed name"),
        pytest.param("return Piece('page.html', block)", id="a block from elsewhere"),
        pytest.param("return Template(*names)", id="arguments from elsewhere"),
        pytest.param("return Template()", id="no argument"),
        pytest.param("return string.Template('$name')", id="another Template"),
        pytest.param("from string import Template\n    return Template('$name')", id="another Template, imported here"),
        pytest.param(
            "from chirp_trio import Template\n    Template = str\n    return Template('gone/x')", id="an import and more"
        ),
        pytest.param("return Template(NAME)\ndef change():\n    global NAME\n    NAME = 1", id="a constant that is changed"),
        pytest.param(
            "name = 'gone/x'\n    def inner():\n        nonlocal name\n        name = 1\n    return Template(name)",
            id="a variable that an inner function changes",
        ),
        pytest.param("Template = str\n    return Template('gone/x')", id="a variable called Template"),
        pytest.param("return make(Template)('gone/x')", id="something made"),
        pytest.param("name = 'gone/x'\n    name = 'page.html'\n    return Template(name)", id="a variable with two values"),
        pytest.param("global NAME\n    NAME = 'page.html'\n    return Template(NAME)", id="a constant that is none"),
        pytest.param("for name in 'abc':\n        return Template(name)", id="a loop"),
    ],
)
def test_what_exists_or_cannot_be_known_is_left_alone(site, body):
    assert check(site, body) == []


def test_the_modules_that_a_handlers_module_imports_are_read_too(site):
    files = {
        "site_app.py": "from chirp_trio import App\nfrom shop import routes\napp = App()\napp.route('/')(routes.page)",
        "shop/__init__.py": "",
        "shop/routes.py": "from . import parts\nfrom .names import NAME, Names\n"
        "async def page():\n    import shop.lazy\n    from ... import too_far",
        "shop/names.py": "from enum import StrEnum\nNAME = 'named.html'\nclass Names(StrEnum):\n    MEMBER = 'member.html'",
        "shop/parts.py": "from chirp_trio import Fragment\nfrom . import names\nfrom .names import NAME, Names\n"
        "def part():\n    return Fragment(NAME), Fragment(names.NAME), Fragment(Names.MEMBER), Fragment(Names.MEMBER.value)",
        "shop/lazy.py": "from .reexported import Template\nTemplate('lazy.html')",
        "shop/reexported.py": "from chirp_trio import Template",
        "shop/unused.py": "from chirp_trio import Template\nTemplate('unused.html')",
    }
    site.write(files)
    importlib.import_module("shop.lazy")
    assert [line.partition(";")[0] for line in site.check()] == [
        "shop/lazy.py:2: there is no template 'lazy.html'",
        "shop/parts.py:5: there is no template 'member.html'",
        "shop/parts.py:5: there is no template 'named.html'",
    ]


@each_case(
    "other",
    [
        pytest.param("other = App(AppConfig(template_dir='others'))", id="another app"),
        pytest.param("app.mount('/other', App(AppConfig(template_dir='others')))", id="a mounted app"),
        pytest.param("def make():\n    return App(AppConfig(template_dir='others'))", id="an app that is made later"),
    ],
)
def test_a_template_may_be_another_apps(site, other):
    files = {
        "site_app.py": f"""
from chirp_trio import App, AppConfig, Fragment, Template
app = App()
@app.route("/")
async def page(): return Fragment("page.html", "own")
async def others(): return Template("theirs.html"), Fragment("page.html", "their-own")
{other}
""",
        "others/theirs.html": "",
        "others/page.html": "{% block their-own %}{% end %}".replace("-", "_"),
    }
    files["site_app.py"] = files["site_app.py"].replace("their-own", "their_own")
    assert check(site, "", **files) == []


def test_a_template_that_no_app_has_is_found_where_there_are_several(site):
    app = """
from chirp_trio import App, AppConfig, Template
app = App()
other = App(AppConfig(template_dir="others"))
app.mount("/other", other)
@app.route("/")
async def page(): return Template("nothing.html")
"""
    assert site.check({"site_app.py": app, "others/x.html": ""}) == ["site_app.py:7: there is no template 'nothing.html'"]


@pytest.mark.parametrize(
    "other",
    [
        pytest.param("other = App()", id="an app that has the stream"),
        pytest.param("def make():\n    other = App()", id="an app that is made later"),
    ],
)
def test_a_page_may_be_another_apps(site, other):
    stream = """
async def events(): yield SSEEvent(1, "cpu")
if "other" in globals():
    @other.route("/live")
    async def live(): return EventStream(events)
"""
    body = f"return Template('live.html')\nfrom chirp_trio import EventStream, SSEEvent\n{other}\n{stream}"
    assert check(site, body, **{"templates/live.html": '<p sse-connect="/live" sse-swap="cpu">'}) == []


# -- the templates themselves ---------------------------------------------------------------------------


@each_case(
    ("text", "line", "cause"),
    [
        pytest.param("\n{% if x %}\n", 2, "Unclosed 'if' block", id="never closed"),
        pytest.param("\n\n{{ x + }}", 3, "Unexpected token", id="half an expression"),
        pytest.param("\n{# comment", 2, "Unclosed comment", id="a comment"),
    ],
)
@each_case("of", ["page.html", "base.html"])
def test_a_template_that_does_not_parse_is_found_where_it_breaks(site, of, text, line, cause):
    [found] = check(site, "return Page('page.html', 'nothing')", **{f"templates/{of}": text})
    assert found.startswith(f"templates/{of}:{line}: this template does not parse: {cause}")


def test_a_template_that_is_no_text_is_found(site, tmp_path):
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "latin.html").write_bytes(b"Z\xfcrich")
    [found] = check(site, "return Template('latin.html')")
    assert "it is not utf-8" in found


def test_a_filter_may_be_added_later(site):
    body = "return Template('filtered.html')"
    assert check(site, body, **{"templates/filtered.html": "{{ x | later }}{% block a %}{% end %}"}) == []
    body = "return Page('filtered.html', 'nobody knows its blocks')"
    assert check(site, body, **{"templates/filtered.html": "{{ x | later }}{% block a %}{% end %}"}) == []


def test_what_a_template_needs_has_to_be_there(site):
    text = """
{% include "parts.html" %}
{% include "plain.html" %}
{% from "macros.html" import button %}
{% include "optional.html" ignore missing %}
{% try %}{% include "tried.html" %}{% fallback %}{% end %}
{% include "../outside.html" %}
"""
    found = check(site, "return Template('pages/all.html')", **{"templates/pages/all.html": text})
    assert [line.partition(";")[0] for line in found] == [
        "templates/pages/all.html:2: there is no template 'parts.html'",
        "templates/pages/all.html:4: there is no template 'macros.html'",
        "templates/pages/all.html:7: there is no template '../outside.html'",
    ]


def test_templates_that_need_one_another_are_no_endless_loop(site):
    files = {
        "templates/a.html": '{% extends "b.html" %}{% from "c.html" import c %}',
        "templates/b.html": '{% extends "a.html" %}',
        "templates/c.html": '{% from "d.html" import d %}{% include "c.html" %}',
        "templates/d.html": '{% from "c.html" import c %}',
    }
    assert check(site, "return Template('a.html'), Template('c.html')", **files) == []
