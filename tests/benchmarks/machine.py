"""What measured: the machine, and the versions."""

import os
import platform
import re
import shutil
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path

from .processes import PEERS

PACKAGES = (
    *("trio", "hypercorn", "h11", "h2", "granian", "uvicorn", "uvloop", "httptools", "starlette", "fastapi", "sse-starlette"),
    *("litestar", "aiohttp", "aiohttp-sse", "quart-trio", "bengal-chirp", "bengal-pounce", "kida-templates", "pydantic"),
)


def describe_machine():
    """One line."""
    versions = [f"Python {platform.python_version()}"]
    for package in PACKAGES:
        found = next(iter(distributions(name=package, path=[*sys.path, str(PEERS)])), None)
        versions.append(f"no {package}" if found is None else f"{package} {found.version}")
    if shutil.which("node") is not None:
        node = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout.strip()
        versions.append(f"Node {node.removeprefix('v')}")
    machine = f"{os.cpu_count()} cores of {processor()}; {platform.system()} {platform.release()}, {platform.machine()}"
    return f"{machine}; {', '.join(versions)}."


def processor():
    """The processor's name, where the system tells it."""
    try:
        found = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
    except OSError:
        found = None
    return found[1] if found else platform.processor() or "an unnamed processor"
