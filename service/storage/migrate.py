"""Bringing a database's schema up to date.

aerich writes the files in `migrations/<dialect>/models`. They are applied here and not by aerich's own `upgrade`,
which has no lock (two at once record a version twice, or crash) and is not atomic on SQLite: all that is pending is
applied in one transaction that holds the lock, so that however many processes start together one of them migrates,
and a failure midway leaves nothing behind.
"""

import asyncio
import pkgutil
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path

from aerich import Command
from aerich.migrate import Migrate
from aerich.models import Aerich
from aerich.utils import get_models_describe, import_py_module

from service.errors import MigrationsPending
from service.storage import connection

MIGRATIONS = Path(__file__).parents[2] / "migrations"
APP = "models"
_LOCK = 0x57A75  # any number, as long as all processes take the same


async def pending(database_url: str) -> list[str]:
    """The names of the migrations that the open database lacks, in the order in which they would be applied.

    Raises `MigrationsPending` where the migrations themselves are missing.
    """
    return await _pending(connection.reading(), database_url)


async def upgrade(database_url: str) -> list[str]:
    """Apply what is pending to the open database; the names of what was applied.

    Raises `Unavailable` where another process keeps the lock for too long, `MigrationsPending` where the migrations
    themselves are missing.
    """
    if not await pending(database_url):
        return []
    outside = connection.main()
    if not outside.postgres:  # a table that is rebuilt must not take its children along; SQLite's own advice
        await outside.execute("PRAGMA foreign_keys = OFF")
    try:
        async with connection.writing() as transaction:
            return await _upgrade(transaction, database_url)
    finally:
        if not outside.postgres:
            await outside.execute("PRAGMA foreign_keys = ON")


async def _upgrade(transaction: connection.Db, database_url: str) -> list[str]:
    if transaction.postgres:
        await transaction.fetch("SELECT pg_advisory_xact_lock(?)", _LOCK)
    names = await _pending(transaction, database_url)  # again: another process may have been quicker
    for module in _modules(database_url):
        if module.name in names:
            script = await import_py_module(module).upgrade(transaction.connection)
            for statement in _statements(script):
                await transaction.execute(statement)
            await Aerich.create(
                version=f"{module.name}.py",
                app=APP,
                content=get_models_describe(APP),
                using_db=transaction.connection,
            )
    return names


async def _pending(db: connection.Db, database_url: str) -> list[str]:
    tables = "pg_tables WHERE tablename" if db.postgres else "sqlite_master WHERE name"
    applied: set[str] = set()
    if await db.fetch(f"SELECT 1 FROM {tables} = ?", "aerich"):
        applied = {row[0] for row in await db.fetch("SELECT version FROM aerich WHERE app = ?", APP)}
    return [module.name for module in _modules(database_url) if f"{module.name}.py" not in applied]


def _statements(script: str) -> Iterator[str]:
    """The statements of a script one by one: sqlite3 commits before it runs a script as a whole."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    if statement.strip():
        yield statement


def _folder(database_url: str) -> Path:
    return MIGRATIONS / ("sqlite" if connection.is_sqlite(database_url) else "postgres")


def _modules(database_url: str) -> list[pkgutil.ModuleInfo]:
    """The migrations, oldest first. Without any, nothing could be said of a database: raises `MigrationsPending`."""
    found = _written(database_url)
    if not found:
        raise MigrationsPending(f"There are no migrations in {_folder(database_url) / APP}: install the service anew.")
    return found


def _written(database_url: str) -> list[pkgutil.ModuleInfo]:
    Migrate.migrate_location = _folder(database_url) / APP
    return Migrate.get_all_version_modules()


async def write(database_url: str, name: str) -> str | None:
    """For developers: let aerich write the migration from the models that the last one records to today's.

    `database_url` names an empty database of the dialect. The file's name, or None where nothing changed.
    """
    command = Command(connection.config(database_url), app=APP, location=str(_folder(database_url)))
    if not _written(database_url):
        await command.init_db(safe=True)
        return _written(database_url)[-1].name
    await command.init(offline=True)  # a database that `upgrade` has migrated records today's models as its own
    return await command.migrate(name, no_input=True, offline=True) or None


async def _main(database_url: str, name: str) -> None:
    async with connection.connected(database_url):
        sys.stdout.write(f"{await write(database_url, name) or 'Nothing has changed.'}\n")


if __name__ == "__main__":  # for developers: see README
    asyncio.run(_main(*sys.argv[1:3]))
