"""The units that the documentation gives to systemd are understood by it, and leave the app little that it could do."""

import re
import shutil
import subprocess
import sys

import pytest

from tests.docs.runner import ROOT, blocks_of

SYSTEMD = shutil.which("systemd-analyze")
UNITS = {block.file: block.text for block in blocks_of(ROOT / "docs" / "how-to" / "deploy.md") if block.language == "ini"}

pytestmark = pytest.mark.skipif(SYSTEMD is None, reason="there is no systemd-analyze here")


def analyze(folder, *words):
    for name, text in UNITS.items():
        text = text.replace("/srv/app/.venv/bin/chirp-trio", sys.executable).replace("/srv/app", str(folder))
        (folder / name).write_text(text)
    return subprocess.run([SYSTEMD, *words], cwd=folder, capture_output=True, text=True, check=False)


def test_systemd_has_nothing_to_say_about_them(tmp_path):
    result = analyze(tmp_path, "verify", "./app.service", "./app.socket")
    assert (result.returncode, result.stderr) == (0, "")


def test_systemd_takes_the_service_for_a_guarded_one(tmp_path):
    result = analyze(tmp_path, "security", "--offline=true", "./app.service")
    exposure = re.search(r"Overall exposure level for app\.service: ([\d.]+)", result.stdout)
    assert exposure, result.stderr
    assert float(exposure[1]) < 2.5
