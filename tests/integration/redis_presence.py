"""Rooms in a server of Redis or Valkey, and who is there, for tests of several files."""

from contextlib import asynccontextmanager

import trio

from chirp_trio import App, EventStream, RedisStore, Topic


@asynccontextmanager
async def present(topic, *members):
    """Subscriptions of these."""

    async def read(member):
        async for _ in topic.subscribe(member=member):
            pass

    async with trio.open_nursery() as nursery:
        for member in members:
            nursery.start_soon(read, member)
        yield
        nursery.cancel_scope.cancel()


async def until(is_so):
    with trio.fail_after(30):
        while not is_so():  # noqa: ASYNC110 - it is about another process
            await trio.sleep(0.01)


def room(server, **options):
    return Topic("room", store=RedisStore(server.url, **options))


def app_of(server):
    app = App()
    news = app.topic("news", store=RedisStore(server.url))

    @app.get("/{user}")
    async def live(request, user: str):
        return EventStream(news.subscribe(member=user), label=user)

    return app
