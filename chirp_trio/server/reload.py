"""Restarting a server when its files change. For development."""

import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import trio

_WATCHED = {".py", ".html"}
_LEFT_OUT = {"__pycache__", "node_modules", "site-packages"}
_INTERVAL = 0.5  # seconds between two looks at the files
_PATIENCE = 5.0  # seconds that a server may take to stop before it is killed
_STOP = {signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)}


def run_with_reload(command: Sequence[str], folder: Path) -> int:
    """Run a command, and again whenever a Python file or a template below a folder changes, until SIGINT, SIGTERM or SIGHUP.

    Returns:
        The exit code for the process: 0.
    """
    return trio.run(_run_with_reload, command, folder)


async def _run_with_reload(command: Sequence[str], folder: Path) -> int:
    async with trio.open_nursery() as nursery:
        with trio.open_signal_receiver(*_STOP) as signals:
            nursery.start_soon(_restart_for_ever, command, folder)
            async for _ in signals:
                break
        nursery.cancel_scope.cancel("asked to stop")
    return 0


async def _restart_for_ever(command: Sequence[str], folder: Path) -> None:
    seen = snapshot(folder)
    while True:
        # In a session of its own, because a terminal's Ctrl-C goes to everybody in the one that it belongs to, and a server
        # that is asked to stop by the terminal and by us gives up what it was about to end.
        process = await trio.lowlevel.open_process(command, start_new_session=True)
        try:
            changed: set[Path] = set()
            while not changed:
                await trio.sleep(_INTERVAL)
                now = snapshot(folder)
                changed, seen = {path for path, _ in now ^ seen}, now
            shown = ", ".join(sorted(str(path.relative_to(folder)) for path in changed)[:3])
            print(f"chirp_trio: {shown} changed, restarting", file=sys.stderr, flush=True)
        finally:
            with trio.move_on_after(_PATIENCE, shield=True):
                await _stop(process)
            if process.poll() is None:
                process.kill()


async def _stop(process: trio.Process) -> None:
    if process.poll() is None:
        process.terminate()
    await process.wait()


def snapshot(folder: Path) -> set[tuple[Path, int]]:
    """The files below a folder that matter, each with its time of change."""
    found = set()
    for path, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".") and name not in _LEFT_OUT]
        for name in files:
            file = Path(path, name)
            if file.suffix in _WATCHED:
                with suppress(OSError):  # gone since it was listed
                    found.add((file, file.stat().st_mtime_ns))
    return found
