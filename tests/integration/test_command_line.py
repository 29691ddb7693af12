"""`chirp-trio run` as a user has it: found, configured by the environment, in development, with a log for machines."""

import json
import os
import sys
from tempfile import TemporaryFile

import pytest

from tests import forking
from tests.integration.clients import PATIENCE
from tests.integration.server import SCRIPTS, Server, announced

COMMAND = SCRIPTS / "chirp-trio"
APP = """
from chirp_trio import App
app = App()

@app.get("/")
async def index():
    return "<h1>It runs</h1>"

@app.get("/fail")
async def fail():
    raise LookupError("kaputt")

def create_app():
    return app
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "main.py").write_text(APP)
    return tmp_path


def run(folder, *options):
    return Server([COMMAND, "run", "--port", "0", *options], cwd=folder)


def serves(server, name):
    """Wait until it says that it serves this."""
    server.address = announced(server)
    assert f"serving {name} on " in server.lines()[0]


def test_an_app_is_found_without_being_named(folder):
    with run(folder) as server:
        serves(server, "main.py:app")
        assert server.get("/")[0] == 200
        assert server.stop() == 0


def test_a_factory_makes_the_app(folder):
    with run(folder, "--factory", "main:create_app") as server:
        serves(server, "main:create_app")
        assert server.get("/")[0] == 200


def test_in_development_each_request_is_a_line(folder):
    with run(folder, "--debug") as server:
        serves(server, "main.py:app")
        server.get("/")
        server.wait_for_line(r'\d INFO chirp_trio\.access: 127\.0\.0\.1 "GET / HTTP/1\.1" 200 ')
        _, body = server.get("/fail")
        assert b"LookupError: kaputt" in body
        server.wait_for_line(r"\d ERROR chirp_trio\.web: GET /fail failed \(reference REFERENCE\)")


def test_otherwise_none_is(folder):
    with run(folder) as server:
        serves(server, "main.py:app")
        server.get("/")
        _, body = server.get("/fail")
        assert b"kaputt" not in body
        server.wait_for_line(r"\d ERROR chirp_trio\.web: GET /fail failed")
        assert not [line for line in server.lines() if "chirp_trio.access" in line]


def test_each_line_may_be_json(folder):
    with run(folder, "--log-format", "json", "--access-log") as server:
        serves(server, "main.py:app")
        server.get("/fail")
        server.wait_for_line("chirp_trio.access")
        failure, access = (json.loads(line) for line in server.lines()[1:])
        assert (failure["level"], failure["logger"]) == ("ERROR", "chirp_trio.web")
        assert failure["exception"].endswith("LookupError: kaputt")
        assert (access["method"], access["path"], access["status"], access["end"]) == ("GET", "/fail", 500, "complete")


def test_variables_of_a_file_reach_the_options_and_the_app(folder):
    (folder / ".env").write_text("CHIRP_TRIO_APP=named:app\nGREETING='hello there'")
    (folder / "named.py").write_text(
        "import os\nfrom chirp_trio import App\napp = App()\n@app.get('/')\ndef index(): return os.environ['GREETING']"
    )
    with run(folder, "--env-file", ".env") as server:
        serves(server, "named:app")
        assert server.get("/")[1] == b"hello there"


def test_an_app_that_fails_to_import_is_told_in_one_line(folder):
    (folder / "main.py").write_text("def connect():\n    raise RuntimeError('no DATABASE_URL')\nconnect()")
    with run(folder) as server:
        assert server.wait() == 2
        assert server.lines() == [
            (
                "chirp-trio: main.py:app cannot be imported: RuntimeError: no DATABASE_URL "
                "(main.py:2: raise RuntimeError('no DATABASE_URL'))"
            )
        ]


def test_a_port_that_is_taken_is_told_with_another_one(folder):
    with run(folder) as first:
        _, port = announced(first)
        with Server([COMMAND, "run", "--port", str(port)], cwd=folder) as second:
            assert second.wait() == 2
            assert second.lines()[-1].endswith(f"Address already in use; another port is --port {port + 1}")


def printed(folder, origin, *command):
    """What a command says that succeeds."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    with TemporaryFile("w+") as output:
        process = origin.start(command, cwd=folder, env=environment, output=output.fileno())
        code = process.wait(PATIENCE)
        output.seek(0)
        text = output.read()
    assert code == 0, text
    return text


def test_a_new_app_passes_its_tests_and_runs(tmp_path):
    assert "cd cheers" in printed(tmp_path, forking.servers, COMMAND, "new", "cheers")
    folder = tmp_path / "cheers"
    options = ["-q", "--assert=plain", "-pno:cacheprovider", "-pno:faker", "-pno:valkey"]
    assert "4 passed" in printed(folder, forking.users, sys.executable, "-m", "pytest", *options)
    assert printed(folder, forking.servers, COMMAND, "check") == "no findings\n"
    with run(folder, "--debug") as server:
        serves(server, "app.py:app")
        for path in ("/", "/ready", "/static/htmx-2.0.11.min.js"):
            assert server.get(path)[0] == 200
