"""The migrations, on both databases: from nothing and from the first revision, at once, broken off, and missing."""

import asyncio
import contextlib
import datetime as dt
import json
import shutil
import sqlite3
import uuid
import zlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import pytest
from tortoise import Tortoise
from tortoise.exceptions import OperationalError

from service.core import charts, stats
from service.errors import MigrationsPending
from service.records import Account, StatType
from service.storage import clients, connection, migrate
from tests.commands import Cli
from tests.servers import Postgres

Catalogue = dict[str, set[Any]]
"""What a database says of each of its tables: columns, constraints and indexes."""

DAY = dt.date(2026, 1, 31)
ANR = uuid.UUID(int=5)
ROW = uuid.UUID(int=8)
OBJECT = str(uuid.UUID(int=7))
THREATS = json.dumps([{"uuid": OBJECT, "label1": "Brand", "count": 3, "maxRisk": 8, "averageRate": "2.50"}]).encode()

FIRST_DATA: dict[str, dict[str, Any]] = {
    "account": {
        "id": 1,
        "uuid": str(uuid.UUID(int=1)),
        "name": "NC3",
        "token_hash": "0" * 64,
        "role": 1,
        "is_active": True,
        "is_sharing_enabled": True,
        "local": True,
        "created_at": dt.datetime.now(dt.UTC),
        "updated_at": dt.datetime.now(dt.UTC),
    },
    "analysis": {"id": 4, "client_id": 1, "anr": str(ANR)},
    "payload": {
        "id": 9,
        "client_id": 1,
        "analysis_id": 4,
        "type": 2,
        "digest": b"\x01" * 32,
        "size": len(THREATS),
        "data": zlib.compress(THREATS),
        "figures": msgspec.msgpack.encode({6: [1, 3, 8 * 10**6, 25 * 10**5]}),
    },
    "stat": {"uuid": str(ROW), "client_id": 1, "analysis_id": 4, "type": 2, "date": DAY, "payload_id": 9},
    "figure_key": {"id": 6, "digest": "1" * 64, "key": json.dumps([OBJECT, "Brand", "", "", ""])},
    "account_day": {"client_id": 1, "type": 2, "date": DAY, "version": 1, "summed": 0, "figures": b"\x80"},
    "fleet_day": {
        "type": 2,
        "date": DAY,
        "version": 1,
        "summed": 0,
        "local_figures": b"\x80",
        "other_figures": b"\x80",
    },
}
"""A row and all that belongs to it, in the tables of the first revision."""


# --- what a database says of itself -------------------------------------------------------------------------


COLUMNS = """
    SELECT table_name, 'column', column_name, data_type, character_maximum_length, is_nullable, column_default
    FROM information_schema.columns WHERE table_schema = 'public'
"""
CONSTRAINTS = """
    SELECT conrelid::regclass::text, contype::text, pg_get_constraintdef(oid)
    FROM pg_constraint WHERE connamespace = 'public'::regnamespace
"""
INDEXES = """
    SELECT indrelid::regclass::text, 'index', indisunique, indisprimary, pg_get_expr(indpred, indrelid),
        (SELECT array_agg(pg_get_indexdef(indexrelid, place, true)) FROM generate_series(1, indnatts) place)::text
    FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid WHERE relnamespace = 'public'::regnamespace
"""


def sqlite_catalogue(path: str) -> Catalogue:
    """The tables of an SQLite file."""
    with contextlib.closing(sqlite3.connect(path)) as database:

        def pragma(name: str, about: str) -> list[Any]:
            return database.execute(f"SELECT * FROM pragma_{name}(?)", [about]).fetchall()  # noqa: S608 - ours

        tables = database.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        )
        return {
            name: {("column", *column[1:]) for column in pragma("table_xinfo", name)}
            | {
                ("index", unique, origin, partial, *(column[2] for column in pragma("index_info", index)))
                for _, index, unique, origin, partial in pragma("index_list", name)
            }
            | {("refers", *reference[2:]) for reference in pragma("foreign_key_list", name)}
            | {("numbers are given out once", "AUTOINCREMENT" in sql)}
            for name, sql in tables.fetchall()
        }


async def postgres_catalogue(url: str) -> Catalogue:
    """The tables of a PostgreSQL database."""
    database = await asyncpg.connect(url)
    try:
        tables = await database.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        found: Catalogue = {row[0]: set() for row in tables}
        for query in (COLUMNS, CONSTRAINTS, INDEXES):
            for row in await database.fetch(query):
                found[row[0]].add(tuple(row)[1:])
    finally:
        await database.close()
    return found


def catalogue(database_url: str) -> Catalogue:
    """The tables of a database of either kind."""
    if connection.is_sqlite(database_url):
        return sqlite_catalogue(database_url.removeprefix("sqlite:///"))
    return asyncio.run(postgres_catalogue(database_url))


# --- migrations of our own ----------------------------------------------------------------------------------


