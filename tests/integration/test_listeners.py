"""Where the server listens: TCP, Unix sockets, sockets that it inherits, several at once; and what cannot be listened on."""

import configparser
import http.client
import re
import shlex
import signal
import socket
import ssl
import subprocess
from contextlib import contextmanager
from pathlib import Path

import pytest
import trio

from chirp_trio import App, Request, ServerConfig, serve
from tests.docs.runner import ROOT, blocks_of, require
from tests.integration.clients import PATIENCE
from tests.integration.server import APPS, SCRIPTS, Server


@contextmanager
def connected(url):
    """A connection to what the start-up line calls so."""
    place = url.removeprefix("http://")
    if place.startswith("unix:"):
        client = socket.socket(socket.AF_UNIX)
        address = place.removeprefix("unix:")
    else:
        host, _, port = place.rpartition(":")
        client = socket.socket(socket.AF_INET6 if "[" in host else socket.AF_INET)
        address = (host.strip("[]"), int(port))
    connection = http.client.HTTPConnection("localhost")
    with client:
        client.settimeout(PATIENCE)
        client.connect(address)
        connection.sock = client
        yield connection


def status_of(url):
    with connected(url) as connection:
        connection.request("GET", "/report", headers={"connection": "close"})
        with connection.getresponse() as response:
            return response.status


@contextmanager
def running(*arguments, cwd=APPS, inherited=()):
    """`chirp-trio run` with these options, and the URLs that it announces."""
    with Server([SCRIPTS / "chirp-trio", "run", *arguments, "endings:app"], cwd=cwd, inherited=inherited) as server:
        line = server.wait_for_line(r"^chirp_trio: serving endings:app on (.+) \(Ctrl-C stops it\)$")
        yield server, line[1].split(", ")


def refusal(*arguments, inherited=()):
    """What a server says that cannot start with these options."""
    with Server([SCRIPTS / "chirp-trio", "run", *arguments, "endings:app"], inherited=inherited) as server:
        assert server.wait() == 2
        (line,) = server.lines()
        return line


@pytest.fixture
def file(tmp_path):
    return tmp_path / "app.sock"


# -- several ------------------------------------------------------------------------------------------------------------


def test_every_address_is_listened_on_and_announced(file):
    with running("--bind", "127.0.0.1:0", "--bind", f"unix:{file}", "--bind", "localhost:0") as (server, urls):
        assert len(urls) == 3
        assert urls[1] == f"http://unix:{file}"
        assert [status_of(url) for url in urls] == [200, 200, 200]

        assert server.stop() == 0
        for url in urls:
            with pytest.raises((ConnectionRefusedError, FileNotFoundError)):
                status_of(url)


def has_ipv6():
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


def test_ipv6_can_be_listened_on():
    if not has_ipv6():
        pytest.skip("this machine has no IPv6")
    with running("--bind", "[::1]:0") as (_, (url,)):
        assert url.startswith("http://[::1]:")
        assert status_of(url) == 200


def test_localhost_is_listened_on_at_each_of_its_addresses():
    families = {family for family, *_ in socket.getaddrinfo("localhost", 0, type=socket.SOCK_STREAM)}
    if families != {socket.AF_INET, socket.AF_INET6} or not has_ipv6():
        pytest.skip("localhost has not both addresses on this machine")
    with running("--host", "localhost", "--port", "0") as (server, urls):
        assert sorted(url.rpartition(":")[0] for url in urls) == ["http://127.0.0.1", "http://[::1]"]
        assert len({url.rpartition(":")[2] for url in urls}) == 1
        assert [status_of(url) for url in urls] == [200, 200]
        assert server.stop() == 0


async def test_a_name_is_listened_on_at_each_of_its_addresses(monkeypatch, nursery):
    if not has_ipv6():
        pytest.skip("this machine has no IPv6")
    found = [(socket.AF_INET, ("127.0.0.1", 0)), (socket.AF_INET6, ("::1", 0, 0, 0)), (socket.AF_INET, ("127.0.0.1", 0))]
    answer = [(family, socket.SOCK_STREAM, 6, "", name) for family, name in found]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answer)

    urls = await nursery.start(serve, App(), ServerConfig(host="localhost", port=0))

    assert [url.rpartition(":")[0] for url in urls] == ["http://127.0.0.1", "http://[::1]"]
    assert len({url.rpartition(":")[2] for url in urls}) == 1
    assert [await trio.to_thread.run_sync(status_of, url) for url in urls] == [404, 404]
    nursery.cancel_scope.cancel()


