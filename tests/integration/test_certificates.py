"""SIGHUP: a certificate that has been renewed is shown to whoever comes then, and nothing ends."""

import shutil
import signal
import ssl

import pytest

from tests.certificates import client_context, make_certificate
from tests.integration.clients import HTTP1, HTTP2
from tests.integration.server import chirp_trio

TICK = b"tick"


@pytest.fixture
def files(tmp_path):
    """The certificate and key that the server has been told of, and those that will take their place."""
    for name in ("first", "renewed"):
        (tmp_path / name).mkdir()
        make_certificate(tmp_path / name)
    return tmp_path / "first", tmp_path / "renewed"


def shown(address):
    """The certificate that a new connection is shown."""
    trust = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
    with HTTP1(address, tls=trust) as client:
        return client.socket.getpeercert(binary_form=True)


def der(folder):
    return ssl.PEM_cert_to_DER_cert((folder / "cert.pem").read_text())


def more(client, response):
    """Read until the stream has gone on."""
    before = len(response.body)
    while len(response.body) <= before + 2000:
        client.receive()


@pytest.mark.parametrize(("protocol", "name"), [(HTTP1, "http/1.1"), (HTTP2, "h2")], ids=["HTTP/1.1", "HTTP/2"])
def test_a_renewed_certificate_is_shown_to_the_next_connection_and_a_stream_goes_on(files, protocol, name):
    first, renewed = files
    trust = client_context(first / "cert.pem", name)
    options = ["--certfile", first / "cert.pem", "--keyfile", first / "key.pem"]
    with chirp_trio("talkative:app", *options) as server, protocol(server.address, tls=trust) as client:
        response = client.request("/live")
        client.wait_for(response, TICK)
        before = der(first)
        assert shown(server.address) == before

        (first / "cert.pem").write_text("broken")
        server.signal(signal.SIGHUP)
        server.wait_for_line("SIGHUP: the certificate cannot be used, and the one before goes on: ")
        assert shown(server.address) == before
        more(client, response)

        shutil.copy(renewed / "cert.pem", first)  # not its key: they do not belong together
        mark = server.mark()
        server.signal(signal.SIGHUP)
        server.wait_for_line("SIGHUP: the certificate cannot be used, and the one before goes on: ", mark)
        assert shown(server.address) == before
        more(client, response)

        shutil.copy(renewed / "key.pem", first)
        server.signal(signal.SIGHUP)
        server.wait_for_line("SIGHUP: the certificate has been read anew")
        assert shown(server.address) == der(renewed) != before
        more(client, response)

        assert server.stop() == 0


def test_without_tls_sighup_ends_nothing():
    with chirp_trio("talkative:app") as server, HTTP1(server.address) as client:
        response = client.request("/live")
        client.wait_for(response, TICK)
        server.signal(signal.SIGHUP)
        server.wait_for_line("SIGHUP: nothing to read anew: there is no certificate")
        more(client, response)

        assert server.get("/nowhere")[0] == 404
        assert server.stop() == 0
