"""`run`: serve an app in this process until a signal, with an end that comes even if something hangs."""

import math
import os
import queue
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType

import trio

from ..asgi import ASGIApp
from ..errors import sole
from ..failures import is_of_application
from ..logs import harmless, logger_of
from ..output import drain_output
from .children import say
from .config import ServerConfig
from .parent import Parent
from .serve import listeners_of, read_certificate, require_supported_system, serve_with
from .tls import Certificate

try:
    import resource
except ImportError:  # Windows, which has no such limit
    resource = None  # type: ignore[assignment]

type _Stops = queue.SimpleQueue[int | None]

logger = logger_of("server")

# The number of files that a process needs besides its connections.
_OTHER_FILES = 1024

# Seconds beyond all other time limits, before a stop that hangs is ended.
_GRACE = 2.0
# A second SIGINT within so many seconds counts as the first: a terminal and a supervisor may both have sent one.
_SAME_SIGNAL = 0.5
# Seconds for output that has been written and not been read yet, when the process is ended.
_LAST_LINES = 0.5
_SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


def run(
    app: ASGIApp,
    config: ServerConfig | None = None,
    *,
    name: str = "app",
    announce: Callable[[Sequence[str]], object] | None = None,
    parent: Parent | None = None,
) -> None:
    """Serve an app until SIGINT or SIGTERM. Prints the addresses once it serves.

    A stop ends for certain: if something still hangs after all time limits, the process prints what that is, and ends. A
    second SIGINT ends it at once. SIGHUP reads the certificate anew.

    Args:
        app: The app.
        config: The settings; default: `ServerConfig()`.
        name: The app's name in the line with the addresses.
        announce: Called with the URLs, once that line is printed; default: nothing is called.
        parent: The parent, if this process is one of several workers: it prints that line itself; default: None.

    Raises:
        ConfigurationError: This system is Windows, where the server does not run.
        OSError: The address cannot be listened on, or the certificate cannot be used.
        LifespanError: The app's lifespan failed, or took longer than it may.
    """
    require_supported_system()
    settings = config if config is not None else ServerConfig()
    _allow_files(settings.max_connections)
    try:
        trio.run(
            _serve_until_signal, app, settings, read_certificate(settings), _Announcement(name, announce, parent), parent
        )
    except ExceptionGroup as group:
        raise sole(group) from None


def last_deadline_of(settings: ServerConfig) -> float:
    """The seconds from the first signal to stop until the process has ended, even if something hangs."""
    return settings.drain_delay + settings.graceful_timeout + settings.shutdown_timeout + _GRACE


def _allow_files(connections: int) -> None:
    """Raise the process's limit of open files, as far as the system allows, if it is too low: a connection is a file."""
    if resource is None:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + _OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):
            resource.setrlimit(
                resource.RLIMIT_NOFILE, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard)
            )


async def _serve_until_signal(
    app: ASGIApp,
    settings: ServerConfig,
    certificate: Certificate | None,
    announcement: _Announcement,
    parent: Parent | None,
) -> None:
    shutdown = trio.Event()
    opening = listeners_of(settings) if parent is None else parent.inherit_listeners()

    def stop() -> None:
        if parent is not None and parent.has_let_go:
            serving.cancel("the parent has let go")  # nothing to wait for: another worker serves, or none may
        else:
            shutdown.set()

    with (
        trio.CancelScope() as serving,
        _last_deadline(last_deadline_of(settings)) as stops,
        _signals(_Signals(stop, certificate, stops)),
    ):
        await serve_with(app, settings, certificate, opening, shutdown=shutdown, task_status=announcement)


class _Signals:
    """The handler of the process's signals.

    Args:
        stop: Called in trio at a signal to stop.
        certificate: Read anew at SIGHUP; None without TLS.
        stops: The queue of the signals to stop, for the thread that watches the deadline.
    """

    def __init__(self, stop: Callable[[], None], certificate: Certificate | None, stops: _Stops) -> None:
        self._stop = stop
        self._certificate = certificate
        self._stops = stops
        self._token = trio.lowlevel.current_trio_token()

    def handle(self, number: int, _frame: FrameType | None) -> None:
        """Handle a signal, whatever the main thread does at this moment, and even if the event loop hangs."""
        if number != getattr(signal, "SIGHUP", None):
            self._stops.put(number)
        self._token.run_sync_soon(self._obey, number)

    def _obey(self, number: int) -> None:
        if number == getattr(signal, "SIGHUP", None):
            self._reload()
        else:
            self._stop()

    def _reload(self) -> None:
        if self._certificate is None:
            logger.warning("SIGHUP: nothing to read anew: there is no certificate")
            return
        try:
            self._certificate.reload()
        except OSError as error:
            logger.warning("SIGHUP: the certificate cannot be used, and the one before goes on: %s", error)
        else:
            logger.warning("SIGHUP: the certificate has been read anew")


