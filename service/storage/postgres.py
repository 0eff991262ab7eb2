"""Tortoise's PostgreSQL client, but a transaction always gives its connection back to the pool.

Where the server goes away, Tortoise's own loses the pool's connection whose BEGIN fails (after ten of them the process
hangs), and an error in giving a connection back hides what became of the transaction. Tortoise takes this module as an
`engine` for its `client_class`.
"""

import contextlib

import asyncpg
from tortoise.backends.asyncpg.client import AsyncpgDBClient, TransactionWrapper
from tortoise.backends.base.client import TransactionalDBClient, TransactionContext
from tortoise.connection import get_connections


class PostgresClient(AsyncpgDBClient):
    """A pool of connections to one PostgreSQL database."""

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


client_class = PostgresClient
