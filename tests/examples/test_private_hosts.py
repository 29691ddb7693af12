"""The examples that show something of this machine: a name that leads here from elsewhere gets nothing of them."""

import itertools

import dashboard
import log_tail
import pytest
import trio

from chirp_trio.testing import TestClient

EXAMPLES = {
    "dashboard": (dashboard.app, ["/", "/live", "/static/dashboard.css"]),
    "log": (log_tail.app, ["/", "/live"]),
}
ELSEWHERE = ["rebind.evil.example", "rebind.evil.example:8000", ""]
HERE = ["localhost:8000", "127.0.0.1:8000", "[::1]:8000", "0.0.0.0:8000"]


async def statuses(app, paths, hosts):
    """The status of each path, asked for under each name."""
    async with TestClient(app) as client:
        with trio.fail_after(5):  # a stream that is answered has no end
            return {
                (path, host): (await client.get(path, headers={"host": host})).status_code
                for path, host in itertools.product(paths, hosts)
            }


@pytest.mark.parametrize(("app", "paths"), EXAMPLES.values(), ids=EXAMPLES)
async def test_a_foreign_host_gets_nothing(autojump_clock, app, paths):
    told = await statuses(app, paths, ELSEWHERE)
    assert set(told.values()) == {421}, told


@pytest.mark.parametrize(("app", "paths"), EXAMPLES.values(), ids=EXAMPLES)
async def test_what_the_user_was_told_to_open_is_answered(autojump_clock, app, paths):
    told = await statuses(app, paths[:1], HERE)
    assert set(told.values()) == {200}, told
