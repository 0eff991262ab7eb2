"""`stats-service db verify`: each kind of damage is found and mended, and nothing is found where all is well."""

import asyncio
import contextlib
import datetime as dt
import hashlib
import json
import random
import re
import sqlite3
import subprocess
import sys
import threading
import time
import uuid
import zlib
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg
import pytest

from service import figures
from service.core import charts, clients, collect, processors, stats
from service.core.verify import Difference, Verification
from service.records import Account
from service.storage import connection, migrate
from tests import samples
from tests.benchmarks.fleet import load
from tests.commands import Cli
from tests.naive import NaiveModel
from tests.reliability.offices import Offices, differences, new_uuid
from tests.servers import Service

pytestmark = pytest.mark.long_on_postgres

ANRS = [uuid.UUID(int=number, version=4) for number in (1, 2)]
DAYS = ["2026-01-30", "2026-01-31"]
FIRST, LAST = dt.date(2026, 1, 1), dt.date(2026, 12, 31)
UNREADABLE = b"\xc1"
ELSEWHERE = figures.pack({1: [1, 2, 3]})


class Damage(NamedTuple):
    """Statements that do damage to the account numbered `$1`, what is found of it, and what is done (None: nothing)."""

    name: str
    found: str
    done: str | None
    statements: list[tuple[Any, ...]]


NOT_TAKEN = b'[{"uuid":"x"}]'
SHORT = {
    "<doubled>": "client_id, analysis_id, type, (SELECT MAX(date) FROM stat), payload_id FROM stat <of payload>",
    "<of payload>": "WHERE client_id = $1 AND payload_id = <payload>",
    "<copy>": "SELECT client_id, analysis_id, type, $2, size, data, figures FROM payload WHERE id = <payload>",
    "<payload>": "(SELECT id FROM payload WHERE client_id = $1 AND type = 2 ORDER BY size DESC, id LIMIT 1)",
    "<another>": "(SELECT MIN(id) FROM payload WHERE client_id = $1 AND type = 3)",
    "<own day>": "client_id = $1 AND <day>",
    "<day>": "type = 2 AND date = (SELECT MIN(date) FROM account_day WHERE client_id = $1)",
    "<key>": "(SELECT MIN(id) FROM figure_key WHERE $1 > 0 AND key LIKE $2)",
}
"""What stands for what in the statements below, and in what comes later here."""

