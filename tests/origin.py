"""The program that processes are forked from, for `tests/forking.py`: it imports what they all need, and has no thread.

It listens at an address, and ends when nobody is connected to that any more.
"""

import atexit
import contextvars
import fcntl
import gc
import importlib
import io
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import pairwise
from pathlib import Path

import trio
from trio._core._run import GLOBAL_RUN_CONTEXT

LARGEST = 1 << 20  # bytes of a question

_HIGH = 500  # where file descriptors are out of the way of those whose numbers are given


@contextmanager
def locked(address: Path) -> Iterator[None]:
    """While nobody else starts or ends what has this address."""
    with address.with_suffix(".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def main(number: int, modules: Sequence[str]) -> None:
    """Fork what is asked for at this socket, and tell how each has ended, until nobody asks any more."""
    sys.path.pop(0)  # the folder of this file
    for name in modules:
        importlib.import_module(name)
    if "hypothesis" in modules:  # which asks the collector who holds a generator, and that does not see what is left out
        hypothesis = sys.modules["hypothesis"]
        hypothesis.given(hypothesis.strategies.none())(lambda nothing: None)()
    gc.collect()
    gc.freeze()  # or each process would look through all of this again, whenever it collects garbage
    listener = socket.socket(fileno=number)
    askers: set[socket.socket] = set()
    running: dict[int, socket.socket] = {}
    deaths, death = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(death, warn_on_full_buffer=False)
    while True:
        readable, _, _ = select.select([deaths, listener, *askers], [], [])
        if deaths in readable:
            os.read(deaths, 4096)
            while running and (ended := os.waitpid(-1, os.WNOHANG))[0]:
                with running.pop(ended[0]) as answers:
                    _tell(answers, os.waitstatus_to_exitcode(ended[1]))
        if listener in readable:
            askers.add(listener.accept()[0])
        for asker in askers.intersection(readable):
            question, descriptors, _, _ = socket.recv_fds(asker, LARGEST, 64)
            if not question:
                askers.remove(asker)
                asker.close()
                if not askers and _is_over(listener):
                    return
                continue
            answers = socket.socket(fileno=descriptors[0])
            process = os.fork()
            if not process:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                for other in (listener, *askers, *running.values()):
                    other.detach()
                _become(json.loads(question), answers.detach(), descriptors[1:])
            running[process] = answers
            for descriptor in descriptors[1:]:
                os.close(descriptor)


def _is_over(listener: socket.socket) -> bool:
    """Whether nobody asks any more; then nobody can begin to."""
    with suppress(FileNotFoundError), locked(Path(listener.getsockname())):  # unless the folder is gone
        if select.select([listener], [], [], 0)[0]:
            return False
        listener.close()
    return True


def _tell(answers: socket.socket, number: int) -> None:
    with suppress(OSError):  # the one that asked has ended
        answers.send(number.to_bytes(8, signed=True))


def _become(question: dict, answers: int, descriptors: Sequence[int]) -> None:
    """Be the process that was asked for, until its end."""
    os.setsid()
    high = [_moved(descriptor) for descriptor in (answers, *descriptors)]
    os.closerange(3, _HIGH)
    for descriptor, number in zip(high[1:], (0, 1, 2, *question["inherited"]), strict=True):
        os.dup2(descriptor, number, inheritable=True)
    env = question["env"]
    os.environ.clear()
    os.environ.update(env)
    os.chdir(question["cwd"])
    sys.dont_write_bytecode = bool(env.get("PYTHONDONTWRITEBYTECODE"))
    # New ones: those of the process that this is forked from know what kind of file theirs is.
    is_unbuffered = bool(env.get("PYTHONUNBUFFERED"))
    for number, (name, errors) in enumerate((("stdout", "strict"), ("stderr", "backslashreplace")), 1):
        file = open(number, "wb", buffering=0 if is_unbuffered else -1, closefd=False)  # noqa: SIM115
        stream = io.TextIOWrapper(
            file, "utf-8", errors, line_buffering=number == 2 or file.isatty(), write_through=is_unbuffered
        )
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    if chosen := env.get("PYTHONWARNINGS"):
        assert chosen in {"default", "error"}
        sys.warnoptions[:] = [chosen]
        warnings.resetwarnings()
        warnings.simplefilter(chosen)
    os.write(high[0], os.getpid().to_bytes(8))
    for descriptor in high:
        os.close(descriptor)
    subprocess.Popen = _Popen
    if (context := sys.modules.get("multiprocessing.context")) is not None:  # hypercorn's workers
        context._concrete_contexts["spawn"] = context._concrete_contexts["fork"]
    program, *arguments = question["args"]
    if Path(program) != Path(sys.executable):
        arguments.insert(0, program)
    _run(arguments)


class _Popen(subprocess.Popen):
    """A Python that a forked process starts, and whose output goes where that of this one goes, is forked as well."""

    def _execute_child(self, args, executable, preexec_fn, close_fds, pass_fds, cwd, env, *others) -> None:
        pipes = others[3:9]
        environment = dict(os.environ if env is None else env)
        if args[0] != sys.executable or any(number != -1 for number in pipes):
            super()._execute_child(args, executable, preexec_fn, close_fds, pass_fds, cwd, env, *others)
        elif threading.current_thread() is threading.main_thread():
            self._fork(args[1:], cwd, environment, pass_fds)
        else:  # as trio starts processes; but one that is forked in a thread would not notice in Python that it gets a signal
            trio.from_thread.run_sync(self._fork, args[1:], cwd, environment, pass_fds)

    def _fork(self, arguments: list[str], cwd: Path | None, env: Mapping[str, str], descriptors: Sequence[int]) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # other threads may hold locks; those of trio hold none
            self.pid = os.fork()
        self._child_created = True
        if not self.pid:
            os.chdir(cwd or ".")
            _begin_again(arguments, env, descriptors)


def _begin_again(arguments: list[str], env: Mapping[str, str], descriptors: Sequence[int]) -> None:
    """Be another Python, in a process that has been forked from the middle of what one does."""
    os.setsid()
    for number in signal.valid_signals():
        if callable(signal.getsignal(number)):
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    signal.set_wakeup_fd(-1)
    sys.set_asyncgen_hooks(None, None)
    GLOBAL_RUN_CONTEXT.__dict__.clear()
    atexit._clear()
    sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__
    for low, high in pairwise([2, *sorted(descriptors), _HIGH]):
        os.closerange(low + 1, high)
    os.environ.clear()
    os.environ.update(env)
    contextvars.Context().run(_run, arguments)


def _moved(descriptor: int) -> int:
    moved = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, _HIGH)
    os.close(descriptor)
    return moved


