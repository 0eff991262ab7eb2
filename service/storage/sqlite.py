"""Tortoise's SQLite client, but a transaction takes the write lock when it begins.

Tortoise begins deferred: two processes that read first and write later then end in "database is locked" whatever
the time-out (measured: more than half of them). Everything here that opens a transaction means to write, so it
begins IMMEDIATE and waits its turn. Tortoise takes this module as an `engine` for its `client_class`.
"""

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
        self._patience = connection.pragmas["busy_timeout"] / 1000

    async def begin(self) -> None:
        deadline = time.monotonic() + self._patience
        while True:
            try:
                await self._connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
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
        """Begin; a lock that could not be had in time leaves the connection free for others."""
        try:
            return await super().__aenter__()
        except OperationalError:
            # The parent has no path for a BEGIN that fails: it would keep its lock, and this process would hang; and
            # this task would take the transaction that never began for its connection from now on.
            get_connections().reset(self.token)
            self._trxlock.release()
            raise


client_class = ImmediateSqliteClient
