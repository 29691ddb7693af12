"""The log: whatever clients send, no line of it is theirs. Every call of a logger is found by reading the code."""

import ast
import io
import logging
import re
from pathlib import Path

import chirp_trio
from chirp_trio.logs import _texts_of, harmless, logger_of
from tests.cases import each_case

PACKAGE = Path(chirp_trio.__file__).parent

# A line of its own, a terminal's commands (in C0 and C1), what turns the reading round, what UTF-8 cannot carry.
HOSTILE = "/x\r\n2026-11-28 CRITICAL root\x1b[2J\x9b2J\0\u202e\u2066\u2028\x85\ud800\x7f"
FORBIDDEN = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def logger_calls():
    """Each call of a logger in the package: its file and line, the logger's name, the method, the format."""
    for path in sorted(PACKAGE.rglob("*.py")):
        if "logger" not in (source := path.read_text()):
            continue
        tree = ast.parse(source)
        nodes = list(ast.walk(tree))
        names = {
            node.value.args[0].value
            for node in nodes
            if isinstance(node, ast.Assign)
            and isinstance(node.value, ast.Call)
            and isinstance(node.value.func, ast.Name)
            and node.value.func.id == "logger_of"
        }
        formats = {
            target.id: node.value.value
            for node in tree.body
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
            for target in node.targets
        }
        for node in nodes:
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in {"debug", "info", "warning", "error", "exception", "critical", "log"}
                and re.search(r"(^|[._])logger$", ast.unparse(node.func.value))
            ):
                first = node.args[0]
                text = first.value if isinstance(first, ast.Constant) else formats[first.id]
                where = f"{path.relative_to(PACKAGE)}:{node.lineno}"
                yield where, *names, node.func.attr, text


def test_every_logger_of_the_package_is_one_of_these():
    found = {str(path.relative_to(PACKAGE)) for path in PACKAGE.rglob("*.py") if "getLogger" in path.read_text()}
    assert found == {"logs.py", "cli/log.py"}  # the latter configures those that there are


def hostile_arguments(text):
    """Something hostile for every place of a format that takes text; a number for those that take one."""
    named = re.findall(r"%\((\w+)\)[\d.]*(\w)", text)
    if named:
        return ({name: 1 if kind in "dfg" else HOSTILE for name, kind in named},)
    values = [1 if kind in "dfg" else HOSTILE for kind in re.findall(r"%[\d.]*([a-z])", text)]
    return [ValueError(HOSTILE) if index == 1 and value is HOSTILE else value for index, value in enumerate(values)]


def line_of(name, method, text):
    """What is written by a call of a logger with hostile arguments, and with an exception."""
    output = io.StringIO()
    handler = logging.StreamHandler(output)
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    logger = logger_of(name)
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    try:
        try:
            raise ExceptionGroup(HOSTILE, [ValueError(HOSTILE)]) from KeyError(HOSTILE)
        except ExceptionGroup as error:
            error.add_note(HOSTILE)
            getattr(logger, method)(text, *hostile_arguments(text), exc_info=error)
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)
    return output.getvalue()


def test_no_call_of_a_logger_writes_a_line_that_a_client_has_made():
    names, harmful = [], []
    for where, name, method, text in logger_calls():
        names.append(name)
        line = line_of(name, method, text)
        first, *rest = line.removesuffix("\n").split("\n")
        is_ours = first.startswith(tuple(logging.getLevelNamesMapping())) and all(line.startswith("  ") for line in rest)
        if not is_ours or "ExceptionGroup" not in "\n".join(rest) or FORBIDDEN.search(line):
            harmful.append(f"{where} writes {line!r}")
    assert not harmful, "\n".join(harmful)
    assert len(names) >= 14, "calls are found"
    assert set(names) == {"web", "stream", "topics", "server", "access"}


@each_case(
    ("text", "shown"),
    [
        ("/rooms/tea %20 é ☃ 😀 'x' \"y\" \\", "/rooms/tea %20 é ☃ 😀 'x' \"y\" \\"),
        ("a\r\nb\tc\0", r"a\r\nb\tc\x00"),
        ("\x1b[31m\x9b31m", r"\x1b[31m\x9b31m"),
        ("\u202eabc\u2066", r"\u202eabc\u2066"),
        ("\u2028\u2029\x85", r"\u2028\u2029\x85"),
        ("\ud800\U000e0001", r"\ud800\U000e0001"),
    ],
    ids=ascii,
)
def test_what_is_no_text_to_be_read_is_escaped(text, shown):
    assert harmless(text) == shown


# -- what is not in the format ------------------------------------------------------------------------------------------


def written(formatting, *arguments, error=None, **options):
    """What a handler with this format writes."""
    output = io.StringIO()
    handler = logging.StreamHandler(output)
    handler.setFormatter(logging.Formatter(formatting))
    logger = logger_of("stream")
    logger.addHandler(handler)
    try:
        logger.error(*arguments, exc_info=error, **options)
    finally:
        logger.removeHandler(handler)
    return output.getvalue()


@each_case("name", ["path", "route", "client", "label", "any"])
def test_what_a_formatter_takes_from_the_records_attributes_is_harmless(name):
    text = written(f"%({name})s", "ended", extra={name: HOSTILE})
    assert text.count("\n") == 1
    assert not FORBIDDEN.search(text)


class Unspeakable(Exception):
    def __str__(self):
        raise RuntimeError("no text")

    __repr__ = __str__


def test_an_error_without_a_text_ends_nothing():
    assert "Unspeakable" in written("%(message)s", "%s failed", Unspeakable(), error=Unspeakable())


def test_a_note_that_is_no_text_ends_nothing():
    error = ValueError("x")
    error.__notes__ = 5
    assert "ValueError" in written("%(message)s", "failed", error=error)


def test_a_syntax_error_shows_its_line_harmlessly():
    error = SyntaxError("no", ("file\x1b[2J", 1, 1, "a = \x1b[2J\u202e"))
    assert not FORBIDDEN.search(written("%(message)s", "failed", error=error))


def test_very_many_errors_that_led_to_one_another_end_nothing():
    error = ValueError("\x1b[2J")
    for _ in range(300):
        error, before = ValueError("next"), error
        error.__context__ = before
    assert not FORBIDDEN.search(written("%(message)s", "failed", error=error))
    assert len(list(_texts_of(error))) == 301
