"""The certificate that is shown, and what becomes of it when its files change."""

import ssl
from contextlib import suppress

import pytest
import trio

from chirp_trio.server.tls import TLS, Certificate
from tests.certificates import make_certificate
from tests.pairs import Pair


@pytest.fixture
def files(tmp_path):
    return make_certificate(tmp_path)


async def shown(certificate, **options):
    """The certificate that a client gets to see."""
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_mode = ssl.CERT_NONE
    for name, value in options.items():
        setattr(client, name, value)
    async with Pair(certificate.context, client_tls=client) as pair, trio.open_nursery() as nursery:
        nursery.start_soon(pair.handshake)
        await pair.does(pair.tls.do_handshake)
        return pair.tls.getpeercert(binary_form=True)


def other(tmp_path, name):
    folder = tmp_path / name
    folder.mkdir()
    return make_certificate(folder, name=name)


async def test_it_is_read_anew_for_the_connections_that_come_then(files, tmp_path):
    certificate = Certificate(*files, ["http/1.1"])
    before = await shown(certificate)
    for new, old in zip(other(tmp_path, "renewed"), files, strict=True):
        old.write_bytes(new.read_bytes())
    assert await shown(certificate) == before
    certificate.reload()
    after = await shown(certificate)
    assert after != before
    assert after == ssl.PEM_cert_to_DER_cert(files[0].read_text())


BROKEN = {
    "no certificate": lambda certificate, key: certificate.write_text("nothing"),
    "half a certificate": lambda certificate, key: certificate.write_text(certificate.read_text()[:200]),
    "no key": lambda certificate, key: key.write_text(""),
    "no file": lambda certificate, key: certificate.unlink(),
}


@pytest.mark.parametrize("case", [*BROKEN, "another's key"])
async def test_files_that_cannot_be_used_leave_the_one_before(files, tmp_path, case):
    certificate = Certificate(*files, ["http/1.1"])
    before = await shown(certificate)
    if case == "another's key":
        files[1].write_bytes(other(tmp_path, "other")[1].read_bytes())
    else:
        BROKEN[case](*files)
    with pytest.raises(OSError):
        certificate.reload()
    assert await shown(certificate) == before


async def test_files_that_are_replaced_while_they_are_read_leave_a_certificate_with_its_key(files, tmp_path, monkeypatch):
    certificate = Certificate(*files, ["http/1.1"])
    before = await shown(certificate)
    read, new = certificate._read, other(tmp_path, "other")[0].read_bytes()

    def read_and_replace():
        context = read()
        files[0].write_bytes(new)  # and its key a moment later
        return context

    monkeypatch.setattr(certificate, "_read", read_and_replace)
    with suppress(OSError):
        certificate.reload()
    assert await shown(certificate) == before


@pytest.mark.parametrize("case", BROKEN)
def test_files_that_cannot_be_used_are_an_error_at_the_start(files, case):
    BROKEN[case](*files)
    with pytest.raises(OSError):
        Certificate(*files, [])


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_the_versions_of_tls_that_are_safe_are_spoken(files, version):
    assert await shown(Certificate(*files, []), maximum_version=version)


def test_others_are_not_and_neither_compression_nor_renegotiation(files):
    context = Certificate(*files, []).context
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert context.options & ssl.OP_NO_COMPRESSION
    assert context.options & ssl.OP_NO_RENEGOTIATION


async def test_a_handshake_that_has_hardly_begun_holds_nothing_of_openssl(files):
    """Thousands may begin one and go no further."""
    made = []

    class Counting:
        def wrap_bio(self, *arguments, **options):
            made.append(arguments)
            return certificate.context.wrap_bio(*arguments, **options)

    certificate = Certificate(*files, ["http/1.1"])
    client = ssl.create_default_context(cafile=files[0])
    outgoing = ssl.MemoryBIO()
    with suppress(ssl.SSLWantReadError):
        client.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="localhost").do_handshake()
    hello = outgoing.read()
    tls = TLS(Counting())

    assert not any(tls.advance(hello[place : place + 1]) for place in range(len(hello) - 1))
    assert not made
    assert not tls.said()
    assert not tls.advance(hello[-1:])
    assert len(made) == 1
    assert tls.said()


@pytest.mark.parametrize(
    "said", [b"GET / HTTP/1.1\r\n", b"\x16\x47", b"\x16\x03\x01\xff\xff" + bytes(16 * 1024), b"\x16\x03\x01\0\0", b"\x80\x2e"]
)
async def test_what_is_no_beginning_of_a_handshake_is_not_waited_for(files, said):
    tls = TLS(Certificate(*files, ["http/1.1"]).context)
    with pytest.raises(trio.BrokenResourceError, match="speaks no TLS"):
        tls.advance(said + bytes(64))
