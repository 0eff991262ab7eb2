"""What only one process at a time may do with a database.

The lock goes with the process that holds it, however that ends: nothing is left over that would keep the next one out.
"""

import asyncio
import contextlib
import fcntl
import os
import stat
import time
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import asyncpg
from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.backends.sqlite.client import SqliteClient

from service.errors import Conflict
from service.storage.connection import main, translated

PATIENCE_SECONDS = 1.0
"""How long another process is waited for: it may have ended, and the system not be through with it."""

_ASKING_SECONDS = 0.05
_LOCKS = 0x57A77  # PostgreSQL's, the first of two numbers; any, as long as all processes take the same

Take = Callable[[], Awaitable[bool]]
"""Tries to take the lock; whether it was free."""


@contextlib.asynccontextmanager
async def only_one(name: str, patience: float = PATIENCE_SECONDS) -> AsyncIterator[None]:
    """The block runs in one process at a time, of all that are on the open database.

    `name`: what is done ("push"). Raises `Conflict` where another does it, `Unavailable`.
    """
    database = main().connection
    deadline = time.monotonic() + patience
    async with (
        _on_sqlite(database, name) if isinstance(database, SqliteClient) else _on_postgres(database, name) as take
    ):
        while not await take():
            if time.monotonic() >= deadline:
                raise Conflict(f"Another {name} is running.")
            await asyncio.sleep(_ASKING_SECONDS)
        yield


async def is_held(name: str) -> bool:
    """Whether a process is doing now what `only_one` keeps to one."""
    try:
        async with only_one(name, patience=0):
            return False
    except Conflict:
        return True


@contextlib.asynccontextmanager
async def _on_sqlite(database: SqliteClient, name: str) -> AsyncIterator[Take]:
    """A file beside the database is locked: locks on the database itself are SQLite's business."""
    with translated():
        handle = _opened(Path(database.filename), name)
    try:

        async def take() -> bool:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            return True

        yield take
    finally:
        os.close(handle)


@contextlib.asynccontextmanager
async def _on_postgres(database: BaseDBAsyncClient, name: str) -> AsyncIterator[Take]:
    """An advisory lock of a session, on a connection that does nothing else."""
    async with contextlib.AsyncExitStack() as stack:
        with translated():
            connection = await stack.enter_async_context(database.acquire_connection())

        async def take() -> bool:
            with translated():
                free: bool = await connection.fetchval(
                    "SELECT pg_try_advisory_lock($1, $2)", _LOCKS, zlib.crc32(name.encode()) - 2**31
                )
            return free

        try:
            yield take
        finally:
            await _unlocked(connection)


async def _unlocked(connection: asyncpg.Connection) -> None:
    """Without its locks; where that fails it is closed, which ends them too."""
    try:
        await connection.execute("SELECT pg_advisory_unlock_all()")
    except BaseException as error:
        connection.terminate()
        if not isinstance(error, Exception):
            raise


def _opened(database: Path, name: str) -> int:
    """The file to lock. Whoever may use the database may use it, also where root made it: SQLite's own are so."""
    about = database.stat()
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
    handle = os.open(database.with_name(f"{database.name}.{name}.lock"), flags, stat.S_IMODE(about.st_mode))
    if os.geteuid() == 0:
        os.fchown(handle, about.st_uid, about.st_gid)
    return handle
