"""Several processes that serve one app: workers, and their parent, which opens the sockets and keeps the workers running.

All workers accept from the same sockets, which the parent holds too. So a connection that waits to be accepted when a worker
dies is accepted by another worker; with a socket for each worker (`SO_REUSEPORT`) it would be reset.
"""

import signal
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import closing

import trio

from .children import WorkerProcess, ending, say
from .config import ServerConfig
from .run import last_deadline_of
from .serve import listeners_of, require_supported_system

# Seconds until a dead worker is replaced: first and most. They double each time, unless the worker has lived `_LIFE` times
# as long as the last pause.
_PAUSE, _LONGEST_PAUSE = 0.1, 10.0
_LIFE = 5
_GRACE = 2.0  # seconds beyond a worker's own last deadline, before it is killed


def run_workers(
    command: Sequence[str],
    number: int,
    settings: ServerConfig,
    *,
    announce: Callable[[Sequence[str]], object] | None = None,
) -> int:
    """Serve an app by several processes, until SIGINT or SIGTERM.

    A worker that dies is replaced; one that cannot even start ends all workers, unless others serve already. SIGHUP
    replaces the workers one by one, without refusing a client. All workers end with this process, however it ends.

    Args:
        command: The command of a worker; its process has to call `find_parent()`, and then `run()`.
        number: The number of workers.
        settings: The settings; the workers have the same.
        announce: Called with the URLs, once all workers serve; default: nothing is called.

    Returns:
        The exit code for the process: 0, or that of the worker that failed.

    Raises:
        ConfigurationError: This system is Windows, where the server does not run.
        OSError: The address cannot be listened on.
    """
    require_supported_system()
    with listeners_of(settings) as (listeners, urls), closing(_Workers(command, number, settings, listeners)) as workers:
        return trio.run(workers.run, urls, announce)


class _Place:
    """The place of one worker, which different processes may hold in turn.

    Attributes:
        worker: The process that holds it, or was the last to hold it.
        lock: Held while another process is put here.
    """

    def __init__(self, worker: WorkerProcess) -> None:
        self.worker = worker
        self.lock = trio.Lock()


