"""Rendering: whole templates, blocks, pieces, filters and globals, several folders, and reading templates again."""

import ast
import os

import pytest

from chirp_trio import Stream, Template, TemplateNotFound
from chirp_trio.templates import Templates
from tests.cases import each_case

FILES = {
    "page.html": "<h1>{{ title }}</h1>{% block body %}<p>{{ text }}</p>{% endblock %}",
    "base.html": "<html>{% block head %}<title>{{ title }}</title>{% endblock %}{% block main %}{% endblock %}</html>",
    "child.html": '{% extends "base.html" %}{% block main %}<p>{{ text }}</p>{% endblock %}',
    "outer.html": '<div>{% include "parts/inner.html" %}</div>',
    "parts/inner.html": "<i>{{ text }}</i>",
    "nested.html": "1{% block one %}2{% block two %}3{{ text }}{% endblock %}4{% endblock %}5",
    "nested_child.html": '{% extends "nested.html" %}{% block two %}<{% block three %}{{ text }}{% end %}>{% end %}',
    "list.html": "<ul>{% for item in items %}<li>{{ item }}</li>{% endfor %}</ul>",
    "set.html": "{% set text = 'changed' %}{{ text }}",
}


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "templates"
    (folder / "parts").mkdir(parents=True)
    for name, text in FILES.items():
        (folder / name).write_text(text)
    return folder


@pytest.fixture
def templates(folder):
    return Templates(folder)


def test_a_template_is_rendered_with_its_variables(templates):
    text = templates.render(Template("page.html", title="News", text="none"))

    assert text == "<h1>News</h1><p>none</p>"


def test_what_html_gives_a_meaning_is_escaped(templates):
    assert templates.render(Template("parts/inner.html", text="<b>'\"&")) == "<i>&lt;b&gt;&#39;&quot;&amp;</i>"


def test_a_block_is_rendered_alone(templates):
    assert templates.render(Template("page.html", text="none"), "body") == "<p>none</p>"


@pytest.mark.parametrize(
    ("block", "text"),
    [(None, "<html><title>T</title><p>x</p></html>"), ("main", "<p>x</p>"), ("head", "<title>T</title>")],
    ids=["whole", "own block", "inherited block"],
)
def test_a_template_that_extends_another(templates, block, text):
    assert templates.render(Template("child.html", title="T", text="x"), block) == text


def test_a_template_that_includes_another(templates):
    assert templates.render(Template("outer.html", text="x")) == "<div><i>x</i></div>"


def test_a_block_in_a_block(templates):
    assert templates.render(Template("nested.html", text="x"), "one") == "23x4"
    assert templates.render(Template("nested.html", text="x"), "two") == "3x"
    assert templates.render(Template("nested_child.html", text="x")) == "12<x>45"


def test_rendering_changes_no_variable_of_the_value(templates):
    value = Template("set.html", text="as it was")

    assert templates.render(value) == "changed"
    assert value.context == {"text": "as it was"}


# -- in pieces ----------------------------------------------------------------------------------------------------------


@each_case(
    ("name", "variables"),
    [
        ("page.html", {"title": "T", "text": "x"}),
        ("child.html", {"title": "T", "text": "x"}),
        ("outer.html", {"text": "x"}),
        ("nested.html", {"text": "x"}),
        ("nested_child.html", {"text": "x"}),
        ("list.html", {"items": [1, 2, 3]}),
    ],
)
def test_the_pieces_are_the_whole(templates, name, variables):
    pieces = list(templates.render_stream(Stream(name, **variables)))

    assert "".join(pieces) == templates.render(Template(name, **variables))
    assert {type(piece) for piece in pieces} == {str}
    assert len(pieces) > 1


def test_a_piece_is_rendered_when_it_is_asked_for(templates):
    asked = []

    def items():
        for number in range(3):
            asked.append(number)
            yield number

    pieces = templates.render_stream(Stream("list.html", items=items()))

    assert next(pieces) == "<ul>"
    assert asked == []
    assert [next(pieces), next(pieces)] == ["<li>", "0"]
    assert asked == [0]
    pieces.close()


@pytest.mark.xfail(strict=True, reason="kida's code for pieces lacks what a call with a body needs")
def test_a_template_in_pieces_may_call_a_component_with_a_body(templates, folder):
    (folder / "call.html").write_text("{% def card() %}<i>{{ caller() }}</i>{% end %}{% call card() %}x{% end %}")

    assert templates.render(Template("call.html")) == "<i>x</i>"
    assert "".join(templates.render_stream(Stream("call.html"))) == "<i>x</i>"


# -- filters and globals ------------------------------------------------------------------------------------------------


def test_a_filter_of_ones_own(templates, folder):
    (folder / "filter.html").write_text("{{ text | shout }} {{ text | shout(mark='?') }}")
    templates.add_filter("shout", lambda text, mark="!": text.upper() + mark)

    assert templates.render(Template("filter.html", text="hi")) == "HI! HI?"


def test_a_global_is_known_to_every_template_and_block(templates, folder):
    (folder / "global.html").write_text("{% block one %}{{ site }} {{ double(2) }}{% endblock %}")
    templates.add_global("site", "chirp")
    templates.add_global("double", lambda number: number * 2)

    assert templates.render(Template("global.html")) == "chirp 4"
    assert templates.render(Template("global.html"), "one") == "chirp 4"


