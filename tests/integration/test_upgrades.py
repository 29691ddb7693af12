"""The recipe of the documentation for an upgrade without losing anything, as it stands there: behind its nginx, with its
unit's command on a socket that stays open, with a store, and restarted again and again while people publish and read."""

import configparser
import http.client
import json
import shlex
import socket
import threading
import time
from contextlib import ExitStack, closing, contextmanager
from itertools import count
from pathlib import Path

from chirp_trio import Decoder, SSEEvent
from tests.docs.runner import ROOT, blocks_of, require
from tests.integration.clients import PATIENCE
from tests.integration.server import SCRIPTS, Server, announced, wait_until
from tests.integration.test_proxies import free_port, listens, nginx

READERS, PUBLISHERS, RESTARTS = 6, 3, 4
PACE = 0.02  # seconds from one order of a publisher to the next

PAGES = ROOT / "docs" / "how-to"
APP = next(block.text for block in blocks_of(PAGES / "resume-after-a-disconnect.md") if block.file == "stored.py")
UNIT = configparser.ConfigParser(interpolation=None)
UNIT.read_string(next(block.text for block in blocks_of(PAGES / "deploy.md") if block.file == "app.service"))


def write_app(folder):
    """The app with a store of the documentation. Its clients come back sooner than usual."""
    text = APP.replace("import App, ", "import App, AppConfig, ").replace(
        "App()", "App(AppConfig(reconnect_after=(0.1, 0.5)))"
    )
    assert text.count("reconnect_after") == 1
    (folder / "app.py").write_text(text)


@contextmanager
def version(listener, folder):
    """What `systemctl start` does: the unit's command, which gets the socket that systemd has opened."""
    command = UNIT["Service"]["ExecStart"].replace("fd://3", f"fd://{listener.fileno()}")
    program, *arguments = shlex.split(command)
    with Server([SCRIPTS / Path(program).name, *arguments], cwd=folder, inherited=[listener.fileno()]) as server:
        announced(server)
        yield server


class People:
    """Threads that publish and that read, as browsers do, until they are told that it is over."""

    def __init__(self, address):
        self._address = address
        self._is_over = threading.Event()
        self.accepted = [[] for _ in range(PUBLISHERS)]
        self.received = [[] for _ in range(READERS)]
        self.connections = [0] * READERS
        self.wrong = []
        self._publishers = [threading.Thread(target=self._publish, args=(number,)) for number in range(PUBLISHERS)]
        self._readers = [threading.Thread(target=self._read, args=(number,)) for number in range(READERS)]

    def _ask(self, connection, *request, **options):
        """The response, if it is one that nobody could complain about."""
        connection.request(*request, **options)
        response = connection.getresponse()
        if response.status not in {200, 204}:
            self.wrong.append((request, response.status))
        return response

    def _publish(self, publisher):
        for number in count():
            if self._is_over.wait(PACE):
                return
            order = f"{publisher}-{number}"
            try:
                with closing(http.client.HTTPConnection(*self._address, timeout=PATIENCE)) as connection:
                    self._ask(connection, "POST", "/orders", body=order).read()
                self.accepted[publisher].append(order)
            except (OSError, http.client.HTTPException) as error:
                self.wrong.append((order, repr(error)))

    def _read(self, reader):
        last_event_id, retry = "", 0.5
        while not self._is_over.is_set():
            headers = {"accept": "text/event-stream", "last-event-id": last_event_id}
            decoder = Decoder(last_event_id=last_event_id)
            with closing(http.client.HTTPConnection(*self._address, timeout=PATIENCE)) as connection:
                try:
                    response = self._ask(connection, "GET", "/orders", headers=headers)
                    self.connections[reader] += 1
                    while data := response.read1():
                        self.received[reader] += [event for event in decoder.feed(data) if isinstance(event, SSEEvent)]
                except (OSError, http.client.HTTPException) as error:
                    self.wrong.append(("a stream", repr(error)))
                last_event_id = decoder.last_event_id
                retry = retry if decoder.retry is None else decoder.retry / 1000
            time.sleep(retry)

    def publish_some_more(self):
        """Wait until each publisher has had ten answers more."""
        before = [len(accepted) for accepted in self.accepted]
        wait_until(lambda: all(len(now) >= then + 10 for now, then in zip(self.accepted, before, strict=True)))

    def finish(self):
        """Publish no more, and let everybody have the rest."""
        self._is_over.set()
        for thread in self._publishers:
            thread.join(PATIENCE)
        number = sum(map(len, self.accepted))
        wait_until(lambda: all(len(received) >= number for received in self.received))

    def __enter__(self):
        for thread in self._readers:
            thread.start()
        wait_until(lambda: all(self.connections))
        for thread in self._publishers:
            thread.start()
        return self

    def __exit__(self, *_):
        self._is_over.set()
        for thread in (*self._publishers, *self._readers):
            if thread.ident is not None:
                thread.join(PATIENCE)


def test_versions_follow_one_another_under_load_and_nobody_is_refused_or_loses_an_event(tmp_path):
    require("nginx")
    write_app(tmp_path)
    with socket.create_server(("127.0.0.1", 0), backlog=4096) as listener:
        address = ("127.0.0.1", free_port())
        command = nginx(tmp_path, "{}:{}".format(*listener.getsockname()), address[1])
        with Server(command, cwd=tmp_path, forked=False) as proxy:
            wait_until(lambda: proxy.process.poll() is not None or listens(address))
            with ExitStack() as versions:
                running = versions.enter_context(version(listener, tmp_path))
                with People(address) as people:
                    for number in range(RESTARTS):
                        people.publish_some_more()
                        assert running.stop() == 0
                        running = versions.enter_context(version(listener, tmp_path))
                        wait_until(lambda: min(people.connections) > number + 1)  # noqa: B023 - it is called in this turn
                    people.publish_some_more()
                    people.finish()
                    assert running.stop() == 0
    assert people.wrong == []
    first, *others = ([(event.event, json.loads(event.data)) for event in received] for received in people.received)
    assert all(other == first for other in others)
    assert {name for name, _ in first} == {None}  # no gap
    orders = [data["text"] for _, data in first]
    for publisher, accepted in enumerate(people.accepted):
        assert [order for order in orders if order.startswith(f"{publisher}-")] == accepted
    assert min(people.connections) > RESTARTS
