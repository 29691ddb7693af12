"""What is known of a server: whether it can be used, which life of it this is, and what about it should be told."""

import importlib.resources
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import trio

from .connection import Connection, ConnectionLostError, ServerError, open_stream
from .options import Options
from .sentinel import NoMasterError, find_server

_LEAST = (7, 0)
_LEAST_FOR_DISK = (7, 2)
# What runs inside of the server, and which of all of these it is.
LIBRARY = importlib.resources.files(__package__).joinpath("library.lua").read_text()
REVISION = int(LIBRARY.partition("local REVISION = ")[2].partition("\n")[0])


class UnusableServerError(Exception):
    """It is not one that can be used, or cannot now."""


# What ends a connection, and is tried again.
TROUBLES = (
    *(OSError, trio.BrokenResourceError, trio.TooSlowError),
    *(ConnectionLostError, ServerError, NoMasterError, UnusableServerError),
)


@dataclass(frozen=True, slots=True)
class Server:
    """A server that was connected to.

    Attributes:
        life: What tells this life of the server from others: from the one before a restart, or a promotion.
        warnings: What its operator should know.
    """

    life: bytes
    warnings: tuple[str, ...]


@asynccontextmanager
async def connected(
    options: Options, take: Callable[[list[Any]], None] | None = None
) -> AsyncGenerator[tuple[Connection, Server]]:
    """A connection to the server, which is looked at. The block is cancelled when it is lost, and must not end by itself.

    Args:
        options: Where it is, and as whom to use it.
        take: See `Connection`; default: nothing comes that was not asked for.

    Raises:
        OSError: There is none; or another one of `TROUBLES`, or a group of one.
        ConnectionLostError: It was lost.
    """
    address = await find_server(options.address, options.ssl_context)
    with trio.fail_after(options.timeout):
        stream = await open_stream(address, options.ssl_context)
    connection = Connection(stream, options.timeout, take)
    async with trio.open_nursery() as nursery:

        async def run(task_status: trio.TaskStatus[None]) -> None:
            await connection.run(task_status=task_status)
            nursery.cancel_scope.cancel("the connection is lost")

        await nursery.start(run)
        try:
            identity = ("AUTH", address.user or "default", address.password) if address.password else ()
            await connection("HELLO", 3, *identity, "SETNAME", "chirp_trio")
            if address.database:
                await connection("SELECT", address.database)
            server = check_server(await ask_info(connection), options)
            warnings = (*server.warnings, *await _load_library(connection))
            yield connection, replace(server, warnings=warnings)
        finally:
            connection.close()
    raise ConnectionLostError(connection.why)


async def ask_info(connection: Connection) -> dict[str, str]:
    """What the server says of itself."""
    text = await connection("INFO")
    lines = (text.decode() if isinstance(text, bytes) else str(text)).splitlines()
    return dict(line.split(":", 1) for line in lines if ":" in line)


def check_server(info: dict[str, str], options: Options) -> Server:
    """What is known of a server that can be used.

    Raises:
        UnusableServerError: It cannot.
    """
    version = tuple(int(part) for part in info["redis_version"].split(".")[:2])
    if version < _LEAST:
        raise UnusableServerError(f"it is Redis {info['redis_version']}; it must be Redis 7 or newer, or Valkey")
    if options.confirm == "disk" and version < _LEAST_FOR_DISK:
        raise UnusableServerError(f"it is Redis {info['redis_version']}; confirm='disk' needs 7.2 or newer, or Valkey")
    if info.get("cluster_enabled") == "1":
        raise UnusableServerError("it is part of a Redis Cluster, which is not supported: use a server of its own")
    if info.get("role") != "master":
        raise UnusableServerError("it is a replica, which nobody can write to: the url has to lead to the master")
    if info.get("loading", "0") != "0":
        raise UnusableServerError("it is reading its data, and answers after that")
    warnings = []
    if info.get("aof_enabled") != "1":
        if options.confirm == "disk":
            raise UnusableServerError("it has no append-only file, which confirm='disk' waits for: 'appendonly yes'")
        warnings.append(
            "it has no append-only file, so a restart loses events, as clients are told: 'appendonly yes' keeps them"
        )
    policy = info.get("maxmemory_policy", "noeviction")
    if policy.startswith("allkeys"):
        warnings.append(f"its maxmemory-policy is {policy}, so it may forget topics at any time: 'noeviction' does not")
    elif policy.startswith("volatile"):
        warnings.append(
            f"its maxmemory-policy is {policy}, so it may forget what it has stored already, and store an event twice that "
            "is sent again: 'noeviction' does not"
        )
    if version < _LEAST_FOR_DISK:
        warnings.append(f"it is Redis {info['redis_version']}, which is old: 7.2 or newer, or Valkey, has confirm='disk' too")
    return Server(life_of(info), tuple(warnings))


def life_of(info: dict[str, str]) -> bytes:
    """See `Server.life`; the library in the server makes the same."""
    return f"{info['run_id']}{info['master_replid2']}".encode()


async def _load_library(connection: Connection) -> tuple[str, ...]:
    """Have a library in the server that is no older than this one; what its operator should know."""
    try:
        found = await connection("FCALL", "chirp_revision_1", 0)
    except ServerError as error:
        if error.code == "NOPERM":
            return ()  # whoever may not call functions reads, and no more than that
        if "Function not found" not in str(error):
            raise
        found = 0
    if found >= REVISION:
        return ()
    try:
        await connection("FUNCTION", "LOAD", "REPLACE", LIBRARY)
    except ServerError as error:
        if error.code != "NOPERM":
            raise
        have = f"are of revision {found}, which is old" if found else "are not there, or of an older version"
        return (f"the functions of chirp_trio {have}, and this user may not load others: its ACL needs +function|load",)
    return ()
