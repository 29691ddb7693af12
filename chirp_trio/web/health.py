"""Health endpoints: what load balancers and orchestrators ask, as an ASGI app to be mounted."""

import json

from ..arguments import check_type
from .app import App
from .response import JSON, Response

_NEVER_STORED = {"cache-control": "no-store"}


def health(app: App) -> App:
    """An app that answers whether another one is alive, and whether requests should be sent to it.

    `/live` is a 200 for as long as the process answers. `/ready` is a 200 from when the app's lifespan is up until its server
    is told to stop, but for the time in which a store of its topics cannot be reached, and a 503 otherwise;
    `ServerConfig(drain_delay=...)` is the time in which a load balancer can see it. Both are JSON, such as
    `{"status": "ready"}`.

    Args:
        app: The app whose health it is.

    Returns:
        An app to be mounted, in this one or anywhere.

    Example:
        >>> app = App()
        >>> app.mount("/health", health(app))
    """
    check_type("app", app, App, "an App")
    endpoints = App()

    @endpoints.get("/live")
    async def live() -> Response:
        return _answer("live", 200)

    @endpoints.get("/ready")
    async def ready() -> Response:
        return _answer("ready", 200) if app.ready else _answer("not ready", 503)

    return endpoints


def _answer(status: str, code: int) -> Response:
    return Response(json.dumps({"status": status}), code, _NEVER_STORED, JSON)
