"""A process that serves an app: signals, and an end that comes whatever hangs."""

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

# How many files a process needs besides its connections.
_OTHER_FILES = 1024

# Seconds beyond all others, before a stop that hangs is ended.
_GRACE = 2.0
# A second Ctrl-C within so many seconds is the first one, sent by somebody else as well (a terminal, and a supervisor).
_SAME_SIGNAL = 0.5
# Seconds for what has been written and not been read yet, when the process is ended.
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
    """Serve an app until SIGINT or SIGTERM. Says where, once it is up.

    A stop ends for certain: whatever still hangs after all of its time limits is named, and the process ended. A second
    SIGINT ends it at once. SIGHUP reads the certificate anew.

    Args:
        app: The app.
        config: The settings; default: `ServerConfig()`.
        name: What to call the app in the line that says where it is.
        announce: Called with the URLs, once that line is printed; default: nobody is told.
        parent: What has started this process as one of several, and prints that line itself; default: it is the only one.

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
    """Seconds after the first signal to stop within which a process that serves has ended, whatever hangs."""
    return settings.drain_delay + settings.graceful_timeout + settings.shutdown_timeout + _GRACE


def _allow_files(connections: int) -> None:
    """Let the process open as many files as it may, if that is fewer than it needs: a connection is one."""
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
            serving.cancel("the parent has let go")  # others serve, or nobody may: there is nothing to wait for
        else:
            shutdown.set()

    with (
        trio.CancelScope() as serving,
        _last_deadline(last_deadline_of(settings)) as stops,
        _signals(_Signals(stop, certificate, stops)),
    ):
        await serve_with(app, settings, certificate, opening, shutdown=shutdown, task_status=announcement)


class _Signals:
    """What the process is told by signals.

    Args:
        stop: Called, in trio, when it is told to stop.
        certificate: Read anew at SIGHUP; None without TLS.
        stops: Where each signal to stop is put, for the thread that sees to it that the stop ends.
    """

    def __init__(self, stop: Callable[[], None], certificate: Certificate | None, stops: _Stops) -> None:
        self._stop = stop
        self._certificate = certificate
        self._stops = stops
        self._token = trio.lowlevel.current_trio_token()

    def handle(self, number: int, _frame: FrameType | None) -> None:
        """Handle a signal, in the midst of whatever the main thread does: even where that has come to a standstill."""
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
    """Have signals handled until the block is left."""
    before = {number: signal.signal(number, signals.handle) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _last_deadline(seconds: float) -> Iterator[_Stops]:
    """See to it that the process ends within so many seconds of the first signal to stop, and at once if that comes twice.

    A thread does that: the main thread may be what hangs.

    Returns:
        Where the signals are to be put. It can be put into from a signal handler.
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
                    os._exit(128 + number)  # asked twice: whoever waits for something will not get it
                interrupted = min(now, interrupted)
            # Another SIGTERM is the same stop: supervisors send one to the process, and one to its group.
            number = stops.get(timeout=max(0.0, deadline - time.monotonic()))
    if has_stopped and threading.main_thread().is_alive():
        return  # it goes on with something else; otherwise it waits for its threads, to end
    with suppress(Exception):  # the line is worth less than the end
        drain_output(_LAST_LINES)
        os.set_blocking(2, False)
        for _ in range(100):  # what goes round in circles is not always where it could be seen
            if found := list(_what_hangs(root)):
                break
            time.sleep(0.01)
        hanging = ", ".join(map(harmless, found)) or "nothing that can be named"
        line = f"chirp_trio: the server has not stopped within {seconds:g} s, and is ended now. What hangs: {hanging}\n"
        os.write(2, line.encode(errors="backslashreplace"))
    os._exit(1)


def _what_hangs(root: trio.lowlevel.Task | None) -> Iterator[str]:
    """The application's tasks, the threads that work for tasks or would be waited for, and what blocks the event loop."""
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
        if thread is not main and (" from " in thread.name or not thread.daemon):  # so trio names those that work for tasks
            yield f"the thread {thread.name!r}{_place(frames)}"
        names = [frame.f_code.co_name for frame in frames]
        if thread is main and "unrolled_run" in names:
            steps = frames[names.index("unrolled_run") :]
            if any(map(_is_foreign, steps)):
                yield f"the event loop, which is blocked{_place(steps)}"


def _place(frames: list[FrameType]) -> str:
    """The innermost place that is the application's own; the innermost of all where none is."""
    found = [frame for frame in frames if _is_foreign(frame)] or frames
    return f" at {found[-1].f_code.co_filename}:{found[-1].f_lineno}" if found else ""


def _is_foreign(frame: FrameType) -> bool:
    return is_of_application(frame.f_code.co_filename)


class _Announcement(trio.TaskStatus[list[str]]):
    """Prints where the server listens, in the moment that it does."""

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
