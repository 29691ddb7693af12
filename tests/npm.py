"""Packages of npm that the tests use: each folder's are installed once."""

import fcntl
import subprocess
from pathlib import Path


def install(folder: Path) -> Path:
    """Install what the folder's package-lock.json names, unless it is there already; return where it is."""
    locked = folder / "package-lock.json"
    modules = folder / "node_modules"
    installed = modules / ".package-lock.json"
    with locked.open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several processes of the tests may need it at the same time
        if not installed.exists() or installed.stat().st_mtime < locked.stat().st_mtime:
            subprocess.run(["npm", "ci", "--silent"], cwd=folder, check=True, timeout=120)
            installed.touch()
    return modules
