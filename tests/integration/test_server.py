"""Our own server: in somebody's nursery, as a method of an app, and as a command, with TLS and with restarts."""

import gc
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
import warnings
from contextlib import ExitStack, asynccontextmanager
from functools import partial

import pytest
import trio

from chirp_trio import App, EventStream, ServerConfig, serve
from tests.integration.clients import HTTP1, HTTP2, PATIENCE
from tests.integration.server import APPS, SCRIPTS, Server, announced, chirp_trio, ended, last_report

FIRST = b"data: first\n\n"


# -- serve() in somebody's nursery --------------------------------------------------------------------------------------


@pytest.fixture
def closed():
    return []


@pytest.fixture
def app(closed):
    @asynccontextmanager
    async def lifespan(_app):
        yield
        closed.append("lifespan")

    app = App(lifespan=lifespan)

    @app.route("/quiet")
    async def quiet():
        async def source():
            try:
                yield "first"
                await trio.sleep_forever()
            finally:
                closed.append("source")

        return EventStream(source)

    return app


def address_of(url):
    host, _, port = url.removeprefix("http://").rpartition(":")
    return host.strip("[]"), int(port)


@pytest.mark.parametrize("starts", [False, True])
async def test_an_app_that_leaves_its_lifespan_without_a_word_is_served(starts):
    async def app(scope, receive, send):
        if scope["type"] == "lifespan":
            if starts:
                await receive()
                await send({"type": "lifespan.startup.complete"})
            return
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})

    shutdown = trio.Event()
    async with trio.open_nursery() as nursery:
        [url] = await nursery.start(partial(serve, app, ServerConfig(port=0), shutdown=shutdown))
        with HTTP1(address_of(url)) as client:
            response = client.request("/")
            await trio.to_thread.run_sync(client.wait_for_end, response)
        assert (response.status, response.body) == (200, b"ok")
        shutdown.set()


async def open_quiet(client):
    response = client.request("/quiet")
    await trio.to_thread.run_sync(client.wait_for, response, FIRST)
    return response


async def test_serve_tells_where_it_listens_and_stops_when_its_event_is_set(app, closed, nursery):
    shutdown, stopped = trio.Event(), trio.Event()

    async def serve_and_tell(task_status):
        await serve(app, ServerConfig(port=0), shutdown=shutdown, task_status=task_status)
        stopped.set()

    with trio.fail_after(PATIENCE):
        (url,) = await nursery.start(serve_and_tell)
        with HTTP1(address_of(url)) as client:
            response = await open_quiet(client)
            shutdown.set()
            await trio.to_thread.run_sync(client.wait_for_end, response)
            await stopped.wait()
    assert closed == ["source", "lifespan"]


async def test_cancelling_the_caller_of_serve_stops_it_in_order(app, closed):
    """Its streams get a proper end, and the app's lifespan is left, not cancelled."""
    with trio.fail_after(PATIENCE), ExitStack() as clients:
        async with trio.open_nursery() as nursery:
            (url,) = await nursery.start(serve, app, ServerConfig(port=0))
            client = clients.enter_context(HTTP1(address_of(url)))
            response = await open_quiet(client)
            nursery.cancel_scope.cancel()
        client.wait_for_end(response)
    assert re.fullmatch(FIRST + rb"retry: \d+\n", response.body)
    assert closed == ["source", "lifespan"]


async def test_serve_never_sets_its_callers_event(app):
    """Others may wait for it: a server that is cancelled, or could not start, is no reason to stop them."""
    shutdown = trio.Event()
    async with trio.open_nursery() as nursery:
        (url,) = await nursery.start(partial(serve, app, ServerConfig(port=0), shutdown=shutdown))
        with pytest.raises(OSError, match="in use"):
            await serve(app, ServerConfig(port=address_of(url)[1]), shutdown=shutdown)
        nursery.cancel_scope.cancel()
    assert not shutdown.is_set()


async def test_an_address_that_is_taken_is_an_os_error(app):
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with listener:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)  # hypercorn leaves the socket to the garbage collector
            try:
                await serve(app, ServerConfig(port=listener.socket.getsockname()[1]))
            except Exception as error:
                raised = type(error)
            gc.collect()
    assert issubclass(raised, OSError)


