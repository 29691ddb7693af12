"""What cannot be rendered: the message names the template, the block, the line and the cause, and what there is instead."""

import pytest

from chirp_trio import BlockNotFound, Fragment, Stream, Template, TemplateError, TemplateNotFound
from chirp_trio.templates import Templates
from tests.cases import each_case

FILES = {
    "page.html": "<h1>\n{% block body %}\n<p>{{ text }}</p>\n{% endblock %}\n{% block foot %}{% endblock %}",
    "plain.html": "no block",
    "base.html": "<html>\n{{ title }}\n{% block main %}{% endblock %}",
    "child.html": '{% extends "base.html" %}\n{% block main %}\n{{ text }}{% endblock %}',
    "part.html": "\n\n{{ part }}",
    "including.html": '{% include "part.html" %}',
    "calling.html": "\n{{ call() }}",
    "including_call.html": '{% include "calling.html" %}',
    "dividing.html": "{{ 1 / number }}",
    "unclosed.html": "<p>\n{% if x %}\n",
    "operator.html": "\n\n{{ x + }}",
    "filter.html": "\n{{ x | nonsense }}",
    "comment.html": "\n{# never closed",
    "extending_comment.html": '\n\n{% extends "comment.html" %}{% block main %}{% endblock %}',
    "including_unclosed.html": '\n\n\n\n{% include "unclosed.html" %}',
    "extending_unclosed.html": '{% extends "unclosed.html" %}\n{% block main %}{% endblock %}',
    "including_nothing.html": '\n{% include "nothing.html" %}',
    "extending_nothing.html": '{% extends "nothing.html" %}\n{% block main %}{% endblock %}',
    "items.html": "<ul>\n{% for item in items %}<li>{{ item }}</li>{% endfor %}",
    "endless.html": '{% include "endless.html" %}',
    "attribute.html": "\n{{ user.name }}",
}


@pytest.fixture
def templates(tmp_path):
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    return Templates(tmp_path)


def refusal(templates, value, error=TemplateError):
    with pytest.raises(error) as raised:
        templates.render(value, getattr(value, "block", None))
    assert type(raised.value) is error
    return str(raised.value)


# -- what does not exist ------------------------------------------------------------------------------------------------


def test_a_missing_template_is_told_with_those_that_exist(tmp_path):
    for name in ("a.html", "b.html"):
        (tmp_path / name).touch()

    message = refusal(Templates(tmp_path), Template("nothing.html"), TemplateNotFound)

    assert message == f"there is no template 'nothing.html' in {tmp_path}; there are: 'a.html', 'b.html'"


@pytest.mark.parametrize(("count", "end"), [(20, "'19.html'"), (21, "'19.html' and 1 more"), (23, "'19.html' and 3 more")])
def test_of_many_templates_twenty_are_named(tmp_path, count, end):
    for number in range(count):
        (tmp_path / f"{number:02}.html").touch()

    message = refusal(Templates(tmp_path), Template("nothing.html"), TemplateNotFound)

    assert "there are: '00.html', '01.html'" in message
    assert message.endswith(f"'18.html', {end}")


def test_a_folder_without_templates_is_told_as_such(tmp_path):
    message = refusal(Templates(tmp_path), Template("nothing.html"), TemplateNotFound)

    assert message == f"there is no template 'nothing.html' in {tmp_path}; there are: none"


def test_a_folder_that_does_not_exist_is_told_as_such(tmp_path):
    (tmp_path / "a.html").touch()

    message = refusal(Templates([tmp_path / "absent", tmp_path]), Template("nothing.html"), TemplateNotFound)

    assert message == (
        f"there is no template 'nothing.html' in {tmp_path}/absent (which does not exist), {tmp_path}; there are: 'a.html'"
    )


@pytest.mark.parametrize(
    ("template", "exist"),
    [
        pytest.param("page.html", "'body', 'foot'", id="of several"),
        pytest.param("child.html", "'main'", id="of a template that extends another"),
        pytest.param("plain.html", "none", id="of none"),
    ],
)
def test_a_missing_block_is_told_with_those_that_exist(templates, template, exist):
    message = refusal(templates, Fragment(template, "nothing"), BlockNotFound)

    assert message == f"template {template!r} has no block 'nothing'; its blocks: {exist}"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        pytest.param(Template("including_nothing.html"), "template 'including_nothing.html': ", id="include"),
        pytest.param(Template("extending_nothing.html"), "template 'extending_nothing.html': ", id="parent"),
        pytest.param(
            Fragment("extending_nothing.html", "main"),
            "template 'extending_nothing.html': ",
            id="parent of a block's template",
        ),
    ],
)
def test_a_template_that_another_one_needs_is_told_with_both_and_those_that_exist(templates, value, message):
    told = refusal(templates, value, TemplateNotFound)

    assert told.startswith(f"{message}Template 'nothing.html' not found")
    assert "there are: 'attribute.html', 'base.html'" in told


# -- what is not defined ------------------------------------------------------------------------------------------------


