"""Real proxies with the configuration that the documentation gives: events pass at once, and so do both kinds of end."""

import http.client
import re
import signal
import socket
import ssl
import threading
import time
from contextlib import closing, suppress

import httpx
import pytest

from tests.certificates import make_certificate
from tests.docs.runner import ROOT, blocks_of, require
from tests.integration.clients import HTTP1, PATIENCE
from tests.integration.server import Server, chirp_trio, ended, wait_until

FILES = {block.file: block.text for block in blocks_of(ROOT / "docs" / "how-to" / "deploy.md") if block.file}
FIRST = b"data: first\n\n"


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


def replaced(text, old, new):
    assert text.count(old) == 1, f"{old!r} stands in it {text.count(old)} times"
    return text.replace(old, new)


def nginx(folder, upstream, port, *, certificate=None):
    """nginx as Debian lays it out, in one process and in this folder, where it needs no rights; without TLS unless asked."""
    text = replaced(FILES["conf.d/app.conf"], "127.0.0.1:8000", upstream)
    text = re.sub(r" *listen \[::\]:.*\n", "", text)
    text = replaced(text, "listen 80;", f"listen 127.0.0.1:{free_port()};")
    if certificate is None:
        text = re.sub(r" *ssl_certificate.*\n", "", replaced(text, "listen 443 ssl http2", f"listen 127.0.0.1:{port}"))
    else:
        text = replaced(text, "listen 443 ssl", f"listen 127.0.0.1:{port} ssl")
        for name, path in zip(("fullchain", "privkey"), certificate, strict=True):
            text = replaced(text, f"/etc/letsencrypt/live/app.example.org/{name}.pem", str(path))
    kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    places = "".join(f"  {kind}_temp_path {folder / kind};\n" for kind in kinds)
    files = {
        "conf.d/app.conf": text,
        "modules-enabled/90-app.conf": FILES["modules-enabled/90-app.conf"],
        "nginx.conf": "include modules-enabled/*.conf;\n"
        "events {\n  worker_connections 768;\n}\n"
        f"http {{\n{places}  access_log off;\n  include conf.d/*.conf;\n}}\n",
    }
    for name, content in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(content)
    return ["nginx", "-e", "stderr", "-p", folder, "-c", "nginx.conf", "-g", "daemon off; master_process off; pid nginx.pid;"]


def caddy(folder, upstream, port):
    """Caddy without TLS, and without the port by which it is administered."""
    text = replaced(FILES["Caddyfile"], "127.0.0.1:8000", upstream)
    text = replaced(text, "app.example.org", f"http://127.0.0.1:{port}")
    (folder / "Caddyfile").write_text("{\n  admin off\n}\n" + text)
    return ["caddy", "run", "--config", folder / "Caddyfile", "--adapter", "caddyfile"]


@pytest.fixture(params=[nginx, caddy], ids=["nginx", "Caddy"])
def servers(request, tmp_path):
    """Our server, and the proxy in front of it."""
    require(request.param.__name__)
    with chirp_trio("proxied:app", "--trusted-proxy", "127.0.0.1") as server:
        port = free_port()
        command = request.param(tmp_path, "{}:{}".format(*server.address), port)
        with Server(command, cwd=tmp_path, forked=False) as proxy:
            proxy.address = ("127.0.0.1", port)
            wait_until(lambda: proxy.process.poll() is not None or listens(proxy.address))
            assert proxy.process.poll() is None, "\n".join(proxy.lines())
            yield server, proxy


def listens(address, *, by_tls=False):
    """Whether somebody accepts connections there; by TLS, which Caddy refuses until it has made its certificate."""
    with socket.socket() as client:
        client.settimeout(PATIENCE)
        if client.connect_ex(address) != 0:
            return False
        if by_tls:
            try:
                trusting_anybody().wrap_socket(client, server_hostname="localhost").close()
            except OSError:
                return False
        return True


def test_each_event_arrives_before_the_next_is_there(servers):
    _, proxy = servers
    with HTTP1(proxy.address) as client:
        response = client.request("/steps")
        for number in range(1, 6):
            client.wait_for(response, b"data: %d\n\n" % number)
            assert proxy.get("/next")[0] == 200
        client.wait_for_end(response)

    assert response.body == b"".join(b"data: %d\n\n" % number for number in range(1, 6))
    assert ("content-type", "text/event-stream; charset=utf-8") in response.headers


