"""Clients that others wrote get each event of a stream, and nothing else: real packages, over real sockets.

One process serves, one runs all clients of Python, one all clients of npm; the tests only look at what these have printed.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests import npm
from tests.clients.app import TEXTS
from tests.integration.server import chirp_trio

HERE = Path(__file__).parent
NODE = HERE / "node"
PATIENCE = 120  # seconds; machines that run tests are slow and busy

KINDS = ["plain", "ids", "topic", "merged"]

PYTHON_CLIENTS = ["httpx-sse", "sseclient-py", "requests", "openai (Python)", "anthropic", "mcp", "aiohttp-sse-client"]
EVENT_SOURCES = ["eventsource", "undici, EventSource", "launchdarkly-eventsource", "event-source-polyfill"]
NODE_CLIENTS = [
    *EVENT_SOURCES, "fetch-event-source, GET", "fetch-event-source, POST", "fetch and eventsource-parser", "openai (Node)",
]  # fmt: skip


@pytest.fixture(scope="module")
def server():
    with chirp_trio("app.py:app", cwd=HERE) as server:
        yield server
        assert server.stop() == 0
        assert server.unexpected_tracebacks() == 0


@pytest.fixture(scope="module")
def started(server):
    """The processes of the clients, by what runs them; None where there is no node."""
    url = "http://{}:{}".format(*server.address)
    environment = {**os.environ, "NO_PROXY": "*", "no_proxy": "*"}
    commands = {"python": [sys.executable, "python_clients.py", url], "node": node(url)}
    processes = {
        name: command and subprocess.Popen(command, cwd=HERE, env=environment, stdout=subprocess.PIPE, text=True)
        for name, command in commands.items()
    }
    yield processes
    for process in filter(None, processes.values()):
        process.kill()
        process.communicate()


def node(url):
    """The command that runs the clients of npm, which are there then. None without node, which in CI is a failure."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        assert not os.environ.get("CI"), "there is no node, or no npm: install them to run the tests of clients of npm"
        return None
    npm.install(NODE)
    return ["node", "node/clients.mjs", url]


def printed(process):
    output, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    return json.loads(output)


@pytest.fixture(scope="module")
def of_python(started):
    return printed(started["python"])


@pytest.fixture(scope="module")
def of_node(started):
    if started["node"] is None:
        pytest.skip("there is no node, or no npm: install them to run the tests of clients of npm")
    return printed(started["node"])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("client", PYTHON_CLIENTS)
def test_a_client_of_python_gets_the_events_and_nothing_else(of_python, client, kind):
    assert of_python[f"{client}, {kind}"] == list(TEXTS)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("client", NODE_CLIENTS)
def test_a_client_of_npm_gets_the_events_and_nothing_else(of_node, client, kind):
    assert of_node[f"{client}, {kind}"] == list(TEXTS)


@pytest.mark.parametrize("client", EVENT_SOURCES)
def test_a_client_that_comes_back_is_known_by_its_last_event_wherever_it_says_so(of_node, server, client):
    assert of_node[f"{client}, resume"] == list(TEXTS)
    places = json.loads(server.get("/visits")[1])[client]
    suffix = " ✅" if client == "event-source-polyfill" else ""
    assert places == [None, *[f"{number}{suffix}" for number in range(1, len(TEXTS))]]


def test_no_client_is_left_out(of_python, of_node):
    """Of those that the two programs know."""
    assert set(of_python) == {f"{client}, {kind}" for client in PYTHON_CLIENTS for kind in KINDS}
    resumed = {f"{client}, resume" for client in EVENT_SOURCES}
    assert set(of_node) == {f"{client}, {kind}" for client in NODE_CLIENTS for kind in KINDS} | resumed
