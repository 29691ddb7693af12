"""A request and its response as ASGI has them: which messages may come when, and who is told that it is over."""

import copy
from functools import partial

import pytest
import trio
import trio.testing

from chirp_trio.server.exchange import Exchange, Stage
from chirp_trio.server.messages import make_scope
from tests.cases import each_case

START = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]}
PIECE = {"type": "http.response.body", "body": b"x", "more_body": True}
END = {"type": "http.response.body", "body": b"", "more_body": False}
LEFT = {"type": "http.disconnect"}


class Noted(Exchange):
    """A request whose body comes piece by piece, and a response that is noted down."""

    def __init__(self, method="GET"):
        super().__init__(method)
        self.noted = []
        self.come, self.coming = trio.open_memory_channel(10)
        self.is_broken = False
        self.readers = 0
        self.can_be_watched = True

    async def _next_message(self):
        self.readers += 1
        assert self.readers == 1
        try:
            return await self.coming.receive()
        finally:
            self.readers -= 1

    def _begin_to_watch(self):
        return self.can_be_watched

    def _begin(self, status, headers, message, first):
        self._note(status, headers)
        return self._write_piece(first) if first else True

    def _write_piece(self, data):
        self._note(data)
        return True

    async def _drain(self):
        await trio.lowlevel.checkpoint()

    def _end(self):
        self._note("end")

    def _note(self, *what):
        if self.is_broken:
            raise trio.BrokenResourceError
        self.noted.append(what if len(what) > 1 else what[0])

    @property
    def progress(self):
        return 0

    def abort(self):
        pass


async def begun(method="GET", **changes):
    exchange = Noted(method)
    await exchange.send({**START, **changes})
    return exchange


# -- send ---------------------------------------------------------------------------------------------------------------


async def test_a_response_is_what_was_sent():
    exchange = await begun()
    await exchange.send(PIECE)
    await exchange.send(PIECE)
    await exchange.send(END)

    assert exchange.noted == [(200, START["headers"]), b"x", b"x", "end"]
    assert exchange.stage is Stage.OVER


async def test_what_is_left_out_of_a_message_is_what_asgi_says():
    exchange = Noted()
    await exchange.send({"type": "http.response.start", "status": 204})
    await exchange.send({"type": "http.response.body"})
    assert exchange.noted == [(204, []), "end"]


@each_case(
    ("messages", "kind", "state"),
    [
        ([PIECE], "http.response.body", "not begun"),
        ([START, START], "http.response.start", "begun"),
        ([START, END, PIECE], "http.response.body", "over"),
        ([START, END, END], "http.response.body", "over"),
        ([START, END, START], "http.response.start", "over"),
        ([{"type": "http.response.push"}], "http.response.push", "not begun"),
        ([{"type": "websocket.accept"}], "websocket.accept", "not begun"),
        ([START, LEFT], "http.disconnect", "begun"),
    ],
)
async def test_a_message_that_cannot_come_now_is_refused_and_changes_nothing(messages, kind, state):
    exchange = Noted()
    for message in messages[:-1]:
        await exchange.send(message)
    before = list(exchange.noted)

    with pytest.raises(RuntimeError) as refusal:
        await exchange.send(messages[-1])

    assert str(refusal.value) == f"the message {kind!r} cannot be sent now: the response is {state}"
    assert exchange.noted == before


@each_case(
    ("headers", "error"),
    [
        ([("name", b"value")], TypeError),
        ([(b"name", "value")], TypeError),
        ([(b":status", b"200")], ValueError),
        ([(b" :path", b"/")], ValueError),
    ],
)
async def test_a_header_that_is_none_is_refused_and_another_response_can_follow(headers, error):
    exchange = Noted()
    with pytest.raises(error):
        await exchange.send({**START, "headers": headers})
    await exchange.send(START)
    assert exchange.noted == [(200, START["headers"])]


@pytest.mark.parametrize("shape", [list, tuple, iter], ids=["list", "tuple", "iterator"])
async def test_headers_may_come_in_any_shape_and_are_passed_on_in_small_letters(shape):
    exchange = await begun(headers=shape([(b" Name ", b" value ")]))
    assert exchange.noted == [(200, [(b"name", b"value")])]


