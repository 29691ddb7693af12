"""Context variables: what a handler sets reaches the source that it returns, whichever way the handler runs."""

import contextvars

import pytest

from chirp_trio import App, EventStream
from chirp_trio.testing import TestClient

user = contextvars.ContextVar("user", default=None)


async def source():
    yield user.get()


def plain(name):
    user.set(name)
    return EventStream(source)


async def asynchronous(name):
    user.set(name)
    return EventStream(source)


@pytest.mark.parametrize("handler", [plain, asynchronous])
async def test_what_a_handler_sets_reaches_its_source_and_no_other(handler, autojump_clock):
    app = App()
    app.route("/{name}")(handler)
    app.route("/")(lambda: EventStream(source))

    async with TestClient(app) as client:
        seen = [(await client.sse(path)).events[0].data for path in ("/ada", "/grace", "/")]
    assert seen == ["ada", "grace", "null"]
