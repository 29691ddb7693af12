"""What the command line makes of options, variables and mistakes, before anything is served."""

import json
import logging
import re

import pytest
from click.shell_completion import ShellComplete

from chirp_trio import cli
from chirp_trio.cli import demo, log, new, run
from chirp_trio.cli.commands import command
from chirp_trio.cli.sources import leave_out_overridden_address
from chirp_trio.logs import logger_of
from tests.cases import each_case


def options(*arguments):
    return run.command.make_context("chirp-trio run", list(arguments)).params


# -- the environment ----------------------------------------------------------------------------------------------------

VARIABLES = {
    ("HOST", "::1"): ("host", "::1"),
    ("PORT", "8001"): ("port", 8001),
    ("BIND", "127.0.0.1:1 unix:/a.sock"): ("bind", ("127.0.0.1:1", "unix:/a.sock")),
    ("RELOAD", "1"): ("reload", True),
    ("RELOAD", "false"): ("reload", False),
    ("ACCESS_LOG", "yes"): ("access_log", True),
    ("ACCESS_LOG", "no"): ("access_log", False),
    ("LOG_LEVEL", "DEBUG"): ("log_level", "debug"),
    ("WRITE_TIMEOUT", "2.5"): ("write_timeout", 2.5),
    ("TRUSTED_PROXY", "10.0.0.1 unix"): ("trusted_proxy", ("10.0.0.1", "unix")),
    ("FACTORY", "true"): ("factory", True),
    ("WORKERS", "4"): ("workers", 4),
}


@pytest.mark.parametrize(("variable", "option"), VARIABLES.items())
def test_a_variable_gives_its_option(monkeypatch, variable, option):
    monkeypatch.setenv(f"CHIRP_TRIO_{variable[0]}", variable[1])

    assert options()[option[0]] == option[1]


def test_every_option_has_a_variable_of_its_name():
    every = [parameter for name in command.list_commands(None) for parameter in command.get_command(None, name).params]
    named = {parameter.opts[0]: parameter.envvar for parameter in every if parameter.opts[0].startswith("--")}

    assert named.pop("--env-file") is None
    assert named == {option: f"CHIRP_TRIO_{option[2:].replace('-', '_').upper()}" for option in named}


def test_the_command_line_goes_before_the_variable(monkeypatch):
    monkeypatch.setenv("CHIRP_TRIO_PORT", "8001")

    assert options("--port", "8002")["port"] == 8002


@pytest.mark.parametrize(
    ("variables", "line", "found"),
    [
        ({"PORT": "9000", "HOST": "::1"}, "--bind unix:/a", {"bind": ("unix:/a",)}),
        ({"BIND": "unix:/a"}, "--port 9000", {"host": "127.0.0.1", "port": 9000}),
        ({"BIND": "unix:/a", "HOST": "::1"}, "--port 9000", {"host": "::1", "port": 9000}),
        ({"BIND": "unix:/a", "PORT": "9000"}, "", {"bind": ("unix:/a",), "host": "127.0.0.1", "port": 9000}),
    ],
)
def test_an_address_on_the_command_line_goes_before_one_in_variables_in_whichever_way(monkeypatch, variables, line, found):
    for name, value in variables.items():
        monkeypatch.setenv(f"CHIRP_TRIO_{name}", value)
    context = run.command.make_context("chirp-trio run", line.split())

    leave_out_overridden_address(context, context.params)

    given = {name: context.params[name] for name in ("host", "port", "bind") if name in context.params}
    assert {"host": "127.0.0.1", "port": 8000, "bind": ()} | given == {
        "host": "127.0.0.1",
        "port": 8000,
        "bind": (),
    } | found


def test_the_headers_in_a_variable_are_lines(monkeypatch):
    monkeypatch.setenv("CHIRP_TRIO_HEADER", "Authorization: Bearer x\nX-A: 1")
    tail = command.get_command(None, "tail")

    assert tail.make_context("tail", ["x"]).params["header"] == ("Authorization: Bearer x", "X-A: 1")


def test_a_file_gives_variables_before_any_option_is_read(tmp_path, monkeypatch):
    (tmp_path / "one").write_text("CHIRP_TRIO_PORT=8001\nCHIRP_TRIO_HOST=::1\nOF_THE_APP=x")
    (tmp_path / "two").write_text("CHIRP_TRIO_HOST=::2")
    monkeypatch.setenv("CHIRP_TRIO_PORT", "8002")
    monkeypatch.setenv("CHIRP_TRIO_HOST", "")
    monkeypatch.delenv("CHIRP_TRIO_HOST")
    monkeypatch.setenv("OF_THE_APP", "")
    monkeypatch.delenv("OF_THE_APP")

    found = options("--env-file", str(tmp_path / "one"), "--env-file", str(tmp_path / "two"))

    assert (found["port"], found["host"]) == (8002, "::1")


# -- the commands --------------------------------------------------------------------------------------------------------


@each_case("name", command.list_commands(None))
def test_every_command_has_a_help(capsys, name):
    assert cli.main([name, "--help"]) == 0
    assert capsys.readouterr().out.startswith(f"Usage: chirp-trio {name} ")


