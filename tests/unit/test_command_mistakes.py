"""What the command line says of mistakes: in one line, with the name that was given, what is allowed, and what was meant."""

import errno

import pytest

from chirp_trio import ConfigurationError, ServerConfig, cli
from chirp_trio.cli import serving
from tests.cases import each_case

MISTAKES = {
    "run --worker-class trio good": "there is no option --worker-class for `chirp-trio run`: there is one way only",
    "run good -w 2": "there is no option -w for `chirp-trio run`: it is called --workers",
    "run good --workers two": "--workers is 'two'; it must be a whole number\n",
    "run --prot 80 good": "there is no option --prot for `chirp-trio run`; did you mean --port?\n",
    "run --zebra": "there is no option --zebra for `chirp-trio run`; `chirp-trio run --help` lists those",
    "run --ssl-certfile x": "there is no option --ssl-certfile for `chirp-trio run`: it is called --certfile",
    "run --app-dir src app": "there is no option --app-dir for `chirp-trio run`: name the file",
    "run --uds x": "there is no option --uds for `chirp-trio run`: write --bind unix:/run/app.sock",
    "run --port": "option '--port' requires an argument; see `chirp-trio run --help`\n",
    "run --port x": "--port is 'x'; it must be a whole number\n",
    "run one two": "got unexpected extra argument (two); the app is one argument, such as module:app, and see",
    "run --log-level loud": "--log-level is 'loud'; it must be one of 'debug', 'info', 'warning', 'error', 'critical'\n",
    "run --env-file nowhere": "--env-file is 'nowhere', which cannot be read: No such file or directory",
    "serve app": "there is no command 'serve'; `chirp-trio run` does that",
    "app:app": "there is no command 'app:app'; `chirp-trio run app:app` serves an app",
    "--workers 2 run good": "there is no option --workers for `chirp-trio`: options of a command stand behind it, as in "
    "`chirp-trio run --workers`",
    "--since=5 tail x": "there is no option --since for `chirp-trio`: options of a command stand behind it, as in "
    "`chirp-trio tail --since`",
    "--zebra run good": "there is no option --zebra for `chirp-trio`; `chirp-trio --help` lists those",
    "": "missing command; see `chirp-trio --help`",
    "demo zebra": "NAME is 'zebra'; it must be one of 'dashboard', 'chat', 'progress'",
    "new": "argument NAME is missing; see `chirp-trio new --help`",
    "completion powershell": "SHELL is 'powershell'; it must be one of 'bash', 'zsh', 'fish'",
    # -- near misses
    "run --PORT 1 good": "there is no option --PORT for `chirp-trio run`; did you mean --port?",
    "run --reload_dir x good": "there is no option --reload_dir for `chirp-trio run`; did you mean --reload-dir?",
    "run -p 80 good": "there is no option -p for `chirp-trio run`: write --port",
    "run -port 80 good": "there is no option -p for `chirp-trio run`: write --port",
    "run -V": "there is no option -V for `chirp-trio run`: `chirp-trio --version` prints the version",
    "-version": "there is no option -v for `chirp-trio`: `chirp-trio --version` prints the version",
    "publish -p 80": "there is no option -p for `chirp-trio publish`; `chirp-trio publish --help` lists those",
    "run --no-debug good": "there is no option --no-debug for `chirp-trio run`: it is off unless --debug is given",
    "run --reload=true good": "--reload takes no value: write --reload alone, or leave it out",
    "run --access-log=false": "--access-log takes no value: write --access-log or --no-access-log alone",
    "run --factory=a:make": "--factory takes no value: write --factory before the function's name: --factory "
    "module:create_app",
    "Run app": "there is no command 'Run'; did you mean `chirp-trio run`?",
    "chek": "there is no command 'chek'; did you mean `chirp-trio check`?",
    "help run": "there is no command 'help'; write `chirp-trio --help` or `chirp-trio --version`",
    "uvicorn app:app": "there is no command 'uvicorn'; `chirp-trio run` does that",
    "demo log_tail": "NAME is 'log_tail'; it must be one of 'dashboard', 'chat', 'progress', 'answers', 'log-tail', 'todo'; "
    "did you mean log-tail?",
    "run --log-level warn good": "--log-level is 'warn'; it must be one of 'debug', 'info', 'warning', 'error', 'critical'; "
    "did you mean warning?",
    # -- units, and what is no number
    "run --write-timeout 5s good": "--write-timeout is '5s'; it must be a number of seconds without a unit, such as 5\n",
    "run --max-connections 10k good": "--max-connections is '10k'; it must be a whole number without a unit, such as 10\n",
    "run --port 80:80 good": "--port is '80:80'; it must be a whole number\n",
    "run --port 8e3 good": "--port is '8e3'; it must be a whole number\n",
    "run --port= good": "--port is ''; it must be a whole number\n",
    "tail --max 0 x": "--max is '0'; it must be a whole number of at least 1\n",
}


