"""Names that people know from Flask, FastAPI, Starlette and Quart, and what to use here instead, for messages.

A missing name raises `AttributeError` anyhow. For these names the message says what to use instead.
"""

from collections.abc import Iterable, Mapping
from typing import Never

from ..errors import ConfigurationError
from .config import importing

_DEPENDS = "a handler calls what it needs itself, or a decorator does"
_LIFESPAN = "give the app a lifespan, App(lifespan=...): what stands before its yield runs at the start, the rest at the end"

_APP: Mapping[str, str] = {
    **dict.fromkeys(("add_middleware", "use", "wsgi_app", "asgi_app"), "middleware is given to the app: "
                    "App(middleware=[Middleware(cls, key=value)])"),
    "middleware": "middleware is given to the app: App(middleware=[Middleware(cls, key=value)])",
    **dict.fromkeys(("before_request", "after_request", "teardown_request", "before_serving", "after_serving"),
                    "middleware surrounds requests, App(middleware=[...]), and a lifespan the whole run, App(lifespan=...)"),
    **dict.fromkeys(("include_router", "register_blueprint", "add_router", "router", "blueprint"),
                    "make another App with these routes, and mount it: app.mount('/prefix', other)"),
    **dict.fromkeys(("exception_handler", "errorhandler", "add_exception_handler", "register_error_handler"),
                    "it is called error: @app.error(404), or @app.error(ValueError)"),
    **dict.fromkeys(("add_url_rule", "add_api_route", "add_route", "api_route"),
                    "it is called route: app.route('/path', methods=['GET'])(handler)"),
    **dict.fromkeys(("on_event", "add_event_handler", "on_startup", "on_shutdown"), _LIFESPAN),
    **dict.fromkeys(("websocket", "websocket_route", "add_websocket_route"),
                    "there are no websockets here: events go out by EventStream, and come in by POST; mount another app "
                    "for them"),
    "state": "what the lifespan yields, a dict, is every request's `request.state`",
    **dict.fromkeys(("test_client", "test_request_context"), "tests use chirp_trio.testing.TestClient(app)"),
    **dict.fromkeys(("url_for", "url_path_for"), "it is called path_for: app.path_for('handler', name=value)"),
    **dict.fromkeys(("jinja_env", "jinja_environment"), "@app.template_filter and app.template_global make things known to "
                    "templates"),
    "dependency_overrides": _DEPENDS,
    **dict.fromkeys(("static_folder", "send_static_file"), "mount an app for static files: "
                    "app.mount('/static', starlette.staticfiles.StaticFiles(directory='static'))"),
    **dict.fromkeys(("add_background_task", "add_task", "create_task"), "a background task runs in a nursery that the "
                    "lifespan opens: App(lifespan=...)"),
    **dict.fromkeys(("secret_key", "session_interface"), "sessions are middleware's, such as Starlette's SessionMiddleware: "
                    "App(middleware=[Middleware(SessionMiddleware, secret_key=...)])"),
    "debug": "it is App(debug=True), or `chirp-trio run --debug`; app.config.debug tells",
    **dict.fromkeys(("head", "options", "trace"), "name it: @app.route('/path', methods=['OPTIONS']); GET includes HEAD"),
}  # fmt: skip