DAMAGES = [
    Damage(
        "figures", "figures are not those", "Mended",
        [("UPDATE payload SET figures = $2 WHERE id = <payload>", ELSEWHERE)],
    ),
    Damage(
        "figures unreadable", "figures are not those", "Mended",
        [("UPDATE payload SET figures = $2 WHERE id = <payload>", UNREADABLE)],
    ),
    Damage("size", "size of the data", "Mended", [("UPDATE payload SET size = size + 7 WHERE id = <payload>",)]),
    Damage(
        "data torn", "cannot be unpacked", None,
        [("UPDATE payload SET data = $2 WHERE id = <payload>", zlib.compress(b"[]")[:-1])],
    ),
    Damage(
        "other data", "not what was sent", None,
        [("UPDATE payload SET data = $2 WHERE id = <payload>", zlib.compress(b"[]"))],
    ),
    Damage(
        "data not taken", "not what this version takes", None,
        [
            (
                "UPDATE payload SET data = $2, digest = $3 WHERE id = <payload>",
                zlib.compress(NOT_TAKEN),
                hashlib.sha256(NOT_TAKEN).digest(),
            )
        ],
    ),
    Damage(
        "unknown type", "type number 9", None,
        [
            ("UPDATE stat SET type = 9 WHERE payload_id = <payload>",),
            ("UPDATE payload SET type = 9 WHERE id = <payload>",),
        ],
    ),
    Damage("payload gone", "data of row", "Deleted the row", [("DELETE FROM payload WHERE id = <payload>",)]),
    Damage(
        "payload of another type", "data of row", "Deleted the row",
        [("UPDATE stat SET payload_id = <another> WHERE payload_id = <payload>",)],
    ),
    Damage(
        "unused payload", "Payloads that no row has: 1", "Deleted",
        [("INSERT INTO payload (client_id, analysis_id, type, digest, size, data, figures) <copy>", b"")],
    ),
    Damage(
        "empty analysis", "analysis without rows", "Deleted",
        [("INSERT INTO analysis (client_id, anr) VALUES ($1, $2)", str(uuid.UUID(int=9)))],
    ),
    Damage(
        "rows of no analysis", "Rows of an analysis that does not exist", "Deleted",
        [("UPDATE stat SET analysis_id = analysis_id + 900000 WHERE <own day>",)],
    ),
    Damage(
        "rows of no account", "Rows of an analysis that does not exist", "Deleted",
        [("UPDATE stat SET client_id = 999998 WHERE <own day>",)],
    ),
    Damage(
        "payload of no analysis", "Payloads of an analysis that does not exist", "Deleted",
        [("UPDATE payload SET analysis_id = analysis_id + 900000 WHERE id = <payload>",)],
    ),
    Damage(
        "all of no account", "Analyses of an account that does not exist", "Deleted",
        [
            ("UPDATE analysis SET client_id = 999999 WHERE client_id = $1",),
            ("UPDATE stat SET client_id = 999999 WHERE client_id = $1",),
            ("UPDATE payload SET client_id = 999999 WHERE client_id = $1",),
        ],
    ),
    Damage(
        "sums of no account", "Sums of days of an account that does not exist", "Deleted",
        [("UPDATE account_day SET client_id = 999999 WHERE client_id = $1",)],
    ),
    Damage(
        "sum", "not what the rows add up to", "made anew",
        [("UPDATE account_day SET figures = $2 WHERE <own day>", ELSEWHERE)],
    ),
    Damage("sum gone", "There is no sum of this day", "made anew", [("DELETE FROM account_day WHERE <own day>",)]),
    Damage(
        "stale sum unreadable", "sum cannot be read", "made anew",
        [("UPDATE account_day SET summed = 0, figures = $2 WHERE <own day>", UNREADABLE)],
    ),
    Damage(
        "sum ahead", "has not reached", "made anew", [("UPDATE account_day SET summed = version + 9 WHERE <own day>",)]
    ),
    Damage(
        "sum of all", "not what the rows add up to", "made anew",
        [("UPDATE fleet_day SET local_figures = $2 WHERE <day>", ELSEWHERE)],
    ),
    Damage(
        "sum of others", "not what the rows add up to", "made anew",
        [("UPDATE fleet_day SET other_figures = $2 WHERE <day>", ELSEWHERE)],
    ),
    Damage("sum of all gone", "over all accounts", "made anew", [("DELETE FROM fleet_day WHERE <day>",)]),
    Damage("key", "is damaged", "Mended", [("UPDATE figure_key SET key = '[]' WHERE id = <key>", "%Ransomware%")]),
    Damage(
        "digest", "is damaged", "Removed",
        [("UPDATE figure_key SET digest = $3 WHERE id = <key>", "%Phishing of digest%", "0" * 64)],
    ),
]  # fmt: skip


def execute(database_url: str, *statements: tuple[Any, ...]) -> None:
    """Run statements with their parameters (`$1`, ...) on a database, without foreign keys."""
    for name, text in SHORT.items():
        statements = tuple((statement.replace(name, text), *parameters) for statement, *parameters in statements)
    if database_url.startswith("sqlite"):
        file = database_url.removeprefix("sqlite:///")
        with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as database:
            for statement, *parameters in statements:
                database.execute(statement.replace("$", "?"), parameters)
        return

    async def run() -> None:
        database = await asyncpg.connect(database_url)
        try:
            await database.execute("SET session_replication_role = replica")
            for statement, *parameters in statements:
                await database.execute(statement, *parameters)
        finally:
            await database.close()

    asyncio.run(run())


async def drawn(account: Account | None = None) -> list[Any]:
    """All charts, of everybody's rows or of the account's; their sums are made, and stored when the database closes."""
    found = []
    for processor in processors.all():
        query = charts.ChartQuery(
            type=processor.stat_type,
            processor=processor.name,
            date_from=FIRST,
            date_to=LAST,
            anrs=tuple(ANRS) if account else None,
            account=account,
        )
        found.append(json.loads((await charts.chart(query)).data))
    return found


async def post(account: Account, first: dt.date) -> None:
    """Store the rows of two analyses and two days, with a label of the account's own; the second analysis is empty."""
    batch = []
    for number in range(2):
        day = str(first + dt.timedelta(days=number))
        batch += samples.rows(str(ANRS[0]), day, number)
        batch += [row | {"data": samples.empty(row["type"])} for row in samples.rows(str(ANRS[1]), day)]
    text = json.dumps(batch).replace("Phishing", f"Phishing of {account.name}")
    assert not (await collect.collect(account, text.encode())).refused


@pytest.fixture
def victims(database_url: str) -> dict[str, Account]:
    """An account for each kind of damage, by its name, with rows of days of its own; all sums are made and stored."""

    async def make() -> dict[str, Account]:
        async with connection.connected(database_url):
            await migrate.upgrade(database_url)
            accounts = {damage.name: (await clients.create(damage.name))[0] for damage in DAMAGES}
            for number, account in enumerate(accounts.values()):
                await post(account, FIRST + dt.timedelta(days=3 * number))
            for one in (None, *accounts.values()):
                await drawn(one)
            return accounts

    return asyncio.run(make())


