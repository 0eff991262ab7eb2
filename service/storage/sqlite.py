"""Tortoise's SQLite client, but a transaction takes the write lock when it begins.

Tortoise begins deferred: two processes that read first and write later then end in "database is locked" whatever
the time-out (measured: more than half of them). Everything here that opens a transaction means to write, so it
begins IMMEDIATE and waits its turn. Tortoise takes this module as an `engine` for its `client_class`.
"""

import asyncio
import sqlite3
import time

from tortoise.backends.base.client import TransactionalDBClient, TransactionContext
from tortoise.backends.sqlite.client import SqliteClient, SqliteTransactionContext, SqliteTransactionWrapper
from tortoise.connection import get_connections
from tortoise.exceptions import OperationalError

ASKING_MILLISECONDS = 20
"""SQLite asks for the lock at ever longer intervals, in the end each 100 ms: among many writers whoever has waited
longest has the least chance, and some waited in vain for seconds. Where it begins anew after this time, all have the
same chance."""


class _ImmediateTransaction(SqliteTransactionWrapper):
    def __init__(self, connection: SqliteClient) -> None:
        super().__init__(connection)
        self.deadline = time.monotonic() + connection.pragmas["busy_timeout"] / 1000

    async def begin(self) -> None:
        while True:
            try:
                await self._connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > self.deadline:
                    raise OperationalError(error) from error
            else:
                return


class ImmediateSqliteClient(SqliteClient):
    """A connection to one SQLite file whose transactions queue for the write lock, for `busy_timeout` milliseconds."""

    async def create_connection(self, with_db: bool) -> None:  # noqa: FBT001 - Tortoise's signature
        """Connect."""
        await super().create_connection(with_db)
        if self._connection:  # not `execute_query`: where a query has to connect first, that would wait for itself
            await self._connection.execute(f"PRAGMA busy_timeout = {ASKING_MILLISECONDS}")

    def _in_transaction(self) -> TransactionContext:
        return _ImmediateContext(_ImmediateTransaction(self), self._lock)


class _ImmediateContext(SqliteTransactionContext):
    async def __aenter__(self) -> TransactionalDBClient:
        """Begin. Whoever waits behind others of this process is told in time too: they wait all for the same.

        A lock that could not be had leaves the connection free for others. The parent has no path for a BEGIN that
        fails: it would keep its lock, and this process would hang; and this task would take the transaction that never
        began for its connection from now on.
        """
        try:
            async with asyncio.timeout(self.connection.deadline - time.monotonic()):
                await self._trxlock.acquire()
        except TimeoutError:
            raise OperationalError("database is busy") from None
        try:
            await self.ensure_connection()
            await self.connection.begin()
        except BaseException:
            self._trxlock.release()
            raise
        self.token = get_connections().set(self.connection_name, self.connection)
        transaction: TransactionalDBClient = self.connection
        return transaction


client_class = ImmediateSqliteClient
