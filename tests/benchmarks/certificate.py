"""A certificate for the servers that speak TLS."""

import shutil
import subprocess

from .processes import BenchmarkError


def make_certificate(folder):
    """Write cert.pem and key.pem, for a day."""
    openssl = shutil.which("openssl")
    if openssl is None:
        raise BenchmarkError("TLS is measured, and there is no `openssl` command to make a certificate with")
    command = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -keyout key.pem -out cert.pem"
    subprocess.run([openssl, *command.split(), "-subj", "/CN=localhost"], cwd=folder, check=True, capture_output=True)