def test_a_client_that_leaves_ends_its_source(servers):
    server, proxy = servers
    with HTTP1(proxy.address) as client:
        client.wait_for(client.request("/quiet/function"), FIRST)
        left = time.monotonic()
    server.wait_for_line(ended("/quiet/function", "disconnected"))

    assert time.monotonic() - left < 10  # and not with a heartbeat, after 15 seconds


def test_when_the_server_stops_the_client_gets_the_end_of_its_body(servers):
    server, proxy = servers
    with HTTP1(proxy.address) as client:
        response = client.request("/quiet/function")
        client.wait_for(response, FIRST)
        server.signal(signal.SIGTERM)
        client.wait_for_end(response)

    assert re.fullmatch(FIRST + rb"retry: \d+\n", response.body)
    assert server.wait() == 0
    assert server.lines()[-1] == ended("/quiet/function", "shutdown")


@pytest.mark.parametrize("servers", [nginx], ids=["nginx"], indirect=True)
def test_when_the_server_dies_the_client_gets_no_end(servers):
    """Through Caddy it does get one."""
    server, proxy = servers
    with HTTP1(proxy.address) as client:
        response = client.request("/quiet/function")
        client.wait_for(response, FIRST)
        server.signal(signal.SIGKILL)
        with pytest.raises(EOFError):
            client.wait_for_end(response)


# -- what would lead past the proxy -----------------------------------------------------------------------------------------


