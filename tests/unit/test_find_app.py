"""The app that a command is for: discovered, made by a factory, and refused in one line where it is none."""

import sys

import pytest

from chirp_trio import App, ConfigurationError
from chirp_trio.cli import main
from chirp_trio.cli.find import find

AN_APP = "from chirp_trio import App\n"


pytestmark = pytest.mark.usefixtures("folder")


def refusal(*arguments, **options):
    with pytest.raises(ConfigurationError) as raised:
        find(*arguments, **options)
    text = str(raised.value)
    assert "\n" not in text
    return text


# -- without a name -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["app", "application", "asgi"])
@pytest.mark.parametrize("file", ["app.py", "main.py", "asgi.py", "server.py", "application.py"])
def test_the_usual_names_in_the_usual_files_are_found(folder, file, name):
    (folder / file).write_text(f"{AN_APP}{name} = App()")

    app, called = find(None)

    assert isinstance(app, App)
    assert called == f"{file}:{name}"


def test_the_first_of_them_is_taken(folder):
    for file in ("main.py", "app.py"):
        (folder / file).write_text(f"{AN_APP}app = App()\napplication = App()")

    assert find(None)[1] == "app.py:app"


@pytest.mark.parametrize("name", ["create_app", "make_app"])
def test_so_is_a_factory(folder, name):
    (folder / "main.py").write_text(f"{AN_APP}def {name}(): return App()")

    app, called = find(None, is_factory=True)

    assert isinstance(app, App)
    assert called == f"main.py:{name}"


@pytest.mark.parametrize("target", ["shop", "shop:", "shop.py", "./shop.py"])
def test_a_factory_without_its_name_is_looked_for_by_the_usual_names(folder, target):
    (folder / "shop.py").write_text(f"{AN_APP}app = App()\ndef make_app(): return App()")

    assert find(target, is_factory=True)[1] == f"{target.rstrip(':')}:make_app"


def test_a_class_may_be_a_factory(folder):
    (folder / "shop.py").write_text(f"{AN_APP}app = App()\nclass Site(App): ...")

    assert type(find("shop:Site", is_factory=True)[0]).__name__ == "Site"


def test_where_there_is_none_of_the_files_it_says_so(folder):
    assert refusal(None).startswith(
        f"there is none of app.py, main.py, asgi.py, server.py, application.py in {folder}; name the app"
    )


def test_where_the_file_has_none_of_the_names_it_lists_what_there_is(folder):
    (folder / "app.py").write_text(f"{AN_APP}site = App()")

    assert refusal(None) == "'app.py' has no app called 'app'; apps in it: site"


def test_a_file_that_fails_is_told_and_imported_once(folder):
    (folder / "app.py").write_text("print('imported')\n1 / 0")

    assert "ZeroDivisionError" in refusal(None)


# -- what cannot be imported --------------------------------------------------------------------------------------------

FAILING = {
    "an error": (
        "def connect():\n    raise RuntimeError('no DATABASE_URL')\n\nconnect()",
        "failing:app cannot be imported: RuntimeError: no DATABASE_URL (failing.py:2: raise RuntimeError('no DATABASE_URL'))",
    ),
    "of several lines": (
        "raise ValueError('one\\n  two')",
        "failing:app cannot be imported: ValueError: one two (failing.py:1: raise ValueError('one\\n  two'))",
    ),
    "no text": ("raise KeyError", "failing:app cannot be imported: KeyError: KeyError (failing.py:1: raise KeyError)"),
    "a module": (
        "import of_nobody",
        "failing:app cannot be imported: ModuleNotFoundError: No module named 'of_nobody' (failing.py:1: import of_nobody)",
    ),
    "a name": (
        "from chirp_trio import Nothing",
        "failing:app cannot be imported: ImportError: cannot import name 'Nothing' from 'chirp_trio' (",
    ),
    "Python": ("x = (", "failing:app cannot be imported: SyntaxError: '(' was never closed (failing.py:1)"),
    "an exit": ("import sys\nsys.exit(3)", "failing:app cannot be imported: SystemExit: 3 (failing.py:2: sys.exit(3))"),
    "a route": (
        f"{AN_APP}app = App()\n@app.get('no slash')\ndef f(): ...",
        "failing:app cannot be imported: ConfigurationError: the path 'no slash' must begin with '/' (failing.py:3: ",
    ),
}


@pytest.mark.parametrize("kind", FAILING)
def test_what_an_import_raises_is_told_in_one_line_with_the_line_that_raised(folder, kind):
    source, message = FAILING[kind]
    (folder / "failing.py").write_text(source)

    assert refusal("failing:app").startswith(message)


def test_a_file_that_cannot_be_read_is_told(folder):
    (folder / "bytes.py").write_bytes(b"\xff\xfe\x00")

    assert refusal("bytes.py").startswith("bytes.py cannot be imported: ")


def test_a_url_is_told_to_be_none(folder):
    assert "is a URL; it must name an app" in refusal("http://localhost:8000")


