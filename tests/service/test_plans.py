"""What the service does all day reads no whole table: SQLite's own plans of the statements that it runs."""

import asyncio
import datetime as dt
import json
import re
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from service.core import charts, clients, collect, processors, stats
from service.records import Account, Role
from service.storage import connection, migrate
from tests import samples

TODAY = dt.datetime.now(dt.UTC).date()
ANRS = [uuid.UUID(int=number) for number in (1, 2)]

Statement = tuple[str, tuple[Any, ...]]
Work = Callable[[Account], Awaitable[Any]]


async def post(account: Account) -> None:
    """Post an analysis' rows, other ones each time, also in the place of others and under a UUID of their own."""
    for variant in range(2):
        rows = [row | {"uuid": str(uuid.uuid4())} for row in samples.rows(str(ANRS[0]), str(TODAY), variant)]
        await collect.collect(account, json.dumps(rows).encode())


async def read(account: Account) -> None:
    """Read rows: of days, the newest, a page, of an analysis, and all of them."""
    for query in (
        stats.RowQuery(anrs=tuple(ANRS)),
        stats.RowQuery(newest_only=True),
        stats.RowQuery(offset=1, limit=2),
    ):
        await _drained(await stats.find(account, query))
    await _drained(await stats.rows_of(account, ANRS[0]))
    assert [line async for line in stats.export([account], stats.RowQuery(date_to=TODAY))]


async def _drained(page: stats.RowPage) -> None:
    assert [chunk async for chunk in page.chunks()]


async def draw(account: Account) -> None:
    """Draw each type's charts: of all accounts, of the account's analyses, of one of them, and once more."""
    for processor in processors.all():
        for anrs in (None, tuple(ANRS), (ANRS[1],), None):
            query = charts.ChartQuery(type=processor.stat_type, processor=processor.name, anrs=anrs, account=account)
            assert (await charts.chart(query)).data


async def delete(account: Account) -> None:
    """Delete an analysis, and the old rows of the rest."""
    assert await stats.delete_analysis(account, ANRS[0])
    assert await clients.purge(TODAY + dt.timedelta(days=1), account.uuid)


async def come_in(account: Account) -> None:
    """Find accounts by what they present."""
    _, token = await clients.rotate_token(account.uuid)
    assert await clients.authenticate(token) == await clients.get(account.uuid)
    assert await clients.find_by_name(account.name)


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[Statement]:
    """All statements that the storage runs while the test lasts."""
    seen: list[Statement] = []
    db = connection.Db
    fetch, execute = db.fetch, db.execute

    async def watched_fetch(self: connection.Db, sql: str, *parameters: Any) -> Any:
        seen.append((sql, parameters))
        return await fetch(self, sql, *parameters)

    async def watched_execute(self: connection.Db, sql: str, *parameters: Any) -> Any:
        seen.append((sql, parameters))
        return await execute(self, sql, *parameters)

    monkeypatch.setattr(db, "fetch", watched_fetch)
    monkeypatch.setattr(db, "execute", watched_execute)
    many = db.execute_many

    async def watched_many(self: connection.Db, sql: str, rows: Any) -> None:
        listed = list(rows)
        seen.extend((sql, tuple(row)) for row in listed[:1])
        await many(self, sql, listed)

    monkeypatch.setattr(db, "execute_many", watched_many)
    return seen


@pytest.mark.parametrize("work", [post, read, draw, delete, come_in])
def test_no_statement_reads_a_whole_table(tmp_path: Any, statements: list[Statement], work: Work) -> None:
    """Whatever it asks of the tables that grow day by day, an index leads to it."""
    url = f"sqlite:///{tmp_path / 'stats.sqlite3'}"
    plans: dict[str, list[str]] = {}

    async def run() -> None:
        async with connection.connected(url):
            await migrate.upgrade(url)
            account, _ = await clients.create("A", role=Role.USER)
            for anr in ANRS:
                await collect.collect(account, json.dumps(samples.rows(str(anr), str(TODAY))).encode())
            statements.clear()
            await work(account)
            for sql, parameters in list(statements):
                if re.match(r"\s*(SELECT|INSERT|UPDATE|DELETE)", sql):
                    found = await connection.main().fetch(f"EXPLAIN QUERY PLAN {sql}", *parameters)
                    plans[sql] = [row[3] for row in found]

    asyncio.run(run())
    assert plans
    whole = re.compile(r"SCAN (s|n|p|d|stat|payload|account_day)\b")
    assert {sql: plan for sql, plan in plans.items() if any(whole.match(step) for step in plan)} == {}
