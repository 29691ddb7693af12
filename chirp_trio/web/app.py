"""`App`: routes, mounts, error handlers and templates, as one ASGI application for trio."""

import inspect
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from ..asgi import ASGIApp, Receive, Scope, Send, require_trio
from ..errors import ConfigurationError
from ..stream import Hook, LiveStreams, StreamRegistry
from ..stream.placement import STATE_KEY
from ..stream.registry import check_hook
from ..templates import Templates
from ..topics import Store, Topic
from .config import AppConfig, debugging, stream_limits
from .dispatch import Dispatcher
from .habits import check_run_is_not_of_import, check_run_options, refuse_app_attribute
from .lifespan import run_lifespan
from .middleware import Middleware, wrap
from .outline import Outline
from .routes import Routes
from .running import Running

# Called with the app; entered before the first request, left after the last one.
type Lifespan = Callable[[Any], AbstractAsyncContextManager[Mapping[str, Any] | None]]


class App(Routes):
    """A web application on trio: handlers for paths, and a home for event streams.

    Any ASGI server with a trio worker runs it; `app.run()`, `chirp_trio.serve(app)` and `chirp-trio run` bring their own.

    Args:
        config: Its settings; default: `AppConfig()`.
        lifespan: A function of the app that returns an async context manager. It is entered before the first request and
            left after the last one, so it is the place for the nursery of a background task. What it yields, if it is a
            mapping, is every request's `state`.
        middleware: ASGI middleware, the outermost first: functions or classes that take an ASGI app and return one, or
            `Middleware(cls, key=value)`, Starlette's notation for one that takes further arguments.
        debug: Whether it is in debug mode, in place of what `config` says; see `AppConfig`. Default: as `config` says.

    Attributes:
        config: The settings.
        streams: The event streams that are open: a `LiveStreams`.

    Raises:
        TypeError: `config` is something else.
        ConfigurationError: `middleware` is no list, or something in it is no middleware.

    Example:
        >>> app = App()
        >>> @app.route("/hello/{name}")
        ... def hello(name):
        ...     return f"<h1>Hello, {name}!</h1>"
    """

    def __init__(
        self,
        config: AppConfig | None = None,
        *,
        lifespan: Lifespan | None = None,
        middleware: Iterable[Middleware] = (),
        debug: bool | None = None,
    ) -> None:
        if config is not None and not isinstance(config, AppConfig):
            cure = "; an app needs no name" if isinstance(config, str) else ""
            raise TypeError(f"config is {config!r}; it must be an AppConfig or None{cure}")
        if debug is not None and not isinstance(debug, bool):
            raise TypeError(f"debug is {debug!r}; it must be True, False or None")
        if lifespan is not None and not callable(lifespan):
            raise TypeError(
                f"lifespan is {lifespan!r}; it must be a function of the app that returns an async context manager"
            )
        self.config = config if config is not None else AppConfig()
        if debug is not None or debugging.get():
            self.config = replace(self.config, debug=debugging.get() if debug is None else debug)
        self._templates = Templates(self.config.template_dir, auto_reload=self.config.debug)
        self._registry = StreamRegistry(stream_limits(self.config))
        self.streams = LiveStreams(self._registry)
        self._dispatcher = Dispatcher(self._templates, self.config)
        Routes.__init__(self, self._dispatcher)
        self._templates.add_global("path_for", self.path_for)
        self._lifespan = lifespan
        self._running = Running(self._registry, partial(lifespan, self) if lifespan is not None else None)
        self._entry = wrap(self._serve, middleware)

    # -- what an app is made of -----------------------------------------------------------------------------------------

    def error[Handler: Callable[..., Any]](self, cause: int | type[Exception]) -> Callable[[Handler], Handler]:
        """Answer requests that fail with the decorated function.

        The function takes `request`, `error` and `reference` by name, as many of them as it wants, and returns what a handler
        may. `reference` is text that finds the error in the log, and None where nothing is logged.
        What it returns is sent with the error's status, unless it is a `Response` with its own.

        Args:
            cause: An HTTP status, or a class of exceptions. The class that is nearest to the error's is taken; statuses
                are asked after classes.

        Raises:
            TypeError: `cause` is neither.
            ConfigurationError: It is another number or class, or the function wants what nobody offers.
        """
        allowed = f"error({cause!r}): the cause must be an HTTP status from 400 to 599, or a class of exceptions"
        if not isinstance(cause, int | type) or isinstance(cause, bool):
            raise TypeError(allowed)
        if not (issubclass(cause, Exception) if isinstance(cause, type) else 400 <= cause <= 599):
            raise ConfigurationError(allowed)

        def register(handler: Handler) -> Handler:
            self._dispatcher.add_error_handler(cause, handler)
            return handler

        return register

    def mount(self, prefix: str, app: ASGIApp) -> None:
        """Hand everything below a path to another ASGI app, such as one for static files. Routes are asked first.

        The other app's lifespan is not run. Enter what it needs in your own; if it is an `App`, its `running()`.

        Args:
            prefix: Such as `"/static"`; `"/static"` itself and all that is below it.
            app: The ASGI app; it finds the prefix in its scope's `root_path`.
        """
        self._dispatcher.add_mount(prefix, app)

    def on_open[Function: Hook](self, hook: Function) -> Function:
        """Call the decorated function whenever an event stream begins, before its source does.

        The function is called with a `StreamSnapshot`. It must not be async, and should not take its time: nothing else runs
        meanwhile. If it raises, the log says so, and the stream goes on.

        Raises:
            TypeError: It is not callable.
            ConfigurationError: It is async.

        Example:
            >>> app = App()
            >>> @app.on_open
            ... def greet(stream):
            ...     print(stream.client, "listens to", stream.path)
        """
        self._registry.on_open.append(check_hook("on_open", hook))
        return hook

    def on_close[Function: Hook](self, hook: Function) -> Function:
        """Call the decorated function whenever an event stream is over, and its source is closed: once for each.

        Everything else is as with `on_open`. The snapshot's `ending` says how it ended.
        """
        self._registry.on_close.append(check_hook("on_close", hook))
        return hook

    def template_filter[Function: Callable[..., Any]](self, name: str | None = None) -> Callable[[Function], Function]:
        """Make the decorated function a filter of the templates, under its own name or another one.

        Raises:
            TypeError: `name` is no text.
        """
        if name is not None and not isinstance(name, str):
            raise TypeError(f"template_filter({name!r}): the name must be text, as in @app.template_filter('name')")

        def register(function: Function) -> Function:
            self._templates.add_filter(name if name is not None else function.__name__, function)
            return function

        return register

    def template_global(self, name: str, value: object) -> None:
        """Make a value known to every template. Functions can be called there."""
        if not isinstance(name, str):
            raise TypeError(f"template_global({name!r}): the name must be text")
        self._templates.add_global(name, value)

    def topic(
        self,
        name: str,
        *,
        history: int = 1000,
        history_bytes: int = 16 * 1024 * 1024,
        max_age: float | None = None,
        store: Store | None = None,
    ) -> Topic:
        """A `Topic` that can be given fragments: they are rendered with this app's templates when they are published.

        If it has a store, and is made before the app starts, it is open from before the app's lifespan until after it. A
        topic that is made later is for whoever makes it to open: `async with app.topic(..., store=...) as topic`.

        Args:
            name: What to call it.
            history: How many events are remembered for those who reconnect; default 1000.
            history_bytes: How many bytes they may have together; default 16 MiB.
            max_age: Seconds after which an event is forgotten; default: never.
            store: Where the history is kept; default: in memory.
        """
        topic = Topic(
            name,
            history=history,
            history_bytes=history_bytes,
            max_age=max_age,
            store=store,
            json_default=self.config.json_default,
            prepare=self._dispatcher.renderers.prepare,
        )
        self._running.own(topic, store)
        return topic

    def path_for(self, name: str, /, **parameters: object) -> str:
        """As `Request.path_for`, errors too, below the prefix of the request that the caller answers, or else the newest."""
        return self._dispatcher.paths.path_for(name, **parameters)

    def run(self, **options: Any) -> None:
        """Serve the app until SIGINT or SIGTERM. Takes the options of `ServerConfig`, such as `host` and `port`.

        It raises what `serve()` and `ServerConfig` raise.
        """
        check_run_options(options)
        check_run_is_not_of_import()
        from ..server import ServerConfig, run  # an app that another server runs needs none of it

        run(self, ServerConfig(**options))

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[Mapping[str, Any]]:
        """The lifespan of an app that is mounted in another one, to be entered in the other one's.

        It opens the topics that have a store, enters the app's `lifespan`, and the app is `ready` until it is left. A server
        does all of that for the app that it serves, and nobody does for one that is mounted.

        Yields:
            What the app's `lifespan` yields, for the state of the other one.

        Raises:
            WrongRuntimeError: Under asyncio.

        Example:
            >>> live = App()
            >>> outer = App(lifespan=lambda app: live.running())
            >>> outer.mount("/live", live)
        """
        require_trio()
        self._templates.load()
        async with self._running.run({}) as state:
            yield {name: value for name, value in state.items() if name != STATE_KEY}

    @property
    def ready(self) -> bool:
        """Whether requests should be sent here: false before the lifespan is up, and again once the server is to stop.

        It is false as well while a store of the app's topics cannot be reached, such as a server of Redis that is away.
        """
        return self._running.is_ready

    if not TYPE_CHECKING:  # to a type checker every name would be one that an app has

        def __getattr__(self, name: str) -> Any:
            refuse_app_attribute(self, name)

    # -- ASGI -----------------------------------------------------------------------------------------------------------

    # Marked, not async: an idle stream keeps the frame of every async function on its way.
    @inspect.markcoroutinefunction
    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Be an ASGI application.

        Raises:
            WrongRuntimeError: Under asyncio.
        """
        return self._entry(scope, receive, send)

    def _serve(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] == "http":
            return self._dispatcher.answer(scope, receive, send, self._running.place(scope))
        if scope["type"] == "lifespan":
            self._templates.load()
            if "root_path" in scope:  # our server tells it
                self._dispatcher.paths.enter(scope)
            return run_lifespan(scope, receive, send, self._running.run(scope))
        if scope["type"] == "websocket":
            mounted = self._dispatcher.find_mount(scope, self._running.place(scope))
            return mounted(scope, receive, send) if mounted is not None else _refuse_websocket(send)
        raise RuntimeError(f"this app serves http, websocket and lifespan, and was asked for {scope['type']!r}")


async def _refuse_websocket(send: Send) -> None:
    await send({"type": "websocket.close", "code": 1000})


def outline_of(app: App) -> Outline:
    """What the app is made of."""
    return Outline(
        routes=app._dispatcher.routes,
        mounts=app._dispatcher.mounts,
        has_middleware=app._entry != app._serve,
        templates=app._templates,
        functions=[*app._dispatcher.handlers, *([app._lifespan] if app._lifespan is not None else [])],
        topics=app._running.topics,
    )
