"""What is known of what was shared, in the database: the pushes, and the rows that are at other instances.

It outlives the accounts and analyses themselves, so that what was shared of one that is gone can be deleted there too.
"""

import datetime as dt
from collections.abc import Iterable
from typing import Any
from uuid import UUID

import msgspec

from service.records import StatType
from service.storage.connection import as_date, as_moment, as_uuid, reading, writing, writing_a_portion
from service.storage.models import TYPES
from service.storage.sharing import State

RUNS_KEPT = 100


# --- pushes -------------------------------------------------------------------------------------------------


class Counts(msgspec.Struct, kw_only=True):
    """How far a push is: how many rows were `sent` (and taken), were `already_there`, were `refused` or are `left`
    over; how many `bytes` went out; why it ended early (`error`)."""

    sent: int = 0
    already_there: int = 0
    refused: int = 0
    left: int = 0
    bytes: int = 0
    error: str | None = None


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """A push to an instance. `ended_at` is None while it runs, and where it was killed."""

    server: str
    started_at: dt.datetime
    ended_at: dt.datetime | None
    sent: int
    already_there: int
    refused: int
    left_over: int
    bytes: int
    error: str | None


async def start_run(server: int, rows: int) -> int:
    """Note that a push of so many rows begins; its number. Only the newest runs are kept."""
    async with writing() as db:
        await db.execute(
            "INSERT INTO share_run (server_id, started_at, sent, already_there, refused, left_over, bytes) "
            "VALUES (?, ?, 0, 0, 0, ?, 0)",
            server,
            db.moment(dt.datetime.now(dt.UTC)),
            rows,
        )
        number: int = (await db.fetch("SELECT MAX(id) FROM share_run"))[0][0]
        await db.execute("DELETE FROM share_run WHERE id <= ?", number - RUNS_KEPT)
    return number


async def note_run(run: int, counts: Counts, *, ended: bool = False) -> None:
    """Note how far a push is, and whether it has ended."""
    async with writing() as db:
        await db.execute(
            "UPDATE share_run SET sent = ?, already_there = ?, refused = ?, left_over = ?, bytes = ?, error = ?, "
            "ended_at = ? WHERE id = ?",
            counts.sent,
            counts.already_there,
            counts.refused,
            counts.left,
            counts.bytes,
            counts.error,
            db.moment(dt.datetime.now(dt.UTC)) if ended else None,
            run,
        )


async def runs(most: int) -> list[Run]:
    """The newest pushes, the last one first."""
    rows = await reading().fetch(
        "SELECT v.url, r.started_at, r.ended_at, r.sent, r.already_there, r.refused, r.left_over, r.bytes, r.error "
        "FROM share_run r JOIN share_server v ON v.id = r.server_id ORDER BY r.id DESC LIMIT ?",
        most,
    )
    return [
        Run(
            server=row[0],
            started_at=as_moment(row[1]),
            ended_at=as_moment(row[2]),
            sent=row[3],
            already_there=row[4],
            refused=row[5],
            left_over=row[6],
            bytes=row[7],
            error=row[8],
        )
        for row in rows
    ]


# --- what is there ------------------------------------------------------------------------------------------


class SharedOf(msgspec.Struct, frozen=True, kw_only=True):
    """What was shared of an account with an instance. `name`: None where the account is gone; `shares`: whether it goes
    on sharing. How many `analyses` and `rows` are, or may be, there, from `first_date` to `last_date`; of how many rows
    an older version is there (`kept_old`); how many were `refused`.
    """

    client: UUID
    name: str | None
    shares: bool
    analyses: int
    rows: int
    kept_old: int
    refused: int
    first_date: dt.date | None
    last_date: dt.date | None


class RefusedRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row that was refused, and why. `name`: of its account; None where that is gone."""

    client: UUID
    name: str | None
    anr: UUID
    type: StatType
    date: dt.date
    reason: str | None


class GoneAnalysis(msgspec.Struct, frozen=True, kw_only=True):
    """An analysis that is at another instance and no longer here. `name`: of its account; None where that is gone."""

    client: UUID
    name: str | None
    anr: UUID
    rows: int


async def shared_of_accounts(server: int) -> list[SharedOf]:
    """What the instance was sent, account by account, by their names; those that are gone come last."""
    accounts = await reading().fetch(
        "SELECT DISTINCT x.client_uuid, c.name, c.is_active AND c.is_sharing_enabled AND c.local "
        "FROM share_series x LEFT JOIN account c ON c.uuid = x.client_uuid ORDER BY c.name, x.client_uuid"
    )
    shared = [await _shared_of(server, *account) for account in sorted(accounts, key=lambda row: row[1] is None)]
    return [one for one in shared if one.rows or one.refused]


async def _shared_of(server: int, client: Any, name: str | None, shares: Any) -> SharedOf:
    """One account at a time: there may be many rows, and others get at the database in between."""
    sent = f"r.state <> {State.REFUSED:d}"
    rows = await reading().fetch(
        f"SELECT COUNT(DISTINCT CASE WHEN {sent} THEN r.series_id END), COUNT(CASE WHEN {sent} THEN 1 END), "
        f"COUNT(CASE WHEN r.state = {State.KEPT_OLD:d} THEN 1 END), COUNT(*), "
        f"MIN(CASE WHEN {sent} THEN r.date END), MAX(CASE WHEN {sent} THEN r.date END) "
        "FROM share_series x JOIN share_row r ON r.series_id = x.id WHERE x.client_uuid = ? AND r.server_id = ?",
        client,
        server,
    )
    analyses, there, kept_old, known, first_date, last_date = rows[0]
    return SharedOf(
        client=as_uuid(client),
        name=name,
        shares=bool(shares),
        analyses=analyses,
        rows=there,
        kept_old=kept_old,
        refused=known - there,
        first_date=as_date(first_date),
        last_date=as_date(last_date),
    )


async def refused(server: int, most: int) -> list[RefusedRow]:
    """The newest rows that the instance refuses."""
    rows = await reading().fetch(
        "SELECT x.client_uuid, c.name, x.anr, r.type, r.date, r.reason "
        "FROM share_row r JOIN share_series x ON x.id = r.series_id LEFT JOIN account c ON c.uuid = x.client_uuid "
        "WHERE r.server_id = ? AND r.state = ? ORDER BY r.date DESC, r.id LIMIT ?",
        server,
        State.REFUSED,
        most,
    )
    return [
        RefusedRow(
            client=as_uuid(row[0]),
            name=row[1],
            anr=as_uuid(row[2]),
            type=TYPES[row[3]],
            date=as_date(row[4]),
            reason=row[5],
        )
        for row in rows
    ]


async def gone(server: int) -> list[GoneAnalysis]:
    """The analyses that are, or may be, at the instance and no longer here."""
    series = await reading().fetch(
        "SELECT x.id, x.client_uuid, c.name, x.anr FROM share_series x LEFT JOIN account c ON c.uuid = x.client_uuid "
        "LEFT JOIN analysis a ON a.client_id = c.id AND a.anr = x.anr WHERE a.id IS NULL ORDER BY x.id"
    )
    counted = await reading().fetch_in(
        "SELECT series_id, COUNT(*) FROM share_row "
        "WHERE server_id = ? AND state <> ? AND series_id IN (*) GROUP BY series_id",
        [row[0] for row in series],
        server,
        State.REFUSED,
    )
    rows = {row[0]: row[1] for row in counted}
    return [
        GoneAnalysis(client=as_uuid(client), name=name, anr=as_uuid(anr), rows=rows[number])
        for number, client, name, anr in (row[:] for row in series)
        if number in rows
    ]


# --- forgetting ---------------------------------------------------------------------------------------------


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """An analysis of which something was shared. `generation`: how often its pseudonym was changed."""

    id: int
    client: UUID
    anr: UUID
    generation: int


async def series(*, client: UUID | None = None, anr: UUID | None = None) -> list[Series]:
    """The analyses of which something was shared, of this account or of this UUID, or both."""
    conditions = {"client_uuid": client, "anr": anr}
    named = {column: str(value) for column, value in conditions.items() if value}
    which = " AND ".join(f"{column} = ?" for column in named)
    rows = await reading().fetch(
        f"SELECT id, client_uuid, anr, generation FROM share_series WHERE {which} ORDER BY id", *named.values()
    )
    return [Series(id=row[0], client=as_uuid(row[1]), anr=as_uuid(row[2]), generation=row[3]) for row in rows]


async def rows_by_server(of: Iterable[Series]) -> dict[str, int]:
    """How many rows of these analyses are, or may be, at which instances (by their addresses)."""
    found = await reading().fetch_in(
        "SELECT v.url, COUNT(*) FROM share_row r JOIN share_server v ON v.id = r.server_id "
        "WHERE r.state <> ? AND r.series_id IN (*) GROUP BY v.url",
        [one.id for one in of],
        State.REFUSED,
    )
    rows: dict[str, int] = {}
    for url, count in found:
        rows[url] = rows.get(url, 0) + count
    return rows


async def note_deleting(server: int, one: Series) -> None:
    """Note that an analysis is about to be deleted at the instance: what is there of it is not known any more."""
    async with writing() as db:
        await db.execute(
            f"UPDATE share_row SET state = CASE WHEN state = ? THEN {State.SENDING:d} ELSE {State.REPLACING:d} END "
            "WHERE series_id = ? AND server_id = ? AND state IN (?, ?)",
            State.THERE,
            one.id,
            server,
            State.THERE,
            State.KEPT_OLD,
        )


async def note_deleted(server: int, one: Series) -> int:
    """Note that nothing of an analysis is at the instance any more, and give it another pseudonym; how many rows were
    there. What other instances have of it, they have under the earlier pseudonym."""
    async with writing() as db:
        rows = await db.execute("DELETE FROM share_row WHERE series_id = ? AND server_id = ?", one.id, server)
        await db.execute(
            "UPDATE share_row SET state = ?, reason = NULL WHERE series_id = ? AND state <> ?",
            State.EARLIER,
            one.id,
            State.REFUSED,
        )
        await db.execute("UPDATE share_series SET generation = generation + 1 WHERE id = ?", one.id)
    return rows


async def purge(before: dt.date, client: UUID) -> None:
    """Forget the rows of an account that are older than `before` (that day stays): they are purged here too."""
    for one in await series(client=client):
        async with writing_a_portion() as db:
            await db.execute("DELETE FROM share_row WHERE series_id = ? AND date < ?", one.id, db.date(before))
