"""Options that people know from uvicorn, hypercorn, gunicorn, Flask and FastAPI, and what to write instead, for messages."""

import click
from click.core import ParameterSource

_OPTIONS = {
    **dict.fromkeys(("--processes", "-w"), "it is called --workers"),
    "--worker-class": "there is one way only",
    **dict.fromkeys(("--app-dir", "--chdir", "--pythonpath"), "name the file: chirp-trio run folder/app.py:app"),
    **dict.fromkeys(("--uds", "--unix-socket"), "write --bind unix:/run/app.sock"),
    "--fd": "write --bind fd://3",
    "-b": "write --bind",
    "-p": "write --port",
    **dict.fromkeys(("--ssl-certfile", "--cert"), "it is called --certfile"),
    **dict.fromkeys(("--ssl-keyfile", "--key"), "it is called --keyfile"),
    **dict.fromkeys(("--proxy-headers", "--forwarded-allow-ips"), "it is called --trusted-proxy"),
    **dict.fromkeys(("--timeout-keep-alive", "--keep-alive"), "it is called --keep-alive-timeout"),
    **dict.fromkeys(("--timeout-graceful-shutdown", "--timeout"), "it is called --graceful-timeout"),
    **dict.fromkeys(("--limit-concurrency", "--worker-connections"), "it is called --max-connections"),
    **dict.fromkeys(("--loop", "--interface", "--http", "--ws", "--lifespan", "-k"), "there is one way only"),
    "--app": "the app is an argument: chirp-trio run module:app",
}
_COMMANDS = {
    **dict.fromkeys(("serve", "dev", "start", "runserver"), "run"),
    **dict.fromkeys(("init", "create", "startproject"), "new"),
    **dict.fromkeys(("curl", "follow", "listen"), "tail"),
    **dict.fromkeys(("lint", "test"), "check"),
}


def explain(error: click.UsageError) -> str:
    """A usage error in one sentence: what is wrong, what is allowed, and where to read more."""
    where = error.ctx.command_path if error.ctx is not None else "chirp-trio"
    if isinstance(error, click.NoSuchOption):
        what = f"there is no option {error.option_name} for `{where}`"
        if error.option_name in _OPTIONS:
            return f"{what}: {_OPTIONS[error.option_name]}"
        near = f"; did you mean {' or '.join(sorted(error.possibilities))}?" if error.possibilities else ""
        return f"{what}{near or f'; `{where} --help` lists those that there are'}"
    if isinstance(error, click.MissingParameter) and error.param is not None:
        return f"argument {_given(error)} is missing; see `{where} --help`"
    if isinstance(error, click.BadParameter) and error.param is not None:
        return f"argument {_given(error)}: {error.message}"
    message = error.format_message()
    if message.startswith("No such command"):
        name = message.split("'")[1]
        meant = _COMMANDS.get(name)
        cure = f"`chirp-trio {meant}` does that" if meant else f"`chirp-trio run {name}` serves an app; --help lists commands"
        return f"there is no command {name!r}; {cure}"
    return f"{message[:1].lower()}{message[1:].removesuffix('.')}; see `{where} --help`"


def _given(error: click.BadParameter) -> str:
    """The name of the option, argument or environment variable that is wrong."""
    context, parameter = error.ctx, error.param
    assert parameter is not None
    assert context is not None
    if context.get_parameter_source(str(parameter.name)) is ParameterSource.ENVIRONMENT:
        return str(parameter.envvar)
    return parameter.opts[0] if isinstance(parameter, click.Option) else parameter.make_metavar(context)
