"""Honest and hostile clients for a while, beside a server that is stopped and killed: nobody misses anything without a word.

`CHIRP_TRIO_SOAK=600` makes it ten minutes, and `CHIRP_TRIO_SEED` draws other lots. What the seed decides is the same each
time; when it happens is not. What comes too late counts only where the machine has let the server and its clients run.
"""

import shutil
import subprocess

import pytest

from tests.integration.soak.run import Soak
from tests.integration.soak.settings import LONG, SEED

SECONDS = LONG or 3
MEMORY = 64  # MiB that a server may have kept of all who were there: its histories, and what Python's allocator keeps


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """One with a certificate and the file of a topic."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("there is no `openssl` command to make a certificate with: install the package openssl")
    command = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -keyout key.pem -out cert.pem"
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([openssl, *command.split(), *names], cwd=tmp_path, check=True, capture_output=True)
    monkeypatch.setenv("CHIRP_TRIO_TEST_STORE", str(tmp_path / "topics.db"))
    return tmp_path


@pytest.mark.timeout(1.2 * SECONDS + 200)
async def test_nobody_misses_anything_without_a_word_and_nothing_is_left_of_anybody(folder):
    soak = Soak(SEED, SECONDS, folder)
    await soak.run()

    print(f"\nseed {SEED}, {SECONDS:g} s: {dict(soak.done)}\nbefore and at rest: {soak.at_rest}")
    print(f"for {soak.starvation.seconds:.0f} s the server or its clients had to wait for a core")
    assert not soak.violations, "\n".join(soak.violations[:20])
    before, after = soak.at_rest["MiB"]
    assert after < before + MEMORY
