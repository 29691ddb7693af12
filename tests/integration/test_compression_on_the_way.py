"""Compressed streams through real proxies, and over TLS with HTTP/2: in order, at once, undamaged; plain if need be."""

import re
from contextlib import contextmanager

import httpx
import pytest

from chirp_trio.compression import Decompressor
from tests.certificates import make_certificate
from tests.docs.runner import require
from tests.integration.clients import PATIENCE
from tests.integration.server import Server, chirp_trio, wait_until
from tests.integration.test_proxies import caddy, caddy_with_tls, free_port, listens, nginx, replaced, trusting_anybody

EVENTS = 12


@contextmanager
def behind(command, folder, port, scheme):
    """A proxy that listens."""
    with Server(command, cwd=folder, forked=False) as proxy:
        wait_until(lambda: proxy.process.poll() is not None or listens(("127.0.0.1", port), by_tls=scheme == "https"))
        assert proxy.process.poll() is None, "\n".join(proxy.lines())
        yield


def changed(file, old, new):
    file.write_text(replaced(file.read_text(), old, new))


@contextmanager
def serving(way, folder):
    """The app, reached by this way: its address as clients have it."""
    port = free_port()
    program = way.split()[0].strip(",").lower()
    if program == "our":
        certificate, key = make_certificate(folder)
        with chirp_trio("compressed:app", "--certfile", certificate, "--keyfile", key) as server:
            yield f"https://localhost:{server.address[1]}"
        return
    require(program)
    with chirp_trio("compressed:app", "--trusted-proxy", "127.0.0.1") as server:
        upstream = "{}:{}".format(*server.address)
        scheme = "https" if "TLS" in way else "http"
        if program == "nginx":
            certificate = make_certificate(folder) if scheme == "https" else None
            command = nginx(folder, upstream, port, certificate=certificate)
            if "compresses" in way:
                gzip = "http {\n  gzip on; gzip_types *; gzip_proxied any; gzip_min_length 1;\n"
                changed(folder / "nginx.conf", "http {\n", gzip)
            if "removes" in way:
                proxied = f"proxy_pass http://{upstream};"
                file = folder / "conf.d" / "app.conf"
                text = file.read_text()
                if proxied not in text:
                    proxied = re.search(r"proxy_pass [^;]+;", text)[0]
                changed(file, proxied, f'{proxied} proxy_set_header Accept-Encoding "";')
        else:
            command = (caddy_with_tls if scheme == "https" else caddy)(folder, upstream, port)
            file = folder / "Caddyfile"
            proxied = re.search(rf"reverse_proxy [^\n]*{re.escape(upstream)}", file.read_text())[0]
            if "compresses" in way:
                changed(file, proxied, f"encode {{\n minimum_length 1\n gzip\n match header content-type *\n}}\n{proxied}")
            if "removes" in way:
                changed(file, "header_up -Forwarded", "header_up -Forwarded\n    header_up -Accept-Encoding")
        with behind(command, folder, port, scheme):
            yield f"{scheme}://{'localhost' if scheme == 'https' else '127.0.0.1'}:{port}"


def read(url, coding):
    """The data of events, each of which is published when the one before it has come; and the stream's coding."""
    with httpx.Client(http2=True, verify=trusting_anybody(), timeout=PATIENCE) as client:
        with client.stream("GET", f"{url}/live/any", headers={"accept-encoding": coding}) as response:
            used = response.headers.get("content-encoding", "identity")
            decoder, text, data = Decompressor(used), b"", []
            pieces = response.iter_raw()
            for number in range(EVENTS):
                while not text:  # the stream is not there yet
                    text += b"".join(decoder.feed(next(pieces)))
                assert client.post(f"{url}/next").is_success
                while len(data) == number:
                    text += b"".join(decoder.feed(next(pieces)))
                    data = re.findall(rb"^data: (.*)\n\n", text, re.MULTILINE)
        return [one.decode() for one in data], used, response.http_version, client.get(f"{url}/sent").json()


@pytest.mark.parametrize(
    "way",
    [
        *("nginx", "Caddy", "nginx, TLS", "Caddy, TLS", "our own server, TLS"),
        *("nginx that compresses", "Caddy that compresses", "Caddy that compresses, TLS"),
    ],
)
def test_each_event_arrives_before_the_next_is_there_and_is_compressed_once(way, tmp_path):
    with serving(way, tmp_path) as url:
        for coding in ("gzip", "zstd"):
            data, used, version, sent = read(url, coding)
            assert data == sent[-EVENTS:], coding
            assert used == coding
            assert version == ("HTTP/2" if "TLS" in way else "HTTP/1.1")


@pytest.mark.parametrize("way", ["nginx that removes Accept-Encoding", "Caddy that removes Accept-Encoding, TLS"])
def test_behind_a_proxy_that_removes_accept_encoding_it_is_plain(way, tmp_path):
    """nginx gets it plain; Caddy asks for gzip by itself, and so the decoder of Go's library reads it, at once too."""
    with serving(way, tmp_path) as url:
        data, used, _, sent = read(url, "gzip, zstd")
    assert data == sent
    assert used == "identity"
