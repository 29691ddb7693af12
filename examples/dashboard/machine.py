"""The figures of this machine, read with psutil. Blocking: to be called in a thread."""

import os
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import psutil  # type: ignore[import-untyped]

_PROCESSES_EVERY = 3  # readings; going through all processes is the expensive one


@dataclass(frozen=True, slots=True)
class Usage:
    """How much of something is used."""

    used: float
    total: float
    percent: float


@dataclass(frozen=True, slots=True)
class Process:
    """A process. Its share of the CPU is of all cores together."""

    pid: int
    name: str
    cpu: float | None
    memory: float | None


@dataclass(frozen=True, slots=True)
class Figures:
    """What the machine was doing at one moment. None stands for what it does not tell."""

    time: datetime
    cpu: float | None = None
    cores: tuple[float, ...] | None = None
    memory: Usage | None = None
    swap: Usage | None = None
    disk: Usage | None = None
    received: float | None = None
    sent: float | None = None
    load: tuple[float, float, float] | None = None
    uptime: float | None = None
    processes: tuple[Process, ...] | None = None


class Machine:
    """Reads the figures. Rates and shares are those since the reading before."""

    def __init__(self) -> None:
        self._readings = 0
        self._network: tuple[float, float, float] | None = None
        self._processes: tuple[Process, ...] | None = None

    def read(self) -> Figures:
        """The figures of now."""
        if not self._readings:
            self._read()  # for the second one to have something to refer to
            time.sleep(0.2)
        return self._read()

    def _read(self) -> Figures:
        if self._readings < 2 or self._readings % _PROCESSES_EVERY == 0:
            self._processes = _told(_processes)
        self._readings += 1
        received, sent = self._network_rates()
        cores = _told(lambda: tuple(psutil.cpu_percent(percpu=True)))
        return Figures(
            time=datetime.now().astimezone(),
            cpu=sum(cores) / len(cores) if cores else None,
            cores=cores,
            memory=_told(_memory),
            swap=_told(_swap),
            disk=_told(_disk),
            received=received,
            sent=sent,
            load=_told(psutil.getloadavg),
            uptime=_told(lambda: time.time() - psutil.boot_time()),
            processes=self._processes,
        )

    def _network_rates(self) -> tuple[float | None, float | None]:
        before, self._network = self._network, _told(_network)
        if before is None or self._network is None:
            return None, None
        seconds, received, sent = (new - old for new, old in zip(self._network, before, strict=True))
        return max(0.0, received / seconds), max(0.0, sent / seconds)


def describe() -> tuple[str, str]:
    """What the machine is called, and what it is."""
    cores = os.cpu_count()
    release = platform.release().partition("-")[0]
    parts = [f"{platform.system()} {release}".strip(), f"{cores} cores" if cores else ""]
    return platform.node().partition(".")[0] or "This machine", " · ".join(part for part in parts if part)


def _memory() -> Usage:
    memory = psutil.virtual_memory()
    return Usage(memory.total - memory.available, memory.total, memory.percent)


def _swap() -> Usage | None:
    swap = psutil.swap_memory()
    return Usage(swap.used, swap.total, swap.percent) if swap.total else None


def _disk() -> Usage:
    disk = psutil.disk_usage(Path.cwd().anchor)
    return Usage(disk.used, disk.total, disk.percent)


def _network() -> tuple[float, float, float] | None:
    counters = [counter for name, counter in psutil.net_io_counters(pernic=True).items() if not _is_loopback(name)]
    if not counters:
        return None
    return time.monotonic(), sum(one.bytes_recv for one in counters), sum(one.bytes_sent for one in counters)


def _is_loopback(name: str) -> bool:
    return name in ("lo", "lo0") or name.startswith("Loopback")


def _processes() -> tuple[Process, ...]:
    cores = psutil.cpu_count() or 1
    found = []
    for process in psutil.process_iter(["pid", "name", "cpu_percent", "memory_info"]):
        told = process.info  # with None for what this user may not know of another one's process
        cpu = told["cpu_percent"] / cores if told["cpu_percent"] is not None else None
        memory = told["memory_info"].rss if told["memory_info"] else None
        if memory != 0:  # which only the kernel's own threads have, and the dead
            found.append(Process(told["pid"], told["name"] or "?", cpu, memory))
    return tuple(found)


def _told[Value](read: Callable[[], Value]) -> Value | None:
    """What reading gives; None on a machine that does not tell it, in whichever of many ways: a figure less, no error."""
    try:
        return read()
    except Exception:
        return None
