"""The run: a server that is stopped, killed and started again, publishers, and everybody who comes to it."""

import json
import os
import re
import ssl
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from signal import SIGKILL, SIGTERM

import trio

from tests.integration import clients
from tests.integration.server import Server, chirp_trio, wait_until
from tests.integration.soak.attackers import attack
from tests.integration.soak.connections import HTTP1, Address, Began, Ended
from tests.integration.soak.ledger import Ledger
from tests.integration.soak.settings import LONG
from tests.integration.soak.starvation import TICK, Starvation
from tests.integration.soak.visitors import Browser

BROWSERS = 25 if LONG else 12
ATTACKERS = 3
LONGEST_STOP = 5.0  # seconds
ENDING = 40.0  # seconds from the last value on, in which everybody has to have read everything
EXPECTED_LINES = re.compile(
    r"chirp_trio: serving "
    r"|last report: "
    r"|DEBUG chirp_trio\.stream: \S+: ended, (completed|disconnected|stalled|shutdown)$"
    r"|DEBUG chirp_trio\.web: POST /read: the client left$"
    r"|DEBUG chirp_trio\.server: an HTTP/2 connection was given up: "
)


@dataclass
class Soak:
    """One run. `World` is what visitors see of it; where the seed decides, it draws.

    Args:
        seed: What everything is drawn from that can be.
        seconds: How long it takes.
        folder: Where the certificate is, and the topic's file.
    """

    seed: int
    seconds: float
    folder: Path
    ledger: Ledger = field(default_factory=Ledger)
    violations: list[str] = field(default_factory=list)
    done: Counter[str] = field(default_factory=Counter)
    address: Address | None = None
    is_over: bool = False
    kills: int = 0
    starvation: Starvation = field(default_factory=Starvation)
    _is_enough: bool = False
    at_rest: dict[str, list[float]] = field(default_factory=dict)  # before and after, of the last server

    def report(self, who: str, text: str, tail: bytes = b"") -> None:
        self.violations.append(f"seed {self.seed}, server {self.ledger.generation}, {who}: {text}; the last it got: {tail!r}")
        print(self.violations[-1], flush=True)

    def report_late(self, who: str, text: str, tail: bytes = b"") -> None:
        """Something has come too late, or not in time: wrong, unless the machine has let nobody run."""
        if self.starvation.is_recent:
            self.done["late on a machine that is too busy"] += 1
        else:
            self.report(who, text, tail)

    async def run(self) -> None:
        browsers = [Browser(self, number) for number in range(BROWSERS)]
        with ExitStack() as servers:
            await self._start(servers, is_last=False, is_secure=True)
            async with trio.open_nursery() as nursery:
                # The pauses between restarts are drawn, and each restart takes its time: the last value may come later.
                ending = trio.CancelScope(deadline=trio.current_time() + 1.2 * self.seconds + ENDING)
                nursery.start_soon(self._watch_the_machine, ending)
                with ending:
                    await self._let_everybody_come(browsers, servers, ending)
                for tab in (tab for browser in browsers for tab in browser.tabs):
                    self.done["visits"] += tab.visits
                    for story in tab.model.stories.values():
                        story.settle()
                    if not self.is_over:
                        tab.report("nobody had published the last value when all had to be over")
                    elif not tab.is_done:
                        tab.report("it has not got everything in the end")
                await trio.to_thread.run_sync(self._look_at_the_rest)
                await self._end(SIGTERM)
                nursery.cancel_scope.cancel()

    async def _let_everybody_come(self, browsers: list[Browser], servers: ExitStack, ending: trio.CancelScope) -> None:
        async with trio.open_nursery() as readers:
            for browser in browsers:
                readers.start_soon(browser.browse)
            async with trio.open_nursery() as others:
                for topic in ("memory", "stored"):
                    others.start_soon(self._publish, topic)
                for number in range(ATTACKERS):
                    others.start_soon(self._attack, number)
                others.start_soon(self._restart_again_and_again, servers)
            self.is_over = True
            ending.deadline = trio.current_time() + ENDING

    async def _watch_the_machine(self, ending: trio.CancelScope) -> None:
        """Where nobody gets a core, the end waits for them."""
        while True:
            await trio.sleep(TICK)
            ending.deadline += self.starvation.look(os.getpid(), self._server.process.pid)

    # -- the server -----------------------------------------------------------------------------------------------------

    async def _restart_again_and_again(self, servers: ExitStack) -> None:
        lot = Random(f"{self.seed} server")
        restarts = max(4, min(20, round(self.seconds / 30)))
        signals = lot.sample([SIGKILL, SIGTERM] * (restarts // 2 + 1), restarts)
        for number, signal in enumerate(signals):
            await trio.sleep(self.seconds / (restarts + 1) * lot.uniform(0.8, 1.2))
            await self._end(signal)
            await trio.sleep(lot.choice([0, 0, 0.5]))
            is_last = number == restarts - 1
            await self._start(servers, is_last=is_last, is_secure=is_last or lot.random() < 0.6)
        await trio.sleep(self.seconds / (restarts + 1))
        self._is_enough = True

    async def _start(self, servers: ExitStack, *, is_last: bool, is_secure: bool) -> None:
        options = ["--certfile", self.folder / "cert.pem", "--keyfile", self.folder / "key.pem"] if is_secure else []
        self._server = await trio.to_thread.run_sync(servers.enter_context, chirp_trio("soaked:app", *options))
        trust = None
        if is_secure:
            trust = ssl.create_default_context(cafile=self.folder / "cert.pem")
        address = Address(self._server.address[1], trust)
        if is_last:
            self.at_rest = {name: [least] for name, least in (await trio.to_thread.run_sync(self._figures, address)).items()}
        self.ledger.generation += 1
        self.address = address

    async def _end(self, number: int) -> None:
        server: Server = self._server
        self.address = None
        self.kills += number == SIGKILL
        began = time.monotonic()
        server.signal(number)
        code = await trio.to_thread.run_sync(server.wait)
        took = time.monotonic() - began
        self.done["kills" if number == SIGKILL else "stops"] += 1
        log = server.lines()
        if number == SIGTERM:
            if code != 0:
                self.report("the server", f"it stopped with {code}")
            if took > LONGEST_STOP:
                self.report_late("the server", f"it took {took:.1f} s to stop")
            if not log[-1].startswith("last report: ") or json.loads(log[-1].removeprefix("last report: "))["left"]:
                self.report("the server", f"its last words are {log[-1]!r}")
        for line in [line for line in log if not EXPECTED_LINES.match(line)][:5]:
            self.report("the server", f"it logged {line!r}")
        self.done.update(line.rpartition(", ")[2] for line in log if ": ended, " in line)

    # -- at rest --------------------------------------------------------------------------------------------------------

    def _figures(self, address: Address) -> dict[str, float]:
        """What the server has at least: tasks, streams, files, memory."""
        if address.trust is not None:
            address.trust.set_alpn_protocols(["http/1.1"])
        reports = []
        for _ in range(5):
            with clients.HTTP1(("127.0.0.1", address.port), tls=address.trust) as client:
                response = client.request("/report", headers=[("connection", "close")])
                client.wait_for_end(response)
                reports.append(json.loads(response.body))
        least = {name: min(report[name] for report in reports) for name in ("tasks", "streams", "subscribers")}
        return least | {"files": self._server.open_files(), "MiB": self._server.resident_bytes() / 2**20}

    def _look_at_the_rest(self) -> None:
        """Wait until nothing is left of all who were there; say what is."""
        found: list[dict[str, float]] = []

        def is_at_rest() -> bool:
            found.append(self._figures(self.address))
            return self._exceeds(found[-1]) == []

        wait_until(is_at_rest)
        for name, figure in found[-1].items():
            self.at_rest[name].append(figure)
        if left := self._exceeds(found[-1]):
            self.report("the server", f"{', '.join(left)}: more than before; {self.at_rest}")

    def _exceeds(self, figures: dict[str, float]) -> list[str]:
        return [name for name in ("tasks", "streams", "subscribers", "files") if figures[name] > self.at_rest[name][0]]

    # -- those who come to it -------------------------------------------------------------------------------------------

    async def _publish(self, topic: str) -> None:
        """Publish numbers in batches of some; a batch without an answer is uncertain, and nothing is said twice."""
        lot = Random(f"{self.seed} publisher of {topic}")
        connection: HTTP1 | None = None
        generation = 0
        is_last = False
        while not is_last:
            is_last = self._is_enough
            count = lot.choices([1, 5, 20, 150], [10, 5, 5, 1])[0]
            if is_last:  # the last value of all goes through every filter
                count = 6 - self.ledger.topics[topic].last % 6
            address = await self._find()
            if connection is not None and generation != self.ledger.generation:
                await connection.leave(by_reset=True)
                connection = None
            generation = self.ledger.generation
            values = self.ledger.begin(topic, count)
            ids = None
            try:
                if connection is None:
                    connection = HTTP1(await address.connect("http/1.1"))
                ids = await self._ask(connection, f"/publish/{topic}/{values[0]}/{count}")
            except OSError, trio.BrokenResourceError:
                pass
            self.ledger.answer(topic, values, ids)
            if ids is None:
                if connection is not None:
                    await connection.leave(by_reset=True)
                connection = None
                if self.address is address:
                    self.report(f"publisher of {topic}", f"{values} got no answer")
                is_last = False
            self.done["published"] += count
            await trio.sleep(lot.expovariate(1 / 0.1))
        if connection is not None:
            await connection.leave(by_reset=False)

    async def _find(self) -> Address:
        """Where the server is, once there is one."""
        while self.address is None:  # noqa: ASYNC110 - it comes and goes
            await trio.sleep(0.05)
        return self.address

    async def _ask(self, connection: HTTP1, path: str) -> list[str] | None:
        await connection.send("POST", path, ["content-length: 0"])
        body = b""
        while True:
            for _, part in await connection.read():
                if isinstance(part, bytes):
                    body += part
                elif isinstance(part, Began) and part.status != 200:
                    return None
                elif isinstance(part, Ended):
                    return json.loads(body) if part.is_complete else None

    async def _attack(self, number: int) -> None:
        for count in range(10**9):
            if self._is_enough:
                return
            lot = Random(f"{self.seed} attacker {number} attack {count}")
            if self.address is not None:
                await attack(self.address, lot)
                self.done["attacks"] += 1
            await trio.sleep(lot.uniform(0, 0.3))
