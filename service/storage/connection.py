"""The database connection: opening, closing, and the two ways to use it.

`reading()` gives a `Db` for queries, `writing()` a `Db` within a transaction that has taken its place in the queue of
writers. SQL is written once for SQLite and PostgreSQL, with `?` for parameters; `Db` turns the few differences.
"""

import asyncio
import contextlib
import datetime as dt
import sqlite3
import time
import urllib.parse
from collections.abc import AsyncIterator, Coroutine, Iterable, Iterator, Sequence
from typing import Any
from uuid import UUID

import asyncpg
from tortoise import Tortoise
from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.connection import get_connections
from tortoise.exceptions import BaseORMException, DBConnectionError, IntegrityError
from tortoise.transactions import in_transaction

from service.errors import Conflict, SettingsError, StatsServiceError, StorageFull, Unavailable
from service.storage.postgres import PostgresClient

BUSY_MILLISECONDS = 20_000
"""How long a writer waits for another process's transaction on SQLite before the caller is told to come back. (A Front
Office waits 30 seconds, and does not try again before the next night.)"""

POOL_SIZE = 10
"""PostgreSQL connections of a process, beside the one on which it looks whether the server answers."""

CONNECT_SECONDS = 2.0
"""How long PostgreSQL may take to let a process in: a server that is gone without a word would hold up requests for
minutes. (A request waits for this up to twice.)"""

PARAMETERS = 10_000
"""The most parameters that one statement is given (SQLite takes 32,766, PostgreSQL 32,767)."""


def config(database_url: str) -> dict[str, Any]:
    """Tortoise's configuration for `database_url` (`sqlite:///path`, `sqlite:////absolute`, `postgres://...`).

    Raises `SettingsError` for another kind of URL.
    """
    scheme, _, rest = database_url.partition("://")
    connections: dict[str, Any]
    if scheme == "sqlite":
        file_path = urllib.parse.unquote(rest.partition("?")[0].removeprefix("/"))
        connections = {
            name: {
                "engine": engine,
                "credentials": {
                    "file_path": file_path,
                    "busy_timeout": BUSY_MILLISECONDS,
                    "synchronous": "FULL",
                    "journal_size_limit": 64 << 20,
                    "cache_size": -8_000,
                },
            }
            # Reads go past a transaction under way in this process through a connection of their own.
            for name, engine in (
                ("sqlite", "service.storage.sqlite"),
                ("reader", "tortoise.backends.sqlite"),
            )
        }
    elif scheme in {"postgres", "postgresql"}:
        parts = urllib.parse.urlsplit(database_url)
        connections = {
            "postgres": {
                "engine": "service.storage.postgres",
                "credentials": {
                    "host": urllib.parse.unquote(parts.hostname or "localhost"),
                    "port": parts.port or 5432,
                    # None leaves it to the driver: PGUSER or the system's user, PGPASSWORD or ~/.pgpass.
                    "user": urllib.parse.unquote(parts.username or "") or None,
                    "password": urllib.parse.unquote(parts.password or "") or None,
                    "database": urllib.parse.unquote(parts.path.removeprefix("/")),
                    "minsize": 1,
                    "maxsize": POOL_SIZE,
                    "timeout": CONNECT_SECONDS,
                    **dict(urllib.parse.parse_qsl(parts.query)),
                },
            }
        }
    else:
        message = f"DATABASE_URL: sqlite:///path or postgres://user:password@host:port/name, not {scheme!r}"
        raise SettingsError(message, {"DATABASE_URL": message})
    return {
        "connections": connections,
        "apps": {
            "models": {
                "models": ["service.storage.models", "aerich.models"],
                "default_connection": next(iter(connections)),
            }
        },
        "use_tz": True,
        "timezone": "UTC",
    }


def is_sqlite(database_url: str) -> bool:
    """Whether the URL names an SQLite file."""
    return database_url.startswith("sqlite:")


