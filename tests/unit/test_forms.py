"""How `chirp-trio tail` shows events: for programs, for pipes, for terminals."""

import io
import json
import unicodedata

import pytest

from chirp_trio import Comment, SSEEvent
from chirp_trio.cli.forms import as_json_line, as_text, choose_form, neutral
from chirp_trio.wire import unchecked_event
from tests.cases import each_case

HOSTILE = "\x1b[2J\x1b]0;title\x07\x9b31m\x7f\b\r\v\0 \u202etxt\u2066\u2028"
EVENT = unchecked_event(f"one {HOSTILE}\ntwo [bold]three[/bold] :smile:", f"e{HOSTILE}", f"7{HOSTILE}", 5)


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "COLORTERM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    return monkeypatch


def test_a_line_of_json_has_always_the_same_keys():
    assert json.loads(as_json_line(SSEEvent("x"))) == {"event": "message", "id": None, "data": "x", "retry": None}
    assert json.loads(as_json_line(SSEEvent("x", "", "", 0))) == {"event": "message", "id": "", "data": "x", "retry": 0}
    assert json.loads(as_json_line(Comment("x"))) == {"comment": "x"}


def test_a_line_of_json_is_one_line_of_printable_ascii_whatever_is_in_it():
    everything = "".join(map(chr, [*range(0xD800), *range(0xE000, 0x3000)])) + HOSTILE + "é😀"
    for item in (unchecked_event(everything, everything, everything, None), Comment(everything)):
        line = as_json_line(item)
        assert line.isascii()
        assert line.isprintable()
        assert everything in json.loads(line).values()


@each_case(
    ("item", "text"),
    [
        (SSEEvent("x"), "message: x"),
        (SSEEvent(""), "message: "),
        (SSEEvent("x", event="tick"), "tick: x"),
        (SSEEvent("x", event=""), "message: x"),
        (SSEEvent("x", id="7"), "message #7: x"),
        (SSEEvent("x", id=""), "message #: x"),
        (SSEEvent("a\nb\n\nc"), "message: a\n  b\n  \n  c"),
        (Comment("heartbeat"), ": heartbeat"),
    ],
    ids=repr,
)
def test_text(item, text):
    assert as_text(item) == text


def test_a_pipe_gets_text_that_commands_nothing():
    form = choose_form(io.StringIO(), as_json=False)
    assert form(EVENT) == neutral(as_text(EVENT))


@each_case("kind", [io.StringIO, Terminal])
def test_what_is_to_be_raw_is_as_it_came(kind):
    form = choose_form(kind(), as_json=False, raw=True)
    assert form(EVENT) == f"e{HOSTILE} #7{HOSTILE}: one {HOSTILE}\n  two [bold]three[/bold] :smile:"


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb"), ("TERM", "unknown")])
def test_a_terminal_without_colours_gets_text_that_commands_nothing(environment, name, value):
    environment.setenv(name, value)
    form = choose_form(Terminal(), as_json=False)

    assert form(EVENT) == neutral(as_text(EVENT))
    assert set(form(EVENT)) <= {"\n", *map(chr, range(0x20, 0x7F))}


def test_an_empty_no_color_says_nothing(environment):
    environment.setenv("NO_COLOR", "")
    assert "\x1b[" in choose_form(Terminal(), as_json=False)(SSEEvent("x"))


def test_colours_are_wanted_where_somebody_says_so(environment):
    environment.setenv("FORCE_COLOR", "1")
    assert "\x1b[" in choose_form(io.StringIO(), as_json=False)(SSEEvent("x"))


def without_colours(text):
    """The text without what rich adds: the selection of a graphic rendition, and nothing else."""
    import re

    return re.sub(r"\x1b\[[0-9;]*m", "", text)


@each_case(
    "item",
    [EVENT, Comment(HOSTILE), SSEEvent('{"a": [1, true, null, "\x1b[2J"]}'), SSEEvent("{" + "x" * 20_000), SSEEvent("[red]")],
    ids=["hostile", "a hostile comment", "JSON", "much", "markup"],
)
def test_a_terminal_with_colours_gets_the_same_text_and_no_other_command(item):
    shown = choose_form(Terminal(), as_json=False)(item)

    assert "\x1b[" in shown
    assert without_colours(shown) == neutral(as_text(item))


def test_json_is_coloured():
    form = choose_form(Terminal(), as_json=False)
    assert form(SSEEvent('{"a": 1}')).count("\x1b[") > form(SSEEvent("a: 1")).count("\x1b[")


def test_lines_are_not_broken_at_the_width_of_the_terminal():
    assert "\n" not in choose_form(Terminal(), as_json=False)(SSEEvent("word " * 1000))


def test_nothing_that_is_left_as_it_is_controls_anything():
    # All characters of Unicode's first plane, which has every one that could do so, and one that is beyond it.
    text = "".join(map(chr, [*range(0xD800), *range(0xE000, 0x10000)])) + "😀"
    shown = neutral(text)

    assert {character for character in shown if unicodedata.category(character) in {"Cc", "Zl", "Zp"}} == {"\t", "\n"}
    directions = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
    assert not any(unicodedata.bidirectional(character) in directions for character in shown)
    for character in "é☃😀\u200d\\":
        assert character in shown
