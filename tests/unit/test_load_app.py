"""The command line's way from `module:name` to an app."""

import sys

import pytest

from chirp_trio import App, ConfigurationError
from chirp_trio.cli import load_app
from tests.cases import each_case

SITE = """
from chirp_trio import App
app = App()
admin = App()
class Site:
    inner = App()
    title = "no app"
def create(): return App()
number = 5
"""


pytestmark = pytest.mark.usefixtures("folder")


@pytest.fixture
def site(folder):
    (folder / "loaded_site.py").write_text(SITE)
    (folder / "loaded_package").mkdir()
    (folder / "loaded_package" / "__init__.py").touch()
    (folder / "loaded_package" / "web.py").write_text(SITE)
    return folder


@pytest.mark.parametrize(
    ("target", "module", "name"),
    [
        pytest.param("loaded_site:app", "loaded_site", "app", id="module and name"),
        pytest.param("loaded_site:admin", "loaded_site", "admin", id="another name"),
        pytest.param("loaded_site", "loaded_site", "app", id="the name is app by default"),
        pytest.param("loaded_site:", "loaded_site", "app", id="the name is app where it is empty"),
        pytest.param("loaded_package.web:app", "loaded_package.web", "app", id="a module in a package"),
        pytest.param("loaded_site.py:admin", "loaded_site", "admin", id="a file"),
        pytest.param("./loaded_site.py:admin", "loaded_site", "admin", id="a file by its path"),
        pytest.param("loaded_package/web.py:admin", "web", "admin", id="a file in a folder"),
    ],
)
def test_an_app_is_found_in_the_working_directory(site, target, module, name):
    app = load_app(target)

    assert isinstance(app, App)
    assert app is getattr(sys.modules[module], name)


def test_an_absolute_path_is_found_from_anywhere(site, tmp_path_factory, monkeypatch):
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))

    assert isinstance(load_app(f"{site / 'loaded_site.py'}:app"), App)


def test_a_file_may_import_what_is_beside_it(folder):
    (folder / "sub").mkdir()
    (folder / "sub" / "loaded_helper.py").write_text("from chirp_trio import App\napp = App()")
    (folder / "sub" / "loaded_main.py").write_text("from loaded_helper import app")

    assert isinstance(load_app("sub/loaded_main.py:app"), App)


def test_a_dotted_name_is_followed(site):
    assert isinstance(load_app("loaded_site:Site.inner"), App)


def test_any_callable_is_taken_for_an_app(site):
    assert load_app("loaded_site:create") is sys.modules["loaded_site"].create


@pytest.mark.parametrize(
    ("target", "message"),
    [
        pytest.param("loaded_nowhere:app", "no module 'loaded_nowhere' in {folder} or on Python's path", id="module"),
        pytest.param("loaded_nowhere.web:app", "no module 'loaded_nowhere.web' in {folder}", id="package"),
        pytest.param(
            "loaded_package.nothing:app", "no module 'loaded_package.nothing' in {folder}", id="module of a package"
        ),
        pytest.param("loaded_site.web:app", "no module 'loaded_site.web' in {folder}", id="module of a module"),
        pytest.param("loaded_package/nothing.py", "there is no file 'loaded_package/nothing.py'", id="file"),
        pytest.param("loaded_site:nothing", "'loaded_site' has no app called 'nothing'; apps in it: admin, app", id="name"),
        pytest.param("loaded_site:number", "'loaded_site' has no app called 'number'; apps in it: admin, app", id="no app"),
        pytest.param("loaded_site:Site.title", "'loaded_site' has no app called 'Site.title'", id="no app, dotted"),
        pytest.param("loaded_site:nothing.at.all", "has no app called 'nothing.at.all'", id="dotted name"),
        pytest.param("loaded_package:app", "'loaded_package' has no app called 'app'; apps in it: none", id="no apps at all"),
    ],
)
def test_what_is_not_there_is_refused_with_what_is(site, target, message):
    with pytest.raises(ConfigurationError) as refusal:
        load_app(target)

    assert message.format(folder=site) in str(refusal.value)


MEANT = {
    "LOADED_SITE:app": "did you mean loaded_site:app?",
    "loaded-site": "did you mean loaded_site?",
    "loaded_sit.py:admin": "did you mean loaded_site.py:admin?",
    "loaded_site.admin": "did you mean loaded_site:admin?",
    "loaded_package.web.admin": "did you mean loaded_package.web:admin?",
    "loaded_package/web:admin": "did you mean loaded_package/web.py:admin?",
    "loaded_package/wep.py": "did you mean loaded_package/web.py?",
    "./loaded_site:admin": "did you mean loaded_site.py:admin?",
    "loaded_package/": "it is a folder, with loaded_package/web.py: name one of these",
    ".": "it is a folder, with loaded_site.py: name one of these",
    "8000": "an address to listen on is --host and --port",
    ":8000": "an address to listen on is --host and --port",
    "localhost:8000": "an address to listen on is --host and --port",
    "[::1]:8000": "an address to listen on is --host and --port",
    "loaded_package": "modules in it, where one may be: web",
    "loaded_site:create()": "a function that makes an app is named without parentheses, and with --factory",
    "loaded_nothing_like_it:app": "on Python's path",
    "loaded_site.pyc": "did you mean loaded_site?",
    "nowhere/at_all.py": "'nowhere/at_all.py'",
    "folder.py": "'folder.py' is a folder; it must be a file of Python",
}


@pytest.mark.parametrize("target", MEANT)
def test_what_is_not_there_is_refused_with_what_was_meant(site, target):
    (site / "folder.py").mkdir()

    with pytest.raises(ConfigurationError) as refusal:
        load_app(target)

    assert str(refusal.value).endswith(MEANT[target])


@each_case(
    "target",
    [
        pytest.param("", id="empty"),
        pytest.param(":app", id="no module"),
        pytest.param(".web:app", id="relative"),
    ],
)
def test_what_names_no_module_is_refused(target):
    with pytest.raises(ConfigurationError):
        load_app(target)


@pytest.mark.parametrize(
    ("source", "error"),
    [
        pytest.param("import loaded_dependency_that_is_missing", ModuleNotFoundError, id="a missing dependency"),
        pytest.param("1 / 0", ZeroDivisionError, id="a bug"),
        pytest.param("def", SyntaxError, id="a syntax error"),
    ],
)
@pytest.mark.parametrize("target", ["loaded_broken:app", "loaded_broken.py:app"])
def test_what_the_module_raises_is_not_taken_for_a_missing_module(folder, source, error, target):
    (folder / "loaded_broken.py").write_text(source)

    with pytest.raises(error):
        load_app(target)


def test_a_file_that_is_named_as_a_module_of_python_is_loaded_itself(folder):
    (folder / "json.py").write_text(SITE)

    assert isinstance(load_app("json.py:app"), App)


def test_two_files_of_one_name_are_two_apps(folder):
    for name in ("one", "two"):
        (folder / name).mkdir()
        (folder / name / "loaded_main.py").write_text(SITE)

    assert load_app("one/loaded_main.py:app") is not load_app("two/loaded_main.py:app")
