"""What the documentation has for containers does what it says, run without an engine: the command, the checks, the stop."""

import json
import re
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from tests.docs.runner import ROOT, blocks_of, project
from tests.integration.clients import PATIENCE
from tests.integration.server import Server, wait_until
from tests.integration.test_proxies import free_port, listens

FILES = {block.file: block.text for block in blocks_of(ROOT / "docs" / "how-to" / "run-in-containers.md")}
POD = next(yaml.safe_load_all(FILES["kubernetes.yaml"]))["spec"]["template"]["spec"]
CONTAINER = POD["containers"][0]


@contextmanager
def container(folder):
    """The process of a container, as an engine starts it: the command, without a shell, in the folder of the app."""
    (folder / "app.py").write_text(FILES["app.py"])
    command = json.loads(re.search(r"^CMD (.+)$", FILES["Dockerfile"], re.MULTILINE)[1])
    port = free_port()
    assert command.count("8000") == 1
    command = [str(port) if word == "8000" else word for word in command]
    command[0] = Path(sys.executable).parent / command[0]
    with Server(command, cwd=folder) as server:
        server.address = ("127.0.0.1", port)
        wait_until(lambda: server.process.poll() is not None or listens(server.address))
        yield server


def test_the_image_runs_the_app_and_stops_as_an_engine_stops_it(tmp_path):
    with container(tmp_path) as server:
        assert server.get("/ready")[0] == 204
        server.signal(signal.SIGTERM)
        assert server.wait() == 0


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """A container for all that only ask it."""
    with container(tmp_path_factory.mktemp("container")) as server:
        yield server


def test_the_engines_health_check_finds_it_well(running):
    kind, program, *arguments = yaml.safe_load(FILES["compose.yaml"])["services"]["app"]["healthcheck"]["test"]
    assert (kind, program) == ("CMD", "python")
    arguments = [argument.replace("8000", str(running.address[1])) for argument in arguments]
    subprocess.run([sys.executable, *arguments], check=True, timeout=PATIENCE)


@pytest.mark.parametrize("probe", ["readinessProbe", "livenessProbe"])
def test_kubernetes_asks_for_paths_that_are_answered(running, probe):
    request = CONTAINER[probe]["httpGet"]
    assert request["port"] == CONTAINER["ports"][0]["containerPort"] == 8000
    assert running.get(request["path"])[0] == 204


def test_kubernetes_waits_for_longer_than_a_stop_takes():
    stop = 3 + 10 + 2  # --graceful-timeout, --shutdown-timeout, and what is added to both
    assert POD["terminationGracePeriodSeconds"] > CONTAINER["lifecycle"]["preStop"]["sleep"]["seconds"] + stop


def test_the_image_installs_this_project():
    assert FILES["requirements.txt"].split() == ["#", "requirements.txt", project()["name"]]
    version = re.search(r"FROM python:([\d.]+)-", FILES["Dockerfile"])[1]
    assert project()["requires-python"] == f">={version}"