@pytest.mark.parametrize("command", ["run", "check", "routes"])
def test_an_app_that_runs_itself_when_it_is_imported_is_told(folder, capsys, command):
    (folder / "runs.py").write_text(f"{AN_APP}app = App()\napp.run(port=0)")

    assert main([command, "runs"]) == 2
    assert capsys.readouterr().err == (
        "chirp-trio: runs cannot be imported: ConfigurationError: app.run() is called where the app's file is imported, and "
        'chirp-trio serves the app by itself: call it below `if __name__ == "__main__":` (runs.py:3: app.run(port=0))\n'
    )


# -- what is no ASGI app ------------------------------------------------------------------------------------------------

NO_APPS = {
    "an int": ("app = 42", "'shop' has no app called 'app'; apps in it: none; app is an int"),
    "a class": (f"{AN_APP}app = App", "shop:app is a class; it must be an app, such as App()"),
    "a factory": (
        f"{AN_APP}def app(): return App()",
        "shop:app is a function without parameters; if it makes the app, say --factory",
    ),
    "a WSGI function": (
        "def app(environ, start_response): ...",
        "shop:app is the function app that takes two arguments, as WSGI",
    ),
    "a WSGI object": (
        "class Flask:\n def __call__(self, environ, start_response): ...\napp = Flask()",
        "shop:app is a Flask that takes two arguments, as WSGI apps do; it must be an ASGI app",
    ),
    "an async factory": (
        f"{AN_APP}async def app(): return App()",
        "shop:app is the async function app, without parameters; it must be an app, or with --factory a plain function",
    ),
    "a class beside an app": (
        f"{AN_APP}class app: ...\nsite = App()",
        "'shop' has no app called 'app'; apps in it: site; app is a class",
    ),
    "ASGI 2": (
        "def app(scope): ...",
        "shop:app is the function app; it must be an ASGI app, which takes scope, receive and send",
    ),
}
APPS = {
    "a function": "async def app(scope, receive, send): ...",
    "an object": "class A:\n async def __call__(self, scope, receive, send): ...\napp = A()",
    "a function with defaults": "async def app(scope, receive, send, more=1): ...",
    "any arguments": "async def app(*arguments): ...",
    "a partial": "from functools import partial\nasync def f(x, scope, receive, send): ...\napp = partial(f, 1)",
    "another framework's": "from starlette.applications import Starlette\napp = Starlette()",
    "FastAPI": "from fastapi import FastAPI\napp = FastAPI()",
    "Litestar": "from litestar import Litestar\napp = Litestar([], logging_config=None)",
    "Quart": "from quart_trio import QuartTrio\napp = QuartTrio('x')",
}


@pytest.mark.parametrize("kind", NO_APPS)
def test_what_is_no_asgi_app_is_told_with_what_it_is(folder, kind):
    source, message = NO_APPS[kind]
    (folder / "shop.py").write_text(source)

    assert refusal("shop:app").startswith(message)


@pytest.mark.parametrize("kind", APPS)
def test_every_asgi_app_is_taken(folder, kind):
    (folder / "shop.py").write_text(APPS[kind])

    assert find("shop:app")[0] is sys.modules["shop"].app


# -- factories ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("def make(): raise KeyError('x')", "shop:make() failed: KeyError: 'x' (shop.py:1: "),
        (
            "def make(config): ...",
            "shop:make is the function make; with --factory it must be a plain function without parameters",
        ),
        ("async def make(): ...", "shop:make is the async function make; with --factory it must be a plain function"),
        ("def make(): return 5", "shop:make() returned an int; it must return an ASGI app"),
        (
            f"{AN_APP}make = App()",
            "shop:make is an App; with --factory it must be a plain function without parameters: leave --factory out",
        ),
        ("def make(): return None", "shop:make() returned a NoneType; it must return an ASGI app"),
    ],
)
def test_a_factory_that_makes_no_app_is_told(folder, source, message):
    (folder / "shop.py").write_text(source)

    assert refusal("shop:make", is_factory=True).startswith(message)


# -- on the command line ------------------------------------------------------------------------------------------------


def test_the_routes_of_the_app_are_listed(folder, capsys):
    (folder / "app.py").write_text(
        f"{AN_APP}app = App()\n@app.get('/')\ndef index(): ...\n@app.route('/things/{{id:int}}', methods=['POST', 'PUT'])\n"
        "async def things(id): ...\nother = App()\napp.mount('/other', other)"
    )

    assert main(["routes"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "GET       /                 app.index (app.py:3)",
        "POST PUT  /things/{id:int}  app.things (app.py:5)",
        "(all)     /other/...        the app App",
    ]


def test_an_app_without_routes_says_so(folder, capsys):
    (folder / "app.py").write_text(f"{AN_APP}app = App()")

    assert main(["routes"]) == 0
    assert capsys.readouterr().out == "no routes\n"


def test_of_another_frameworks_app_no_routes_are_listed(folder, capsys):
    (folder / "shop.py").write_text("from starlette.applications import Starlette\napp = Starlette()")

    assert main(["routes", "shop"]) == 2
    assert "only the routes of a chirp_trio.App can be listed" in capsys.readouterr().err


def test_the_variable_of_the_environment_names_the_app_as_well(folder, capsys, monkeypatch):
    (folder / "elsewhere.py").write_text(f"{AN_APP}app = App()")
    monkeypatch.setenv("CHIRP_TRIO_APP", "elsewhere:app")

    assert main(["check"]) == 0
