"""ASGI's lifespan protocol: start the app before its first request, stop it after its last."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any

import trio

from ..asgi import WRONG_RUNTIME, Receive, Scope, Send
from ..errors import WrongRuntimeError, sole
from ..failures import failure_of, reraise
from ..habits import note_habit
from ..logs import logger_of

logger = logger_of("web")


async def run_lifespan(
    scope: Scope, receive: Receive, send: Send, running: AbstractAsyncContextManager[Mapping[str, Any]]
) -> None:
    """Answer a server's lifespan messages by entering and leaving `running`.

    Args:
        scope: The ASGI scope, of type `lifespan`.
        receive: Its receive callable.
        send: Its send callable.
        running: The app, running; yields what goes into the server's state.

    Raises:
        WrongRuntimeError: Under asyncio.
        Exception: What kept the app from starting or from stopping. The server has been told of it before.
    """
    await receive()  # lifespan.startup
    if not trio.lowlevel.in_trio_task():
        # The server prints the message and stops, instead of serving an app that cannot work. Starlette's TestClient takes
        # the failure from the error, and waits for ever if none is raised.
        await send({"type": "lifespan.startup.failed", "message": WRONG_RUNTIME})
        raise WrongRuntimeError(WRONG_RUNTIME)
    started = False
    try:
        async with running as state:
            if "state" in scope:
                scope["state"].update(state)
            started = True
            await send({"type": "lifespan.startup.complete"})
            await receive()  # lifespan.shutdown
    except BaseException as raised:
        error = failure_of(raised)
        note_habit(error)
        logger.exception("the app's lifespan failed %s", "while it was running" if started else "to start", exc_info=error)
        kind = "shutdown" if started else "startup"
        cause = sole(error)
        await send({"type": f"lifespan.{kind}.failed", "message": f"{type(cause).__name__}: {cause}"})
        reraise(error)
    await send({"type": "lifespan.shutdown.complete"})
