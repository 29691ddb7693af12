"""The documentation is true: its blocks run, to the letter. Those of the guides in docs/how-to run in test_how_to.py."""

import re

import pytest

from tests.docs import runner
from tests.docs.runner import HOW_TO, LANGUAGES, PAGES, ROOT, USED_BY, blocks_of, name_of

PAGE = """# A page

```python
# app.py
from chirp_trio import App

app = App()


@app.route("/")
async def page():
    return "hello"
```

```console
$ chirp-trio run app:app
chirp_trio: serving app:app on http://127.0.0.1:8000 (Ctrl-C stops it)
```

```python
# test_app.py
from app import app
from chirp_trio.testing import TestClient


async def test_it_says_hello():
    async with TestClient(app) as client:
        assert (await client.get("/")).text == "hello"
```
"""


def test_a_readers_folder_holds_what_the_page_shows_and_nothing_else(follow, tmp_path, monkeypatch):
    monkeypatch.setattr(runner, "ROOT", tmp_path)
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    assert sorted(path.name for path in follow(page).rglob("*")) == ["app.py", "test_app.py"]


SERVED = "$ chirp-trio run app:app\nchirp_trio: serving app:app on http://127.0.0.1:8000 (Ctrl-C stops it)\n"
MISTAKES = {  # each with what is told of it
    "a test that fails": ('== "hello"', '== "goodbye"', "goodbye"),
    "a test that warns": (
        "    async with",
        '    __import__("warnings").warn("beware")\n    async with',
        "UserWarning: beware",
    ),
    "a command that prints something else": (SERVED, "$ chirp-trio routes app:app\nPOST /\n", "printed\nGET  /"),
    "a block that nobody runs": ("```console", "```pycon", "nobody runs"),
}


@pytest.mark.parametrize(("right", "wrong", "told"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_on_a_page_is_found(follow, tmp_path, monkeypatch, right, wrong, told):
    monkeypatch.setattr(runner, "ROOT", tmp_path)
    page = tmp_path / "page.md"
    assert right in PAGE
    page.write_text(PAGE.replace(right, wrong))
    with pytest.raises(AssertionError, match=told):
        follow(page)


@pytest.mark.parametrize("page", [page for page in PAGES if page not in HOW_TO], ids=name_of)
def test_the_blocks_of_a_page_do_what_it_says(follow, page):
    follow(page)


def test_a_block_is_of_a_language_that_somebody_runs():
    others = [block.place for page in PAGES for block in blocks_of(page) if block.language not in LANGUAGES]
    assert not others, others


def is_used(block, blocks):
    """Whether a test, a command or another file of its page's blocks, or a test of the documentation, uses a block's file."""
    if block.file == "pyproject.toml" or "test_" in block.file:
        return True
    if block.file in USED_BY:
        return f'"{block.file}"' in (ROOT / USED_BY[block.file]).read_text()
    name = re.compile(rf"\b{re.escape(block.file.removeprefix('templates/').removesuffix('.py'))}\b")
    return any(name.search(other.text) for other in blocks if other.file != block.file)


def test_every_file_on_a_page_is_used_on_that_page():
    unused = []
    for blocks in map(blocks_of, PAGES):
        unused += [f"{block.place}: {block.file}" for block in blocks if block.file and not is_used(block, blocks)]
    assert not unused, "\n".join(unused)