class Folder:
    """A copy of the migrations that the service takes for its own while the test lasts."""

    def __init__(self, path: Path, database_url: str) -> None:
        """Takes the folder to copy to."""
        self.path = path
        shutil.copytree(migrate.MIGRATIONS, path)
        kind = "sqlite" if connection.is_sqlite(database_url) else "postgres"
        self.models = path / kind / migrate.APP
        self.revisions = [file.stem for file in sorted(self.models.glob("[0-9]*_*.py"), key=_number)]

    def keep(self, count: int) -> None:
        """Leave only the first `count` migrations."""
        for file in self.models.glob("[0-9]*_*.py"):
            if file.stem not in self.revisions[:count]:
                file.unlink()

    def add(self, *statements: str) -> str:
        """One more migration, after all others; its name."""
        name = f"{len(self.revisions)}_20990101000000_another"
        script = ";\n".join(statements)
        (self.models / f"{name}.py").write_text(f'async def upgrade(db):\n    return """{script};"""\n')
        return name


def _number(file: Path) -> int:
    return int(file.name.partition("_")[0])


@pytest.fixture
def folder(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Folder:
    """A copy of the migrations, in the place of the real ones."""
    copy = Folder(tmp_path / "migrations", database_url)
    monkeypatch.setattr(migrate, "MIGRATIONS", copy.path)
    return copy


async def upgraded(database_url: str) -> list[str]:
    """Upgrade a database; the names of what was applied."""
    async with connection.connected(database_url):
        return await migrate.upgrade(database_url)


async def pending(database_url: str) -> list[str]:
    """What a database lacks."""
    async with connection.connected(database_url):
        return await migrate.pending(database_url)


async def fill(database_url: str) -> None:
    """Store the data of the first revision."""
    async with connection.connected(database_url), connection.writing() as db:
        for table, columns in FIRST_DATA.items():
            names, places = ", ".join(columns), ", ".join("?" * len(columns))
            values = [_written(db, value) for value in columns.values()]
            await db.execute(f"INSERT INTO {table} ({names}) VALUES ({places})", *values)  # noqa: S608 - ours


def _written(db: connection.Db, value: Any) -> Any:
    if isinstance(value, dt.datetime):
        return db.moment(value)
    return db.date(value) if isinstance(value, dt.date) else value


async def check(database_url: str) -> None:
    """See that the row of `fill` is there, and a chart of it."""
    async with connection.connected(database_url):
        [account] = await clients.find_all()
        page = await stats.rows_of(account, ANR)
        [row] = json.loads(b"[" + b"".join([chunk async for chunk in page.chunks()]) + b"]")
        assert (row["uuid"], row["date"]) == (str(ROW), str(DAY))
        assert row["data"] == json.loads(THREATS)
        [drawn] = json.loads(await _chart(account))
        assert (drawn["object"], drawn["labels"]["label1"]) == (OBJECT, "Brand")
        assert drawn["values"] == [{"date": str(DAY), "count": 3.0, "maxRisk": 8.0, "averageRate": 2.5}]


async def _chart(account: Account) -> bytes:
    query = charts.ChartQuery(
        type=StatType.THREAT, processor="threat_average_on_date", date_from=DAY, date_to=DAY, account=account
    )
    return (await charts.chart(query)).data


# --- tests --------------------------------------------------------------------------------------------------


@pytest.fixture
def other_url(request: pytest.FixtureRequest, database_url: str, tmp_path: Path) -> Iterator[str]:
    """Another empty database of the same kind."""
    if connection.is_sqlite(database_url):
        yield f"sqlite:///{tmp_path / 'other.sqlite3'}"
        return
    server: Postgres = request.getfixturevalue("postgres")
    with server.database() as url:
        yield url


def test_the_migrations_make_what_the_models_say(database_url: str, other_url: str) -> None:
    """Tables, columns, types, keys, constraints and indexes are those of a database made from the models."""

    async def generate() -> None:
        async with connection.connected(other_url):
            await Tortoise.generate_schemas()

    asyncio.run(generate())
    assert asyncio.run(upgraded(database_url))
    expected = catalogue(other_url)
    assert {"account", "stat", "payload", "aerich"} < expected.keys()
    assert catalogue(database_url) == expected


def test_no_migration_is_missing(database_url: str, folder: Folder) -> None:
    """The models that the newest migration records are those of today: aerich finds nothing to write."""

    async def write() -> str | None:
        try:
            return await migrate.write(database_url, "found")
        finally:
            await connection.close_database()

    assert asyncio.run(write()) is None
    assert sorted(file.stem for file in folder.models.glob("[0-9]*_*.py")) == sorted(folder.revisions)


def test_data_of_the_first_revision_is_kept(database_url: str, other_url: str, folder: Folder) -> None:
    """What the first revision's tables held is read and drawn after each later migration, applied one by one.

    The tables are in the end those of a database that was empty.
    """
    everything = Folder(folder.path.with_name("everything"), database_url)
    folder.keep(1)
    assert asyncio.run(upgraded(database_url)) == folder.revisions[:1]
    asyncio.run(fill(database_url))
    for name in folder.revisions[1:]:
        shutil.copy(everything.models / f"{name}.py", folder.models)
        assert asyncio.run(upgraded(database_url)) == [name]
    asyncio.run(check(database_url))
    assert asyncio.run(pending(database_url)) == []
    assert asyncio.run(upgraded(other_url)) == folder.revisions
    assert catalogue(database_url) == catalogue(other_url)


@contextlib.asynccontextmanager
async def nobody_migrates(database_url: str) -> AsyncIterator[None]:
    """Hold up whoever wants to migrate while the block lasts."""
    if connection.is_sqlite(database_url):
        with contextlib.closing(
            sqlite3.connect(database_url.removeprefix("sqlite:///"), isolation_level=None)
        ) as holder:
            holder.execute("PRAGMA journal_mode = WAL")
            holder.execute("BEGIN IMMEDIATE")
            yield
        return
    async with connection.connected(database_url), connection.writing() as db:
        await db.fetch("SELECT pg_advisory_xact_lock(?)", migrate._LOCK)  # noqa: SLF001 - the very lock is meant
        yield


async def test_two_upgrades_at_once_apply_each_migration_once(database_url: str, tmp_path: Path) -> None:
    """Two processes find the database empty at the same moment: one migrates, the other waits and is content."""
    cli = Cli(database_url, tmp_path)
    async with nobody_migrates(database_url):
        both = [asyncio.create_task(asyncio.to_thread(cli.run, "db", "upgrade")) for _ in range(2)]
        await asyncio.sleep(1.5)
        assert [one.done() for one in both] == [False, False]
    done = await asyncio.gather(*both)
    assert [(one.returncode, one.stderr) for one in done] == [(0, ""), (0, "")]
    applied = [line for one in done for line in one.stdout.splitlines() if line.startswith("Applied ")]
    assert applied == [f"Applied {name}" for name in Folder(tmp_path / "copy", database_url).revisions]
    async with connection.connected(database_url):
        recorded = await connection.main().fetch("SELECT version FROM aerich ORDER BY id")
    assert [f"Applied {row[0].removesuffix('.py')}" for row in recorded] == applied


def test_a_failure_midway_leaves_an_empty_database_empty(database_url: str, folder: Folder) -> None:
    """Where a later migration fails, the earlier ones are not applied either; mended, all of them are."""
    name = folder.add("CREATE TABLE extra (id INT)", "INSERT INTO nowhere VALUES (1)")
    with pytest.raises(OperationalError, match="nowhere"):
        asyncio.run(upgraded(database_url))
    assert catalogue(database_url) == {}
    assert asyncio.run(pending(database_url)) == [*folder.revisions, name]
    folder.add("CREATE TABLE extra (id INT)")
    assert asyncio.run(upgraded(database_url)) == [*folder.revisions, name]
    assert "extra" in catalogue(database_url)


def test_a_failure_midway_leaves_data_as_it_was(database_url: str, folder: Folder) -> None:
    """Changes that a failed migration made before it failed are gone; mended, it is applied."""
    asyncio.run(upgraded(database_url))
    asyncio.run(fill(database_url))
    before = catalogue(database_url)
    change = "ALTER TABLE account ADD COLUMN extra INT", "UPDATE account SET name = 'other'"
    name = folder.add(*change, "DELETE FROM stat", "INSERT INTO nowhere VALUES (1)")
    with pytest.raises(OperationalError, match="nowhere"):
        asyncio.run(upgraded(database_url))
    assert catalogue(database_url) == before
    asyncio.run(check(database_url))
    folder.add(*change)
    assert asyncio.run(upgraded(database_url)) == [name]
    asyncio.run(check(database_url))

    async def name_of_account() -> str:
        async with connection.connected(database_url):
            return (await clients.find_all())[0].name

    assert asyncio.run(name_of_account()) == "other"


@pytest.mark.parametrize("is_there", [True, False])
async def test_without_migrations_nothing_is_up_to_date(database_url: str, folder: Folder, *, is_there: bool) -> None:
    """A folder that is missing or empty is said to be the trouble, instead of taking an empty database for migrated."""
    shutil.rmtree(folder.models)
    if is_there:
        folder.models.mkdir()
    for attempt in (pending, upgraded):
        with pytest.raises(MigrationsPending, match=f"no migrations in {folder.models}"):
            await attempt(database_url)


def test_a_start_without_the_newest_migration_is_refused(database_url: str, tmp_path: Path) -> None:
    """`serve --no-migrate` names what to do on an empty database and on one that is behind; `serve` does it."""
    cli = Cli(database_url, tmp_path)
    refused = cli.refused("serve", "--port", "0", "--no-migrate")
    assert "stats-service db upgrade" in refused
    cli.said("db", "upgrade")

    async def forget_the_newest() -> None:
        async with connection.connected(database_url), connection.writing() as db:
            await db.execute("DELETE FROM aerich WHERE id = (SELECT MAX(id) FROM aerich)")
            await db.execute("ALTER TABLE account DROP COLUMN moved_until")

    asyncio.run(forget_the_newest())
    assert "stats-service db upgrade" in cli.refused("serve", "--port", "0", "--no-migrate")
    with cli.serving("--port", "0") as (_, line):
        assert "listens on" in line
    assert cli.json("db", "status")["up_to_date"] is True