def test_where_one_address_cannot_be_listened_on_the_others_are_not_either(file):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = "127.0.0.1:{}".format(*taken.getsockname()[1:])
        line = refusal("--bind", f"unix:{file}", "--bind", address)

    assert line == f"chirp-trio: cannot listen on {address}: Address already in use"
    assert not file.exists()


async def test_serve_leaves_no_socket_open_where_it_cannot_listen(file, tmp_path):
    (tmp_path / "file").touch()
    settings = ServerConfig(bind=["127.0.0.1:0", f"unix:{file}", f"unix:{tmp_path / 'file'}"])

    with pytest.raises(OSError, match="file: there is a file of that name that is no socket"):
        await serve(App(), settings)  # a socket that is left to the garbage collector is a warning, and so an error

    assert not file.exists()


# -- Unix sockets -------------------------------------------------------------------------------------------------------


def test_a_stream_over_a_unix_socket_ends_as_it_should(file):
    with running("--bind", f"unix:{file}") as (server, (url,)), connected(url) as connection:
        connection.request("GET", "/quiet/function")
        with connection.getresponse() as response:
            assert response.readline() == b"data: first\n"
            server.signal(signal.SIGTERM)
            assert re.fullmatch(rb"\nretry: \d+\n", response.read())  # and no IncompleteRead
        assert server.wait() == 0


def test_a_client_that_leaves_a_unix_socket_ends_its_source(file):
    with running("--bind", f"unix:{file}") as (server, (url,)):
        with connected(url) as connection:
            connection.request("GET", "/quiet/function")
            with connection.getresponse() as response:
                response.readline()
        server.wait_for_line("/quiet/function: ended, disconnected")


def test_the_file_of_a_server_that_was_killed_is_replaced(file):
    with running("--bind", f"unix:{file}") as (server, _):
        server.signal(signal.SIGKILL)
        server.wait()
    assert file.is_socket()

    with running("--bind", f"unix:{file}") as (_, (url,)):
        assert status_of(url) == 200


def test_the_file_of_a_server_that_lives_is_left_to_it(file):
    with running("--bind", f"unix:{file}") as (_, (url,)):
        assert refusal("--bind", f"unix:{file}") == f"chirp-trio: cannot listen on unix:{file}: Address already in use"
        assert status_of(url) == 200


def test_a_server_that_lives_and_is_too_busy_to_accept_is_one_that_lives(file):
    with socket.socket(socket.AF_UNIX) as busy, socket.socket(socket.AF_UNIX) as waiting:
        busy.bind(str(file))
        busy.listen(0)
        waiting.connect(str(file))

        assert refusal("--bind", f"unix:{file}") == f"chirp-trio: cannot listen on unix:{file}: Address already in use"


def test_a_file_that_is_no_socket_is_left_alone(file):
    file.write_text("precious")

    line = refusal("--bind", f"unix:{file}")

    assert line == f"chirp-trio: cannot listen on unix:{file}: there is a file of that name that is no socket"
    assert file.read_text() == "precious"


def test_a_file_that_another_server_has_put_there_meanwhile_stays(file):
    with running("--bind", f"unix:{file}") as (server, _):
        file.unlink()
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(str(file))
            assert server.stop() == 0
            assert file.is_socket()


def test_a_file_that_is_gone_already_is_no_error(file):
    with running("--bind", f"unix:{file}") as (server, _):
        file.unlink()
        assert server.stop() == 0
        assert server.unexpected_tracebacks() == 0


# -- inherited sockets --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_UNIX], ids=["TCP", "Unix"])
def test_an_inherited_socket_is_served(file, family):
    with socket.socket(family) as listener:
        listener.bind(("127.0.0.1", 0) if family == socket.AF_INET else str(file))
        listener.listen()
        with running("--bind", f"fd://{listener.fileno()}", inherited=[listener.fileno()]) as (server, (url,)):
            assert status_of(url) == 200
            assert server.stop() == 0

        # Whoever has made it keeps it, and the next server goes on with those who have come meanwhile.
        assert file.exists() == (family == socket.AF_UNIX)
        with connected(url) as waiting:
            waiting.request("GET", "/report")
            with (
                running("--bind", f"fd://{listener.fileno()}", inherited=[listener.fileno()]),
                waiting.getresponse() as answer,
            ):
                assert answer.status == 200


def test_what_is_no_listening_socket_is_refused(tmp_path):
    with socket.socket() as mute, (tmp_path / "file").open("w") as file:
        for number, why in (
            (mute.fileno(), "it is no listening socket"),
            (file.fileno(), "Socket operation on non-socket"),
            (999, "Bad file descriptor"),
        ):
            inherited = [number] if number != 999 else []
            line = refusal("--bind", f"fd://{number}", inherited=inherited)
            assert line == f"chirp-trio: cannot listen on fd://{number}: {why}"


