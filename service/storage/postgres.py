"""Tortoise's PostgreSQL client, but a transaction always gives its connection back to the pool, and a server that falls
silent is noticed.

Where the server goes away, Tortoise's own loses the pool's connection whose BEGIN fails (after ten of them the process
hangs), and an error in giving a connection back hides what became of the transaction. A server that is frozen, or that
the network no longer reaches, closes no connection: who waits for it would wait for minutes. Tortoise takes this module
as an `engine` for its `client_class`.
"""

import asyncio
import contextlib
import functools
import logging
import time
import weakref
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
from tortoise.backends.asyncpg.client import AsyncpgDBClient, TransactionWrapper
from tortoise.backends.base.client import TransactionalDBClient, TransactionContext
from tortoise.connection import get_connections

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
"""How often it is looked whether the server answers at all."""

SILENCE_SECONDS = 3.0
"""A server that has not answered the least question by then is silent."""


class PostgresClient(AsyncpgDBClient):
    """A pool of connections to one PostgreSQL database."""

    _connect_anew: Callable[..., Awaitable[asyncpg.Connection]]
    _asking: asyncpg.Connection | None = None
    _is_silent = False

    async def create_pool(self, **kwargs: Any) -> asyncpg.Pool:
        """Open the pool, whose connections are remembered."""
        self._open = weakref.WeakSet[asyncpg.Connection]()
        return await super().create_pool(connect=self._connect, reset=_left_as_it_is, **kwargs)

    async def _connect(self, *args: Any, **kwargs: Any) -> asyncpg.Connection:
        self._connect_anew = functools.partial(asyncpg.connect, *args, **kwargs)
        if self._is_silent:  # all who wait for a connection would find out one after the other
            raise ConnectionError("The server does not answer.")
        connection = await self._connect_anew()
        self._open.add(connection)
        return connection

    async def watch(self) -> None:
        """Look, until cancelled, whether the server answers. While it does not, all connections are cut, and none is
        made: who waits for an answer, or a connection, gets an error."""
        try:
            while True:
                await asyncio.sleep(LOOK_SECONDS)
                question = asyncio.create_task(self._answers())
                self._is_silent = not (await _is_done_soon(question) and question.result())
                if self._is_silent:
                    self._cut()
        finally:
            if self._asking:
                self._asking.terminate()

    async def _answers(self) -> bool:
        try:
            if self._asking is None or self._asking.is_closed():
                self._asking = await self._connect_anew(timeout=SILENCE_SECONDS)
            await self._asking.execute("SELECT 1")
        except TimeoutError:
            return False
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError):
            return True  # a refusal is an answer: everybody gets it, and at once
        except Exception:
            log.exception("Whether PostgreSQL answers could not be looked at")
        return True

    def _cut(self) -> None:
        if self._asking:
            self._asking.terminate()
        for connection in list(self._open):
            connection.terminate()

    def _in_transaction(self) -> TransactionContext:
        return _Context(_Transaction(self))

    @property
    def pool(self) -> asyncpg.Pool:
        """The pool. Raises `InterfaceError` where it is not open."""
        if self._pool is None:
            raise asyncpg.InterfaceError("The database is not open.")
        return self._pool


class _Transaction(TransactionWrapper):
    def __init__(self, home: PostgresClient) -> None:
        super().__init__(home)
        self._home = home

    async def start(self) -> None:
        """Take a connection and begin."""
        self._connection = await self._home.pool.acquire()
        try:
            await self.begin()
        except BaseException:
            await self._give_back()
            raise

    async def end(self, *, well: bool) -> None:
        """Commit or roll back, unless that was done within the transaction, and give the connection back."""
        try:
            if not self._finalized:
                await (self.commit() if well else self.rollback())
        finally:
            await self._give_back()

    async def _give_back(self) -> None:
        # A connection that fails even at this is closed by then, and the pool makes a new one.
        with contextlib.suppress(Exception):
            await self._home.pool.release(self._connection)


class _Context(TransactionContext):
    def __init__(self, transaction: _Transaction) -> None:
        self._transaction = transaction

    async def __aenter__(self) -> TransactionalDBClient:
        await self._transaction.start()
        self._token = get_connections().set(self._transaction.connection_name, self._transaction)
        return self._transaction

    async def __aexit__(self, kind: object, error: object, traceback: object) -> None:
        get_connections().reset(self._token)
        await self._transaction.end(well=kind is None)


async def _left_as_it_is(_: asyncpg.Connection) -> None:
    """What is done to a connection that is given back. asyncpg has rolled back what was open, and would now ask the
    server, each time, to end what may be left of a session: nothing of ours outlives its transaction (`locks` unlocks
    what it locks)."""


async def _is_done_soon(question: asyncio.Task[bool]) -> bool:
    """Whether it is done in time. A process that was itself held up has not listened meanwhile, and waits again."""
    while True:
        start = time.monotonic()
        done, _ = await asyncio.wait({question}, timeout=SILENCE_SECONDS)
        if done or time.monotonic() - start < SILENCE_SECONDS + LOOK_SECONDS:
            return bool(done)


client_class = PostgresClient