@each_case(
    ("value", "message"),
    [
        pytest.param(
            Template("page.html"),
            "template 'page.html', line 3: 'text' is not defined; variables given: none",
            id="in a whole template",
        ),
        pytest.param(
            Fragment("page.html", "body", title=1, texts=2),
            "template 'page.html', block 'body', line 3: 'text' is not defined; variables given: 'title', 'texts'. "
            "Did you mean 'texts'?",
            id="in a block",
        ),
        pytest.param(
            Template("including.html", x=1),
            "template 'including.html', in 'part.html', line 3: 'part' is not defined; variables given: 'x'",
            id="in an include",
        ),
        pytest.param(
            Template("child.html", text=1),
            "template 'child.html', in 'base.html', line 2: 'title' is not defined; variables given: 'text'",
            id="in a parent",
        ),
        pytest.param(
            Fragment("child.html", "main"),
            "template 'child.html', block 'main', line 3: 'text' is not defined; variables given: none",
            id="in a block of a child",
        ),
        pytest.param(
            Template("attribute.html", user=object()),
            "template 'attribute.html', line 2: 'object.name' is not defined; variables given: 'user'",
            id="an attribute",
        ),
    ],
)
def test_an_undefined_variable_is_told_with_where_it_is_and_what_was_given(templates, value, message):
    assert refusal(templates, value) == message


@pytest.mark.xfail(strict=True, reason="kida names the parent, where the block's place is, with the line of the child")
def test_an_undefined_variable_in_a_block_of_a_child_is_told_with_the_child(templates):
    message = refusal(templates, Template("child.html", title=1))

    assert message == "template 'child.html', line 3: 'text' is not defined; variables given: 'title'"


# -- what is wrong in the template --------------------------------------------------------------------------------------


@each_case(
    ("name", "message"),
    [
        pytest.param("unclosed.html", "template 'unclosed.html', line 2: Unclosed 'if' block", id="never closed"),
        pytest.param("operator.html", "template 'operator.html', line 3: Unexpected token", id="half an expression"),
        pytest.param("filter.html", "template 'filter.html', line 2: Unknown filter 'nonsense'", id="unknown filter"),
        pytest.param("comment.html", "template 'comment.html', line 2: Unclosed comment", id="a comment"),
    ],
)
def test_a_syntax_error_is_told_with_its_line(templates, name, message):
    told = refusal(templates, Template(name))

    assert told.startswith(message)
    assert "\n" not in told


def test_a_syntax_error_in_an_include_is_told_with_the_include(templates):
    message = refusal(templates, Template("including_unclosed.html"))

    assert message.startswith("template 'including_unclosed.html', in 'unclosed.html', line 2: Unclosed 'if' block")


@pytest.mark.parametrize("block", [None, "main"], ids=["whole", "block"])
def test_a_syntax_error_in_a_parent_is_told_with_the_parent(templates, block):
    message = refusal(templates, Fragment("extending_unclosed.html", block))

    assert "in 'unclosed.html', line 2: Unclosed 'if' block" in message


def test_a_comment_that_is_never_closed_in_a_parent_is_an_error_of_the_template(templates):
    assert "Unclosed comment" in refusal(templates, Fragment("extending_comment.html", "nothing"))
    assert "Unclosed comment" in refusal(templates, Template("extending_comment.html"))


def test_a_template_that_is_not_utf_8_is_told_with_its_name(templates, tmp_path):
    (tmp_path / "latin.html").write_bytes(b"Z\xfcrich")

    message = refusal(templates, Template("latin.html"))

    assert message == "template 'latin.html': it is not utf-8: invalid start byte at byte 1"


# -- what goes wrong while rendering ------------------------------------------------------------------------------------


def broken():
    raise LookupError("kaputt")


def test_what_a_template_calls_and_that_raises_is_told_with_its_line(templates):
    assert refusal(templates, Template("calling.html", call=broken)) == (
        "template 'calling.html', line 2: LookupError: kaputt"
    )


def test_so_it_is_where_another_template_includes_that_one(templates):
    assert refusal(templates, Template("including_call.html", call=broken)) == (
        "template 'including_call.html', in 'calling.html', line 2: LookupError: kaputt"
    )


def test_an_error_of_the_template_itself_is_told_with_its_line(templates):
    assert refusal(templates, Template("dividing.html", number=0)) == (
        "template 'dividing.html', line 1: ZeroDivisionError: division by zero"
    )


def test_a_template_that_includes_itself_is_told_with_its_name(templates):
    assert refusal(templates, Template("endless.html")) == (
        "template 'endless.html': Maximum include depth exceeded (50) when including 'endless.html'"
    )


def test_the_error_behind_it_is_kept_for_the_log(templates):
    with pytest.raises(TemplateError) as raised:
        templates.render(Template("calling.html", call=broken))

    causes, error = [], raised.value
    while error is not None:
        causes.append(type(error))
        error = error.__cause__
    assert causes[0] is TemplateError
    assert causes[-1] is LookupError


# -- in pieces ----------------------------------------------------------------------------------------------------------


@each_case(
    ("name", "error", "message"),
    [
        pytest.param("nothing.html", TemplateNotFound, "there is no template 'nothing.html' in", id="missing template"),
        pytest.param("unclosed.html", TemplateError, "template 'unclosed.html', line 2: Unclosed", id="syntax"),
        pytest.param("page.html", TemplateError, "template 'page.html', line 3: 'text' is not defined", id="undefined"),
        pytest.param("including.html", TemplateError, "template 'including.html', in 'part.html', line 3: ", id="include"),
    ],
)
def test_a_template_in_pieces_is_told_in_the_same_way(templates, name, error, message):
    with pytest.raises(error) as raised:
        list(templates.render_stream(Stream(name)))

    assert str(raised.value).startswith(message)


def test_an_error_half_way_comes_after_the_pieces_before_it(templates):
    def items():
        yield "one"
        raise LookupError("kaputt")

    pieces = []
    with pytest.raises(TemplateError) as raised:
        pieces.extend(templates.render_stream(Stream("items.html", items=items())))

    assert str(raised.value) == "template 'items.html', line 2: LookupError: kaputt"
    assert "".join(pieces) == "<ul>\n<li>one</li>"