async def open_database(database_url: str) -> None:
    """Connect at once: a first connection made within a request that is then aborted would be leaked.

    Raises `Unavailable` where the database cannot be reached, `SettingsError` for a URL of another kind.
    """
    tortoise_config = config(database_url)
    try:
        with translated():
            await Tortoise.init(config=tortoise_config, _enable_global_fallback=True)
            for name in tortoise_config["connections"]:
                await get_connections().get(name).create_connection(with_db=True)
    except BaseException:
        await close_database()  # the thread of an SQLite connection would keep the process from ending
        raise


MOMENT_SECONDS = 0.1

_beside: set[asyncio.Task[None]] = set()


def beside(doing: Coroutine[Any, Any, None]) -> None:
    """Do something that nobody has to wait for, in a moment: not while the answer that it comes of is still made.

    `close_database` waits for it. It must not raise.
    """

    async def later() -> None:
        with contextlib.closing(doing):
            await asyncio.sleep(MOMENT_SECONDS)
            await doing

    task = asyncio.create_task(later())
    _beside.add(task)
    task.add_done_callback(_beside.discard)


async def close_database() -> None:
    """Close all connections of this process, when what runs `beside` is done; nothing happens where none is open."""
    await asyncio.gather(*_beside)
    with contextlib.suppress(Exception):  # closing is the last thing that a process does: nobody is left to tell
        await Tortoise.close_connections()


async def watch() -> None:
    """Look, until cancelled, whether the database answers: who waits for one that has fallen silent gets `Unavailable`
    after some seconds. (A file is never silent.)"""
    client = main().connection
    if isinstance(client, PostgresClient):
        await client.watch()


@contextlib.asynccontextmanager
async def connected(database_url: str) -> AsyncIterator[None]:
    """The database open within the block."""
    await open_database(database_url)
    try:
        yield
    finally:
        await close_database()


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Turn the drivers' errors into the domain's. What is no fault of the database's state passes as it is."""
    try:
        yield
    except IntegrityError as error:
        raise Conflict("Something of that name or number is stored already.") from error
    except (
        BaseORMException,
        sqlite3.Error,
        asyncpg.PostgresError,
        asyncpg.InterfaceError,
        asyncpg.InternalClientError,
        OSError,
    ) as error:
        domain_error = _domain_error(error)
        if domain_error is None:
            raise
        raise domain_error from error


def _domain_error(error: BaseException) -> StatsServiceError | None:
    text = str(error).lower()
    cause: object = error.args[0] if isinstance(error, BaseORMException) and error.args else error
    if "disk is full" in text or "no space left" in text or isinstance(cause, asyncpg.DiskFullError):
        return StorageFull("The service's disk is full: nothing was stored. Its operator has to make room.")
    if "database is locked" in text or "database is busy" in text:
        return Unavailable("The database is busy: try again in some seconds.")
    if isinstance(cause, asyncpg.InvalidAuthorizationSpecificationError):  # a wrong password is one of them
        return Unavailable("The database refuses the user or the password of DATABASE_URL (or the DB_* variables).")
    if isinstance(error, DBConnectionError) or isinstance(cause, asyncpg.InvalidCatalogNameError):
        return Unavailable("The database server has no database of the name in DATABASE_URL (or DB_NAME).")
    unreachable = (
        OSError,
        asyncpg.PostgresConnectionError,
        asyncpg.InterfaceError,
        asyncpg.InternalClientError,  # what it makes of a connection that was cut amid something
        asyncpg.OperatorInterventionError,
        asyncpg.InsufficientResourcesError,
        asyncpg.TransactionRollbackError,
        asyncpg.LockNotAvailableError,
    )
    if isinstance(cause, unreachable) or "unable to open database" in text:
        return Unavailable("The database cannot be reached: try again in some seconds.")
    return None