@each_case("line", MISTAKES)
def test_a_mistake_is_told_in_one_line_and_is_2(capsys, line):
    with pytest.raises(SystemExit) as exit:
        cli.main(line.split())

    assert exit.value.code == 2
    printed = capsys.readouterr()
    assert printed.err.startswith(f"chirp-trio: {MISTAKES[line]}")
    assert printed.err.count("\n") == 1
    assert printed.out == ""


UNUSABLE = {
    "run app --workers 0": "--workers is 0; it must be a whole number, one or more",
    "run app --workers 2 --reload": "--reload is for one process, and --workers is 2; give the one or the other",
    "run app --reload-dir .": "--reload-dir is for --reload, which is not given; give both, or neither",
    "run app --reload-include *.css": "--reload-include is for --reload, which is not given; give both, or neither",
    "run app --reload --reload-dir nowhere": "--reload-dir is 'nowhere'; there is no such folder",
    "run app --host localhost:80": "host is 'localhost:80'; it must be an address or a name without a port: port has that",
    "run app --host :80": "host is ':80'; it must be an address or a name without a port: port has that",
    "run app --port 65536": "port is 65536; it must be a number from 0 to 65535",
    "run app --port 80 --bind [::1]:80": "bind is '[::1]:80', "
    "and host and port are '127.0.0.1:80'; give the one or the other",
    "tail 8000": "'8000' is no URL of an event stream; it must be like 'http://127.0.0.1:8000/events'; a port of this "
    "machine is written :8000",
    "tail /live": "'/live' is no URL of an event stream; it must be like 'http://127.0.0.1:8000/events'; with a port of this "
    "machine it is :8000/live",
    "tail http://x:65536/": "the port of 'http://x:65536/' is 65536; it must be a number from 1 to 65535",
    "tail http://a%20b/": "'http://a%20b/' is no URL of an event stream; it must be like 'http://127.0.0.1:8000/events'",
    "tail ws://x/": "'ws://x/' is no URL of an event stream; it must be like 'http://127.0.0.1:8000/events'",
}


@each_case("line", UNUSABLE)
def test_what_cannot_be_is_told_in_one_line_and_is_2(capsys, line):
    assert cli.main(line.split()) == 2
    assert capsys.readouterr().err == f"chirp-trio: {UNUSABLE[line]}\n"


# -- the environment ----------------------------------------------------------------------------------------------------

WRONG = {
    ("PORT", "http"): "CHIRP_TRIO_PORT is 'http'; it must be a whole number",
    ("WRITE_TIMEOUT", "5s"): "CHIRP_TRIO_WRITE_TIMEOUT is '5s'; it must be a number of seconds without a unit, such as 5",
    ("DEBUG", "yess"): "CHIRP_TRIO_DEBUG is 'yess'; it must be 1 or 0, or one of true, false, yes, no, on, off",
    ("ACCESS_LOG", "2"): "CHIRP_TRIO_ACCESS_LOG is '2'; it must be 1 or 0, or one of true, false, yes, no, on, off",
    ("LOG_LEVEL", "warn"): "CHIRP_TRIO_LOG_LEVEL is 'warn'; it must be one of 'debug', 'info', 'warning', 'error', "
    "'critical'; did you mean warning?",
}


