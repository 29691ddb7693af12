"""One connection to a server: RESP3, on hiredis' parser. Answers come in order, each within a time."""

import os
import ssl
from collections import deque
from collections.abc import Callable
from typing import Any

import trio

from .address import Address

type Word = bytes | str | int

_PIECE = 64 * 1024


class ConnectionLostError(Exception):
    """There is no connection any more. What was asked may have been done."""


class ServerError(Exception):
    """What the server answers where it does not do what it was asked: nothing has been done."""

    @property
    def code(self) -> str:
        """The first word, in capital letters."""
        return str(self).partition(" ")[0]


class Answer:
    """What the server will have answered."""

    __slots__ = ("_came", "_value", "pushes")

    def __init__(self, pushes: int = 0) -> None:
        self.pushes = pushes  # so many messages without having been asked, as the protocol calls it, are the answer
        self._came = trio.Event()
        self._value: Any = None

    def put(self, value: object) -> None:
        """It has come: a value, or an error."""
        self._value = value
        self._came.set()

    async def get(self) -> Any:
        """Wait for it.

        Raises:
            ConnectionLostError: It will not come.
            ServerError: It is an error.
        """
        await self._came.wait()
        if isinstance(self._value, Exception):
            raise type(self._value)(*self._value.args)
        return self._value


class Connection:
    """A connection, while `run()` runs.

    A server that answers nothing for a time, though it was asked something, is as good as gone: that ends the connection.

    Args:
        stream: Where the server is.
        timeout: So many seconds.
        take: Is given what the server tells without having been asked; default: that is ignored.

    Attributes:
        why: Why it has ended; empty: it has not.
    """

    def __init__(self, stream: trio.abc.Stream, timeout: float, take: Callable[[list[Any]], None] | None = None) -> None:
        from hiredis import Reader, pack_command

        self._stream = stream
        self._timeout = timeout
        self._take = take
        self._pack = pack_command
        self._parser = Reader(replyError=ServerError, notEnoughData=Ellipsis)
        self._asked: deque[Answer] = deque()
        self._to_send: list[bytes] = []
        self._work = trio.lowlevel.ParkingLot()
        self._scope = trio.CancelScope()
        self.why = ""

    def ask(self, *words: Word, pushes: int = 0) -> Answer:
        """Send a command, and do not wait for it. To raise is left to the answer.

        Args:
            *words: The command.
            pushes: How many channels it is about, where they are answered one by one: SUBSCRIBE, UNSUBSCRIBE.
        """
        answer = Answer(pushes)
        if self.why:
            answer.put(ConnectionLostError(self.why))
            return answer
        if not self._asked:
            self._scope.deadline = trio.current_time() + self._timeout
        self._asked.append(answer)
        self._to_send.append(self._pack(words))  # type: ignore[arg-type]  # it takes any number of them
        self._work.unpark_all()
        return answer

    async def __call__(self, *words: Word) -> Any:
        """Send a command, and wait for the answer; see `Answer.get()`."""
        return await self.ask(*words).get()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Be connected, until that is over; whoever waits for an answer then is told why."""
        try:
            with self._scope:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._write)
                    nursery.start_soon(self._read)
                    task_status.started()
        finally:
            self._end(f"it has answered nothing for {self._timeout} s" if self._scope.cancelled_caught else "it was closed")
            await trio.aclose_forcefully(self._stream)

    def close(self, why: str = "it was closed") -> None:
        """End it. Never blocks."""
        self._end(why)
        self._scope.cancel()

    async def _write(self) -> None:
        try:
            while True:
                if not self._to_send:
                    await self._work.park()
                data, self._to_send = b"".join(self._to_send), []
                await self._stream.send_all(data)
        except (OSError, trio.BrokenResourceError, trio.ClosedResourceError) as error:
            self.close(reason_of(error))

    async def _read(self) -> None:
        from hiredis import ProtocolError, PushNotification

        try:
            while data := await self._stream.receive_some(_PIECE):
                self._parser.feed(bytes(data))
                while (answer := self._parser.gets()) is not Ellipsis:
                    if not isinstance(answer, PushNotification):
                        self._asked.popleft().put(answer)
                    else:
                        if answer[0] in (b"subscribe", b"unsubscribe"):
                            self._confirm()
                        if self._take is not None:
                            self._take(answer)
                self._scope.deadline = trio.current_time() + self._timeout if self._asked else float("inf")
            self.close("the server has closed it")
        except (OSError, trio.BrokenResourceError, trio.ClosedResourceError) as error:
            self.close(reason_of(error))
        except (ProtocolError, IndexError) as error:
            self.close(f"what came is not Redis' protocol: {error}")

    def _confirm(self) -> None:
        self._asked[0].pushes -= 1
        if not self._asked[0].pushes:
            self._asked.popleft().put(None)

    def _end(self, why: str) -> None:
        self.why = self.why or why
        asked, self._asked = self._asked, deque()
        for answer in asked:
            answer.put(ConnectionLostError(self.why))


async def open_stream(address: Address, context: ssl.SSLContext | None) -> trio.abc.Stream:
    """A stream to a server. Whoever has it closes it.

    Raises:
        OSError: There is none.
        trio.BrokenResourceError: The two do not agree on TLS.
    """
    if address.port is None:
        return await trio.open_unix_socket(address.host)
    if not address.is_encrypted:
        return await trio.open_tcp_stream(address.host, address.port)
    stream = await trio.open_ssl_over_tcp_stream(
        address.host, address.port, ssl_context=context or ssl.create_default_context()
    )
    try:
        await stream.do_handshake()
    except BaseException:
        await trio.aclose_forcefully(stream)
        raise
    return stream


def reason_of(error: BaseException) -> str:
    """What an error says, with what is behind it."""
    cause = error.__cause__
    while isinstance(cause, BaseExceptionGroup):
        cause = cause.exceptions[0]
    said = [_text_of(one) for one in (error, cause) if one is not None]
    return ": ".join(filter(None, said)) or type(error).__name__


def _text_of(error: BaseException) -> str:
    """What an error says; of the system's, what it is called, without its number and the address, which stands elsewhere."""
    if isinstance(error, OSError) and not isinstance(error, ssl.SSLError) and error.errno is not None and error.errno > 0:
        return os.strerror(error.errno)
    return str(error)
