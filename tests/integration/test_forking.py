"""A process that is forked from one that has imported everything behaves as a Python of its own: each is asked for both."""

import os
import signal
import socket
import subprocess
import sys
import textwrap

import pytest

from tests import forking
from tests.integration.clients import PATIENCE


def spawned(command, *, cwd, env, output, inherited=()):
    return subprocess.Popen(
        command,
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        pass_fds=inherited,
        start_new_session=True,
    )


@pytest.fixture(params=["forked", "spawned"])
def start(request, tmp_path):
    """Starts a script with these arguments; gives the process and the file that it prints to."""
    with (tmp_path / "output").open("w+b") as output:

        def start(script, *arguments, env=None, module=False, inherited=()):
            (tmp_path / "script.py").write_text(textwrap.dedent(script))
            run = forking.servers.start if request.param == "forked" else spawned
            command = [sys.executable, *(["-m", "script"] if module else ["script.py"]), *arguments]
            environment = {"PATH": os.environ["PATH"], **(env or {})}
            return run(command, cwd=tmp_path, env=environment, output=output.fileno(), inherited=inherited), output

        yield start


def ended(started):
    """The exit code, and the lines that were printed."""
    process, output = started
    code = process.wait(PATIENCE)
    return code, os.pread(output.fileno(), 1 << 16, 0).decode().splitlines()


def test_what_it_says_of_errors_may_go_somewhere_else(tmp_path):
    (tmp_path / "script.py").write_text("import sys\nprint('said')\nprint('told', file=sys.stderr)\n")
    command = [sys.executable, "script.py"]
    output, errors = tmp_path / "output", tmp_path / "errors"
    with output.open("wb") as one, errors.open("wb") as other:
        process = forking.servers.start(command, cwd=tmp_path, env={}, output=one.fileno(), errors=other.fileno())
    assert process.wait(PATIENCE) == 0
    assert (output.read_text(), errors.read_text()) == ("said\n", "told\n")


def told(origin, folder, code):
    """What a program prints that is forked from there."""
    (folder / "script.py").write_text(code)
    with (folder / "output").open("w+") as output:
        process = origin.start([sys.executable, "script.py"], cwd=folder, env={}, output=output.fileno())
        assert process.wait(PATIENCE) == 0
        output.seek(0)
        return output.read()


def test_all_that_ask_share_what_is_forked_from_and_it_ends_with_the_last_of_them(tmp_path):
    one, other, third = (forking.Origin("shared", ()) for _ in range(3))
    parent = "import os; print(os.getppid())"
    origin = told(one, tmp_path, parent)
    assert told(other, tmp_path, parent) == origin
    one.leave()
    assert told(other, tmp_path, parent) == origin
    other.leave()
    assert os.waitpid(int(origin), 0)[1] == 0
    assert told(third, tmp_path, parent) != origin
    third.leave()


def test_what_is_forked_from_may_be_forked_itself_from_one_that_has_imported_more(tmp_path):
    root = forking.Origin("root", ("colorsys",))
    branch = forking.Origin("branch", ("netrc",), root)
    imported = "import sys; print({'colorsys', 'netrc'} <= set(sys.modules))"
    assert told(branch, tmp_path, imported) == "True\n"
    branch.leave()
    assert branch._process.wait(PATIENCE) == 0
    root.leave()


@pytest.mark.parametrize(
    ("end", "code", "last"),
    [
        ("pass", 0, []),
        ("sys.exit()", 0, []),
        ("sys.exit(7)", 7, []),
        ("sys.exit(-1)", 255, []),
        ("sys.exit('a sentence')", 1, ["a sentence"]),
        ("os._exit(3)", 3, None),
        ("os.kill(os.getpid(), signal.SIGKILL)", -signal.SIGKILL, None),
        ("os.kill(os.getpid(), signal.SIGTERM)", -signal.SIGTERM, None),
        ("signal.raise_signal(signal.SIGINT)", -signal.SIGINT, None),
    ],
)
def test_how_it_ends(start, end, code, last):
    script = f"import atexit, os, signal, sys\natexit.register(print, 'at exit')\nprint('begun', flush=True)\n{end}\n"
    got, lines = ended(start(script))
    assert got == code
    assert lines[0] == "begun"
    if last is not None:
        assert lines[1:] == [*last, "at exit"]


def test_an_error_is_told_with_the_lines_of_the_program_alone(start):
    code, lines = ended(start("def fail():\n    raise KeyError('a')\n\nfail()\n"))
    assert code == 1
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[-1] == "KeyError: 'a'"
    assert sum("File" in line for line in lines) == 2


@pytest.mark.parametrize("module", [False, True])
def test_what_it_is_given(start, module):
    script = """
        import os, sys, warnings
        print(__name__, sys.argv[1:], os.getcwd() == os.path.dirname(os.path.abspath(__file__)))
        print(sorted(os.environ.items() - {("LC_CTYPE", "C.UTF-8")}))
        print(os.getsid(0) == os.getpid() == os.getpgid(0), sys.stdin.read() == "")
        import script
    """
    code, lines = ended(start(script, "a", "b c", env={"NAME": "value"}, module=module))
    assert code == 0
    assert lines[0] == "__main__ ['a', 'b c'] True"
    assert eval(lines[1]) == sorted([("PATH", os.environ["PATH"]), ("NAME", "value")])
    assert lines[2] == "True True"


