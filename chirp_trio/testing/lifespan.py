"""ASGI's lifespan protocol, the server's side, in memory."""

from typing import Any

import trio

from ..asgi import ASGIApp, Message, Scope
from ..server.serve import ShutdownSignal
from .exchange import AppError
from .tasks import AppTasks


class Lifespan:
    """The lifespan of an app. An app that does not support the protocol may do without.

    Args:
        app: The app.
        state: The dictionary in which the app leaves values for its requests.
        shutdown: Tells the app that its server is about to stop.
        root_path: The path that the app is mounted at.
    """

    def __init__(self, app: ASGIApp, state: dict[str, Any], shutdown: ShutdownSignal, root_path: str) -> None:
        self._app = app
        self._state = state
        self._shutdown = shutdown
        self._root_path = root_path
        self._stop = trio.Event()
        self._over = trio.Event()

    async def run(self, tasks: AppTasks, task_status: trio.TaskStatus[None]) -> None:
        """Run it from start to stop; `task_status` is told when the app has started."""
        tasks.adopt("the app's lifespan")
        messages = [{"type": "lifespan.startup"}]
        supported = started = False

        async def receive() -> Message:
            if messages:
                return messages.pop()
            await self._stop.wait()
            return {"type": "lifespan.shutdown"}

        async def send(message: Message) -> None:
            nonlocal supported, started
            supported = True
            if message["type"] == "lifespan.startup.complete":
                started = True
                task_status.started()
            elif message["type"].endswith(".failed"):
                raise AppError(f"the app's lifespan failed: {message.get('message') or 'it does not say why'}")

        scope: Scope = {
            "type": "lifespan",
            "asgi": {"version": "3.0", "spec_version": "2.0"},
            "state": self._state,
            "root_path": self._root_path,  # as our server tells it
            "extensions": {"chirp_trio.shutdown": self._shutdown},
        }
        try:
            await self._app(scope, receive, send)
        except Exception:
            if supported:
                raise
        finally:
            self._over.set()
        if not started:
            task_status.started()

    async def stop(self) -> None:
        """Tell the app to shut down, and wait until it has."""
        self._stop.set()
        await self._over.wait()
