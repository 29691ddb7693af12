"""Files without bounds, or that are none: a check comes to an end, and names the file."""

import os
import sys
from functools import partial
from tempfile import TemporaryFile

import pytest

from chirp_trio.htmx.page import read_page
from chirp_trio.markup.tree import parse_html
from tests import forking
from tests.cases import each_case
from tests.linear_time import assert_linear

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

    def run_with_pages(names):
        """The same of an app that has a page for each of these templates."""
        routes = "".join(
            f'\n@app.route("/{number}")\ndef page{number}():\n    return Template({name!r})\n'
            for number, name in enumerate(names)
        )
        (tmp_path / "app.py").write_text(APP + routes)
        return run()

    run.with_pages = run_with_pages
    run.template = tmp_path / "templates" / "page.html"
    run.template.write_text('<div sse-connect="/live"><p sse-swap="never"></p></div>')
    run.beside = tmp_path
    return run


def test_an_app_of_the_usual_kind_is_checked(check):
    assert check() == (0, "no findings\n")


def test_very_many_elements_one_in_the_other_are_read(check):
    check.template.write_text("<div>" * 20_000 + '<b sse-connect="/nowhere">')
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


def test_templates_without_bounds_are_named(check):
    for name, text in DEEP.items():
        (check.template.parent / f"{name}.html").write_text(text)
    code, told = check.with_pages(f"{name}.html" for name in DEEP)
    assert code == 1
    assert [name for name in DEEP if f"{name}.html:1: this template " not in told] == []


def test_templates_that_include_one_another_very_often_come_to_an_end(check):
    for number in range(30):
        text = f'{{% include "t{number + 1}.html" %}}' * 10
        (check.template.parent / f"t{number}.html").write_text(text)
    (check.template.parent / "t30.html").write_text("x")
    check.template.write_text('{% include "t0.html" %}')
    code, told = check()
    assert code == 1
    assert "page.html:1: this template cannot be read, and is left out: with all that it includes it has more than" in told


def test_templates_that_are_no_files_or_no_text_are_named(check):
    folder = check.template.parent
    os.mkfifo(folder / "fifo.html")
    (folder / "circle.html").symlink_to(folder / "circle.html")
    (folder / "folder.html").mkdir()
    (folder / "bytes.html").write_bytes(b"<p>\xff")
    code, told = check.with_pages(["fifo.html", "circle.html", "folder.html", "bytes.html"])
    assert code == 1
    assert [name for name in ("fifo", "circle", "folder") if f"there is no template '{name}.html'" not in told] == []
    assert "bytes.html" in told


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
    "unclosed comments in a script": lambda n: "<script>" + "/*" * n,
    "lists": lambda n: "<ul><li>" * n,
    "paragraphs": lambda n: "<p>" * n,
    "ends of what was never open": lambda n: "<div>" * 500 + "</b>" * n,
    "cells": lambda n: "<table><tr><td>" * n,
    "one tag": lambda n: "<p " + " ".join(f"a{number}=1" for number in range(n)) + ">",
    "listeners": lambda n: "<p " + "hx-trigger='sse:a' " * n + ">",
}


@each_case("make", HUGE.values(), ids=HUGE)
def test_reading_markup_takes_a_time_linear_in_its_length(make):
    assert_linear(lambda n: partial(read_page, make(n)), 1000)


def test_a_finding_is_one_line_whatever_its_file_is_called(check):
    (check.beside / "a\n\x1b[2J\u202e.py").write_text("x = " + "+".join(["1"] * 20_000))
    code, told = check()
    assert (code, len(told.splitlines())) == (1, 2)
    assert r"a\n\x1b[2J\u202e.py:1: this file cannot be read" in told
