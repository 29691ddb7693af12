"""The examples that show something of this machine: a name that leads here from elsewhere gets nothing of them."""

import dashboard
import log_tail
import pytest

from chirp_trio.testing import TestClient

PATHS = [(dashboard.app, path) for path in ("/", "/live", "/static/dashboard.css")]
PATHS += [(log_tail.app, path) for path in ("/", "/live")]
NAMES = ["dashboard page", "dashboard stream", "dashboard file", "log page", "log stream"]


@pytest.mark.parametrize(("app", "path"), PATHS, ids=NAMES)
@pytest.mark.parametrize("host", ["rebind.evil.example", "rebind.evil.example:8000", ""])
async def test_a_foreign_host_gets_nothing(autojump_clock, app, path, host):
    async with TestClient(app) as client:
        assert (await client.get(path, headers={"host": host})).status_code == 421


@pytest.mark.parametrize("app", [dashboard.app, log_tail.app], ids=["dashboard", "log"])
@pytest.mark.parametrize("host", ["localhost:8000", "127.0.0.1:8000", "[::1]:8000", "0.0.0.0:8000"])
async def test_what_the_user_was_told_to_open_is_answered(autojump_clock, app, host):
    async with TestClient(app) as client:
        assert (await client.get("/", headers={"host": host})).status_code == 200
