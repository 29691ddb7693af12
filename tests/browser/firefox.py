"""A real Firefox, spoken to by WebDriver BiDi, the W3C's protocol, which it has itself: no driver stands in between.

Playwright cannot: it drives a Firefox that it has patched, and not the one that users have.
"""

import json
import os
import shutil
import subprocess
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, Self

import pytest
from websockets.sync.client import connect

# It is told to leave the network alone: every connection that it makes is to the server under test. And it starts nothing
# that no test looks at, add-ons and processes in reserve: without them its start takes two thirds of the time.
_PREFERENCES = {
    "app.normandy.enabled": False,
    "app.update.disabledForTesting": True,
    "browser.newtab.preload": False,
    "browser.region.network.url": "",
    "browser.safebrowsing.provider.mozilla.updateURL": "",
    "browser.startup.homepage_override.mstone": "ignore",
    "datareporting.policy.dataSubmissionEnabled": False,
    "dom.ipc.processCount": 1,
    "dom.ipc.processPrelaunch.enabled": False,
    "extensions.enabledScopes": 0,
    "extensions.systemAddon.update.enabled": False,
    "extensions.webextensions.remote": False,
    "layers.gpu-process.enabled": False,
    "media.gmp-provider.enabled": False,
    "media.rdd-process.enabled": False,
    "media.utility-process.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "services.settings.server": "data:,",
    "toolkit.telemetry.enabled": False,
}
# Without it, Firefox does not let itself be told of another server for its settings, and at each start puts hundreds of them
# into a database.
_ENVIRONMENT = {"MOZ_REMOTE_SETTINGS_DEVTOOLS": "1"}
_PATIENCE = 120  # seconds


class Firefox:
    """A Firefox with a profile of its own, in a folder that is empty; open while the block is.

    Args:
        profile: The folder.
    """

    def __init__(self, profile: Path) -> None:
        lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in _PREFERENCES.items()]
        (profile / "user.js").write_text("".join(lines))
        command = [find_firefox(), "--headless", "--no-remote", "--profile", profile, "--remote-debugging-port", "0"]
        self._process = subprocess.Popen(
            [*command, "about:blank"],
            env={**os.environ, **_ENVIRONMENT},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._stack = ExitStack()
        self._stack.callback(self._end)
        self._said = profile / "WebDriverBiDiServer.json"
        self._commands = 0

    def __enter__(self) -> Self:
        try:
            url = f"ws://127.0.0.1:{self._find_port()}/session"
            self._socket = self._stack.enter_context(connect(url, max_size=None, proxy=None))
            self._ask("session.new", capabilities={})
            self._context = self._ask("browsingContext.getTree")["contexts"][0]["context"]
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def goto(self, url: str) -> None:
        """Go to a page; return when it is there."""
        self._ask("browsingContext.navigate", context=self._context, url=url, wait="complete")

    def evaluate(self, expression: str) -> Any:
        """What a JavaScript expression means in the page, once it is there if it is a promise; as JSON carries it."""
        wrapped = f"(async () => JSON.stringify(await ({expression})))()"
        target = {"context": self._context}
        answer = self._ask("script.evaluate", expression=wrapped, target=target, awaitPromise=True)
        assert answer["type"] == "success", answer
        return json.loads(answer["result"].get("value", "null"))

    def _ask(self, method: str, **parameters: object) -> Any:
        self._commands += 1
        self._socket.send(json.dumps({"id": self._commands, "method": method, "params": parameters}))
        while (answer := json.loads(self._socket.recv(_PATIENCE))).get("id") != self._commands:
            pass
        assert answer["type"] == "success", answer
        return answer["result"]

    def _find_port(self) -> int:
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline and self._process.poll() is None:
            with suppress(OSError, ValueError):  # it is not there yet, or not whole
                return int(json.loads(self._said.read_text())["ws_port"])
            time.sleep(0.1)
        raise AssertionError("Firefox did not start")

    def _end(self) -> None:
        self._process.kill()  # nobody reads what it would write into its profile at its end
        self._process.wait()


def find_firefox() -> str:
    """The path of a Firefox. Without one, a user's test is skipped and says how to get it; in CI it fails."""
    for name in ("firefox-esr", "firefox"):
        if (found := shutil.which(name)) is not None:
            return found
    message = "no Firefox found: install it (on Debian: apt-get install firefox-esr) to run its browser tests"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)
