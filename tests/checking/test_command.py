"""`chirp-trio check`: what it prints, what it exits with, and what it does not do."""

from pathlib import Path

import pytest

from chirp_trio import App, ConfigurationError
from chirp_trio.checking import Finding, check_app
from chirp_trio.cli import main

EXAMPLES = Path(__file__).parents[2] / "examples"
BROKEN = """
from chirp_trio import App, Template
app = App()
@app.route("/b")
async def b(): return Template("b.html")
@app.route("/a")
async def a(): return Template("a.html")
"""


def test_findings_are_printed_by_file_and_line_and_counted(site, capsys):
    site.write({"site_app.py": BROKEN, "templates/b.html": '\n<p sse-connect="/a">\n\n<p sse-connect="/nowhere">'})
    assert main(["check", "site_app:app"]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "site_app.py:7: there is no template 'a.html'; did you mean 'b.html'?",
        "templates/b.html:2: sse-connect '/a': site_app.a answers it, and that returns no EventStream",
        "templates/b.html:4: sse-connect '/nowhere': no route has this path",
        "3 findings",
    ]


def test_a_single_finding_is_one(site, capsys):
    site.write({"site_app.py": BROKEN, "templates/b.html": ""})
    assert main(["check", "site_app"]) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "1 finding"


def test_an_app_without_mistakes_is_fine(site, capsys):
    site.write({"site_app.py": BROKEN, "templates/b.html": '<p sse-connect="/shop/nowhere">', "templates/a.html": ""})
    assert main(["check", "site_app", "--root-path", "/shop"]) == 1
    assert main(["check", "site_app", "--root-path", "/shop", "--elsewhere", "/nowhere"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "no findings"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        pytest.param("x = 1", "'site_app' has no app called 'app'; apps in it: none", id="no app"),
        pytest.param("import site_missing", "site_app:app cannot be imported: ModuleNotFoundError", id="no import"),
        pytest.param("1 / 0", "site_app:app cannot be imported: ZeroDivisionError: division by zero", id="an error"),
        pytest.param("def", "site_app:app cannot be imported: SyntaxError: ", id="no Python"),
        pytest.param(
            "from starlette.applications import Starlette\napp = Starlette()",
            "site_app:app is a Starlette; only a chirp_trio.App can be checked",
            id="another framework's",
        ),
        pytest.param(
            "from chirp_trio import App\nclass Wrapper:\n    def __call__(self): ...\napp = Wrapper()",
            "site_app:app is a Wrapper; only a chirp_trio.App can be checked",
            id="an app in something else",
        ),
    ],
)
def test_what_cannot_be_checked_is_refused(site, capsys, source, message):
    site.write({"site_app.py": source})
    assert main(["check", "site_app:app"]) == 2
    printed = capsys.readouterr()
    assert printed.err.startswith(f"chirp-trio: {message}")
    assert printed.out == ""


def test_nothing_of_the_app_is_run(site):
    app = """
from chirp_trio import App, Template
ran = []
def lifespan(app): ran.append("lifespan")
app = App(lifespan=lifespan, middleware=[lambda app: lambda *arguments: ran.append("middleware")])
app.template_global("call", lambda: ran.append("global"))
@app.template_filter()
def filtered(value): ran.append("filter")
@app.route("/")
async def page():
    ran.append("handler")
    return Template("page.html")
@app.error(404)
def error(): ran.append("error"); return Template("nothing.html")
"""
    page = '{{ call() }}{{ "x" | filtered }}{% block a %}{% end %}'
    assert site.check({"site_app.py": app, "templates/page.html": page}) == [
        "site_app.py:14: there is no template 'nothing.html'"
    ]
    assert __import__("site_app").ran == []


def test_an_app_of_which_no_source_can_be_found_has_no_findings():
    names = {"__name__": "made_up"}
    exec("async def page(): return Template('nothing.html')", names)
    app = App()
    app.route("/")(names["page"])
    assert check_app(app) == []


def test_what_is_no_app_is_refused():
    with pytest.raises((TypeError, ConfigurationError), match=r"app is a builtins\.str"):
        check_app("app")


def test_a_file_elsewhere_is_told_by_its_whole_path(site, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    assert str(Finding(elsewhere / "a.py", 3, "wrong")) == f"{elsewhere}/a.py:3: wrong"
    assert str(Finding(site.folder / "b" / "a.py", 3, "wrong")) == "b/a.py:3: wrong"


@pytest.mark.parametrize(
    "example",
    [
        "dashboard/dashboard.py",
        "chat/chat.py",
        "progress/progress.py",
        "log_tail/log_tail.py",
        "answers/answers.py",
        "todo/todo.py",
        "specification/events.py",
        "specification/live_dashboard.py",
        "specification/notifications.py",
    ],
)
def test_the_examples_have_no_mistakes(site, capsys, example):
    assert main(["check", f"{EXAMPLES / example}:app"]) == 0
    assert capsys.readouterr().out == "no findings\n"
