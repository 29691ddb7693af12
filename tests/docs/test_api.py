"""The pages made from docstrings have every public name, with all that its docstring says, and links that lead somewhere."""

import html
import inspect
import re

import markdown
import pytest
import yaml

import chirp_trio
from tests.docs import api
from tests.docs.declarations import declaration
from tests.meta.test_reference import rows
from tests.meta.test_reference import sections as explained
from tests.public import MODULES, PUBLIC

EXTENSIONS = yaml.safe_load((api.ROOT / "mkdocs.yml").read_text())["markdown_extensions"]
NAMES = [extension if isinstance(extension, str) else next(iter(extension)) for extension in EXTENSIONS]


@pytest.fixture(scope="module")
def pages():
    """The pages, as HTML, by their file's name."""
    return {f"{module.__name__}.md": markdown.markdown(api.page_of(module), extensions=NAMES) for module in MODULES}


@pytest.fixture(scope="module")
def sections(pages):
    """The text of each entry, as it is read, by the entry's anchor."""
    return {
        anchor: html.unescape(re.sub("<[^>]+>", "", text))
        for page in pages.values()
        for anchor, text in re.findall(r'<h[23] id="([^"]+)">(.*?)(?=<h[23]|\Z)', page, flags=re.DOTALL)
    }


def squeezed(text):
    """Its letters and digits."""
    return re.sub(r"[\W_]", "", text)


def test_every_public_name_has_one_entry(pages):
    anchors = [anchor for page in pages.values() for anchor in re.findall(r'<h2 id="(chirp_trio[^"]+)"', page)]
    assert sorted(anchors) == sorted(api.ENTRIES[name].anchor for name in PUBLIC)


def test_every_public_method_and_property_that_says_what_it_does_has_an_entry():
    missing = []
    for name, value in PUBLIC.items():
        for attribute in dir(value) if inspect.isclass(value) else ():
            member = inspect.getattr_static(value, attribute)
            function = getattr(member, "fget", None) or getattr(member, "__func__", member)
            ours = inspect.isfunction(function) and function.__module__.startswith("chirp_trio")
            if ours and not attribute.startswith("_") and function.__doc__:
                kinds = [kind.__name__ for kind in value.__mro__ if kind in PUBLIC.values()]
                if not any(f"{kind}.{attribute}" in api.ENTRIES for kind in kinds):
                    missing.append(f"{name}.{attribute}")
    assert missing == []


def test_every_entry_has_its_docstring_whole(sections):
    for entry in api.ENTRIES.values():
        expected = re.sub(r"^Args:$", "Parameters:", entry.docstring, flags=re.MULTILINE)
        assert squeezed(expected) in squeezed(sections[entry.anchor]), entry.name
        assert entry.name in sections[entry.anchor]
        assert expected or entry.name == "RECORD_VERSION", entry.name  # a number has no docstring


def test_an_anchor_leads_to_one_place(pages):
    for page in pages.values():
        anchors = re.findall(r'\bid="([^"]+)"', page)
        assert sorted(anchors) == sorted(set(anchors))


def test_every_link_within_these_pages_leads_to_an_anchor(pages):
    links = [(name, link) for name, page in pages.items() for link in re.findall(r'<a [^>]*href="([^"]+)"', page)]
    within = [(name, *link.partition("#")[::2]) for name, link in links if not link.startswith("../")]
    assert len(within) > 200
    for name, page, anchor in within:
        assert anchor == "" or f'id="{anchor}"' in pages[page or name], (name, page, anchor)
        assert (page or name) in pages


def test_every_public_name_is_explained_elsewhere_and_links_lead_there_and_back():
    texts = {page: api.with_links(page.read_text()) for page, _ in api.EXPLAINED.values()}
    for name in PUBLIC:
        page, anchor = api.EXPLAINED[name]
        entry = api.ENTRIES[name]
        assert f"](../reference/{page.name}#{anchor})" in api.text_of(entry)
        assert f"](../api/{entry.page}#{entry.anchor})" in texts[page]


def test_every_error_that_a_docstring_names_is_named_where_the_name_is_explained():
    explanations, missing = explained(), []
    for name, text in explanations.items():
        docstring = api.ENTRIES[name].docstring if name in api.ENTRIES else ""
        raised = set(re.findall(r"^    ([\w.]+): ", docstring.partition("Raises:")[2].partition("Example:")[0], re.MULTILINE))
        # An assertion is there to fail, and whatever the app raises has no name. "As `publish_nowait`" is enough.
        others = re.findall(r"[Aa]s [\w`.()]*\[?`([\w.]+)(?:\(\))?`", text)
        owner = name.partition(".")[0]
        text += "".join(explanations.get(each, explanations.get(f"{owner}.{each}", "")) for each in others)
        missing += [(name, error) for error in raised - {"AssertionError", "Exception"} if f"`{error}`" not in text]
    assert missing == []


