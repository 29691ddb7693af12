"""Options that people know from uvicorn, hypercorn, gunicorn, Flask and FastAPI, and what to write instead, for messages."""

import click

from .kinds import WrongValueError
from .nearest import ask_for, nearest
from .sources import given_as

# Those of `chirp-trio run`.
_OPTIONS = {
    **dict.fromkeys(("--processes", "-w"), "it is called --workers"),
    "--worker-class": "there is one way only",
    **dict.fromkeys(("--app-dir", "--chdir", "--pythonpath"), "name the file: chirp-trio run folder/app.py:app"),
    **dict.fromkeys(("--uds", "--unix-socket"), "write --bind unix:/run/app.sock"),
    "--fd": "write --bind fd://3",
    "-b": "write --bind",
    **dict.fromkeys(("-p", "-P"), "write --port"),
    "-H": "write --host",
    "-r": "write --reload",
    **dict.fromkeys(("-d", "--dev", "--development"), "write --debug"),
    **dict.fromkeys(("--ssl-certfile", "--cert"), "it is called --certfile"),
    **dict.fromkeys(("--ssl-keyfile", "--key"), "it is called --keyfile"),
    **dict.fromkeys(("--proxy-headers", "--forwarded-allow-ips"), "it is called --trusted-proxy"),
    **dict.fromkeys(("--timeout-keep-alive", "--keep-alive"), "it is called --keep-alive-timeout"),
    **dict.fromkeys(("--timeout-graceful-shutdown", "--timeout"), "it is called --graceful-timeout"),
    **dict.fromkeys(("--limit-concurrency", "--worker-connections"), "it is called --max-connections"),
    **dict.fromkeys(("--loop", "--interface", "--http", "--ws", "--lifespan", "-k"), "there is one way only"),
    "--app": "the app is an argument: chirp-trio run module:app",
}
_VERSION = dict.fromkeys(("-v", "-V", "--version", "-version"), "`chirp-trio --version` prints the version")
_COMMANDS = {
    **dict.fromkeys(("serve", "server", "dev", "start", "runserver"), "run"),
    **dict.fromkeys(("uvicorn", "hypercorn", "gunicorn", "granian", "daphne", "fastapi", "flask"), "run"),
    **dict.fromkeys(("init", "create", "startproject"), "new"),
    **dict.fromkeys(("curl", "follow", "listen"), "tail"),
    **dict.fromkeys(("help", "version", "-help"), "--"),
    **dict.fromkeys(("lint", "doctor"), "check"),
}


def explain(error: click.UsageError) -> str:
    """A usage error in one sentence: what is wrong, what is allowed, and where to read more."""
    where = error.ctx.command_path if error.ctx is not None else "chirp-trio"
    more = f"see `{where} --help`"
    if isinstance(error, click.NoSuchOption):
        return _explain_option(error, where)
    if isinstance(error, click.BadOptionUsage) and "does not take a value" in error.message:
        return f"{error.option_name} takes no value: write {error.option_name}{_without(error)}"
    if isinstance(error, click.MissingParameter) and error.param is not None:
        return f"argument {_given(error)} is missing; {more}"
    if isinstance(error, WrongValueError):
        return f"{_given(error)} is {error.value!r}; it must be {error.allowed}"
    if isinstance(error, click.BadParameter) and error.param is not None:
        return f"{_given(error)}: {error.message}"
    message = error.format_message()
    if message.startswith("No such command"):
        return _explain_command(message.split("'")[1], error)
    if "extra argument" in message and error.ctx is not None and any(each.name == "app" for each in error.ctx.command.params):
        more = f"the app is one argument, such as module:app, and {more}"
    return f"{message[:1].lower()}{message[1:].removesuffix('.')}; {more}"


def _explain_option(error: click.NoSuchOption, where: str) -> str:
    name, context = error.option_name, error.ctx
    what = f"there is no option {name} for `{where}`"
    if context is not None and isinstance(context.command, click.Group):
        of = [each for each, command in _commands_of(context).items() if name in _options_of(command)]
        if of:
            return f"{what}: options of a command stand behind it, as in `chirp-trio {of[0]} {name}`"
    of_run = context is not None and context.info_name == "run"
    if instead := _VERSION.get(name) or (_OPTIONS.get(name) if of_run else None):
        return f"{what}: {instead}"
    known = _options_of(context.command) if context is not None else set()
    switched = name.replace("--no-", "--", 1)
    if switched in known and switched != name:
        return f"{what}: it is off unless {switched} is given"
    near = nearest(name, sorted(known), 0.65)
    return f"{what}{ask_for(near) or f'; `{where} --help` lists those that there are'}"


def _explain_command(name: str, error: click.UsageError) -> str:
    meant = _COMMANDS.get(name)
    known = _commands_of(error.ctx) if error.ctx is not None else {}
    near = nearest(name, known)
    if meant == "--":
        cure = "write `chirp-trio --help` or `chirp-trio --version`"
    elif meant:
        cure = f"`chirp-trio {meant}` does that"
    elif near is not None:
        cure = f"did you mean `chirp-trio {near}`?"
    else:
        cure = f"`chirp-trio run {name}` serves an app; --help lists commands"
    return f"there is no command {name!r}; {cure}"


def _commands_of(context: click.Context) -> dict[str, click.Command]:
    group = context.command
    assert isinstance(group, click.Group)
    found = {name: group.get_command(context, name) for name in group.list_commands(context)}
    return {name: command for name, command in found.items() if command is not None}


def _options_of(command: click.Command) -> set[str]:
    return {name for each in command.params if isinstance(each, click.Option) for name in (*each.opts, *each.secondary_opts)}


def _without(error: click.BadOptionUsage) -> str:
    """What else to write in place of a value of a flag."""
    if error.ctx is None:
        return " alone"
    flag = next(each for each in error.ctx.command.params if error.option_name in (*each.opts, *each.secondary_opts))
    if error.option_name == "--factory":
        return " before the function's name: --factory module:create_app"
    return f" or {flag.secondary_opts[0]} alone" if flag.secondary_opts else " alone, or leave it out"


def _given(error: click.BadParameter) -> str:
    """The name of the option, argument or environment variable that is wrong."""
    assert error.param is not None
    assert error.ctx is not None
    return given_as(error.ctx, str(error.param.name))
