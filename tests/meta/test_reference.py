"""The reference is complete and true: every public name, parameter, attribute, option and default stands in it as it is.

A name has a heading (`App`, `App.route`). Below that, up to the next heading, tables have a row for each parameter (with
its default) and for each attribute, named in the first cell.
"""

import dataclasses
import inspect
import re
from pathlib import Path

import click
import trio
from prometheus_client import REGISTRY

import chirp_trio
import chirp_trio.starlette
from chirp_trio import cli
from chirp_trio.wire import ABSENT
from tests.cases import each_case
from tests.public import NOT_CONSTRUCTED, PUBLIC

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"

# What it adds are attributes that Starlette defines.
FOR_STARLETTE = {chirp_trio.starlette.EventStream}


def sections():
    """The text below each heading that is a name, by that name."""
    found = {}
    for page in REFERENCE.glob("*.md"):
        text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
        for name, body in re.findall(r"^#{2,3} `([^`]+)`\n(.*?)(?=^#|\Z)", text, flags=re.MULTILINE | re.DOTALL):
            assert name not in found, f"{name} has two headings"
            found[name] = body
    return found


SECTIONS = sections()


def rows(name, header):
    """The rows of a section's tables that begin with this header: for each name in the first cell, the other cells."""
    found, columns = {}, None
    for line in SECTIONS.get(name, "").splitlines():
        cells = [cell.strip() for cell in line[1:-1].split("|")] if line.startswith("|") else None
        if cells is None:
            columns = None
        elif columns is None:
            columns = cells
        elif columns[0] == header and not cells[0].startswith("---"):
            found[cells[0].strip("`")] = dict(zip(columns, cells, strict=True))
    return found


def attributes(name):
    """All that a section says of attributes: rows of tables, and headings such as `App.route`."""
    listed = set(rows(name, "Attribute")) | {parameter.strip("*") for parameter in rows(name, "Parameter")}
    listed |= {re.sub(r"await |\(\)", "", method) for method in rows(name, "Method")}
    return listed | {other.removeprefix(f"{name}.") for other in SECTIONS if other.startswith(f"{name}.")}


def parameters(function):
    return {
        {parameter.VAR_KEYWORD: "**", parameter.VAR_POSITIONAL: "*"}.get(parameter.kind, "") + parameter.name: parameter
        for parameter in inspect.signature(function).parameters.values()
        if parameter.name not in {"self", "cls"}
    }


def callables():
    """Every public function, and every public class or method that takes parameters, by its heading."""
    for name, value in PUBLIC.items():
        if name in NOT_CONSTRUCTED:
            continue
        if not isinstance(value, type) or not issubclass(value, Exception) or "__init__" in vars(value):
            yield name, value
    for name, attribute in methods():
        if name.partition(".")[0] not in NOT_CONSTRUCTED and parameters(attribute):
            yield name, attribute


def own_attributes(value):
    """What a class of ours adds, by name, without what the language or another library gives it."""
    ours = [kind for kind in value.__mro__ if kind.__module__.startswith("chirp_trio") and kind not in FOR_STARLETTE]
    own = {name: attribute for kind in reversed(ours) for name, attribute in vars(kind).items() if not name.startswith("_")}
    # What is another public class's, such as `Store.journal`, or another library's, is described there.
    others = [kind for kind in value.__mro__[1:] if kind in PUBLIC.values() or kind not in ours]
    described = {name for kind in others for name in dir(kind)}
    return {name: attribute for name, attribute in own.items() if name not in described or name in attributes(value.__name__)}


def methods():
    for name, value in PUBLIC.items():
        if isinstance(value, type) and name != "Ending":
            for attribute_name, attribute in own_attributes(value).items():
                attribute = getattr(attribute, "__func__", attribute)  # of a class method
                if inspect.isfunction(attribute):
                    yield f"{name}.{attribute_name}", attribute


CALLABLES = dict(callables())


def test_every_public_name_has_a_heading():
    assert not PUBLIC.keys() - SECTIONS.keys(), PUBLIC.keys() - SECTIONS.keys()


def is_public(name):
    first, _, rest = name.partition(".")
    return (first in PUBLIC and (not rest or hasattr(PUBLIC[first], rest))) or name.removeprefix("chirp-trio ") in commands()


def test_every_heading_is_a_public_name():
    others = [name for name in SECTIONS if not is_public(name)]
    assert not others, others


def test_the_parameters_are_those_that_there_are():
    wrong = []
    for name, value in CALLABLES.items():
        documented, real = set(rows(name, "Parameter")), set(parameters(value)) - {"_"}
        wrong += [f"{name} has {parameter}, which is not described" for parameter in sorted(real - documented)]
        wrong += [f"{name} has no {parameter}, which is described" for parameter in sorted(documented - real)]
    assert not wrong, "\n".join(wrong)


def default_of(parameter):
    """The default of a parameter as the reference should have it: a text, or a value and its type."""
    if parameter.kind is parameter.VAR_KEYWORD:
        return ""
    if parameter.default is parameter.empty:
        return "required"
    return parameter.default, type(parameter.default)


def described(default):
    """What the reference says of a default, likewise."""
    if default in {"", "required"}:
        return default
    try:
        value = eval(default.strip("`"), {"trio": trio, "REGISTRY": REGISTRY, "none": ABSENT})
    except Exception as error:
        return error
    return value, type(value)