@contextmanager
def _signals(signals: _Signals) -> Iterator[None]:
    """Handle the signals until the block is left, and then restore the handlers before."""
    before = {number: signal.signal(number, signals.handle) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _last_deadline(seconds: float) -> Iterator[_Stops]:
    """End the process so many seconds after the first signal to stop, and at once at a second SIGINT.

    A thread does that, because the main thread may hang.

    Returns:
        The queue for the signals. A signal handler may put into it.
    """
    stops: _Stops = queue.SimpleQueue()
    watch = threading.Thread(
        target=_watch, args=(stops, seconds, trio.lowlevel.current_root_task()), name="the last deadline", daemon=True
    )
    watch.start()
    try:
        yield stops
    finally:
        stops.put(None)


def _watch(stops: _Stops, seconds: float, root: trio.lowlevel.Task | None) -> None:
    number = stops.get()
    if number is None:
        return
    deadline = time.monotonic() + seconds
    has_stopped = False
    interrupted = math.inf
    with suppress(queue.Empty):
        while True:
            if number is None:
                has_stopped = True
            elif number == signal.SIGINT:
                now = time.monotonic()
                if now - interrupted > _SAME_SIGNAL:
                    drain_output(_LAST_LINES)
                    os._exit(128 + number)  # the user has asked twice, and does not want to wait
                interrupted = min(now, interrupted)
            # A second SIGTERM counts as the first: supervisors send one to the process, and one to its group.
            number = stops.get(timeout=max(0.0, deadline - time.monotonic()))
    if has_stopped and threading.main_thread().is_alive():
        return  # the main thread goes on with other work; if it has ended, the process waits only for threads
    with suppress(Exception):  # the process must end even if the line cannot be printed
        drain_output(_LAST_LINES)
        os.set_blocking(2, False)
        for _ in range(100):  # a task that loops without end is not visible at every moment
            if found := list(_what_hangs(root)):
                break
            time.sleep(0.01)
        hanging = ", ".join(map(harmless, found)) or "nothing that can be named"
        line = f"chirp_trio: the server has not stopped within {seconds:g} s, and is ended now. What hangs: {hanging}\n"
        os.write(2, line.encode(errors="backslashreplace"))
    os._exit(1)


def _what_hangs(root: trio.lowlevel.Task | None) -> Iterator[str]:
    """The application's tasks, threads that have to end before the process does, and the code that blocks the event loop."""
    tasks = [root] if root is not None else []
    while tasks:
        task = tasks.pop()
        tasks += [child for nursery in task.child_nurseries for child in nursery.child_tasks]
        frames = [frame for frame, _ in task.iter_await_frames()]
        if any(map(_is_foreign, frames)):
            yield f"the task {task.name!r}{_place(frames)}"
    main = threading.main_thread()
    for thread in threading.enumerate():
        frame = sys._current_frames().get(thread.ident or 0)
        if frame is None:
            continue
        frames = [frame for frame, _ in traceback.walk_stack(frame)][::-1]
        if thread is not main and (" from " in thread.name or not thread.daemon):  # trio names its worker threads like this
            yield f"the thread {thread.name!r}{_place(frames)}"
        names = [frame.f_code.co_name for frame in frames]
        if thread is main and "unrolled_run" in names:
            steps = frames[names.index("unrolled_run") :]
            if any(map(_is_foreign, steps)):
                yield f"the event loop, which is blocked{_place(steps)}"


def _place(frames: list[FrameType]) -> str:
    """The innermost line of the application's own code; the innermost of all if there is none."""
    found = [frame for frame in frames if _is_foreign(frame)] or frames
    return f" at {found[-1].f_code.co_filename}:{found[-1].f_lineno}" if found else ""


def _is_foreign(frame: FrameType) -> bool:
    return is_of_application(frame.f_code.co_filename)


class _Announcement(trio.TaskStatus[list[str]]):
    """Prints the addresses of the server as soon as it listens."""

    def __init__(
        self, name: str, announce: Callable[[Sequence[str]], object] | None = None, parent: Parent | None = None
    ) -> None:
        self._name = name
        self._announce = announce
        self._parent = parent

    def started(self, value: list[str] | None = None) -> None:
        if self._parent is not None:
            self._parent.tell_ready(self._name)
            return
        say(f"serving {self._name} on {', '.join(value or ())} (Ctrl-C stops it)")
        if self._announce is not None:
            self._announce(value or ())
