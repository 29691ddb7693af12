"""What middleware raises from `send()` is the cause of what the test sees, whichever kind of response it was, and when."""

import pytest

from chirp_trio import App, AppConfig, EventStream, Stream
from chirp_trio.testing import AppError, TestClient


class Buggy(Exception):
    """What middleware raises."""


def raising_at(kind):
    """Middleware that raises at the start of a response, at a piece of its body, or at its end."""

    def middleware(app):
        async def entry(scope, receive, send):
            async def sending(message):
                if kind == kind_of(message):
                    raise Buggy(kind)
                await send(message)

            await app(scope, receive, sending if scope["type"] == "http" else send)

        return entry

    return middleware


def kind_of(message):
    if message["type"] == "http.response.start":
        return "start"
    return "piece" if message.get("more_body") else "end"


async def source():
    yield "a"
    yield "b"


@pytest.fixture
def make_app(tmp_path):
    (tmp_path / "page.html").write_text("<p>hello</p>")

    def make_app(at):
        app = App(AppConfig(template_dir=tmp_path), middleware=[raising_at(at)])

        @app.route("/text")
        async def text():
            return "hello"

        @app.route("/page")
        async def page():
            return Stream("page.html")

        @app.route("/stream")
        async def stream():
            return EventStream(source)

        return app

    return make_app


def causes(error):
    """An error and what it comes from."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


# Where a piece of a stream fails, the body still gets its end, and the test sees something only if it wants to hear of it.
CASES = [
    (path, at, raise_stream_errors)
    for path, places in {
        "/text": ["start", "end"],
        "/page": ["start", "piece", "end"],
        "/stream": ["start", "piece", "end"],
    }.items()
    for at in places
    for raise_stream_errors in (True, False)
    if (path, at) != ("/text", "piece") and (path, at, raise_stream_errors) != ("/stream", "piece", False)
]


@pytest.mark.parametrize(("path", "at", "raise_stream_errors"), CASES)
async def test_what_middleware_raises_from_send_is_the_cause(make_app, path, at, raise_stream_errors, autojump_clock):
    with pytest.raises((Buggy, AppError)) as raised:
        async with TestClient(make_app(at), raise_stream_errors=raise_stream_errors) as client:
            await client.get(path)

    assert [str(error) for error in causes(raised.value) if isinstance(error, Buggy)][:1] == [at]
    if path == "/stream":
        assert isinstance(raised.value.__cause__, Buggy)