class Upstream(threading.Thread):
    """In the place of the app: keeps what it is asked, and answers with anything."""

    def __init__(self):
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.asked = []
        self.start()

    def run(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection:
                head = b""
                while b"\r\n\r\n" not in head and (data := connection.recv(65536)):
                    head += data
                self.asked.append(head)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")


@pytest.fixture(params=[nginx, caddy], ids=["nginx", "Caddy"])
def proxied(request, tmp_path):
    """Something that keeps what it is asked, and the address of the proxy in front of it."""
    require(request.param.__name__)
    upstream = Upstream()
    with upstream.listener:
        port = free_port()
        command = request.param(tmp_path, "{}:{}".format(*upstream.listener.getsockname()), port)
        with Server(command, cwd=tmp_path, forked=False) as proxy:
            wait_until(lambda: proxy.process.poll() is not None or listens(("127.0.0.1", port)))
            yield upstream, ("127.0.0.1", port)


def upgrade(*values, connection="Upgrade, HTTP2-Settings"):
    return [("connection", connection), *[("upgrade", value) for value in values], ("http2-settings", "AAMAAABkAAQAAP__")]


UPGRADES = {
    "h2c": upgrade("h2c"),
    "upper case": upgrade("H2C"),
    "a list": upgrade("websocket, h2c"),
    "a list the other way": upgrade("h2c, websocket"),
    "twice": upgrade("websocket", "h2c"),
    "twice the other way": upgrade("h2c", "websocket"),
    "several connections": [("connection", "keep-alive"), *upgrade("h2c")],
    "without Connection": upgrade("h2c")[1:],
    "TLS": upgrade("TLS/1.3"),
}


@pytest.mark.parametrize("headers", UPGRADES.values(), ids=UPGRADES)
def test_a_change_to_another_protocol_does_not_reach_the_app(proxied, headers):
    upstream, address = proxied
    lines = [("host", "{}:{}".format(*address)), *headers]
    with HTTP1(address) as client:
        client.socket.sendall(
            b"GET / HTTP/1.1\r\n" + b"".join(f"{name}: {value}\r\n".encode() for name, value in lines) + b"\r\n"
        )
        answer = client.socket.recv(65536)
    assert answer.startswith(b"HTTP/1.1 200")
    assert len(upstream.asked) == 1
    for head in upstream.asked:
        assert b"h2c" not in head.lower()
        assert b"http2-settings" not in head.lower()
        assert b"tls/1.3" not in head.lower()


@pytest.mark.parametrize("proxied", [nginx], ids=["nginx"], indirect=True)
def test_a_websocket_does(proxied):
    upstream, address = proxied
    with HTTP1(address) as client:
        client.socket.sendall(b"GET / HTTP/1.1\r\nhost: app\r\nconnection: Upgrade\r\nupgrade: WebSocket\r\n\r\n")
        client.socket.recv(65536)
    assert b"upgrade: websocket" in upstream.asked[0].lower()
    assert b"connection: upgrade" in upstream.asked[0].lower()


# -- who the client is ------------------------------------------------------------------------------------------------------

LIES = {"none": {}, "X-Forwarded-For": {"X-Forwarded-For": "6.6.6.6"}, "Forwarded": {"Forwarded": "for=6.6.6.6"}}


@pytest.mark.parametrize("lie", LIES)
def test_the_app_sees_the_client_and_no_lie_of_it(servers, lie):
    _, proxy = servers
    connection = http.client.HTTPConnection(*proxy.address, timeout=PATIENCE, source_address=("127.0.0.2", 0))
    with closing(connection):
        connection.request("GET", "/", headers=LIES[lie])
        assert connection.getresponse().read() == b"127.0.0.2"


# -- TLS and HTTP/2 with browsers ------------------------------------------------------------------------------------------


def caddy_with_tls(folder, upstream, port):
    """Caddy with a certificate of its own making, since nobody else would vouch for one here."""
    text = replaced(FILES["Caddyfile"], "127.0.0.1:8000", upstream)
    text = replaced(text, "app.example.org {", f"https://localhost:{port} {{\n  tls internal")
    options = f"admin off\n  auto_https disable_redirects\n  skip_install_trust\n  storage file_system {folder / 'caddy'}"
    (folder / "Caddyfile").write_text(f"{{\n  {options}\n}}\n{text}")
    return ["caddy", "run", "--config", folder / "Caddyfile", "--adapter", "caddyfile"]


@pytest.mark.parametrize("name", ["nginx", "caddy"])
def test_browsers_speak_http_2_with_the_proxy_and_each_event_passes_at_once(name, tmp_path):
    require(name)
    with chirp_trio("proxied:app", "--trusted-proxy", "127.0.0.1") as server:
        port, upstream = free_port(), "{}:{}".format(*server.address)
        if name == "nginx":
            command = nginx(tmp_path, upstream, port, certificate=make_certificate(tmp_path))
        else:
            command = caddy_with_tls(tmp_path, upstream, port)
        with Server(command, cwd=tmp_path, forked=False) as proxy:
            wait_until(lambda: proxy.process.poll() is not None or listens(("127.0.0.1", port), by_tls=True))
            assert proxy.process.poll() is None, "\n".join(proxy.lines())
            url = f"https://localhost:{port}"
            with (
                httpx.Client(http2=True, verify=trusting_anybody(), timeout=PATIENCE) as client,
                client.stream("GET", f"{url}/steps") as response,
            ):
                assert response.http_version == "HTTP/2"
                lines = response.iter_lines()
                for number in range(1, 6):
                    while next(lines) != f"data: {number}":
                        pass
                    assert client.get(f"{url}/next").status_code == 200


def trusting_anybody():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


# -- connections that are used again -------------------------------------------------------------------------------------


def pass_on_later(source, target):
    """As a network does that takes 0.1 seconds: what is on its way then can meet a connection's end."""
    with target, suppress(OSError):
        while data := source.recv(65536):
            time.sleep(0.1)
            target.sendall(data)
        time.sleep(0.1)
        target.shutdown(socket.SHUT_WR)


def link(listener, address):
    """Pass on what comes to a listener to an address, and back."""
    with suppress(OSError):
        while True:
            one = listener.accept()[0]
            two = socket.create_connection(address)
            for pair in ((one, two), (two, one)):
                threading.Thread(target=pass_on_later, args=pair, daemon=True).start()


def test_nobody_gets_a_502_where_nginx_keeps_its_connections_for_less_time_than_we_do(tmp_path):
    """As 60 seconds are to our 75, one is to two here; the pauses are about as long as nginx keeps a connection."""
    require("nginx")
    with chirp_trio("besieged:app", "--keep-alive-timeout", "2") as server, socket.create_server(("127.0.0.1", 0)) as far:
        threading.Thread(target=link, args=(far, server.address), daemon=True).start()
        upstream = "{}:{}".format(*far.getsockname())
        port = free_port()
        command = nginx(tmp_path, upstream, port)
        text = replaced((tmp_path / "conf.d/app.conf").read_text(), f"proxy_pass http://{upstream}", "proxy_pass http://app")
        kept = f"upstream app {{ server {upstream}; keepalive 16; keepalive_timeout 1s; }}\n"
        (tmp_path / "conf.d/app.conf").write_text(kept + text)
        with Server(command, cwd=tmp_path, forked=False) as proxy:
            wait_until(lambda: proxy.process.poll() is not None or listens(("127.0.0.1", port)))
            with HTTP1(("127.0.0.1", port)) as client:
                for pause in (0, 0.7, 0.7, 0.8, 1):
                    time.sleep(pause)
                    response = client.request("/read", method="POST", body=[b"hello"])  # a POST is not tried again
                    client.wait_for_end(response)
                    assert (response.status, response.body) == (200, b"5 bytes")