_REQUEST: Mapping[str, str] = {
    **dict.fromkeys(("args", "query_params", "GET"), "it is called query: request.query.get('name')"),
    "values": "it is in request.query, or in `await request.form()`",
    **dict.fromkeys(("get_json", "is_json"), "it is called json: `await request.json()`"),
    **dict.fromkeys(("get_data", "data", "stream"), "it is `await request.body()`"),
    **dict.fromkeys(("POST", "get_form"), "it is `await request.form()`"),
    **dict.fromkeys(("files", "FILES"), "they are with the form: `(await request.form()).files`"),
    **dict.fromkeys(("remote_addr", "remote", "ip"), "it is request.client[0]"),
    **dict.fromkeys(("view_args", "match_info", "params"), "they are request.path_params, or the handler's own parameters"),
    **dict.fromkeys(("app", "current_app", "g"), "the app is that of your module; what the lifespan yields is request.state"),
    **dict.fromkeys(("base_url", "host", "host_url", "scheme", "url_root"), "request.url is the whole URL, and "
                    "request.headers['host'] what the client calls the host"),
    **dict.fromkeys(("full_path", "query_string"), "request.url is the whole URL, and request.query its parameters"),
    **dict.fromkeys(("url_for", "url_path_for"), "it is called path_for: request.path_for('handler', name=value)"),
    "is_disconnected": "nobody has to ask: a source whose client has left is closed, and its `finally` runs",
    **dict.fromkeys(("content_type", "mimetype"), "it is request.headers.get('content-type')"),
    "user_agent": "it is request.headers.get('user-agent')",
    **dict.fromkeys(("auth", "authorization"), "it is request.headers.get('authorization')"),
}  # fmt: skip

# Options of other servers' `run()`.
_RUN: Mapping[str, str] = {
    "debug": "it is the app's: App(debug=True), or `chirp-trio run --debug`",
    **dict.fromkeys(("reload", "use_reloader", "auto_reload"), "use `chirp-trio run --reload`"),
    **dict.fromkeys(("workers", "processes"), "it serves in this process; `chirp-trio run --workers 2` starts several"),
    **dict.fromkeys(("log_level", "log_config"), "the logging module is asked for it, or `chirp-trio run --log-level`"),
    **dict.fromkeys(("ssl_certfile", "ssl_keyfile", "ssl_context"), "TLS is certfile=... and keyfile=..."),
    **dict.fromkeys(("uds", "fd", "sock"), "write bind='unix:/run/app.sock' or bind='fd://3'"),
    **dict.fromkeys(("forwarded_allow_ips", "proxy_headers"), "it is called trusted_proxies"),
    **dict.fromkeys(("timeout_keep_alive",), "it is called keep_alive_timeout"),
    **dict.fromkeys(("timeout_graceful_shutdown",), "it is called graceful_timeout"),
    **dict.fromkeys(("limit_concurrency",), "it is called max_connections"),
    **dict.fromkeys(("threaded", "loop", "http", "lifespan", "factory"), "there is one way only, and nothing to choose"),
}


def refuse_app_attribute(app: object, name: str) -> Never:
    """Raise the `AttributeError` of an `App` that has no such attribute."""
    _refuse(app, name, "an App", _APP)


def refuse_request_attribute(request: object, name: str) -> Never:
    """Raise the `AttributeError` of a `Request` that has no such attribute."""
    _refuse(request, name, "a Request", _REQUEST)


def _refuse(owner: object, name: str, what: str, cures: Mapping[str, str]) -> Never:
    found = getattr(type(owner), name, None)
    if isinstance(found, property) and found.fget is not None:
        found.fget(owner)  # it has raised an AttributeError, which led here, and which is to be seen
    raise AttributeError(f"{what} has no {name!r}{_after(cures.get(name))}", name=name, obj=owner)


def check_run_options(options: Iterable[str]) -> None:
    """Raise for options of other servers.

    Raises:
        TypeError: There is one; the message says what to do instead.
    """
    for name in options:
        if name in _RUN:
            raise TypeError(f"app.run() has no {name!r}{_after(_RUN[name])}")


def check_run_is_not_of_import() -> None:
    """Raise where the command line imports an app that is served by that: it would be served twice, or by `check`.

    Raises:
        ConfigurationError: It does so.
    """
    if importing.get():
        raise ConfigurationError(
            "app.run() is called where the app's file is imported, and chirp-trio serves the app by itself: call it below "
            '`if __name__ == "__main__":`'
        )


def _after(sentence: str | None) -> str:
    return f": {sentence}" if sentence else ""