@pytest.mark.parametrize("variable", WRONG)
def test_a_variable_with_a_wrong_value_is_named(capsys, monkeypatch, variable):
    monkeypatch.setenv(f"CHIRP_TRIO_{variable[0]}", variable[1])

    with pytest.raises(SystemExit):
        cli.main(["run", "app"])

    assert capsys.readouterr().err == f"chirp-trio: {WRONG[variable]}\n"


def test_variables_that_do_not_go_together_are_named(capsys, monkeypatch):
    monkeypatch.setenv("CHIRP_TRIO_WORKERS", "2")

    assert cli.main(["run", "app", "--reload"]) == 2
    assert "--reload is for one process, and CHIRP_TRIO_WORKERS is 2; " in capsys.readouterr().err


MISSPELT = {
    "PORTS": "did you mean CHIRP_TRIO_PORT?",
    "TRUSTED_PROXIES": "did you mean CHIRP_TRIO_TRUSTED_PROXY?",
    "HTTP2": "did you mean CHIRP_TRIO_NO_HTTP2?",
    "NO_ACCESS_LOG": "did you mean CHIRP_TRIO_ACCESS_LOG?",
    "ENV_FILE": "--env-file has none: give the option",
}


@pytest.mark.parametrize("name", MISSPELT)
def test_a_variable_that_is_nearly_one_is_told_to_have_no_effect(capsys, monkeypatch, name):
    monkeypatch.setenv(f"CHIRP_TRIO_{name}", "1")

    cli.main(["run", "nowhere"])

    told = capsys.readouterr().err.splitlines()
    assert told[0] == f"chirp-trio: the variable CHIRP_TRIO_{name} has no effect; {MISSPELT[name]}"
    assert len(told) == 2


@pytest.mark.parametrize("name", ["SOMETHING_ELSE", "PREFIX", "SEED"])
def test_one_that_may_be_somebody_elses_is_left_alone(capsys, monkeypatch, name):
    monkeypatch.setenv(f"CHIRP_TRIO_{name}", "1")

    cli.main(["run", "nowhere"])

    assert len(capsys.readouterr().err.splitlines()) == 1


# -- addresses ----------------------------------------------------------------------------------------------------------


@each_case(
    ("config", "number", "cure"),
    [
        (ServerConfig(port=8000), errno.EADDRINUSE, "; another port is --port 8001"),
        (ServerConfig(port=65535), errno.EADDRINUSE, "; another port is --port 1"),
        (ServerConfig(port=80), errno.EACCES, "; ports below 1024 are for root: another port is --port 8000"),
        (ServerConfig(port=8000), errno.EACCES, ""),
        (ServerConfig(bind="127.0.0.1:80"), errno.EACCES, ""),
        (ServerConfig(bind="127.0.0.1:80"), errno.EADDRINUSE, ""),
    ],
)
def test_a_port_that_cannot_be_had_is_told_with_another_one(config, number, cure):
    with pytest.raises(ConfigurationError) as refused, serving._told(config):
        raise OSError(number, "It cannot be")

    assert str(refused.value) == f"It cannot be{cure}"


def test_files_that_are_no_certificate_are_named(folder, capsys):
    (folder / "app.py").write_text("from chirp_trio import App\napp = App()")

    assert cli.main(["run", "--port", "0", "--certfile", "app.py", "--keyfile", "app.py"]) == 2
    assert capsys.readouterr().err.startswith(
        "chirp-trio: certfile is 'app.py' and keyfile is 'app.py'; they must be a certificate and its private key in PEM: "
    )