# -- App.run() ----------------------------------------------------------------------------------------------------------


def test_an_app_serves_itself_and_says_where():
    with Server([sys.executable, "script.py"]) as server:
        server.address = announced(server)
        with HTTP1(server.address) as client:
            response = client.request("/quiet/function")
            client.wait_for(response, FIRST)
            mark = server.mark()
            server.signal(signal.SIGINT)
            client.wait_for_end(response)

        assert server.wait() == 0
        log, last = server.lines(mark)
        assert log == ended("/quiet/function", "shutdown")
        assert last_report(last) == {"quiet opened": 1, "quiet closed": 1, "left": []}


# -- chirp-trio run -----------------------------------------------------------------------------------------------------


def test_the_first_and_only_line_says_what_runs_where():
    with chirp_trio("endings:app") as server:
        assert server.lines() == ["chirp_trio: serving endings:app on http://{}:{} (Ctrl-C stops it)".format(*server.address)]


MISTAKES = {
    "no such module": (["nowhere:app"], f"there is no module 'nowhere' in {APPS} or on Python's path"),
    "no such app": (["endings:application"], "'endings' has no app called 'application'; apps in it: app"),
    "a port that is none": (["--port", "65536", "endings:app"], "port is 65536; it must be a number from 0 to 65535"),
    "a certificate alone": (["--certfile", "x.pem", "endings:app"], "only certfile is given; TLS needs certfile and keyfile"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_in_one_sentence_and_exit_code_2(mistake):
    arguments, sentence = MISTAKES[mistake]
    with Server([SCRIPTS / "chirp-trio", "run", *arguments]) as server:
        assert server.wait() == 2
        assert server.lines() == [f"chirp-trio: {sentence}"]


def test_an_address_that_is_taken_is_told_in_one_sentence_too():
    with socket.create_server(("127.0.0.1", 0)) as first:
        port = first.getsockname()[1]
        with Server([SCRIPTS / "chirp-trio", "run", "--port", str(port), "endings:app"]) as second:
            assert second.wait() == 2
            told = f"cannot listen on 127.0.0.1:{port}: Address already in use; another port is --port {port + 1}"
            assert second.lines()[-1] == f"chirp-trio: {told}"
            assert second.unexpected_tracebacks() == 0


def test_an_app_that_cannot_start_is_not_announced():
    with Server([SCRIPTS / "chirp-trio", "run", "--port", "0", "unstartable:app"]) as server:
        assert server.wait() == 1
        assert server.lines()[-1] == "chirp-trio: the app's lifespan failed: ValueError: no database"
        assert not [line for line in server.lines() if "serving" in line]


# -- TLS ----------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("there is no `openssl` command to make a certificate with: install the package openssl")
    folder = tmp_path_factory.mktemp("certificate")
    command = (
        f"{openssl} req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -keyout key.pem -out cert.pem"
    )
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*command.split(), *names], cwd=folder, check=True, capture_output=True)
    return folder


@pytest.mark.parametrize(("protocol", "name"), [(HTTP1, "http/1.1"), (HTTP2, "h2")], ids=["HTTP/1.1", "HTTP/2"])
def test_tls_serves_streams_and_ends_them_at_shutdown(certificate, protocol, name):
    trust = ssl.create_default_context(cafile=certificate / "cert.pem")
    trust.set_alpn_protocols([name])
    options = ["--certfile", certificate / "cert.pem", "--keyfile", certificate / "key.pem"]
    with chirp_trio("endings:app", *options) as server:
        assert server.lines()[0].startswith("chirp_trio: serving endings:app on https://127.0.0.1:")
        with protocol(server.address, tls=trust) as client, protocol(server.address, tls=trust) as leaving:
            assert client.socket.selected_alpn_protocol() == name
            mark = server.mark()
            leaving.wait_for(leaving.request("/quiet/nursery"), FIRST)
            leaving.leave()
            server.wait_for_line("/quiet/nursery: ended, disconnected", since=mark)
            response = client.request("/quiet/function")
            client.wait_for(response, FIRST)
            server.signal(signal.SIGTERM)
            client.wait_for_end(response)

        assert server.wait() == 0
        assert [line for line in server.lines(mark) if "ended" in line] == [
            ended("/quiet/nursery", "disconnected"),
            ended("/quiet/function", "shutdown"),
        ]