def _run(arguments: list[str]) -> None:
    """What Python does with these arguments, to the end."""
    code = 0
    sys.orig_argv = [sys.executable, *arguments]
    try:
        match arguments:
            case ["-m", module, *rest]:
                sys.argv = [module, *rest]
                sys.path.insert(0, str(Path.cwd()))
                runpy.run_module(module, run_name="__main__", alter_sys=True)
            case [script, *_]:
                assert not script.startswith("-"), arguments
                sys.argv = arguments
                sys.path.insert(0, str(Path(script).resolve().parent))
                runpy.run_path(script, run_name="__main__")
    except SystemExit as end:
        code = _exit_code(end)
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.raise_signal(signal.SIGINT)
    except BaseException as error:
        traceback = error.__traceback__
        while traceback is not None and ("runpy" in (name := traceback.tb_frame.f_code.co_filename) or name == __file__):
            traceback = traceback.tb_next
        sys.excepthook(type(error), error.with_traceback(traceback), traceback)
        code = 1
    # What follows is what Python does at its end, except for taking every module apart, which takes longer than many a test.
    threading._shutdown()
    atexit._run_exitfuncs()
    gc.collect()  # whatever warns that it was not closed; what was frozen stays so, because to look at all of it takes long
    for stream in filter(None, (sys.stdout, sys.stderr)):
        stream.flush()
    os._exit(code)


def _exit_code(end: SystemExit) -> int:
    if end.code is None:
        return 0
    if isinstance(end.code, int):
        return end.code & 0xFF
    print(end.code, file=sys.stderr)
    return 1


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
