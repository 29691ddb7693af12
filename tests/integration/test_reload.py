"""`chirp-trio run --reload`, where one of its two processes is killed."""

import shutil
import signal
import socket

import psutil
import pytest

from tests.integration.server import APPS, announced, chirp_trio, wait_until


@pytest.fixture
def folder(tmp_path):
    shutil.copy(APPS / "talkative.py", tmp_path / "changing.py")
    return tmp_path


def touch(folder, name="changing.py"):
    with (folder / name).open("a") as file:
        file.write("\n")


def server_of(reloader):
    (process,) = psutil.Process(reloader.process.pid).children()
    return process


def test_a_server_that_was_killed_is_told_of_and_comes_back_with_the_next_change(folder):
    with chirp_trio("changing:app", "--reload", cwd=folder) as reloader:
        first = server_of(reloader)
        mark = reloader.mark()
        first.kill()
        reloader.wait_for_line(
            r"^chirp_trio: the server has ended, killed by SIGKILL; it is started again when a file changes$", mark
        )
        assert psutil.Process(reloader.process.pid).children() == []  # no zombie either

        touch(folder)
        reloader.address = announced(reloader, mark)
        assert reloader.get("/talk")[0] == 200
        assert reloader.stop() == 0


def test_a_server_that_cannot_start_is_told_of_once_and_comes_back_with_the_next_change(folder):
    with chirp_trio("changing:app", "--reload", cwd=folder) as reloader:
        mark = reloader.mark()
        (folder / "changing.py").write_text("nonsense =")
        reloader.wait_for_line("the server has ended, with the exit code 2", mark)
        shutil.copy(APPS / "talkative.py", folder / "changing.py")
        reloader.address = announced(reloader, mark)
        assert reloader.get("/talk")[0] == 200
        assert sum("the server has ended" in line for line in reloader.lines(mark)) == 1
        assert reloader.stop() == 0


def test_a_reloader_that_was_killed_leaves_nobody_on_the_port(folder):
    with chirp_trio("changing:app", "--reload", cwd=folder) as reloader:
        server = server_of(reloader)
        reloader.signal(signal.SIGKILL)
        assert reloader.wait() == -signal.SIGKILL
        wait_until(lambda: not server.is_running() or server.status() == psutil.STATUS_ZOMBIE)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(reloader.address)


def test_folders_and_files_to_look_at_may_be_named(folder, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "style.css").write_text("")
    options = ["--reload", "--reload-dir", elsewhere, "--reload-include", "*.css"]
    with chirp_trio("changing:app", *options, cwd=folder) as reloader:
        mark = reloader.mark()
        touch(elsewhere, "style.css")
        reloader.wait_for_line(r"style\.css changed, restarting$", mark)
        announced(reloader, mark)
        assert reloader.stop() == 0


def test_a_folder_that_is_not_there_is_2_and_says_so(folder, capfd):
    from chirp_trio.cli import main

    assert main(["run", "--reload", "--reload-dir", str(folder / "nothing"), "changing:app"]) == 2
    assert "there is no such folder" in capfd.readouterr().err
