"""`import chirp_trio` loads what an app needs before it is served, and no more; what it loads later, all can see before."""

import ast
from pathlib import Path

import pytest

import chirp_trio
from tests.bare_python import run, run_with_package

FOREIGN = {"hypercorn", "h2", "h11", "hpack", "wsproto", "kida", "sqlite3", "starlette", "anyio", "httpx", "pydantic"}
# Of the standard library, what is large and was once imported for little.
LARGE = {"ssl", "email", "importlib.metadata", "multiprocessing", "logging.config", "difflib", "tomllib", "zipfile"}
SETTING_UP = """
import chirp_trio, importlib
from chirp_trio import *
from chirp_trio import App
app = App()
@app.route("/")
def home():
    return "hello"
live = chirp_trio.Topic("live", history=10)
"""


def loaded(*parts):
    """The modules that a program has imported which trio has not, after each of its parts."""
    tell = "print(*sorted(set(sys.modules) - before))"
    code = "\n".join(f"{part}\n{tell}" for part in parts)
    result = run(f"import sys, trio; before = set(sys.modules)\nprint(*sorted(before))\n{code}")
    assert result.stderr == ""
    before, *more = map(set, map(str.split, result.stdout.splitlines()))
    assert before & (FOREIGN | LARGE) <= {"ssl"}, "what is looked for has been there all along"
    return more


def test_an_app_is_made_without_what_it_is_served_with():
    for modules in loaded("import chirp_trio", SETTING_UP.replace("from chirp_trio import *\n", "")):
        assert "chirp_trio.web.app" in modules
        assert modules & (FOREIGN | LARGE) == set()
        unused = ("chirp_trio.server", "chirp_trio.checking", "chirp_trio.testing")
        assert not any(name.startswith(unused) for name in modules)


def test_a_stream_loads_of_starlette_what_its_responses_need():
    alone, with_a_stream = loaded("import starlette.responses", "import chirp_trio; chirp_trio.EventStream")
    assert {name for name in with_a_stream - alone if name.partition(".")[0] in FOREIGN} == set()
    assert {"starlette.responses", "chirp_trio.starlette"} <= with_a_stream


def test_a_template_loads_kida_and_a_server_loads_it_at_its_start(tmp_path):
    (tmp_path / "page.html").write_text("hello")
    start = f"""
import trio
from chirp_trio import App, AppConfig
app = App(AppConfig(template_dir={str(tmp_path)!r}))
async def run():
    async with app.running():
        pass
"""
    at_rest, served = loaded(start, "trio.run(run)")
    assert "kida" not in at_rest
    assert "kida" in served


# -- all the same, everybody sees every name --------------------------------------------------------------------------------


def test_every_name_is_there_whatever_is_loaded():
    result = run_with_package("import chirp_trio; print(*dir(chirp_trio))")
    assert set(chirp_trio.__all__) | {"__version__", "__doc__", "__all__"} <= set(result.stdout.split())
    assert [name for name in result.stdout.split() if not name.startswith("__") and name not in chirp_trio.__all__] == []


def test_a_star_imports_every_name():
    names = {name for name in run_with_package("from chirp_trio import *; print(*dir())").stdout.split() if name[0] != "_"}
    assert names == set(chirp_trio.__all__)


def test_what_is_loaded_later_is_the_same_each_time_and_is_not_asked_for_twice():
    code = """
import chirp_trio
before = set(vars(chirp_trio))
one = chirp_trio.EventStream
print(one is chirp_trio.EventStream, "EventStream" in before, "EventStream" in vars(chirp_trio))
"""
    assert run_with_package(code).stdout.split() == ["True", "False", "True"]


def test_a_name_that_is_not_there_is_an_attribute_error_as_ever():
    with pytest.raises(AttributeError, match=r"^module 'chirp_trio' has no attribute 'EventSteam'$") as caught:
        _ = chirp_trio.EventSteam
    assert (caught.value.name, caught.value.obj) == ("EventSteam", chirp_trio)
    result = run_with_package("from chirp_trio import EventSteam")
    assert "Did you mean: 'EventStream'?" in result.stderr


