"""`make demo-cluster`: what is published through one process arrives at clients of the others, and nothing stays of it."""

import http.client
import os
import re
import signal
import socket
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlencode

import pytest
import yaml

from tests import forking
from tests.redis_servers import require

ROOT = Path(__file__).parents[2]
CLUSTER = ROOT / "examples" / "cluster"
PATIENCE = 120

pytestmark = pytest.mark.timeout(3 * PATIENCE)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


@contextmanager
def cluster(port):
    """The demo; gives the ports of its processes."""
    command = [sys.executable, str(CLUSTER / "cluster.py"), "--port", str(port), "--processes", "2"]
    reader, writer = os.pipe()
    with os.fdopen(reader) as output:
        try:
            demo = forking.servers.start(command, cwd=Path.cwd(), env=os.environ, output=writer, errors=2)
        finally:
            os.close(writer)
        try:
            ports = []
            for line in output:
                ports += [int(found) for found in re.findall(r"^process \d+: http://127.0.0.1:(\d+)", line)]
                if "Ctrl-C stops all" in line and "processes" in line:
                    break
            yield ports
            demo.send_signal(signal.SIGTERM)
            assert demo.wait(PATIENCE) == 0
        finally:
            demo.kill()


@pytest.fixture
def connections():
    """What is closed at the end."""
    with ExitStack() as stack:
        yield stack


def ask(connections, port, method, path, body=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    connections.callback(connection.close)
    headers = {"content-type": "application/x-www-form-urlencoded"} if body else {}
    connection.request(method, path, body, headers)
    response = connection.getresponse()
    connections.callback(response.close)
    return response


def until(response, text):
    """Read a stream until there is that in it."""
    while text not in (line := response.readline().decode()):
        assert line, f"it ended without {text!r}"


def is_free(port):
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) != 0


def test_what_is_published_in_one_process_arrives_at_a_client_of_another_and_all_of_it_ends(connections):
    require("redis")
    front = free_port()
    with cluster(front) as (one, other):
        stream = ask(connections, one, "GET", "/messages?name=ada")
        people = ask(connections, front, "GET", "/people")
        through_nginx = ask(connections, front, "GET", "/messages?name=bob")
        until(people, "ada")
        ask(connections, other, "POST", "/messages", urlencode({"name": "eve", "text": "hello there"})).read()
        until(stream, "hello there")
        until(through_nginx, "hello there")
        assert b"One room" in ask(connections, front, "GET", "/").read()
        assert ask(connections, front, "GET", "/health/ready").status == 200
    assert all(map(is_free, (one, other, front)))


def test_the_file_for_compose_has_what_the_demo_has():
    services = yaml.safe_load((CLUSTER / "compose.yaml").read_text())["services"]
    assert set(services) == {"redis", "app", "proxy"}
    assert services["app"]["deploy"]["replicas"] == 3
    assert (CLUSTER / services["app"]["build"]["context"]).resolve() == ROOT
    assert (ROOT / services["app"]["build"]["dockerfile"]).exists()
    assert (CLUSTER / services["proxy"]["volumes"][0].partition(":")[0]).exists()
    assert "shared_room.py:app" in (CLUSTER / "Dockerfile").read_text()
    assert "REDIS_URL" in services["app"]["environment"]