class Db:
    """A connection (or a transaction) that takes `?` for parameters on both databases."""

    def __init__(self, connection: BaseDBAsyncClient) -> None:
        self.connection = connection
        self.postgres = connection.capabilities.dialect == "postgres"

    def _sql(self, sql: str) -> str:
        if not self.postgres:
            return sql
        head, *tail = sql.split("?")
        return head + "".join(f"${number}{part}" for number, part in enumerate(tail, 1))

    def date(self, value: dt.date) -> Any:
        """A date as the driver wants it: SQLite keeps text."""
        return value if self.postgres else value.isoformat()

    def moment(self, value: dt.datetime) -> Any:
        """A time as the driver wants it: SQLite keeps text, as Tortoise writes it."""
        return value if self.postgres else value.isoformat(sep=" ")

    async def fetch(self, sql: str, *parameters: Any) -> Sequence[Any]:
        """The rows of a query; a row is read by position or name."""
        with translated():
            return (await self.connection.execute_query(self._sql(sql), list(parameters)))[1]

    async def execute(self, sql: str, *parameters: Any) -> int:
        """Run a statement that changes rows; how many it changed."""
        with translated():
            return (await self.connection.execute_query(self._sql(sql), list(parameters)))[0]

    async def execute_many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run one statement for each of `rows`."""
        values = [list(row) for row in rows]
        if values:
            with translated():
                await self.connection.execute_many(self._sql(sql), values)

    async def fetch_in(self, sql: str, values: Iterable[Any], *parameters: Any, types: Sequence[str] = ()) -> list[Any]:
        """The rows of a query with `IN (*)` for `values`, which come after `parameters` in it.

        Values are single ones or, where `types` names their columns' PostgreSQL types, tuples. Any number of them:
        they are asked for in portions.
        """
        wanted = list(values)
        step = PARAMETERS // max(len(types), 1)
        rows: list[Any] = []
        for start in range(0, len(wanted), step):
            places, flat = self._places(wanted[start : start + step], types)
            rows += await self.fetch(sql.replace("IN (*)", f"IN ({places})"), *parameters, *flat)
        return rows

    def _places(self, values: list[Any], types: Sequence[str]) -> tuple[str, list[Any]]:
        """What stands within IN for values, and the parameters that it takes."""
        if not types:
            return ", ".join("?" * len(values)), values
        if self.postgres:  # a list of tuples takes its planner ten times as long
            arrays = ", ".join(f"?::{name}[]" for name in types)
            return f"SELECT * FROM unnest({arrays})", [list(column) for column in zip(*values, strict=True)]
        place = f"({', '.join('?' * len(types))})"
        # IN (VALUES ...) reads the whole table: only of a query does its planner see that an index leads to the rows.
        rows = f"SELECT * FROM (VALUES {', '.join([place] * len(values))})"
        return rows, [item for value in values for item in value]


def as_date(value: Any) -> Any:
    """A date as the driver gives it, made a date: the reverse of `Db.date`. What is no text passes, None too."""
    return dt.date.fromisoformat(value) if isinstance(value, str) else value


def as_moment(value: Any) -> Any:
    """A time as the driver gives it, made one that is aware and in UTC: the reverse of `Db.moment`. None passes."""
    if value is None:
        return None
    moment = dt.datetime.fromisoformat(value) if isinstance(value, str) else value
    return moment.replace(tzinfo=dt.UTC) if moment.tzinfo is None else moment.astimezone(dt.UTC)


def as_uuid(value: Any) -> UUID:
    """A UUID as the driver gives it, made a UUID."""
    return value if isinstance(value, UUID) else UUID(value)


def reading() -> Db:
    """A `Db` for queries outside a transaction: each sees what is committed when it runs."""
    connections = get_connections()
    return Db(connections.get("reader" if "reader" in connections.db_config else "postgres"))


def main() -> Db:
    """A `Db` on the connection that writes go through, outside a transaction."""
    connections = get_connections()
    return Db(connections.get("sqlite" if "sqlite" in connections.db_config else "postgres"))


@contextlib.asynccontextmanager
async def writing() -> AsyncIterator[Db]:
    """A `Db` within a transaction: all of the block is stored, or nothing.

    On SQLite writers wait here for each other (`Unavailable` after `BUSY_MILLISECONDS`).
    """
    with translated():
        async with in_transaction(main().connection.connection_name) as connection:
            yield Db(connection)


@contextlib.asynccontextmanager
async def writing_a_portion() -> AsyncIterator[Db]:
    """The same for a portion of long work: afterwards the writers of other processes have the database to themselves
    for as long as it took. (On SQLite they look only now and then whether it is their turn.)"""
    async with writing() as db:
        start = time.monotonic()
        yield db
    await asyncio.sleep(time.monotonic() - start)
