"""The old service's database, as tests make it: its tables and what can be in them."""

import datetime as dt
import json
import uuid
from typing import Any

import asyncpg

from tests.samples import TYPES, payload

Row = dict[str, Any]
"""The columns of a row of `stats`; `data` parsed, or JSON text, or None for NULL."""

CLIENT_COLUMNS = (
    *("id", "uuid", "name", "token", "role", "latitude", "longitude", "last_seen", "local", "is_sharing_enabled"),
    *("created_at", "updated_at", "is_active"),
)
STATS_COLUMNS = ("uuid", "anr", "type", "date", "data", "created_at", "client_id")
TABLES = """
CREATE TABLE client (
    id serial PRIMARY KEY, uuid uuid NOT NULL UNIQUE, name varchar(255) NOT NULL, token varchar(255) NOT NULL,
    role integer NOT NULL, latitude double precision, longitude double precision, last_seen timestamp,
    local boolean, is_sharing_enabled boolean, created_at timestamp, updated_at timestamp, is_active boolean);
CREATE TABLE stats (
    uuid uuid PRIMARY KEY, anr uuid, type varchar(255), date date, data jsonb, created_at timestamp, client_id integer);
"""
LOOSE_TABLES = """
CREATE TABLE client (
    id bigint, uuid text, name text, token text, role text, latitude text, longitude text, last_seen timestamptz,
    local boolean, is_sharing_enabled boolean, created_at timestamptz, updated_at timestamptz, is_active boolean);
CREATE TABLE stats (
    uuid text, anr text, type text, date timestamp, data json, created_at timestamptz, client_id bigint);
"""
"""The same without a key or a constraint, and with other types."""

NAMES = {1: "NC3", 2: "Kanton Zürich", 3: "admin"}
TOKENS = {1: "short", 2: "with-ümläuts and blanks", 3: "x" * 86}
"""The names and tokens of the accounts 1 to 3."""

ANRS = [str(uuid.UUID(int=number)) for number in range(1, 4)]
DAYS = [dt.date(2026, 1, 30) + dt.timedelta(days=number) for number in range(4)]
YEAR = (dt.date(2026, 1, 1), dt.date(2026, 12, 31))

_FILL = """
INSERT INTO stats
SELECT gen_random_uuid(), lpad(a::text, 32, '0')::uuid, type, day, data, day + interval '5 minutes', 1 + a % 2
FROM generate_series(1, $1) a, generate_series(0, $2 - 1) d, LATERAL (SELECT date '2026-01-01' + d AS day) days, sample
WHERE variant = (a + d / 20) % 20
"""
_FILL_AGAIN = """
INSERT INTO stats SELECT gen_random_uuid(), anr, type, date, data, created_at - interval '1 minute', client_id
FROM stats WHERE extract(day FROM date) = 3
"""


class Old:
    """A database of the old service."""

    def __init__(self, url: str) -> None:
        """Takes its URL."""
        self.url = url

    async def make(self) -> None:
        """Make the tables in an empty database, and three accounts, the last one an admin's."""
        await self.execute(TABLES)
        seen = dt.datetime(2026, 2, 3, 4, 5)  # noqa: DTZ001 - as times are there
        await self.account(1, latitude=49.6, longitude=6.1, last_seen=seen)
        await self.account(2, is_sharing_enabled=False, local=False)
        await self.account(3, role=2)

    async def execute(self, statements: str) -> None:
        """Run statements."""
        db = await asyncpg.connect(self.url)
        try:
            await db.execute(statements)
        finally:
            await db.close()

    async def account(self, number: int, **columns: Any) -> None:
        """Insert an account; what `columns` do not say is as in an ordinary one."""
        ordinary = {
            "id": number,
            "uuid": str(uuid.UUID(int=1000 + number)),
            "name": NAMES.get(number, f"account {number}"),
            "token": TOKENS.get(number, f"token of {number}"),
            "role": 1,
            "local": True,
            "is_sharing_enabled": True,
            "is_active": True,
            "created_at": dt.datetime(2021, 1, 1, 12, 51, 18, 776037),  # noqa: DTZ001 - as times are there
        }
        await self._insert("client", CLIENT_COLUMNS, [ordinary | columns])

    async def rows(self, *rows: Row) -> None:
        """Insert rows as `row` makes them."""
        await self._insert("stats", STATS_COLUMNS, [{**one, "data": _text(one["data"])} for one in rows])

    async def _insert(self, table: str, columns: tuple[str, ...], rows: list[Row]) -> None:
        places = ", ".join(f"${number}" for number, _ in enumerate(columns, 1))
        statement = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})"  # noqa: S608 - our own names
        db = await asyncpg.connect(self.url)
        try:
            await db.executemany(statement, [[row.get(column) for column in columns] for row in rows])
        finally:
            await db.close()

    async def fill(self, analyses: int, days: int) -> int:
        """Insert rows by the thousand, `days` from the first day of YEAR on; how many.

        The analyses are of the accounts 1 and 2 in turn, and have all types: `filled` says what.
        """
        samples = [(kind, variant, json.dumps(payload(kind, variant))) for kind in TYPES for variant in range(20)]
        db = await asyncpg.connect(self.url)
        try:
            await db.execute("CREATE TEMPORARY TABLE sample (type text, variant int, data jsonb)")
            await db.executemany("INSERT INTO sample VALUES ($1, $2, $3)", samples)
            await db.execute(_FILL, analyses, days)
            await db.execute("ANALYZE stats")
        finally:
            await db.close()
        return analyses * days * len(TYPES)

    async def fill_again(self) -> None:
        """Store the third day of each month a second time, a minute before."""
        await self.execute(_FILL_AGAIN)


