"""A process in which somebody is: `python member.py redis://... 1.0 ada bob`; an empty name is a subscription of nobody's."""

import sys

import trio

from chirp_trio import RedisStore, Topic


async def main():
    url, ttl, *members = sys.argv[1:]
    store = RedisStore(url, presence_ttl=float(ttl))
    async with Topic("room", store=store) as room, trio.open_nursery() as nursery:
        for member in members:
            nursery.start_soon(read, room, member)


async def read(room, member):
    async for _ in room.subscribe(member=member or None):
        pass


trio.run(main)
