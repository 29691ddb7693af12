"""Certificates for tests."""

import shutil
import ssl
import subprocess
from pathlib import Path

import pytest


def make_certificate(folder: Path, *, name: str = "localhost") -> tuple[Path, Path]:
    """A new certificate for this machine and its key, as two files in a folder."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("there is no `openssl` command to make a certificate with: install the package openssl")
    command = (
        f"{openssl} req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -keyout key.pem -out cert.pem "
        f"-subj /CN={name} -addext subjectAltName=IP:127.0.0.1,DNS:localhost"
    )
    subprocess.run(command.split(), cwd=folder, check=True, capture_output=True)
    return folder / "cert.pem", folder / "key.pem"


def client_context(certificate: Path, *protocols: str) -> ssl.SSLContext:
    """What a client needs that believes in the certificate, and offers these protocols."""
    context = ssl.create_default_context(cafile=certificate)
    if protocols:
        context.set_alpn_protocols(protocols)
    return context
