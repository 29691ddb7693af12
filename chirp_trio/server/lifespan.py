"""The app's lifespan, as ASGI has it: begun before the first connection, ended after the last."""

import math
from typing import Any

import trio

from ..asgi import ASGIApp, Message, Scope
from ..errors import LifespanError
from ..failures import failure_of
from ..logs import logger_of

logger = logger_of("server")


class Lifespan:
    """One run of an app's lifespan.

    Args:
        app: The app.
        state: The dictionary that the app fills for its requests.
        scope: Further members of the scope.
        fail: The event that is set when the lifespan fails while the server runs.
    """

    def __init__(self, app: ASGIApp, state: dict[str, Any], scope: Scope, fail: trio.Event) -> None:
        self._app = app
        self._scope = {"type": "lifespan", "asgi": {"spec_version": "2.0", "version": "3.0"}, "state": state, **scope}
        self._fail = fail
        self._incoming, self._received = trio.open_memory_channel[Message](2)
        self._has_started = trio.Event()
        self._is_over = trio.Event()
        self._is_supported = False
        self.failure: LifespanError | None = None

    async def run(self) -> None:
        """Run the app with the lifespan's scope until it returns. Raises nothing: an error is kept in `failure`."""
        try:
            await self._app(self._scope, self._received.receive, self._send)
        except BaseException as raised:
            self._note(failure_of(raised), means_to_exit=not isinstance(raised, Exception))
        finally:
            self._has_started.set()
            self._is_over.set()

    def _note(self, error: Exception, *, means_to_exit: bool) -> None:
        if self.failure is not None:
            return
        if not self._has_started.is_set() and not means_to_exit:
            # ASGI says that such an app does not support lifespans.
            logger.warning("the app raised at its lifespan's scope, and is served without a lifespan", exc_info=error)
            return
        logger.error("the app's lifespan raised", exc_info=error)
        self._failed(f"the app's lifespan failed: {type(error).__name__}: {error}")

    async def _send(self, message: Message) -> None:
        kind = message["type"]
        if kind == "lifespan.startup.complete":
            self._is_supported = True
            self._has_started.set()
        elif kind == "lifespan.shutdown.complete":
            self._is_over.set()
        elif kind in {"lifespan.startup.failed", "lifespan.shutdown.failed"}:
            self._failed(f"the app's lifespan failed: {message.get('message') or 'it does not say why'}")
            self._has_started.set()
        else:
            raise RuntimeError(f"the message {kind!r} cannot be sent in a lifespan")
        await trio.lowlevel.checkpoint()

    def _failed(self, message: str) -> None:
        self.failure = LifespanError(message)
        self._fail.set()

    async def start(self, timeout: float | None) -> None:
        """Wait until the app has started.

        Raises:
            LifespanError: It failed, or took longer than `timeout` seconds.
        """
        self._incoming.send_nowait({"type": "lifespan.startup"})
        with trio.move_on_after(math.inf if timeout is None else timeout) as scope:
            await self._has_started.wait()
        if scope.cancelled_caught:
            raise LifespanError(
                f"the app's lifespan has not started within {timeout:g} s; "
                "startup_timeout (--startup-timeout) says how long it may take"
            )
        if self.failure is not None:
            raise self.failure

    async def stop(self, timeout: float) -> None:
        """Let the app end its lifespan, and wait for that.

        Raises:
            LifespanError: It failed, or took longer than `timeout` seconds.
        """
        if self._is_supported and not self._is_over.is_set():
            self._incoming.send_nowait({"type": "lifespan.shutdown"})
            with trio.move_on_after(timeout) as scope:
                await self._is_over.wait()
            if scope.cancelled_caught:
                raise LifespanError(
                    f"the app's lifespan has not ended within {timeout:g} s; "
                    "shutdown_timeout (--shutdown-timeout) says how long it may take"
                )
        if self.failure is not None:
            raise self.failure
