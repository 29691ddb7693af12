"""Files of environment variables."""

import pytest

from chirp_trio import ConfigurationError
from chirp_trio.cli.env_file import read_env_file
from tests.cases import each_case

LINES = {
    "NAME=value": "value",
    "NAME = value": "value",
    "export NAME=value": "value",
    "  NAME=value  ": "value",
    "NAME=": "",
    'NAME=""': "",
    "NAME=two words": "two words",
    "NAME=value # why": "value",
    "NAME=a=b": "a=b",
    "NAME=https://example.com/?a=b&c": "https://example.com/?a=b&c",
    'NAME="a # b"': "a # b",
    "NAME='a # b'": "a # b",
    'NAME="a # b" # why': "a # b",
    r'NAME="one\ntwo"': "one\ntwo",
    r'NAME="a \"b\""': 'a "b"',
    r"NAME='one\ntwo'": r"one\ntwo",
    r"NAME=one\ntwo": r"one\ntwo",
    "NAME=$OTHER": "$OTHER",
    "NAME=größe": "größe",
}


@each_case(("line", "value"), LINES.items())
def test_a_line_gives_a_variable_its_value(tmp_path, line, value):
    (tmp_path / ".env").write_text(f"\n# a comment\n{line}\n", "utf-8")

    assert read_env_file(tmp_path / ".env") == {"NAME": value}


def test_the_last_line_of_a_name_is_taken(tmp_path):
    (tmp_path / ".env").write_text("A=1\nB=2\nA=3")

    assert read_env_file(tmp_path / ".env") == {"A": "3", "B": "2"}


@each_case("line", ["NAME", "1A=2", "=x", 'NAME="open', "NAME='open", 'NAME="a" b', "a b=c", "[section]"])
def test_a_line_that_is_something_else_is_told_by_file_and_number(tmp_path, line):
    (tmp_path / ".env").write_text(f"A=1\n{line}\n")

    with pytest.raises(ConfigurationError, match=r"\.env:2: the line must be like NAME=VALUE"):
        read_env_file(tmp_path / ".env")


@pytest.mark.parametrize(("content", "why"), [(None, "No such file or directory"), (b"A=\xff", "it is not UTF-8")])
def test_a_file_that_cannot_be_read_is_told(tmp_path, content, why):
    if content is not None:
        (tmp_path / ".env").write_bytes(content)

    with pytest.raises(ConfigurationError, match=f"--env-file is .*which cannot be read: {why}"):
        read_env_file(tmp_path / ".env")