def test_every_attribute_that_is_explained_is_in_the_docstring_or_has_one_of_its_own():
    missing = []
    for name in PUBLIC:
        told = set(re.findall(r"^    (\w+): ", api.ENTRIES[name].docstring, re.MULTILINE))
        told |= {entry.rpartition(".")[2] for entry in api.ENTRIES if entry.startswith(f"{name}.")}
        missing += [(name, attribute) for attribute in set(rows(name, "Attribute")) - told]
    assert missing == []


def test_a_number_that_a_docstring_calls_the_default_is_the_default():
    compared, wrong = 0, []
    for entry in api.ENTRIES.values():
        for name, parameter in entry.signature.parameters.items() if entry.signature is not None else ():
            text = re.search(rf"^    {name}: .*(?:\n     .*)*", entry.docstring, re.MULTILINE)
            told = re.search(r"\b[Dd]efault:? (\d[\d,.]*\d|\d)( MiB)?", text[0]) if text is not None else None
            if told is not None and parameter.default is not None:  # which stands for what the text says
                number = float(told[1].replace(",", "")) * (1024 * 1024 if told[2] else 1)
                default = parameter.default[0] if isinstance(parameter.default, tuple) else parameter.default  # "1 to 5"
                compared += 1
                wrong += [(entry.name, name, told[0])] if number != default else []
    assert compared > 30
    assert wrong == []


def test_the_index_lists_every_public_name():
    assert set(re.findall(r"^\[`(\w+)`\]", api.contents(), flags=re.MULTILINE)) == set(PUBLIC)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Topic.cursor", "@property\ndef cursor(self) -> str"),
        ("Topic.publish_from_thread", "def publish_from_thread(self, value: object) -> str"),
        ("Topic.presence", "def presence(self) -> AsyncGenerator[Presence]"),
        ("App.running", "@asynccontextmanager\nasync def running(self) -> AsyncGenerator[Mapping[str, Any]]"),
        ("Record.gap", "@classmethod\ndef gap(cls, missed: int | None) -> Self"),
        ("App.__call__", "def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]"),
        ("Topic.publish", "async def publish(self, value: object, *, wait: Subscription | None = None) -> str"),
        ("App.get", "def get[Handler](self, path: str) -> Callable[[Handler], Handler]"),
        ("Subscription", "class Subscription"),
        ("ChirpError", "class ChirpError"),
        ("Comment", "class Comment(text: str)"),
        ("RECORD_VERSION", "RECORD_VERSION = 1"),
    ],
)
def test_a_name_is_declared_as_in_the_code(name, expected):
    assert declaration(api.ENTRIES[name]) == expected


def test_a_long_signature_has_a_line_for_each_parameter():
    lines = declaration(api.ENTRIES["metrics_app"]).splitlines()
    assert lines[0] == "def metrics_app("
    assert "    registry: CollectorRegistry = REGISTRY," in lines  # and not where it is in memory
    assert lines[-1] == ") -> ASGIApp"


def test_an_enumeration_shows_its_values():
    assert '    STALLED = "stalled"'.replace('"', "'") in declaration(api.ENTRIES["Ending"]).splitlines()


def test_no_default_is_shown_as_a_place_in_memory(pages):
    assert [name for name, page in pages.items() if " at 0x" in page] == []


@pytest.mark.parametrize(
    ("name", "link"),
    [
        ("Topic.publish", "[`publish_nowait()`](#chirp_trio.Topic.publish_nowait)"),
        ("Topic", "[`app.topic()`](#chirp_trio.App.topic)"),
        ("Store", "[`chirp_trio.testing.check_store()`](chirp_trio.testing.md#chirp_trio.testing.check_store)"),
        ("StreamCollector", "[`App.streams`](chirp_trio.md#chirp_trio.App.streams)"),
    ],
)
def test_a_name_that_is_mentioned_is_a_link(name, link):
    assert link in api.text_of(api.ENTRIES[name])


def test_an_attribute_is_a_link_by_its_whole_name_only():
    assert "`retry`" in api.ENTRIES["Decoder.feed"].docstring  # an event's, and not the decoder's
    assert "[`retry`]" not in api.text_of(api.ENTRIES["Decoder.feed"])


def test_the_types_in_signatures_are_told():
    page = api.page_of(chirp_trio)
    assert "\ntype HeadersInput = Mapping[str, str] | Iterable[tuple[str, str]]\n" in page
    assert "\ntype Items = " in page  # which `Source` is made of