class _Workers:
    """All workers, from the start to the stop.

    Args:
        command: The command of a worker.
        number: The number of workers.
        settings: The settings.
        listeners: The sockets that the workers listen on.
    """

    def __init__(
        self, command: Sequence[str], number: int, settings: ServerConfig, listeners: Sequence[socket.socket]
    ) -> None:
        self._command = command
        self._number = number
        self._listeners = listeners
        self._patience = last_deadline_of(settings) + _GRACE  # a worker ends by itself in less
        self._alive: set[WorkerProcess] = set()
        self._serving = trio.CancelScope()
        self._is_stopping = False
        self._stop_signal: int = signal.SIGTERM
        self._renewal = trio.Event()
        self._exit_code = 0

    async def run(self, urls: Sequence[str], announce: Callable[[Sequence[str]], object] | None) -> int:
        """Let the workers serve until a signal, or until none can; return the exit code."""
        numbers = signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD
        with trio.open_signal_receiver(*numbers) as signals:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._obey, signals)
                with self._serving:
                    await self._serve(urls, announce)
                await self._stop()
                nursery.cancel_scope.cancel("all workers have ended")
        return self._exit_code

    def close(self) -> None:
        """Kill the workers that are left, in case this process has failed."""
        for worker in self._alive:
            worker.close()

    async def _obey(self, signals: AsyncIterator[int]) -> None:
        async for number in signals:
            if number == signal.SIGCHLD:
                self._look()
            elif number == signal.SIGHUP:
                self._renewal.set()
            elif self._is_stopping:
                self._signal(number)
            else:
                self._stop_signal = number
                self._serving.cancel("asked to stop")

    def _look(self) -> None:
        """Check which workers have ended."""
        for worker in tuple(self._alive):
            worker.look()
            if worker.ended.is_set():
                self._alive.discard(worker)
                if self._is_stopping and worker.is_ready:
                    self._exit_code = self._exit_code or _exit_code_of(worker)

    def _signal(self, number: int) -> None:
        for worker in self._alive:
            # Until a worker serves, its imports may be going on, in which a SIGINT would be an error with a traceback.
            worker.signal(number if worker.is_ready else signal.SIGTERM)

    # -- while they serve -----------------------------------------------------------------------------------------------

    async def _serve(self, urls: Sequence[str], announce: Callable[[Sequence[str]], object] | None) -> None:
        workers = [self._new_worker()]
        await workers[0].start()  # first one alone, so that an error of the app is printed once
        if workers[0].is_ready:
            workers += [self._new_worker() for _ in range(1, self._number)]
        for worker in workers:
            await worker.start()
            if not worker.is_ready:
                if worker.exit_status <= 0:  # it has printed nothing about it
                    say(f"{worker} has ended before it served, {ending(worker.exit_status)}")
                self._exit_code = _exit_code_of(worker) or 1
                return
        say(f"serving {workers[0].app} on {', '.join(urls)} with {self._number} workers (Ctrl-C stops it)")
        if announce is not None:
            announce(urls)
        places = [_Place(worker) for worker in workers]
        async with trio.open_nursery() as nursery:
            for place in places:
                nursery.start_soon(self._keep, place)
            nursery.start_soon(self._renew, places)

    def _new_worker(self) -> WorkerProcess:
        worker = WorkerProcess(self._command, self._number, self._listeners)
        self._alive.add(worker)
        return worker

    async def _keep(self, place: _Place) -> None:
        """Start another worker whenever the one in a place has ended."""
        pause = 0.0
        while True:
            worker = place.worker
            await worker.ended.wait()
            pause = _PAUSE if worker.lived > _LIFE * pause else min(2 * pause, _LONGEST_PAUSE)
            trouble = f"{worker} has ended, {ending(worker.exit_status)}"
            while place.worker is worker:
                say(f"{trouble}; another one is started in {pause:g} s")
                await trio.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
                async with place.lock:
                    if place.worker is worker:
                        trouble = await self._fill(place)

    async def _fill(self, place: _Place) -> str:
        """Start a new worker, and put it into a place once it serves; return why it cannot, or an empty text."""
        try:
            worker = self._new_worker()
        except OSError as error:
            return f"no process can be started: {error.strerror or error}"
        await worker.start()
        if worker.is_ready:
            place.worker = worker
            return ""
        trouble = f"{worker} has ended before it served, {ending(worker.exit_status)}"
        was_killed = worker.exit_status < 0  # which is not the app's fault
        if not was_killed and not any(other.is_ready for other in self._alive):
            say(f"{trouble}, and no worker is left")
            self._exit_code = worker.exit_status or 1
            self._serving.cancel("no worker is left")
            await trio.lowlevel.checkpoint()  # raises Cancelled
        return trouble

    async def _renew(self, places: Sequence[_Place]) -> None:
        """Replace all workers, one by one, at each SIGHUP."""
        while True:
            await self._renewal.wait()
            self._renewal = trio.Event()
            say("SIGHUP: the workers are replaced, one by one")
            for place in places:
                async with place.lock:
                    before = place.worker
                    trouble = await self._fill(place)
                if trouble:
                    say(f"SIGHUP: {trouble}; the workers that there are go on")
                    break
                before.let_go()
                with trio.move_on_after(self._patience):
                    await before.ended.wait()
                before.kill()
            else:
                say("SIGHUP: all workers have been replaced")

    # -- the stop -------------------------------------------------------------------------------------------------------

    async def _stop(self) -> None:
        self._is_stopping = True
        for listening in self._listeners:  # so that clients are refused once no worker accepts
            listening.close()
        self._signal(self._stop_signal)
        with trio.move_on_after(self._patience):
            await self._all_ended()
        for worker in self._alive:
            say(f"{worker} has not ended, and is killed")
            worker.kill()
        with trio.move_on_after(_GRACE):
            await self._all_ended()

    async def _all_ended(self) -> None:
        while self._alive:
            await next(iter(self._alive)).ended.wait()


def _exit_code_of(worker: WorkerProcess) -> int:
    """The exit code by which a shell reports the worker's exit status."""
    return worker.exit_status if worker.exit_status >= 0 else 128 - worker.exit_status
