"""Servers: started with their stock command lines, measured from outside, and gone afterwards."""

import importlib.util
import os
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[2]
START_TIMEOUT = 20  # seconds
STOP_TIMEOUT = 5  # seconds
OTHER_FILES = 200  # that a server or a client may have open beside its connections

CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
SERVER_CORE, CLIENT_CORE = (CORES[0], CORES[-1]) if len(CORES) > 1 else (None, None)

PEERS = ROOT / ".benchmarks" / "peers"  # where `make peers-environment` installs those that the project does not need
ON_ADDRESS = ("--host", "127.0.0.1", "--port", "{port}")
COMMANDS = {
    "hypercorn": ["hypercorn", "--worker-class", "trio", "--workers", "1", "--bind", "127.0.0.1:{port}"],
    "chirp-trio": ["chirp_trio.cli", "run", "--port", "{port}"],
    "uvicorn": ["uvicorn", "--no-access-log", *ON_ADDRESS],
    "socket.send()": ["tests.benchmarks.sending", "{port}"],
    # Without these it takes no more than 1024 requests at a time.
    "granian": [
        *("granian", "--interface", "asgi", "--workers", "1", "--backlog", "4096", "--backpressure", "4096", *ON_ADDRESS),
    ],
}
# Each with TLS, and HTTP/2 where the client asks for it.
PEM = ("--certfile", "{folder}/cert.pem", "--keyfile", "{folder}/key.pem")
COMMANDS["chirp-trio, TLS"] = [*COMMANDS["chirp-trio"], *PEM]
COMMANDS["hypercorn, TLS"] = [*COMMANDS["hypercorn"], *PEM]
COMMANDS["granian, TLS"] = [
    *COMMANDS["granian"],
    *("--ssl-certificate", "{folder}/cert.pem", "--ssl-keyfile", "{folder}/key.pem"),
]
# What is not started by `python -m SERVER APP`.
OTHER_COMMANDS = {
    "its own": ["{python}", "-m", "tests.benchmarks.apps.{app}", "{port}"],
    "node": ["node", "tests/benchmarks/apps/{app}", "{port}"],
    "node, TLS": ["node", "tests/benchmarks/apps/{app}", "{port}", "{folder}"],
}


class BenchmarkError(Exception):
    """Nothing could be measured."""


@dataclass(frozen=True, slots=True)
class Stack:
    """An app under a server. `needs` is a module, or a program, that may not be installed."""

    name: str
    app: str
    server: str = "hypercorn"
    needs: str | None = None

    @property
    def is_installed(self):
        needs = self.needs
        return needs is None or bool(importlib.util.find_spec(needs) or shutil.which(needs)) or is_peer(needs)


def is_peer(module):
    """Whether it is installed, but apart from the project's own environment."""
    return module is not None and importlib.util.find_spec(module) is None and Path(PEERS, module).is_dir()


class Server:
    """A running server, seen from outside: all of its processes together."""

    def __init__(self, port, processes):
        self.port = port
        self._processes = processes

    def cpu_seconds(self):
        return sum(map(cpu_seconds_of, self._processes))

    def kernel_seconds(self):
        """What of that the system needed, and not the server's own code."""
        return sum(process.cpu_times().system for process in self._processes)

    def resident_bytes(self):
        return sum(process.memory_info().rss for process in self._processes)


def cpu_seconds_of(process):
    """By the clock that Linux has for each process; what psutil reads there has ticks of ten milliseconds."""
    if sys.platform == "linux":
        return time.clock_gettime((~process.pid << 3) | 2)
    times = process.cpu_times()
    return times.user + times.system


def serving(stack, folder=None, options=()):
    """Serve a stack on a free port until the block is left; with the certificate of a folder, if its command has TLS."""
    port = free_port()
    command = OTHER_COMMANDS.get(stack.server)
    if command is None:
        command = ["{python}", "-m", *COMMANDS[stack.server], *options, "tests.benchmarks.apps.{app}"]
    words = {"python": sys.executable, "port": port, "folder": folder, "app": stack.app}
    # Nobody else gets to see the packages of peers.
    environment = {**os.environ, "PYTHONPATH": str(PEERS)} if is_peer(stack.needs) else None
    return running([word.format(**words) for word in command], port, environment)


@contextmanager
def running(command, port, environment=None):
    """Run a server that listens on this port until the block is left."""
    with tempfile.TemporaryFile("w+") as log:
        process = psutil.Popen(
            command,
            cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
        family = [process]
        try:
            pin(process.pid, SERVER_CORE)
            wait_until_listening(process, port, log)
            family += process.children(recursive=True)
            yield Server(port, family)
        finally:
            stop(family)


def allow_connections(number):
    """Raise the limit of open files, for the processes to come, so that they can have so many connections."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = number + OTHER_FILES
    if hard != resource.RLIM_INFINITY and hard < wanted:
        raise BenchmarkError(f"{wanted} open files are needed, and `ulimit -Hn` says {hard}")
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def raise_limit(wanted):
    """Have as many open files as that takes; how many connections there can be, which may be fewer."""
    needed = wanted + OTHER_FILES
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(needed, hard), max(needed, hard)))
    except OSError, ValueError:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return min(wanted, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - OTHER_FILES)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def pin(pid, core):
    if core is not None:
        os.sched_setaffinity(pid, {core})


def wait_until_listening(process, port, log):
    deadline = time.monotonic() + START_TIMEOUT
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    log.seek(0)
    raise BenchmarkError(f"the server did not start: {log.read().strip() or f'it did not listen in {START_TIMEOUT} seconds'}")


def stop(family):
    """Kill a server and its children: to stop in good order takes some of them longer than it takes to measure them."""
    server, *known = family
    children = server.children(recursive=True) if server.is_running() else []
    for process in {server, *known, *children}:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    server.wait(STOP_TIMEOUT)


def stop_children():
    """Stop what is left when a signal has come at a bad moment."""
    for child in psutil.Process().children():
        stop([child])
