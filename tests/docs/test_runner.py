"""A page is followed to the letter: in a folder that holds what it shows, and nothing else."""

from contextlib import closing

from tests.docs import runner
from tests.docs.runner import Reader, blocks_of

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


def test_a_readers_folder_holds_what_the_page_shows_and_nothing_else(tmp_path, monkeypatch):
    monkeypatch.setattr(runner, "ROOT", tmp_path)
    page, folder = tmp_path / "page.md", tmp_path / "folder"
    page.write_text(PAGE)
    folder.mkdir()
    with closing(Reader(folder)) as reader:
        for block in blocks_of(page):
            reader.follow(block)
        reader.finish(page)

        assert not reader.untested
    assert sorted(path.name for path in folder.rglob("*")) == ["app.py", "test_app.py"]