async def assert_charts_are_of_the_rows(accounts: Iterable[Account]) -> None:
    """All charts are what the naive model makes of the rows that are left."""
    model = NaiveModel()
    async for line in stats.export([one for one, _ in await clients.list_all()], stats.RowQuery()):
        row = json.loads(line)
        model.post([row | {"client": row["client"]["name"], "local": True}])
    names = [processor.name for processor in processors.all()]
    assert await drawn() == [model.chart(name) for name in names]
    for account in accounts:
        assert await drawn(account) == [model.chart(name, client=account.name) for name in names]


def test_damage_is_found_and_mended(database_url: str, victims: dict[str, Account]) -> None:
    """All of it is named; with --repair it is mended, charts are right then, and nothing is found any more. What was
    sent and is damaged is named too, and stays as it is."""
    assert differences(database_url) == []
    for damage in DAMAGES:
        execute(database_url, *((statement, victims[damage.name].id, *more) for statement, *more in damage.statements))
    found = differences(database_url)
    for damage in DAMAGES:
        assert any(damage.found in one.what for one in about(found, damage)), damage.name
    assert all(one.done is None for one in found)
    assert differences(database_url) == found  # it was only looked at
    mended = differences(database_url, repair=True)
    for damage in DAMAGES:
        done = [str(one.done) for one in about(mended, damage) if damage.found in one.what]
        assert any((damage.done or "None") in text for text in done), (damage.name, done)
    unmendable = {damage.name for damage in DAMAGES if damage.done is None}
    assert {one.account for one in differences(database_url)} == unmendable

    async def look() -> None:
        async with connection.connected(database_url):
            for name in unmendable:
                await clients.delete(victims.pop(name).uuid)
            await assert_charts_are_of_the_rows(victims.values())

    asyncio.run(look())
    assert differences(database_url) == []


def about(found: Iterable[Difference], damage: Damage) -> list[Difference]:
    """The differences that may come of some damage."""
    return [one for one in found if one.account in {None, damage.name} or one.account.startswith("number")]


# --- what cannot be done to a database of ours -------------------------------------------------------------


def without_unique_rows(database_url: str) -> None:
    """Let the table of rows take two of one analysis, type and day."""
    if database_url.startswith("sqlite"):
        execute(
            database_url,
            ("CREATE TABLE copy AS SELECT * FROM stat",),
            ("DROP TABLE stat",),
            ("ALTER TABLE copy RENAME TO stat",),
        )
    else:
        execute(database_url, ("ALTER TABLE stat DROP CONSTRAINT uid_stat_analysi_28b517",))


def test_of_double_rows_one_is_left(database_url: str, tmp_path: Path) -> None:
    """Of two rows of one analysis, type and day the one whose data was stored last stays, and charts are of that."""

    async def make() -> Account:
        async with connection.connected(database_url):
            await migrate.upgrade(database_url)
            account, _ = await clients.create("A")
            await post(account, FIRST)
            await drawn()
            return account

    account = asyncio.run(make())
    without_unique_rows(database_url)
    execute(
        database_url,
        (
            "INSERT INTO stat (uuid, client_id, analysis_id, type, date, payload_id) SELECT $2, <doubled>",
            account.id,
            str(uuid.uuid4()),
        ),
    )
    cli = Cli(database_url, tmp_path)
    found = cli.run("db", "verify", "--json")
    assert found.returncode == 1
    (double,) = (one for one in json.loads(found.stdout)["differences"] if "Rows of one type and day" in one["what"])
    day = str(FIRST + dt.timedelta(days=1))
    assert {**double, "what": ""} == {
        "what": "", "account": "A", "anr": str(ANRS[0]), "type": "threat", "date": day, "done": None
    }  # fmt: skip
    said = cli.said("db", "verify", "--repair").splitlines()
    assert f"account A, analysis {ANRS[0]}, type threat, day {day}: Rows of one type and day: 2. Deleted all" in said[0]
    assert said[-1].startswith("Checked 1 accounts, 2 analyses, 21 rows, ")
    assert said[-1].endswith(f": {len(said) - 1} differences, {len(said) - 1} of them mended.")
    assert differences(database_url) == []

    async def look() -> None:
        async with connection.connected(database_url):
            await assert_charts_are_of_the_rows([account])

    asyncio.run(look())