def test_it_has_no_file_but_those_that_it_is_given(start):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        number = listener.fileno()
        script = f"""
            import os, socket
            numbers = map(int, os.listdir("/proc/self/fd"))
            print([number for number in numbers if os.path.exists(f"/proc/self/fd/{{number}}")])
            print(socket.socket(fileno={number}).getsockname()[1])
        """
        code, lines = ended(start(script, inherited=[number]))
        assert code == 0
        assert set(eval(lines[0])) == {0, 1, 2, number}
        assert lines[1] == str(listener.getsockname()[1])


@pytest.mark.parametrize("env", [{}, {"PYTHONWARNINGS": "default"}], ids=["quiet", "all warnings"])
def test_which_warnings_it_shows(start, env):
    code, lines = ended(start("import socket\nsocket.socket()\n", env=env))
    assert code == 0
    assert any("ResourceWarning" in line for line in lines) is bool(env)


def test_what_was_made_while_a_server_ran_or_after_that_and_was_not_closed_is_told_of(start):
    script = """
        from chirp_trio.server.garbage import calm_garbage_collector

        def leave_open(name):
            circle = [open(name, "w")]
            circle.append(circle)

        with calm_garbage_collector():
            leave_open("while it ran")
        leave_open("after that")
    """
    code, lines = ended(start(script, env={"PYTHONWARNINGS": "default"}))
    assert code == 0
    for name in ("while it ran", "after that"):
        assert any("ResourceWarning" in line and name in line for line in lines)


def test_it_can_be_waited_for_and_ended(start):
    process, _ = start("import time\nprint('begun', flush=True)\ntime.sleep(1000)\n")
    assert process.poll() is None
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.01)
    process.kill()
    assert process.wait(PATIENCE) == -signal.SIGKILL
    assert process.poll() == process.returncode == -signal.SIGKILL
    process.send_signal(signal.SIGTERM)  # nobody


@pytest.mark.parametrize(
    "starting",
    [
        "subprocess.Popen(command, **options).wait()",
        "await (await trio.lowlevel.open_process(command, **options)).wait()",  # which starts it in a thread
    ],
)
def test_a_python_that_it_starts_while_trio_runs_has_what_it_is_given_and_nothing_else(start, starting):
    script = f"""
        import atexit, os, signal, socket, subprocess, sys, trio

        NOT_GIVEN = 400

        async def parent():
            with trio.open_signal_receiver(signal.SIGTERM), socket.create_server(("127.0.0.1", 0)) as given:
                atexit.register(print, "the parent's end", flush=True)
                os.dup2(given.fileno(), NOT_GIVEN, inheritable=True)
                number = given.fileno()
                command = [sys.executable, "-m", "script", str(number)]
                options = {{"env": {{"NAME": "other"}}, "pass_fds": [number], "start_new_session": True}}
                print({starting}, flush=True)

        async def child(number):
            print(__name__, os.environ.get("NAME"), os.getsid(0) == os.getpid())
            print(signal.getsignal(signal.SIGTERM) is signal.SIG_DFL, os.path.exists(f"/proc/self/fd/{{NOT_GIVEN}}"))
            print(socket.socket(fileno=number).getsockname()[0])
            with open("/proc/self/cmdline") as command:
                print("origin.py" in command.read())
            signal.signal(signal.SIGALRM, lambda number, _: sys.exit(number))
            signal.setitimer(signal.ITIMER_REAL, 0.001)
            for _ in range(100_000_000):  # it notices a signal while it is busy
                pass

        trio.run(child, int(sys.argv[1])) if sys.argv[1:] else trio.run(parent)
    """
    started = start(script, env={"NAME": "value"})
    is_forked = isinstance(started[0], forking.Process)
    code, lines = ended(started)
    assert code == 0
    assert lines == [
        "__main__ other True",
        "True False",
        "127.0.0.1",
        str(is_forked),
        str(signal.SIGALRM.value),
        "the parent's end",
    ]


def test_a_python_that_it_starts_may_be_in_another_folder_or_write_to_it(start):
    script = """
        import os, subprocess, sys

        if sys.argv[1:]:
            print("child", os.path.basename(os.getcwd()), os.environ["NAME"], flush=True)
        else:
            os.mkdir("folder")
            command = [sys.executable, os.path.abspath("script.py"), "child"]
            print(subprocess.Popen(command, cwd="folder").wait(), flush=True)
            print(subprocess.check_output(command, cwd="folder", text=True).upper())
    """
    code, lines = ended(start(script, env={"NAME": "value"}))
    assert code == 0
    assert lines == ["child folder value", "0", "CHILD FOLDER VALUE", ""]