def test_type_checkers_are_told_of_all_that_is_loaded_later():
    [block] = [
        node
        for node in ast.parse(Path(chirp_trio.__file__).read_text()).body
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    ]
    told = {(alias.name, node.module) for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert told == set(chirp_trio._LATER.items())


# -- with Starlette, without it, and with a broken one ----------------------------------------------------------------------

BEHAVIOUR = """
import copy, dataclasses, inspect
{before}
from chirp_trio import EventStream
async def source():
    yield 1
stream = EventStream(source, headers={{"x-room": "hall"}})
def tried(action):
    try:
        return repr(action())
    except Exception as error:
        return f"{{type(error).__name__}}: {{str(error).partition(':')[0]}}"
def set_header():
    stream.headers["x-room"] = "cellar"
def delete_header():
    del stream.headers["x-room"]
print(tried(set_header))
print(tried(delete_header))
print(tried(lambda: stream.headers.append(("a", "b"))))
print(tried(lambda: stream.headers))
for name in ["event_type", "headers", "other", "raw_headers", "status_code"]:
    print(name, tried(lambda: setattr(stream, name, 1)).replace("'raw_headers'", "?"))
    print(name, tried(lambda: delattr(stream, name)))
print(tried(lambda: stream.set_cookie("a", "b")))
print(tried(lambda: stream.delete_cookie("a")))
print(tried(lambda: stream.render(b"")))
print(tried(lambda: EventStream(source, "a", 15.0, 30.0)))
print(tried(lambda: EventStream(source, heartbeat_interval=0)))
print(tried(lambda: EventStream(source, heartbeat_interval="x")))
print(tried(lambda: EventStream(source, wrong=1)))
print(tried(lambda: EventStream(5)))
print(tried(lambda: dataclasses.replace(stream, event_type="a").event_type))
print(tried(lambda: stream == copy.copy(stream)))
print(tried(lambda: repr(stream).partition("<")[0]))
print(tried(lambda: hash(stream) == hash(copy.copy(stream))))
print(tried(lambda: inspect.signature(EventStream)))
of_starlettes = {{"status_code", "media_type", "charset", "background", "raw_headers", "responses", "body"}}
print([name for name in dir(stream) if name[0] != "_" and name not in of_starlettes])
"""
WITHOUT = "import sys; sys.modules['starlette'] = None"


def test_an_event_stream_is_the_same_with_starlette_and_without():
    with_starlette, without = (run_with_package(BEHAVIOUR.format(before=before)) for before in ("import starlette", WITHOUT))
    assert (with_starlette.stderr, without.stderr) == ("", "")
    assert with_starlette.stdout == without.stdout
    assert "TypeError: 'tuple' object does not support item assignment" in without.stdout
    assert "FrozenInstanceError: cannot assign to field 'event_type'" in without.stdout


BROKEN = {
    "no module in it": ({"starlette/__init__.py": "__version__ = '1.0'"}, "No module named 'starlette."),
    "an error in it": ({"starlette/__init__.py": "raise RuntimeError('broken')"}, "RuntimeError: broken"),
    "no Python": ({"starlette/__init__.py": "def"}, "SyntaxError"),
    "a missing dependency": (
        {"starlette/__init__.py": "__version__ = '1.0'\nimport something_that_is_not_there"},
        "No module named 'something_that_is_not_there'",
    ),
    "a name that is not there": (
        {"starlette/__init__.py": "__version__ = '1.0'", "starlette/background.py": ""},
        "cannot import name 'BackgroundTask'",
    ),
    "too old": ({"starlette/__init__.py": "__version__ = '0.13.8'", **{
        f"starlette/{name}.py": f"class {kind}: pass\n"
        for name, kind in [("background", "BackgroundTask"), ("datastructures", "Headers"), ("exceptions", "HTTPException"),
                           ("responses", "Response")]
    }}, "it is version 0.13.8"),
}  # fmt: skip


@pytest.mark.parametrize(("files", "problem"), BROKEN.values(), ids=BROKEN)
def test_a_starlette_that_cannot_be_used_is_told_and_an_app_works_all_the_same(tmp_path, files, problem):
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    code = f"""
import sys; sys.path.insert(0, {str(tmp_path)!r})
import chirp_trio
async def source(): yield 1
kinds = chirp_trio.EventStream.__mro__
print(chirp_trio.EventStream(source, "news").event_type, any(kind.__module__.startswith("starlette") for kind in kinds))
"""
    result = run_with_package(code)
    assert result.stdout.split() == ["news", "False"]
    assert "RuntimeWarning: Starlette is installed and cannot be used" in result.stderr
    assert problem in result.stderr
    assert "Install starlette>=0.29, or uninstall it" in result.stderr
    if problem == BROKEN["no Python"][1]:  # one of them, because the warning is the same one
        assert run_with_package(f"import warnings; warnings.simplefilter('error')\n{code}").returncode == 1


# -- what needs more than others -----------------------------------------------------------------------------------------


def test_the_library_imports_neither_pytest_nor_what_only_tests_need():
    unwanted = {"pytest", "httpx", "rich", "trio.testing"}
    code = f"import sys, chirp_trio, chirp_trio.cli; sys.exit(str({unwanted} & set(sys.modules)))"
    result = run_with_package(code)
    assert result.stderr.strip() == "set()"


@pytest.mark.parametrize(
    ("module", "missing", "extra"),
    [("chirp_trio.testing", "httpx", "testing"), ("chirp_trio.metrics", "prometheus_client", "metrics")],
)
def test_a_room_that_needs_an_extra_names_it(module, missing, extra):
    code = f"import sys; sys.modules[{missing!r}] = None; import {module}"
    result = run_with_package(code)
    last = result.stderr.splitlines()[-1]
    assert last == f"ModuleNotFoundError: {module} needs {missing}: pip install 'chirp-trio[{extra}]'"


def test_a_command_that_is_not_asked_for_is_not_imported():
    code = "import sys; from chirp_trio.cli import main; main(['routes', '--help']); print('httpx' in sys.modules)"
    assert run_with_package(code).stdout.splitlines()[-1] == "False"


def test_prometheus_is_imported_only_by_those_who_ask_for_it():
    assert run_with_package("import sys, chirp_trio; sys.exit('prometheus_client' in sys.modules)").returncode == 0


# -- the linter, which knows kida from inside -----------------------------------------------------------

MOVED = "import sys; sys.modules['kida.compiler.partial_eval'] = None; "
HINT = "pip install 'chirp-trio[check]'"


def command(tmp_path, before, *arguments):
    (tmp_path / "site_app.py").write_text("from chirp_trio import App\napp = App()")
    code = f"{before}from chirp_trio.cli import main; sys.exit(main({list(arguments)!r}))"
    return run_with_package(code, cwd=tmp_path)


def test_a_kida_that_moves_its_modules_breaks_no_other_command(tmp_path):
    assert command(tmp_path, MOVED, "run", "site_app:nothing").stderr.startswith("chirp-trio: 'site_app' has no app")
    assert "Usage: chirp-trio tail" in command(tmp_path, MOVED, "tail", "--help").stdout


def test_the_check_says_in_a_sentence_which_extra_it_needs(tmp_path):
    result = command(tmp_path, MOVED, "check", "site_app:app")
    assert result.returncode == 2
    assert result.stderr.startswith(
        "chirp-trio: chirp_trio.checking needs packages that are not installed, or other versions"
    )
    assert result.stderr.endswith(f"{HINT}\n")
    assert len(result.stderr.splitlines()) == 1


def test_serving_loads_no_linter(tmp_path):
    before = "import sys, atexit; atexit.register(lambda: print([n for n in sys.modules if 'chirp_trio.checking' in n])); "
    assert command(tmp_path, before, "run", "site_app:nothing").stdout == "[]\n"
    assert "'chirp_trio.checking.app'" in command(tmp_path, before, "check", "site_app:app").stdout