def test_a_damaged_file_is_told(tmp_path: Path) -> None:
    """What SQLite finds wrong with its file is told, with what to do; --repair leaves it alone."""
    file = tmp_path / "stats.sqlite3"
    cli = Cli(f"sqlite:///{file}", tmp_path)
    cli.said("client", "create", "A")
    with contextlib.closing(sqlite3.connect(file)) as database:
        page_size = database.execute("PRAGMA page_size").fetchone()[0]
        ((page,),) = database.execute("SELECT rootpage FROM sqlite_master WHERE name = 'sqlite_autoindex_account_2'")
    content = bytearray(file.read_bytes())
    content[(page - 1) * page_size + 200 : page * page_size] = bytes(page_size - 200)
    file.write_bytes(content)
    done = cli.run("db", "verify", "--repair")
    assert done.returncode == 1
    assert "file is damaged, restore a backup" in done.stdout
    assert file.read_bytes() == content


# --- beside others ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seconds", [2, pytest.param(60, marks=[pytest.mark.long, pytest.mark.timeout(300)])])
def test_what_others_write_meanwhile_is_no_difference(
    service: Service, tmp_path: Path, rng: random.Random, seconds: int
) -> None:
    """While Front Offices post and look at charts, analyses are deleted, and accounts come, are purged and go, nothing
    is ever found, and nothing ever repaired."""
    deadline = time.monotonic() + seconds
    offices = Offices(service, rng, 3, pause=0.02)
    cli = Cli(service.database_url, tmp_path)
    over = threading.Event()

    def come_and_go(chance: random.Random) -> None:
        while not over.is_set():
            name = f"guest {new_uuid(chance)}"
            guest = service.client(name)
            for number in range(3):
                batch = [row for anr in ANRS for row in samples.rows(str(anr), DAYS[0], chance.randrange(5) + number)]
                guest.post("/api/v1/stats/", json=batch).raise_for_status()
            guest.delete(f"/api/v1/stats/{ANRS[0]}").raise_for_status()
            cli.said("stats", "purge", "--client", name, "--older-than", "1d", "--yes")
            guest.post("/api/v1/stats/", json=samples.rows(str(ANRS[0]), DAYS[1])).raise_for_status()
            cli.said("client", "delete", name, "--yes")

    rounds = 0
    with offices, ThreadPoolExecutor(1) as pool:
        guests = pool.submit(come_and_go, random.Random(rng.getrandbits(64)))
        try:
            while time.monotonic() < deadline:
                rounds += 1
                assert differences(service.database_url, repair=rng.random() < 0.5) == []
        finally:
            over.set()
        guests.result()
    assert rounds > 1
    offices.check()
    assert cli.said("db", "verify").endswith(": 0 differences.\n")


async def test_what_is_broken_off_or_refused_leaves_nothing_behind(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A purge that is broken off between two portions, and a row that is refused for its uuid, leave nothing lying
    about that belongs to nothing."""
    monkeypatch.setattr("service.storage.stats.ROWS_AT_ONCE", 2)

    def stop(_: int) -> None:
        raise InterruptedError

    async with connection.connected(database_url):
        await migrate.upgrade(database_url)
        account, _ = await clients.create("A")
        await post(account, FIRST)
        [row] = [json.loads(line) async for line in stats.export([account], stats.RowQuery(limit=1))][:1]
        taken = {"uuid": row["uuid"], "anr": str(uuid.uuid4()), "type": row["type"], "date": row["date"]}
        refused = await collect.collect(account, json.dumps([taken | {"data": row["data"]}]).encode())
        assert len(refused.refused) == 1
        with pytest.raises(InterruptedError):
            await clients.purge(LAST, deleted=stop)
        assert [found async for found in Verification(repair=False).differences()] == []


@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_large_database_needs_little_memory(database_url: str, tmp_path: Path) -> None:
    """Four accounts with 200 analyses and 120 days, a gigabyte as it was sent, are verified within 120 MB."""
    last = dt.date(2026, 6, 30)
    asyncio.run(load(database_url, 200, last - dt.timedelta(days=119), last))
    began = time.monotonic()
    cli = Cli(database_url, tmp_path)
    script = "import service.__main__ as m\ntry: m.main()\nfinally: print(open('/proc/self/status').read())"
    done = subprocess.run(
        [sys.executable, "-c", script, "db", "verify"],
        cwd=tmp_path,
        env=cli.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    said = done.stdout.splitlines()[0]
    kilobytes = int(re.findall(r"VmHWM:\s+(\d+) kB", done.stdout)[0])
    print(said, kilobytes, "KB", time.monotonic() - began, "s")  # noqa: T201 - shown where the test fails
    assert said.startswith("Checked 4 accounts, 200 analyses, 120000 rows")
    assert said.endswith(": 0 differences.")
    assert kilobytes < 120 << 10
