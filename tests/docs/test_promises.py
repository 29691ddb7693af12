"""What the documentation says without showing it."""

import re
from pathlib import Path

from tests.integration.server import chirp_trio

BEHIND_PROXY = """
from functools import partial
from hypercorn.middleware import ProxyFixMiddleware
from chirp_trio import App

app = App(middleware=[partial(ProxyFixMiddleware, mode="legacy", trusted_hops=1)])

@app.route("/")
async def page():
    return "hello"
"""


def test_the_access_log_has_a_line_for_each_request(tmp_path):
    (tmp_path / "app.py").write_text("from chirp_trio import App\napp = App()\n")
    with chirp_trio("app:app", "--access-log", cwd=tmp_path) as server:
        server.get("/somewhere")
        server.stop()
        assert "/somewhere" in server.lines()[-1]


def test_hypercorns_own_middleware_for_proxies_can_be_used(tmp_path):
    (tmp_path / "app.py").write_text(BEHIND_PROXY)
    with chirp_trio("app:app", cwd=tmp_path) as server:
        assert server.get("/") == (200, b"hello")


def test_every_logger_stands_in_the_table_of_loggers():
    root = Path(__file__).parents[2]
    code = "".join(path.read_text() for path in (root / "chirp_trio").rglob("*.py"))
    page = (root / "docs" / "how-to" / "watch-in-production.md").read_text()
    assert set(re.findall(r"^\| `chirp_trio\.(\w+)`", page, re.MULTILINE)) == set(re.findall(r'logger_of\("(\w+)"', code))
