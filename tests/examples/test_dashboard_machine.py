"""Where the dashboard's figures come from: what is read of a machine, and the task that takes samples of it."""

from datetime import UTC, datetime
from types import SimpleNamespace

import machine
import psutil
import pytest
import sampler
import trio

# -- samples -----------------------------------------------------------------------------------------------------------


def figures_of(cpu):
    return machine.Figures(
        time=datetime.now(UTC),
        cpu=cpu,
        processes=(machine.Process(1, "sh", None, None), machine.Process(2, "vim", None, None)),
    )


async def start_sampler(nursery, until):
    """A sampler, and what is set once it has taken so many samples."""
    readings = iter(range(1000))
    taken = trio.Event()

    def observe(sample):
        if sample.now.cpu >= until:
            taken.set()

    started = sampler.Sampler(lambda: figures_of(next(readings)))
    await nursery.start(started.run, observe)
    return started, taken


async def test_the_latest_sample_is_there_at_once_and_the_next_is_taken_on_the_beat(nursery, autojump_clock):
    began = trio.current_time()
    samples, taken = await start_sampler(nursery, 1)
    first, at_once = samples.latest, trio.current_time() - began
    await taken.wait()

    assert (first.now.cpu, at_once) == (0, 0)
    assert samples.latest.now.cpu == 1
    nursery.cancel_scope.cancel()


async def test_the_charts_begin_with_what_was_there_before(nursery, autojump_clock):
    samples = sampler.Sampler(lambda: figures_of(7))
    await nursery.start(samples.run, lambda _sample: None, [figures_of(5), figures_of(6)])

    assert [figures.cpu for figures in samples.latest.history] == [5, 6, 7]
    nursery.cancel_scope.cancel()


async def test_no_more_is_kept_than_a_chart_shows(nursery, autojump_clock):
    samples, taken = await start_sampler(nursery, sampler.SPAN + 10)
    await taken.wait()

    assert [figures.cpu for figures in samples.latest.history] == list(range(11, sampler.SPAN + 11))
    assert all(figures.processes is None for figures in samples.latest.history)
    assert len(samples.latest.now.processes) == 2
    nursery.cancel_scope.cancel()


def test_the_busiest_processes_are_those_with_the_most_cpu_and_then_memory():
    idle = machine.Process(1, "idle", None, None)
    large = machine.Process(2, "large", 0.0, 900.0)
    busy = machine.Process(3, "busy", 50.0, 1.0)
    sample = sampler.Sample(machine.Figures(time=datetime.now(UTC), processes=(idle, large, busy)), [])

    assert sample.busiest(2) == [busy, large]
    assert sample.process(1) is idle
    assert sample.process(4) is None


# -- the machine -------------------------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def time(monkeypatch):
    """A clock for the machine that only moves when it is set, or when somebody sleeps."""
    time = SimpleNamespace(now=1000.0)
    time.time = time.monotonic = lambda: time.now
    time.sleep = lambda seconds: setattr(time, "now", time.now + seconds)
    monkeypatch.setattr(machine, "time", time)
    return time


@pytest.fixture
def one_process(monkeypatch):
    """A machine on which nothing runs but this process: to look at all of them takes ten times as long as all else."""
    this = psutil.Process()
    monkeypatch.setattr(psutil, "process_iter", lambda names: [SimpleNamespace(info=this.as_dict(names))])


def counters(**interfaces):
    return {name: SimpleNamespace(bytes_recv=received, bytes_sent=sent) for name, (received, sent) in interfaces.items()}


def test_this_machine_tells_its_figures():
    figures = machine.Machine().read()

    assert figures.time.tzinfo is not None
    assert figures.cpu is None or 0 <= figures.cpu <= 100
    assert figures.memory is None or 0 < figures.memory.used <= figures.memory.total
    assert figures.processes is None or figures.processes


@pytest.mark.parametrize("error", [psutil.AccessDenied(), OSError("no /proc"), NotImplementedError(), RuntimeError()])
@pytest.mark.parametrize(
    ("function", "field"),
    [
        ("cpu_percent", "cpu"),
        ("cpu_percent", "cores"),
        ("virtual_memory", "memory"),
        ("swap_memory", "swap"),
        ("disk_usage", "disk"),
        ("net_io_counters", "received"),
        ("net_io_counters", "sent"),
        ("getloadavg", "load"),
        ("boot_time", "uptime"),
        ("process_iter", "processes"),
    ],
)
def test_what_cannot_be_read_is_missing_and_nothing_else(one_process, monkeypatch, function, field, error):
    def refuse(*_args, **_options):
        raise error

    monkeypatch.setattr(psutil, function, refuse)
    figures = machine.Machine().read()

    assert getattr(figures, field) is None


def test_network_rates_are_per_second_and_without_the_loopback(one_process, monkeypatch, time):
    monkeypatch.setattr(psutil, "net_io_counters", lambda pernic: counters(lo=(9, 9), eth0=(100, 10), wlan0=(0, 0)))
    reader = machine.Machine()
    reader.read()
    time.now += 2
    monkeypatch.setattr(psutil, "net_io_counters", lambda pernic: counters(lo=(999, 999), eth0=(300, 10), wlan0=(100, 50)))
    figures = reader.read()

    assert (figures.received, figures.sent) == (150, 25)


@pytest.mark.parametrize("interfaces", [{}, {"lo": (1, 1)}, {"Loopback Pseudo-Interface 1": (1, 1)}])
def test_a_machine_without_a_network_has_no_rates(one_process, monkeypatch, interfaces):
    monkeypatch.setattr(psutil, "net_io_counters", lambda pernic: counters(**interfaces))
    figures = machine.Machine().read()

    assert (figures.received, figures.sent) == (None, None)


def test_counters_that_start_anew_are_no_negative_rate(one_process, monkeypatch, time):
    monkeypatch.setattr(psutil, "net_io_counters", lambda pernic: counters(eth0=(1000, 1000)))
    reader = machine.Machine()
    reader.read()
    time.now += 1
    monkeypatch.setattr(psutil, "net_io_counters", lambda pernic: counters(eth0=(1, 1)))
    figures = reader.read()

    assert (figures.received, figures.sent) == (0, 0)


def test_a_process_has_its_share_of_all_cores_and_kernel_threads_are_none(monkeypatch):
    told = [
        {"pid": 1, "name": "postgres", "cpu_percent": 200.0, "memory_info": SimpleNamespace(rss=5)},
        {"pid": 2, "name": "kworker", "cpu_percent": 0.0, "memory_info": SimpleNamespace(rss=0)},
        {"pid": 3, "name": None, "cpu_percent": None, "memory_info": None},
    ]
    monkeypatch.setattr(psutil, "cpu_count", lambda: 4)
    monkeypatch.setattr(psutil, "process_iter", lambda _attributes: [SimpleNamespace(info=info) for info in told])

    assert machine.Machine().read().processes == (
        machine.Process(1, "postgres", 50.0, 5),
        machine.Process(3, "?", None, None),
    )


def test_processes_are_gone_through_at_every_third_reading(monkeypatch, time):
    looks = []
    monkeypatch.setattr(psutil, "process_iter", lambda _attributes: looks.append(1) or [])
    reader = machine.Machine()
    reader.read()
    looks.clear()
    for _ in range(9):
        time.now += 1
        reader.read()

    assert len(looks) == 3


def test_a_machine_says_what_it_is():
    name, description = machine.describe()

    assert name
    assert "." not in name
    assert description
