"""Health endpoints: alive while the process answers, ready while requests should come."""

import pytest
import trio

from chirp_trio import App, health
from chirp_trio.testing import TestClient


def healthy_app():
    app = App()
    app.mount("/health", health(app))
    return app


@pytest.mark.parametrize(("path", "status"), [("live", "live"), ("ready", "ready")])
async def test_a_running_app_is_alive_and_ready(path, status):
    async with TestClient(healthy_app()) as client:
        response = await client.get(f"/health/{path}")

    assert (response.status_code, response.json()) == (200, {"status": status})
    assert response.headers["cache-control"] == "no-store"


async def test_one_that_is_to_stop_is_alive_and_not_ready(autojump_clock):
    async with TestClient(healthy_app()) as client:
        client.drain()
        await trio.testing.wait_all_tasks_blocked()
        response = await client.get("/health/ready")
        assert (response.status_code, response.json()) == (503, {"status": "not ready"})
        assert (await client.get("/health/live")).status_code == 200


async def test_one_whose_lifespan_is_not_up_is_not_ready():
    app, other = App(), App()
    app.mount("/other", health(other))

    async with TestClient(app) as client:
        assert (await client.get("/other/ready")).status_code == 503