def test_built_in_functions_are_known_to_templates_that_are_imported(templates, folder):
    (folder / "parts.html").write_text("{% def most(numbers) %}{{ len(numbers) }}: {{ max(numbers) }}{% end %}")
    text = '{% from "parts.html" import most %}{{ most(numbers) }}, {{ min(numbers, key=abs) }}, {{ sum(numbers) }}'
    (folder / "user.html").write_text(text)

    assert templates.render(Template("user.html", numbers=[3, -9, 1])) == "3: 3, 1, -5"


def test_a_template_that_imports_another_makes_python_parse_nothing(templates, folder, monkeypatch):
    (folder / "parts.html").write_text("{% def bold(text) %}<b>{{ text }}</b>{% end %}")
    (folder / "user.html").write_text('{% from "parts.html" import bold %}{{ bold(text) }}')
    templates.render(Template("user.html", text="once"))
    # What is built in has its parameters as text, which `inspect.signature` parses.
    monkeypatch.setattr(ast, "parse", lambda *_: pytest.fail("something is parsed"))

    assert templates.render(Template("user.html", text="again")) == "<b>again</b>"


def test_a_variable_hides_a_global_of_its_name(templates, folder):
    (folder / "global.html").write_text("{{ site }}")
    templates.add_global("site", "global")

    assert templates.render(Template("global.html", site="own")) == "own"


# -- folders ------------------------------------------------------------------------------------------------------------


def test_several_folders_are_searched_in_turn(folder, tmp_path_factory):
    first = tmp_path_factory.mktemp("first")
    (first / "page.html").write_text("mine")
    templates = Templates([first, folder])

    assert templates.render(Template("page.html")) == "mine"
    assert templates.render(Template("parts/inner.html", text="x")) == "<i>x</i>"


def test_a_folder_may_be_text_a_path_or_any_iterable_of_both(folder):
    for given in (str(folder), folder, (str(folder),), iter([folder])):
        assert Templates(given).render(Template("parts/inner.html", text="x")) == "<i>x</i>"


def test_a_relative_folder_is_that_of_the_moment_when_it_was_given(folder, tmp_path_factory, monkeypatch):
    monkeypatch.chdir(folder)
    templates = Templates("parts")
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))

    assert templates.render(Template("inner.html", text="x")) == "<i>x</i>"


def test_a_folder_need_not_exist_before_it_is_needed(tmp_path):
    templates = Templates(tmp_path / "later")
    (tmp_path / "later").mkdir()
    (tmp_path / "later" / "new.html").write_text("new")

    assert templates.render(Template("new.html")) == "new"


def test_the_names_of_all_templates_are_sorted_and_relative(folder, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    (other / "extra.html").touch()
    (other / "page.html").touch()

    assert Templates([folder, other]).names() == sorted([*FILES, "extra.html"])


@pytest.mark.parametrize(
    "name",
    ["../secret.html", "parts/../../secret.html", "{folder}/../secret.html", "/etc/passwd", "..\\secret.html", "link.html"],
)
def test_no_name_leads_out_of_the_folders(templates, folder, name):
    secret = folder.parent / "secret.html"
    secret.write_text("secret")
    (folder / "link.html").symlink_to(secret)

    with pytest.raises(TemplateNotFound):
        templates.render(Template(name.format(folder=folder)))


def test_no_include_leads_out_of_the_folders(templates, folder):
    (folder.parent / "secret.html").write_text("secret")
    (folder / "curious.html").write_text("{% include name %}")

    with pytest.raises(TemplateNotFound):
        templates.render(Template("curious.html", name="../secret.html"))


# -- reading again ------------------------------------------------------------------------------------------------------


def change(file, text):
    """Write a file, with a time of change that no clock's resolution can hide."""
    before = file.stat().st_mtime_ns
    file.write_text(text)
    os.utime(file, ns=(before + 10**9, before + 10**9))


@pytest.mark.parametrize(
    ("options", "second"),
    [({"auto_reload": True}, "two"), ({"auto_reload": False}, "one"), ({}, "one")],
    ids=["on", "off", "off by default"],
)
def test_a_template_that_changes_is_read_again_only_where_that_was_asked_for(folder, options, second):
    (folder / "changing.html").write_text("one")
    templates = Templates(folder, **options)

    assert templates.render(Template("changing.html")) == "one"
    change(folder / "changing.html", "two")
    assert templates.render(Template("changing.html")) == second


@pytest.mark.parametrize(
    ("auto_reload", "second"), [(True, "<div>two</div>"), (False, "<div><i>x</i></div>")], ids=["on", "off"]
)
def test_so_is_a_template_that_another_one_includes(folder, auto_reload, second):
    templates = Templates(folder, auto_reload=auto_reload)

    assert templates.render(Template("outer.html", text="x")) == "<div><i>x</i></div>"
    change(folder / "parts" / "inner.html", "two")
    assert templates.render(Template("outer.html", text="x")) == second


def test_rendering_writes_nothing_into_the_folder(templates, folder):
    templates.render(Template("page.html", title="T", text="x"))

    assert templates.names() == sorted(FILES)


@pytest.mark.parametrize("condition", ["note | default('')", "note ?? ''"])
def test_a_variable_that_may_be_missing_can_have_a_default(tmp_path, condition):
    """kida 0.12 fails at `note is defined and note` where another variable stands before it; the reference says so."""
    (tmp_path / "page.html").write_text("{{ title }}{% if " + condition + " %}: {{ note }}{% end %}")
    templates = Templates(tmp_path)
    assert templates.render(Template("page.html", title="a")) == "a"
    assert templates.render(Template("page.html", title="a", note="b")) == "a: b"