def filled(kind: str, analyses: int, days: int) -> list[Row]:
    """What `Old.fill` inserts of a type."""
    return [
        row(
            kind, (number + day // 20) % 20, anr=str(number), date=YEAR[0] + dt.timedelta(day), client_id=1 + number % 2
        )
        for number in range(1, analyses + 1)
        for day in range(days)
    ]


def row(kind: str = "risk", variant: int = 0, **columns: Any) -> Row:
    """A row of the old service: the first account's, of the first analysis and day, made at five past midnight."""
    day = columns.get("date", DAYS[0])
    made = dt.datetime.combine(day or DAYS[0], dt.time(0, 5))
    ordinary = {"anr": ANRS[0], "date": day, "created_at": made, "client_id": 1}
    if "data" not in columns:
        ordinary["data"] = payload(kind, variant)
    return {"uuid": str(uuid.uuid4()), "type": kind} | ordinary | columns


def fleet() -> list[Row]:
    """Rows of the accounts 1 and 2: three analyses (the last one in both accounts), all types, on all DAYS; data
    changes on the third day."""
    return [
        row(kind, 10 * owner + place + (day >= DAYS[2]), anr=anr, date=day, client_id=owner)
        for owner, anrs in ((1, ANRS), (2, ANRS[2:]))
        for place, anr in enumerate(anrs)
        for day in DAYS
        for kind in TYPES
    ]


def dirt() -> list[tuple[Row, str]]:
    """Rows that cannot be taken, and how the reasons begin. Each is of a day of its own, so that none is older than
    another one."""
    threat = payload("threat")[0]
    bad: list[tuple[Row, str]] = [
        (row("risk_process"), "type: must be one of"),
        (row("Risk", data=payload("risk")), "type: must be one of"),
        (row(type=None), "type: must be one of"),
        (row(date=None), "date: must be a date"),
        (row(anr=None), "anr: must be a UUID"),
        (row(data=None), "data: is missing"),
        (row("risk", data="null"), "data must be an object"),
        (row("risk", data=[]), "data must be an object"),
        (row("risk", data=payload("threat")), "data must be an object"),
        (row("risk", data={"risks": {}}), "data.risks.current is missing"),
        (row("threat", data=payload("risk")), "data must be a list"),
        (row("threat", data=[{**threat, "count": -1}]), "data[0].count"),
        (row("threat", data=[{**threat, "count": "NaN"}]), "data[0].count"),
        (row("threat", data='[{"uuid": 1e400}]'), "data: An integer is too large"),
        (row("vulnerability", data=[{**threat, "uuid": "x"}]), "data[0].uuid"),
        (row("cartography", data={"scales": {}, "risks": []}), "data.scales.impact is missing"),
        (row("compliance", data=[{"referential": ANRS[0]}]), "data[0].current is missing"),
        (row("compliance", data="[" * 40 + "]" * 40), "data: Lists and objects"),
        (row(client_id=99), "client_id: there is no such account"),
        (row(client_id=None), "client_id: there is no such account"),
        (row(date=None, client_id=None), "client_id: there is no such account"),
    ]
    for number, (one, _) in enumerate(bad):
        if one["date"]:
            one["date"] = YEAR[0] + dt.timedelta(days=100 + number)
    return bad


def _text(data: Any) -> str | None:
    return data if data is None or isinstance(data, str) else json.dumps(data)
