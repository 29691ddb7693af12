"""Restarting a server when its files change. For development."""

import os
import re
import signal
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from fnmatch import translate
from importlib.util import cache_from_source
from pathlib import Path

import trio

from .children import ending, say
from .parent import stop_at_end_of_file

WATCHED = ("*.py", "*.html")
_LEFT_OUT = {"__pycache__", "node_modules", "site-packages"}
_INTERVAL = 0.5  # seconds between two looks at the files, at the least
_SHARE = 10  # the least ratio of the time between two looks to the time that one takes
_SETTLED = 2.0  # seconds after which a folder's time of change is exact: a later change would have another time
_PATIENCE = 5.0  # seconds that a server may take to stop before it is killed
_STOP = {signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)}
_PARENT = "CHIRP_TRIO_RELOADER"  # in the environment of the server: the descriptor of a pipe that the reloader holds open


def run_with_reload(command: Sequence[str], folders: Sequence[Path], patterns: Sequence[str] = ()) -> int:
    """Run a command, and restart it whenever a watched file changes, until SIGINT, SIGTERM or SIGHUP.

    A server that ends by itself, or is killed, is started again with the next change.

    Args:
        command: The command; its process has to call `end_with_reloader()`.
        folders: The folders of the files. Hidden folders, virtual environments, `node_modules` and the like are left out.
        patterns: Names of files to watch besides those that end in `.py` and `.html`, such as `"*.css"`; default: none.

    Returns:
        The exit code for the process: 0.
    """
    return trio.run(_run_with_reload, command, Files(folders, [*WATCHED, *patterns]))


def end_with_reloader() -> bool:
    """If `run_with_reload()` has started this process, stop it as soon as that other process has ended.

    Returns:
        Whether `run_with_reload()` has started this process.
    """
    descriptor = os.environ.pop(_PARENT, "")
    if not descriptor:
        return False
    stop_at_end_of_file(int(descriptor))
    return True


async def _run_with_reload(command: Sequence[str], files: Files) -> int:
    ours, theirs = os.pipe()
    async with trio.open_nursery() as nursery:
        with trio.open_signal_receiver(*_STOP) as signals:
            nursery.start_soon(_restart_for_ever, command, files, ours)
            async for _ in signals:
                break
        nursery.cancel_scope.cancel("asked to stop")
    os.close(ours)
    os.close(theirs)
    return 0


async def _restart_for_ever(command: Sequence[str], files: Files, pipe: int) -> None:
    seen = files.look()
    environment = {**os.environ, _PARENT: str(pipe)}
    while True:
        # In a session of its own: a terminal sends Ctrl-C to all processes of its session, and a server that is asked to stop
        # twice, by the terminal and by this process, would end its requests at once.
        process = await trio.lowlevel.open_process(command, start_new_session=True, pass_fds=[pipe], env=environment)
        try:
            changed: set[str] = set()
            is_over = False
            pause = _INTERVAL
            while not changed:
                await trio.sleep(pause)
                if not is_over and (code := process.poll()) is not None:
                    is_over = True
                    say(f"the server has ended, {ending(code)}; it is started again when a file changes")
                began = time.perf_counter()
                now = files.look()
                pause = max(_INTERVAL, _SHARE * (time.perf_counter() - began))
                changed, seen = {path for path, _ in now ^ seen}, now
            say(f"{', '.join(sorted(map(os.path.relpath, changed))[:3])} changed, restarting")
        finally:
            with trio.move_on_after(_PATIENCE, shield=True):
                await _stop(process)
            if process.poll() is None:
                process.kill()
        _forget_compiled(path for path in changed if path.endswith(".py"))  # the server that has ended writes none any more


async def _stop(process: trio.Process) -> None:
    if process.poll() is None:
        process.terminate()
    await process.wait()


def _forget_compiled(paths: Iterable[str]) -> None:
    """Let Python compile these files anew. It tells their versions apart by their time, in whole seconds, and their length.

    So what is saved twice within a second, as by an editor and then by a formatter, could stay what was saved first.
    """
    for path in paths:
        with suppress(OSError, NotImplementedError):  # there is none; this Python keeps none
            Path(cache_from_source(path)).unlink()


class Files:
    """The watched files below some folders.

    Args:
        folders: The folders.
        patterns: Patterns of the files' names, such as `"*.py"`.
    """

    def __init__(self, folders: Sequence[Path], patterns: Sequence[str]) -> None:
        self._folders = [str(folder) for folder in folders]
        self._matters = re.compile("|".join(map(translate, patterns))).match
        self._known: dict[str, tuple[int, list[str], list[str]]] = {}  # folders, by path: time of change, folders, files

    def look(self) -> set[tuple[str, int]]:
        """The files, each with its time of change."""
        found = set()
        for file in self._paths():
            with suppress(OSError):  # removed since it was listed
                found.add((file, os.stat(file).st_mtime_ns))  # noqa: PTH116 - a Path for each takes much longer
        return found

    def _paths(self) -> Iterator[str]:
        waiting = list(self._folders)
        known, self._known = self._known, {}
        while waiting:
            folder = waiting.pop()
            try:
                changed = os.stat(folder).st_mtime_ns  # noqa: PTH116
                before = known.get(folder)
                # A folder is listed again only if its time of change shows that a file was added or removed.
                folders, files = before[1:] if before is not None and before[0] == changed else self._list(folder)
            except OSError:  # removed, or not readable
                continue
            if time.time_ns() - changed > _SETTLED * 1e9:
                self._known[folder] = changed, folders, files
            waiting += folders
            yield from files

    def _list(self, folder: str) -> tuple[list[str], list[str]]:
        """The folders to look into, and the watched files, of one folder."""
        folders: list[str] = []
        files: list[str] = []
        with os.scandir(folder) as entries:
            for entry in entries:
                name = entry.name
                if name == "pyvenv.cfg":  # a virtual environment
                    return [], []
                if self._matters(name):
                    files.append(entry.path)
                elif not name.startswith(".") and name not in _LEFT_OUT and entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
        return folders, files
