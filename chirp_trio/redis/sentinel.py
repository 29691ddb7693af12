"""Where the master is at the moment: Sentinel knows it, and is asked for each connection."""

import ssl
from dataclasses import replace

import trio

from .address import Address, Sentinel
from .connection import Connection, ConnectionLostError, ServerError, open_stream, reason_of

# Seconds for each of several, of which the first may be the one that is gone.
_TIMEOUT = 1.0


class NoMasterError(Exception):
    """No Sentinel tells it."""


async def find_server(address: Address, context: ssl.SSLContext | None) -> Address:
    """The address to connect to: where Sentinel does not have to be asked, the same.

    Raises:
        NoMasterError: No Sentinel tells it.
    """
    if not address.sentinels:
        return address
    troubles = []
    for sentinel in address.sentinels:
        try:
            with trio.fail_after(_TIMEOUT):
                found = await _ask(sentinel, address, context)
        except (OSError, trio.BrokenResourceError, trio.TooSlowError, ConnectionLostError, ServerError) as error:
            troubles.append(f"{sentinel}: {reason_of(error)}")
            continue
        if found is not None:
            return replace(address, host=found[0], port=found[1], sentinels=())
        troubles.append(f"{sentinel}: it knows no {address.host!r}")
    raise NoMasterError(f"no Sentinel tells where the master is ({'; '.join(troubles)})")


async def _ask(sentinel: Sentinel, address: Address, context: ssl.SSLContext | None) -> tuple[str, int] | None:
    place = replace(address, host=sentinel.host, port=sentinel.port, sentinels=())
    connection = Connection(await open_stream(place, context), _TIMEOUT)
    async with trio.open_nursery() as nursery:
        await nursery.start(connection.run)
        if sentinel.password:
            identity = (sentinel.user, sentinel.password) if sentinel.user else (sentinel.password,)
            authenticated = connection.ask("AUTH", *identity)
        asked = connection.ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", address.host)
        failure = found = None
        try:
            if sentinel.password:
                await authenticated.get()
            found = await asked.get()
        except (ConnectionLostError, ServerError) as error:  # which must not come out as a group
            failure = error
        connection.close()
    if failure is not None:
        raise failure
    return None if found is None else (found[0].decode(), int(found[1]))