def test_every_default_is_the_real_one():
    wrong = []
    for name, value in CALLABLES.items():
        real = parameters(value)
        for parameter, cells in rows(name, "Parameter").items():
            if parameter in real and described(cells["Default"]) != default_of(real[parameter]):
                wrong.append(f"{name}: {parameter} is described with {cells['Default']}")
    assert not wrong, "\n".join(wrong)


def test_every_parameter_with_a_default_says_its_type_or_unit():
    silent = [
        f"{name}: {parameter}"
        for name in CALLABLES
        for parameter, cells in rows(name, "Parameter").items()
        if cells["Default"] and not cells["Type"] and parameter != "task_status"
    ]
    assert not silent, "\n".join(silent)


def test_every_attribute_is_described():
    missing = []
    for name, value in PUBLIC.items():
        if isinstance(value, type) and name != "Ending":
            fields = {field.name for field in dataclasses.fields(value)} if dataclasses.is_dataclass(value) else set()
            fields = {field for field in fields if not field.startswith("_")}
            told = (value.__doc__ or "").partition("Attributes:")[2].partition("Raises:")[0]
            promised = set(re.findall(r"^\s+(\w+): ", told, flags=re.MULTILINE))
            undescribed = {*own_attributes(value), *fields, *promised} - attributes(name)
            missing += [f"{name}.{attribute}" for attribute in sorted(undescribed)]
    assert not missing, "\n".join(missing)


def made():
    """Objects of most kinds."""
    return [
        chirp_trio.App(),
        chirp_trio.AppConfig(),
        chirp_trio.Comment("x"),
        chirp_trio.Decoder(),
        chirp_trio.EventStream(chirp_trio.Topic("x").subscribe()),
        chirp_trio.Fragment("a"),
        chirp_trio.HTML("x"),
        chirp_trio.HTTPError(404),
        chirp_trio.OOB(chirp_trio.HTML("x")),
        chirp_trio.Page("a", "b"),
        chirp_trio.Redirect("/"),
        chirp_trio.Response(),
        chirp_trio.SSEEvent("x"),
        chirp_trio.ServerConfig(),
        chirp_trio.Stream("a"),
        chirp_trio.Template("a"),
        chirp_trio.Topic("x"),
        chirp_trio.ValidationError("a", "b"),
        chirp_trio.App().streams,
        chirp_trio.Topic("x").subscribe(),
    ]


def shown(thing):
    return {name for name in dir(thing) if not name.startswith("_")}


def test_what_dir_shows_of_an_object_is_what_is_described():
    undescribed = []
    for thing in made():
        of_others = {
            attribute
            for kind in type(thing).__mro__
            if not kind.__module__.startswith("chirp_trio") or kind in FOR_STARLETTE
            for attribute in (*vars(kind), *getattr(kind, "__annotations__", ()))
        }
        name = type(thing).__name__
        undescribed += [f"{name}.{attribute}" for attribute in sorted(shown(thing) - of_others - attributes(name))]
    assert not undescribed, "\n".join(undescribed)


def test_every_ending_is_described():
    documented = rows("Ending", "Member")
    assert {name: row["Value"].strip("`") for name, row in documented.items()} == {
        ending.name: ending.value for ending in chirp_trio.Ending
    }


def test_an_object_shows_what_is_described_and_nothing_else():
    topic = chirp_trio.Topic("news")
    stream = chirp_trio.stream.EventStream(topic.subscribe())
    for thing in (stream, topic.subscribe(), topic, chirp_trio.SSEEvent("x"), chirp_trio.HTML("x")):
        undescribed = shown(thing) - attributes(type(thing).__name__)
        assert not undescribed, f"{type(thing).__name__} shows {undescribed}"


# -- the command line -----------------------------------------------------------------------------------------------------


def commands():
    context = click.Context(cli.command)
    return {name: cli.command.get_command(context, name) for name in cli.command.list_commands(context)}


@each_case("command", commands())
def test_the_options_of_a_command_are_those_that_there_are(command):
    documented = {name: row["Default"].strip("`") for name, row in rows(f"chirp-trio {command}", "Argument").items()}
    expected, context = {}, click.Context(commands()[command])
    for parameter in commands()[command].params:
        name = parameter.opts[0] if isinstance(parameter, click.Option) else parameter.make_metavar(context).strip("[]")
        default = parameter.to_info_dict()["default"]
        expected[name] = "required" if parameter.required else str(default or "")
    assert documented == expected


def test_every_command_is_described():
    assert {f"chirp-trio {command}" for command in commands()} == {
        name for name in SECTIONS if name.startswith("chirp-trio ")
    }


# -- the log --------------------------------------------------------------------------------------------------------------


def test_whatever_is_logged_is_described():
    page = (REFERENCE / "errors.md").read_text()
    messages = set()
    for path in Path(chirp_trio.__file__).parent.rglob("*.py"):
        messages |= set(re.findall(r"""logger\.\w+\(\s*f?["'](.+?)["'],?\s""", path.read_text()))
    assert len(messages) > 8
    for message in messages:
        pieces = [piece.split() for piece in re.split(r"%\w|[:,(]", message)]
        words = next((piece for piece in pieces if len(piece) > 1), max(pieces, key=len))
        assert " ".join(words[:5]) in page, message