@pytest.mark.parametrize("path", ["/finite/function", "/report"])
def test_a_tls_connection_ends_with_its_last_word_so_that_nothing_can_have_been_cut_off(certificate, path):
    trust = ssl.create_default_context(cafile=certificate / "cert.pem")
    options = ["--certfile", certificate / "cert.pem", "--keyfile", certificate / "key.pem"]
    with chirp_trio("endings:app", *options) as server:
        plain = socket.create_connection(server.address, PATIENCE)
        with trust.wrap_socket(plain, server_hostname=server.address[0], suppress_ragged_eofs=False) as client:
            client.sendall(b"GET %b HTTP/1.0\r\nhost: test\r\n\r\n" % path.encode())
            received = b""
            while data := client.recv(65536):  # SSLEOFError where the last word is missing
                received += data
        assert received.startswith(b"HTTP/1.1 200 OK\r\n")


def test_a_response_has_its_reason_and_the_server_header_that_was_asked_for():
    for options, header in (
        ([], b"\r\nserver: chirp_trio\r\n"),
        (["--server-header", "shop"], b"\r\nserver: shop\r\n"),
        (["--no-server-header"], None),
    ):
        with chirp_trio("endings:app", *options) as server:
            for path, begin in (("/finite/function", b"HTTP/1.1 200 OK\r\n"), ("/nowhere", b"HTTP/1.1 404 Not Found\r\n")):
                with HTTP1(server.address) as client:
                    client.socket.sendall(b"GET %b HTTP/1.1\r\nhost: test\r\n\r\n" % path.encode())
                    head = client.socket.recv(65536).partition(b"\r\n\r\n")[0] + b"\r\n"
                assert head.startswith(begin)
                assert (b"\r\nserver:" in head) is (header is not None)
                assert header is None or header in head


def test_without_http2_who_begins_with_it_is_told_so_and_an_upgrade_is_not_taken_up():
    headers = b"Host: server\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: \r\n"
    upgrade = b"GET /finite/function HTTP/1.1\r\n" + headers + b"\r\n"
    with chirp_trio("endings:app", "--no-http2") as server:
        for begin, answer in ((b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"HTTP/1.1 505 "), (upgrade, b"HTTP/1.1 200 ")):
            with HTTP1(server.address) as client:
                client.socket.sendall(begin)
                assert client.socket.recv(65536).startswith(answer)
        assert server.get("/finite/function")[0] == 200


# -- --reload -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def changing(tmp_path):
    """A folder with an app in a file that can be changed, to one of the same length and second; and a function for that."""
    for file in APPS.glob("*.py"):
        shutil.copy(file, tmp_path)
    second = int(time.time()) * 10**9

    def change(number):
        route = f"@app.route('/version')\ndef version():\n    return 'version {number}'\n"
        (tmp_path / "new").write_text(f"from endings import app\n{route}")
        os.utime(tmp_path / "new", ns=(second + number, second + number))
        (tmp_path / "new").replace(tmp_path / "changing.py")

    change(1)
    return tmp_path, change


def test_a_file_that_changes_restarts_the_server_whose_streams_end(changing):
    folder, change = changing
    with chirp_trio("changing:app", "--reload", cwd=folder) as server, HTTP1(server.address) as client:
        assert server.get("/version") == (200, b"version 1")
        response = client.request("/quiet/function")
        client.wait_for(response, FIRST)
        mark = server.mark()
        change(2)
        client.wait_for_end(response)
        server.wait_for_line("^chirp_trio: changing.py changed, restarting$", since=mark)
        server.address = announced(server, since=mark)

        assert server.get("/version") == (200, b"version 2")
        assert server.stop() == 0
        assert server.unexpected_tracebacks() == 0
        with pytest.raises(ConnectionRefusedError):
            server.get("/version")


def test_ctrl_c_in_a_terminal_ends_streams_as_they_should_when_reloading_too(changing):
    with chirp_trio("changing:app", "--reload", cwd=changing[0]) as server, HTTP1(server.address) as client:
        response = client.request("/tidy/function")
        client.wait_for(response, FIRST)
        os.killpg(server.process.pid, signal.SIGINT)
        client.wait_for_end(response)

        assert server.wait() == 0