# -- completion ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_a_shell_asks_the_command_what_there_is(capsys, shell):
    assert cli.main(["completion", shell]) == 0
    assert f"_CHIRP_TRIO_COMPLETE={shell}_complete" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("typed", "found"), [("ru", "run"), ("run --po", "--port"), ("run --log-level w", "warning"), ("demo pr", "progress")]
)
def test_commands_options_and_choices_are_completed(typed, found):
    *before, last = typed.split()
    shell = ShellComplete(command, {}, "chirp-trio", "_CHIRP_TRIO_COMPLETE")

    assert found in [item.value for item in shell.get_completions(before, last)]


# -- a new app ----------------------------------------------------------------------------------------------------------


def test_a_new_app_has_its_name_everywhere(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    assert cli.main(["new", "Good Cheer"]) == 0

    folder = tmp_path / "Good Cheer"
    files = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert files == {*new._FILES, *(f"static/{script}" for script in new._SCRIPTS)}
    assert "<title>Good Cheer</title>" in (folder / "templates" / "page.html").read_text()
    assert 'name = "good-cheer"' in (folder / "pyproject.toml").read_text()
    assert "chirp-trio run --debug --reload" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["", ".", "..", "1st", "-x", "a{b}", '"quoted"', "a/b\n"])
def test_a_name_that_is_none_is_refused(tmp_path, monkeypatch, capsys, name):
    monkeypatch.chdir(tmp_path)

    assert cli.main(["new", "--", name]) == 2
    assert "is no name for a project" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_is_left_alone(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "file").touch()

    assert cli.main(["new", "there"]) == 2
    assert capsys.readouterr().err == "chirp-trio: 'there' exists already, and is not an empty folder; give another name\n"


def test_every_demo_is_there():
    assert {name for name, file in demo._DEMOS.items() if not (demo.examples() / file).is_file()} == set()


# -- the log ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def root():
    """The root logger, which is put back afterwards. pytest's own handlers come after the fixtures."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield root
    root.handlers[:], root.level = before, level


def configure(root, level, form, *handlers):
    root.handlers[:] = handlers
    log.configure_logging(level, form)


def test_a_line_of_the_log_has_time_level_and_logger(root, capsys):
    configure(root, "info", "text")
    logger_of("web").info("said")

    assert re.fullmatch(r"[0-9-]{10} [0-9:]{8},\d{3} INFO chirp_trio\.web: said\n", capsys.readouterr().err)


def test_the_applications_own_handler_is_left_alone(root):
    mine = logging.NullHandler()
    configure(root, None, "text", mine)

    assert root.handlers == [mine]


def test_a_record_is_an_object_where_json_is_asked_for(root, capsys):
    configure(root, None, "json")
    try:
        raise LookupError("kaputt")
    except LookupError:
        logging.getLogger("app").exception("it failed: %s", "why", extra={"order": 7})

    (line,) = capsys.readouterr().err.splitlines()
    told = json.loads(line)
    assert (told["level"], told["logger"], told["message"], told["order"]) == ("ERROR", "app", "it failed: why", 7)
    assert told["exception"].endswith("LookupError: kaputt")
    assert told["time"].endswith("+00:00")


def test_arguments_by_name_are_members_of_the_object(root, capsys):
    configure(root, "info", "json")
    logging.getLogger("app").info("%(status)d %(path)s", {"status": 200, "path": "/", "level": "not this one"})

    told = json.loads(capsys.readouterr().err)
    assert (told["message"], told["status"], told["path"], told["level"]) == ("200 /", 200, "/", "INFO")


CONFIGURED = {"version": 1, "disable_existing_loggers": False, "loggers": {"configured": {"level": "ERROR"}}}
FILES = {
    "log.json": json.dumps(CONFIGURED),
    "log.toml": 'version = 1\ndisable_existing_loggers = false\n[loggers.configured]\nlevel = "ERROR"',
    "log.ini": "[loggers]\nkeys=root,c\n[handlers]\nkeys=\n[formatters]\nkeys=\n[logger_root]\nhandlers=\n"
    "[logger_c]\nqualname=configured\nlevel=ERROR\nhandlers=\n",
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_configures_it(root, tmp_path, name):
    logging.getLogger("configured").setLevel(logging.NOTSET)
    (tmp_path / name).write_text(FILES[name])

    log.configure_logging_by(tmp_path / name)

    assert logging.getLogger("configured").level == logging.ERROR


@each_case(("name", "content"), [
    ("log.json", None), ("log.json", "{"), ("log.json", "{}"), ("log.toml", "x"), ("log.ini", "x"), ("log.ini", None),
    ("log.json", '{"version": 1, "handlers": {"x": {"class": "nowhere.Nothing"}}}'),
])  # fmt: skip
def test_a_file_that_cannot_be_used_is_2(tmp_path, capsys, name, content):
    if content is not None:
        (tmp_path / name).write_text(content)

    assert cli.main(["run", "--log-config", str(tmp_path / name), "app"]) == 2

    printed = capsys.readouterr().err
    assert printed.startswith("chirp-trio: --log-config is ")
    assert "which cannot be " in printed
