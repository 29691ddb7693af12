"""Files without bounds, or that are none: a check comes to an end, and names the file. Nothing here counts seconds: where
the time grows faster than the file, the test's own timeout ends it."""

import os
import sys
from tempfile import TemporaryFile

import pytest

from chirp_trio.htmx.page import read_page
from chirp_trio.markup.tree import parse_html
from tests import forking

APP = """
from chirp_trio import App, EventStream, SSEEvent, Template

app = App()
waiting = ["never"]


@app.route("/")
def page():
    return Template("page.html")


@app.route("/live")
async def live():
    async def source():
        for event in waiting:
            yield event

    return EventStream(source)
"""


@pytest.fixture
def check(tmp_path):
    """Check an app that has these templates and files beside it; gives the exit code and what was printed."""
    (tmp_path / "templates").mkdir()
    (tmp_path / "app.py").write_text(APP)

    def run():
        command = [sys.executable, "-m", "chirp_trio.cli", "check", "app:app"]
        with TemporaryFile() as output:
            process = forking.servers.start(command, cwd=tmp_path, env=os.environ, output=output.fileno())
            try:
                code = process.wait(120)
            finally:
                process.kill()
            output.seek(0)
            told = output.read().decode()
        assert "Traceback" not in told
        return code, told

    run.template = tmp_path / "templates" / "page.html"
    run.template.write_text('<div sse-connect="/live"><p sse-swap="never"></p></div>')
    run.beside = tmp_path
    return run


def test_an_app_of_the_usual_kind_is_checked(check):
    assert check() == (0, "no findings\n")


def test_very_many_elements_one_in_the_other_are_read(check):
    check.template.write_text("<div>" * 100_000 + '<b sse-connect="/nowhere">')
    code, told = check()
    assert code == 1
    assert "page.html:1: " in told
    assert "/nowhere" in told


def nested(begin, end, times=3000):
    return begin * times + "x" + end * times


DEEP = {
    "if": nested("{% if a %}", "{% end %}"),
    "for": nested("{% for a in b %}", "{% end %}"),
    "block": "".join(f"{{% block b{number} %}}" for number in range(3000)) + "{% end %}" * 3000,
    "brackets": "{{ " + nested("(", ")") + " }}",
    "sum": "{{ " + "+".join(["a"] * 20_000) + " }}",
    "lists": "{{ " + nested("[", "]") + " }}",
    "large": "<p>" * 1_000_000,
}  # fmt: skip


@pytest.mark.parametrize("text", DEEP.values(), ids=DEEP)
def test_a_template_without_bounds_is_named(check, text):
    check.template.write_text(text)
    code, told = check()
    assert code == 1
    assert "page.html:1: this template " in told


def test_templates_that_include_one_another_very_often_come_to_an_end(check):
    for number in range(30):
        text = f'{{% include "t{number + 1}.html" %}}' * 10
        (check.template.parent / f"t{number}.html").write_text(text)
    (check.template.parent / "t30.html").write_text("x")
    check.template.write_text('{% include "t0.html" %}')
    code, told = check()
    assert code == 1
    assert "page.html:1: this template cannot be read, and is left out: with all that it includes it has more than" in told


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to(path), lambda path: path.mkdir()])
def test_a_template_that_is_no_file_is_named(check, make):
    check.template.unlink()
    make(check.template)
    code, told = check()
    assert code == 1
    assert "there is no template 'page.html'" in told


def test_a_template_that_is_no_text_is_named(check):
    check.template.write_bytes(b"<p>\xff")
    code, told = check()
    assert code == 1
    assert "page.html" in told


PYTHON = {
    "sum": "x = " + "+".join(["1"] * 20_000),
    "attributes": "x = a" + ".b" * 20_000,
    "functions": "".join(" " * depth + f"def f{depth}():\n" for depth in range(90)) + " " * 90 + "x = " + "-" * 5000 + "1",
    "no text": b"x = '\xff'\n",
    "unknown encoding": "# coding: nonsense\n",
    "large": "# " + "x" * 3_000_000,
}


@pytest.mark.parametrize("text", PYTHON.values(), ids=PYTHON)
def test_a_python_file_without_bounds_beside_the_app_is_named(check, text):
    (check.beside / "deep.py").write_bytes(text if isinstance(text, bytes) else text.encode())
    code, told = check()
    assert code == 1
    assert "deep.py:1: this file cannot be read, and is left out: " in told


def test_a_module_without_bounds_is_named(check):
    (check.beside / "deep.py").write_text("if 0:\n  x = a" + ".b" * 900)
    (check.beside / "app.py").write_text(APP + "import deep\n")
    code, told = check()
    assert code in {0, 1}
    assert code == 0 or "deep.py:1: this file cannot be read, and is left out: " in told


@pytest.mark.parametrize(
    "make",
    [os.mkfifo, lambda path: path.symlink_to(path), lambda path: path.symlink_to("/dev/zero"), lambda path: path.mkdir()],
)
def test_what_is_no_file_but_is_called_like_one_is_not_waited_for(check, make):
    make(check.beside / "other.py")
    code, told = check()
    assert (code, told) == (0, "no findings\n") or "other.py:1: this file cannot be read, and is left out: " in told


def test_folders_that_lead_back_to_themselves_are_left(check):
    (check.beside / "again").symlink_to(check.beside, target_is_directory=True)
    (check.template.parent / "again").symlink_to(check.template.parent, target_is_directory=True)
    assert check()[0] == 0


# -- the markup alone -------------------------------------------------------------------------------------------------------


def test_what_is_too_deep_is_beside_what_it_would_be_in():
    root = parse_html("<div>" * 2000 + "<b></b>" + "</div>" * 2000 + "<i>")
    assert [element.tag for element in root.descendants()] == ["div"] * 2000 + ["b", "i"]
    depths = [len(list(element.lineage())) for element in root.descendants()]
    assert max(depths) == 513
    assert depths[-1] == 1


HUGE = {
    "unclosed comments in a script": "<script>" + "/*" * 200_000,
    "lists": "<ul><li>" * 50_000,
    "paragraphs": "<p>" * 100_000,
    "ends of what was never open": "<div>" * 500 + "</b>" * 100_000,
    "cells": "<table><tr><td>" * 30_000,
    "one tag": "<p " + " ".join(f"a{number}=1" for number in range(50_000)) + ">",
    "listeners": "<p " + "hx-trigger='sse:a' " * 5_000 + ">",
}


@pytest.mark.parametrize("text", HUGE.values(), ids=HUGE)
def test_reading_markup_takes_no_more_than_its_length(text):
    read_page(text)


def test_a_finding_is_one_line_whatever_its_file_is_called(check):
    (check.beside / "a\n\x1b[2J\u202e.py").write_text("x = " + "+".join(["1"] * 20_000))
    code, told = check()
    assert (code, len(told.splitlines())) == (1, 2)
    assert r"a\n\x1b[2J\u202e.py:1: this file cannot be read" in told
