"""What a page says around its blocks is true: what they import can be installed, its links lead somewhere, it has a title."""

import re
import sys
from functools import cache
from importlib.metadata import packages_distributions

from tests.docs.runner import PAGES, ROOT, blocks_of

# -- what a reader has to install -----------------------------------------------------------------------------------------

INSTALLED_WITH_US = {"chirp_trio", "trio", "msgspec", "httpx", "pytest"}  # the last two with the extra `testing`


def imported(page):
    """The modules that a page's blocks import and that are neither Python's own nor files of the page."""
    found, own = set(), {block.file.split("/")[0].removesuffix(".py") for block in blocks_of(page) if block.file}
    for block in blocks_of(page):
        if block.language == "python":
            found |= set(re.findall(r"^(?:>>> |\.\.\. )?\s*(?:from|import) (\w+)", block.text, re.MULTILINE))
            found |= {"chirp_trio.metrics"} & set(re.findall(r"chirp_trio\.\w+", block.text))
    return found - own - set(sys.stdlib_module_names) - INSTALLED_WITH_US


def test_a_page_says_how_to_install_what_it_imports():
    silent = []
    distributions = packages_distributions()
    for page in PAGES:
        commands = " ".join(re.findall(r"pip install ([^`\n]+)", page.read_text())).lower()
        named = set(re.findall(r"[\w-]+", commands.replace("_", "-")))
        for module in imported(page):
            names = (
                {"metrics"}
                if module == "chirp_trio.metrics"
                else {name.lower() for name in distributions.get(module, [module])}
            )
            if not any(name == said or name.startswith(f"{said}-") for name in names for said in named):
                silent.append(f"{page} imports {module}, of {' or '.join(names)}, and no `pip install` on it names that")
    assert not silent, "\n".join(silent)


# -- links --------------------------------------------------------------------------------------------------------------


@cache
def prose(page):
    """The page without its code blocks."""
    return re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)


@cache
def anchors(page):
    """What the headings of a page can be linked as: lower case, no punctuation, hyphens for spaces."""
    headings = re.findall(r"^#+ (.+)$", prose(page), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links(page):
    return re.findall(r"\]\(([^)\s]+)\)", prose(page))


def test_every_link_leads_somewhere():
    broken = []
    for page in PAGES:
        for link in dict.fromkeys(links(page)):
            if "://" not in link:
                path, _, anchor = link.partition("#")
                target = (page.parent / path).resolve() if path else page
                if not target.exists() or (anchor and anchor not in anchors(target)):
                    broken.append(f"{page} links {link}")
    assert not broken, "\n".join(broken)


def test_every_page_can_be_reached_from_the_readme():
    reached, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page not in reached and page.suffix == ".md":
            reached.add(page)
            waiting += [
                (page.parent / link.partition("#")[0]).resolve()
                for link in links(page)
                if "://" not in link and link[0] != "#"
            ]
    assert set(PAGES) - reached == set()


def test_every_page_begins_with_its_title_and_has_no_other():
    wrong = []
    for page in PAGES:
        titles = re.findall(r"^# .+$", prose(page), flags=re.MULTILINE)
        if len(titles) != 1 or not page.read_text().startswith(titles[0]):
            wrong.append(f"{page} has {titles}")
    assert not wrong, "\n".join(wrong)