def test_a_restarting_server_cannot_have_an_inherited_socket():
    assert "--reload" in refusal("--bind", "fd://3", "--reload")


# -- one port for several -----------------------------------------------------------------------------------------------


@pytest.mark.skipif(not hasattr(socket, "SO_REUSEPORT"), reason="the system has no SO_REUSEPORT")
def test_two_servers_share_a_port_if_both_say_so():
    with running("--reuse-port", "--bind", "127.0.0.1:0") as (first, (url,)):
        address = url.removeprefix("http://")
        assert refusal("--bind", address) == f"chirp-trio: cannot listen on {address}: Address already in use"
        with running("--reuse-port", "--bind", address) as (_, urls):
            assert urls == [url]
            assert first.stop() == 0
            assert [status_of(url) for _ in range(5)] == [200] * 5


# -- HTTP/2 over TLS ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "protocol"), [([], "h2"), (["--no-http2"], "http/1.1")], ids=["as it is", "switched off"]
)
def test_http2_is_offered_unless_it_is_switched_off(tmp_path, options, protocol):
    require("openssl")
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=localhost"
    subprocess.run(
        [*command.split(), "-keyout", "key.pem", "-out", "cert.pem"], cwd=tmp_path, check=True, capture_output=True
    )
    files = ["--certfile", tmp_path / "cert.pem", "--keyfile", tmp_path / "key.pem"]
    client = ssl.create_default_context(cafile=tmp_path / "cert.pem")
    client.check_hostname = False
    client.set_alpn_protocols(["h2", "http/1.1"])
    with running("--bind", "127.0.0.1:0", *files, *options) as (_, (url,)):
        host, port = url.removeprefix("https://").split(":")
        with socket.create_connection((host, int(port)), PATIENCE) as plain, client.wrap_socket(plain) as connection:
            assert connection.selected_alpn_protocol() == protocol


# -- mistakes, and who the client is -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--bind", "8000"], "bind has '8000'; it must be like '127.0.0.1:8000'"),
        (["--bind", "fd://3", "--port", "80"], "host and port are '127.0.0.1:80'; give the one or the other"),
        (["--trusted-proxy", "proxy"], "trusted_proxies has 'proxy'; it must be an address"),
        (["--write-timeout", "0"], "write_timeout is 0.0; it must be a number of seconds, one or more"),
        (
            ["--certfile", "endings.py", "--keyfile", "endings.py"],
            "certfile is 'endings.py' and keyfile is 'endings.py'; they must be ",
        ),
    ],
)
def test_a_mistake_is_told_in_one_sentence(arguments, sentence):
    assert sentence in refusal(*arguments)


@pytest.mark.parametrize(("trusted", "client"), [((), b"127.0.0.1"), ("127.0.0.0/8", b"192.0.2.7")])
async def test_a_trusted_proxy_says_who_the_client_is(nursery, trusted, client):
    app = App()

    @app.route("/")
    async def who(request: Request):
        return request.client[0]

    def ask():
        with connected(url) as connection:
            connection.request("GET", "/", headers={"x-forwarded-for": "192.0.2.7", "connection": "close"})
            with connection.getresponse() as response:
                return response.read()

    (url,) = await nursery.start(serve, app, ServerConfig(port=0, trusted_proxies=trusted))
    assert await trio.to_thread.run_sync(ask) == client
    nursery.cancel_scope.cancel()


# -- systemd ------------------------------------------------------------------------------------------------------------


def test_the_units_in_the_documentation_serve_the_socket_that_systemd_passes_on():
    """What systemd would do with them, without systemd: it opens the socket, and the command gets it."""
    units = {}
    for block in blocks_of(ROOT / "docs" / "how-to" / "deploy.md"):
        if block.file in {"app.socket", "app.service"}:
            units[block.file] = configparser.ConfigParser(interpolation=None)
            units[block.file].read_string(block.text)
    host, _, port = units["app.socket"]["Socket"]["ListenStream"].rpartition(":")
    program, *arguments = shlex.split(units["app.service"]["Service"]["ExecStart"])
    assert (host, port) == ("127.0.0.1", "8000")
    assert (Path(program).name, arguments[0], arguments[-1]) == ("chirp-trio", "run", "app:app")

    with socket.create_server((host, 0)) as listener:
        own = [argument.replace("fd://3", f"fd://{listener.fileno()}") for argument in arguments[1:-1]]
        assert own != arguments[1:-1]
        with running(*own, inherited=[listener.fileno()]) as (server, (url,)):
            assert url == "http://{}:{}".format(*listener.getsockname())
            assert status_of(url) == 200
            assert server.stop() == 0
