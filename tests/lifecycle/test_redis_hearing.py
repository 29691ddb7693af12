"""What a process hears of others that share its server, where what they tell and what is read of them cross each other."""

import json
from functools import partial

import trio
from trio.testing import wait_all_tasks_blocked

from chirp_trio.redis.attendance import Attendances
from chirp_trio.redis.hearing import Hearing
from chirp_trio.redis.peer_keys import PeerKeys, field_of

TTL = 60
OF_BOB = {b"": b"1", field_of(("room", "bob")).encode(): b"1"}


class Room:
    """A topic, which notes of whom it is told how many there are."""

    name = "room"

    def __init__(self):
        self.told = []

    def count_elsewhere(self, member, count):
        self.told.append((member, count))


class Server:
    """What stands for both connections to a server, with nothing but what is to be found of the other process."""

    def __init__(self, find):
        self.find = find

    async def __call__(self, command, *_):
        return self.find() if command == "HGETALL" else []

    def ask(self, *_, **options):
        return self

    async def get(self):
        pass


async def test_a_process_that_tells_that_it_is_back_while_it_is_not_found_yet_has_never_left(autojump_clock):
    room, attendances = Room(), Attendances()
    hearing = Hearing(PeerKeys("chirp", "here"), attendances, TTL)
    attendances.add(room)

    def say(count):
        hearing.take(json.dumps(["there", count, None]).encode())

    async def hear(find):
        server = Server(find)
        with trio.move_on_after(TTL / 2):
            await hearing.use(server, server)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(hear, lambda: dict(OF_BOB))
        await wait_all_tasks_blocked()
        say(1)
    assert room.told == [("bob", 1)]

    answers = [{}, dict(OF_BOB)]  # of a server that was emptied, before and after the other process has come back

    def find():
        if len(answers) == 2:
            say(2)
        return answers.pop(0)

    await hear(find)
    assert answers == []
    assert room.told == [("bob", 1)]


async def test_a_process_that_has_ended_while_it_was_found_is_gone_at_once(autojump_clock):
    room, attendances = Room(), Attendances()
    hearing = Hearing(PeerKeys("chirp", "here"), attendances, TTL)
    attendances.add(room)
    answers = [dict(OF_BOB), dict(OF_BOB), {}]

    def find():
        if len(answers) == 2:
            hearing.take(json.dumps(["there", 9, None]).encode())
        return answers.pop(0)

    server = Server(find)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(partial(hearing.use, server, server))
        for count in (1, 5):
            await wait_all_tasks_blocked()
            hearing.take(json.dumps(["there", count, None]).encode())
        await wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    assert room.told == [("bob", 1), ("bob", 0)]