@each_case(("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304), ("CONNECT", 200)])
async def test_a_response_without_a_body_has_none_whatever_the_app_sends(method, status):
    exchange = await begun(method, status=status)
    assert not exchange.is_open
    await exchange.send(PIECE)
    await exchange.send({**END, "body": b"y"})
    assert exchange.noted == [(status, START["headers"]), "end"]


async def test_what_is_sent_after_the_client_has_left_goes_nowhere():
    exchange = await begun()
    exchange.leave()
    await exchange.send(PIECE)
    await exchange.send(END)
    assert exchange.noted == [(200, START["headers"])]
    assert exchange.stage is Stage.OVER


@pytest.mark.parametrize("breaks_at", range(3))
async def test_a_connection_that_breaks_while_something_is_sent_is_a_client_that_has_left(breaks_at):
    exchange = Noted()
    for number, message in enumerate([START, PIECE, END]):
        exchange.is_broken = number >= breaks_at
        await exchange.send(message)
        assert exchange.has_left == (number >= breaks_at)
    assert await exchange.receive() == LEFT


# -- the extension ------------------------------------------------------------------------------------------------------


async def test_pieces_can_be_put_into_a_body_between_its_beginning_and_its_end():
    exchange = Noted()
    states = [exchange.is_open]
    for message in (START, PIECE, END):
        await exchange.send(message)
        states.append(exchange.is_open)
    assert states == [False, True, True, False]


async def test_a_piece_that_was_put_in_is_counted_and_comes_in_its_place():
    exchange = await begun()
    assert exchange.write_nowait(b"one")
    await exchange.send(PIECE)
    assert exchange.write_nowait(b"two")
    assert exchange.noted[1:] == [b"one", b"x", b"two"]
    assert exchange.body_bytes == 6


@pytest.mark.parametrize("header", [(b"Content-Length", b"5"), (b" transfer-encoding", b"chunked")])
async def test_a_body_that_no_piece_fits_into_is_left_alone(header):
    assert not (await begun(headers=[*START["headers"], header])).is_open
    assert (await begun(headers=[(b"te", b"trailers"), (b"content-encoding", b"gzip")])).is_open


async def test_nothing_can_be_put_in_once_the_client_has_left():
    exchange = await begun()
    exchange.leave()
    with pytest.raises(trio.BrokenResourceError):
        exchange.write_nowait(b"x")


async def test_a_copy_of_it_is_the_same_one():
    """Middleware copies scopes, deeply too."""
    exchange = Noted()
    assert (
        copy.deepcopy({"extensions": {"chirp_trio.connection": exchange}})["extensions"]["chirp_trio.connection"] is exchange
    )


# -- receive ------------------------------------------------------------------------------------------------------------


async def test_the_body_comes_and_then_nothing_until_the_client_leaves(autojump_clock):
    exchange = Noted()
    exchange.come.send_nowait(PIECE)
    assert await exchange.receive() == PIECE
    with trio.move_on_after(1) as waiting:
        await exchange.receive()
    assert waiting.cancelled_caught
    exchange.come.send_nowait(None)
    for _ in range(3):
        assert await exchange.receive() == LEFT
    assert exchange.has_left


async def come_to_an_end(exchange, end):
    match end:
        case "the client leaves":
            exchange.leave()
        case "the response is over":
            await exchange.send(END)
        case "it is told to leave":
            exchange.ask_to_leave()


ENDS = pytest.mark.parametrize("end", ["the client leaves", "the response is over", "it is told to leave"])


@ENDS
async def test_who_watches_is_told_once_and_needs_not_receive(end):
    exchange = await begun()
    told = []
    assert exchange.watch(lambda: told.append("left"))
    assert told == []
    await come_to_an_end(exchange, end)
    assert told == ["left"]
    exchange.leave()
    assert told == ["left"]


@ENDS
async def test_who_watches_too_late_is_told_at_once(end):
    exchange = await begun()
    await come_to_an_end(exchange, end)
    told = []
    assert exchange.watch(lambda: told.append("left"))
    assert told == ["left"]


async def test_nobody_can_watch_while_a_body_may_come():
    exchange = await begun()
    exchange.can_be_watched = False
    told = []
    assert not exchange.watch(lambda: told.append("left"))
    exchange.leave()
    assert told == []


@ENDS
async def test_all_who_wait_are_told(end):
    exchange = await begun()
    told = []

    async def wait():
        told.append(await exchange.receive())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait)
        nursery.start_soon(wait)
        await trio.testing.wait_all_tasks_blocked()
        assert told == []
        await come_to_an_end(exchange, end)
    assert told == [LEFT, LEFT]
    assert await exchange.receive() == LEFT


async def test_two_who_wait_get_one_piece_each():
    exchange = Noted()
    told = []

    async def wait():
        told.append(await exchange.receive())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait)
        nursery.start_soon(wait)
        await trio.testing.wait_all_tasks_blocked()
        exchange.come.send_nowait(PIECE)
        await trio.testing.wait_all_tasks_blocked()
        assert told == [PIECE]
        exchange.come.send_nowait(END)
    assert told == [PIECE, END]


async def test_who_is_cancelled_while_it_waits_leaves_the_place_to_the_next(autojump_clock):
    exchange = Noted()
    with trio.move_on_after(1):
        await exchange.receive()
    assert not exchange.has_left
    exchange.come.send_nowait(PIECE)
    assert await exchange.receive() == PIECE


async def test_an_app_that_is_told_to_leave_can_still_end_its_response():
    exchange = await begun()
    exchange.ask_to_leave()
    assert await exchange.receive() == LEFT
    await exchange.send(END)
    assert exchange.noted[-1] == "end"


async def test_an_app_that_has_not_begun_its_response_is_not_told_to_leave(autojump_clock):
    """It is about to answer, and would be kept from that."""
    exchange = Noted()
    exchange.ask_to_leave()
    exchange.come.send_nowait(PIECE)
    assert await exchange.receive() == PIECE


# -- the scope ----------------------------------------------------------------------------------------------------------


def scope_of(**changes):
    made = partial(
        make_scope, version="1.1", method="GET", scheme="http", target=b"/", headers=[], root_path="", state={},
        client=("192.0.2.7", 4711), server=("127.0.0.1", 80),
    )  # fmt: skip
    return made(**changes)


@each_case(
    ("target", "path", "raw", "query"),
    [
        (b"/", "/", b"/", b""),
        (b"/a%20b?c=%20?d", "/a b", b"/a%20b", b"c=%20?d"),
        (b"/%E2%82%AC", "/€", b"/%E2%82%AC", b""),
        (b"/%ff", "/�", b"/%ff", b""),
        (b"/a%2Fb?", "/a/b", b"/a%2Fb", b""),
        (b"*", "*", b"*", b""),
    ],
)
def test_a_target_is_a_path_and_a_query(target, path, raw, query):
    scope = scope_of(target=target)
    assert (scope["path"], scope["raw_path"], scope["query_string"]) == (path, raw, query)


def test_each_request_has_a_state_of_its_own():
    state = {"shared": []}
    one, two = scope_of(state=state), scope_of(state=state)
    one["state"]["mine"] = 1
    assert "mine" not in two["state"]
    assert one["state"]["shared"] is two["state"]["shared"]
