"""Sums of figures by day, for charts.

Every write advances `version` of the days it touches, of its account and of the fleet, in its own transaction. Here a
reader finds the days whose sums are of an older version, makes them anew from what is stored now, and puts them back
under the version that it had read *before* it looked at the rows: at worst a sum is newer than it says, never older.
"""

import asyncio
import datetime as dt
import time
import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from service import figures
from service.errors import Unavailable
from service.records import Figures, StatType
from service.storage.connection import Db, reading, writing
from service.storage.models import TYPE_CODES

DAYS_AT_ONCE = 31
"""How many stale days are made anew in one go: bounds what is held in memory."""

ATTEMPTS = 5

_refreshing: dict[StatType, asyncio.Lock] = defaultdict(asyncio.Lock)


class _PayloadGone(Exception):
    """A payload was replaced between finding its number and reading it."""


async def advance(db: Db, account_id: int, days: Iterable[tuple[int, Any]]) -> None:
    """Say that an account's rows have changed on these days (type's code, date), so that sums are made anew.

    The days of the fleet are shared by all writers: to be called last in a transaction.
    """
    ordered, empty, moment = sorted(days), figures.pack({}), _moment()
    await db.execute_many(
        "INSERT INTO account_day (client_id, type, date, version, summed, figures) VALUES (?, ?, ?, ?, 0, ?) "
        f"ON CONFLICT (type, date, client_id) DO UPDATE SET version = {_next('account_day.version')}",
        [(account_id, code, day, moment, empty, moment, moment) for code, day in ordered],
    )
    await db.execute_many(
        "INSERT INTO fleet_day (type, date, version, summed, local_figures, other_figures) VALUES (?, ?, ?, 0, ?, ?) "
        f"ON CONFLICT (type, date) DO UPDATE SET version = {_next('fleet_day.version')}",
        [(code, day, moment, empty, empty, moment, moment) for code, day in ordered],
    )


async def advance_fleet(db: Db, account_id: int) -> None:
    """The same for all days that an account has rows on, where the account itself goes away."""
    days = await db.fetch("SELECT type, date FROM account_day WHERE client_id = ? ORDER BY type, date", account_id)
    moment = _moment()
    await db.execute_many(
        f"UPDATE fleet_day SET version = {_next('version')} WHERE type = ? AND date = ?",
        [(moment, moment, day[0], day[1]) for day in days],
    )


def _moment() -> int:
    """Versions are milliseconds, so that a database that was restored never gives a version a second meaning."""
    return time.time_ns() // 1_000_000


def _next(column: str) -> str:
    return f"CASE WHEN {column} < CAST(? AS BIGINT) THEN CAST(? AS BIGINT) ELSE {column} + 1 END"


async def version(stat_type: StatType, first: dt.date, last: dt.date) -> int:
    """A number that grows with every change of any account's rows of these days (both inclusive)."""
    db = reading()
    rows = await db.fetch(
        "SELECT CAST(COALESCE(SUM(version), 0) AS BIGINT) FROM fleet_day WHERE type = ? AND date >= ? AND date <= ?",
        TYPE_CODES[stat_type],
        db.date(first),
        db.date(last),
    )
    return int(rows[0][0])


async def fleet_days(stat_type: StatType, first: dt.date, last: dt.date, *, local_only: bool) -> dict[dt.date, Figures]:
    """The sums of all accounts (or only this house's own) for each day from `first` to `last` that has rows."""
    rows = await _fleet_rows(stat_type, first, last)
    if any(row[1] != row[2] for row in rows):
        async with _refreshing[stat_type]:  # the others of this process wait, and find it done
            rows = await _fleet_rows(stat_type, first, last)
            stale = [(row[0], row[1]) for row in rows if row[1] != row[2]]
            made: dict[Any, tuple[Figures, Figures]] = {}
            for start in range(0, len(stale), DAYS_AT_ONCE):
                made |= await _refresh(stat_type, stale[start : start + DAYS_AT_ONCE])
        fresh = [row for row in rows if row[0] not in made]
        sums = {row[0]: (figures.unpack(row[3]), figures.unpack(row[4])) for row in fresh} | made
    else:
        sums = {row[0]: (figures.unpack(row[3]), figures.unpack(row[4])) for row in rows}
    days: dict[dt.date, Figures] = {}
    for day in sorted(sums):
        local, other = sums[day]
        total = local if local_only or not other else figures.total_of((local, other))
        if total:
            days[_day(day)] = total
    return days


async def selected_days(
    stat_type: StatType, first: dt.date, last: dt.date, anrs: Iterable[uuid.UUID], account_id: int | None
) -> dict[dt.date, Figures]:
    """The sums of these analyses, of one account or (None) of all, for each day in the range that has rows."""
    db = reading()
    wanted = sorted(map(str, anrs))
    if account_id is None:
        found = await db.fetch_in("SELECT id FROM analysis WHERE anr IN (*)", wanted)
    else:
        found = await db.fetch_in("SELECT id FROM analysis WHERE client_id = ? AND anr IN (*)", wanted, account_id)
    analyses = [row[0] for row in found]
    for _ in range(ATTEMPTS):
        rows = await db.fetch_in(
            "SELECT date, payload_id FROM stat WHERE type = ? AND date >= ? AND date <= ? AND analysis_id IN (*)",
            analyses,
            TYPE_CODES[stat_type],
            db.date(first),
            db.date(last),
        )
        payloads: dict[Any, list[int]] = defaultdict(list)
        for day, payload in rows:
            payloads[day].append(payload)
        try:
            sums = await _summed(db, {0: payloads})
        except _PayloadGone:
            continue
        return {_day(day): total for day, total in sums[0].items()}
    raise Unavailable("These analyses are being written to: try again in some seconds.")


async def account_totals(
    stat_type: StatType, first: dt.date, last: dt.date, account_ids: Iterable[int]
) -> dict[int, Figures]:
    """The sums of each of these accounts over the days from `first` to `last`, by the account's id."""
    db = reading()
    rows = await db.fetch_in(
        "SELECT client_id, date, version, summed, figures FROM account_day "
        "WHERE type = ? AND date >= ? AND date <= ? AND client_id IN (*)",
        account_ids,
        TYPE_CODES[stat_type],
        db.date(first),
        db.date(last),
    )
    made = await _account_sums(stat_type, rows)
    totals: dict[int, Figures] = {}
    for client, day, _, _, packed in rows:
        own = made.get((client, day))
        figures.add(totals.setdefault(client, {}), figures.unpack(packed) if own is None else own)
    return totals


async def _fleet_rows(stat_type: StatType, first: dt.date, last: dt.date) -> Sequence[Any]:
    db = reading()
    return await db.fetch(
        "SELECT date, version, summed, local_figures, other_figures FROM fleet_day "
        "WHERE type = ? AND date >= ? AND date <= ?",
        TYPE_CODES[stat_type],
        db.date(first),
        db.date(last),
    )


async def _refresh(stat_type: StatType, stale: Sequence[tuple[Any, int]]) -> dict[Any, tuple[Figures, Figures]]:
    """Make the sums of these days (date, version) anew, store them, and give them back: (local, other) by day."""
    db = reading()
    accounts = await db.fetch_in(
        "SELECT d.client_id, d.date, d.version, d.summed, d.figures, c.local FROM account_day d "
        "JOIN client c ON c.id = d.client_id WHERE d.type = ? AND d.date IN (*)",
        [day for day, _ in stale],
        TYPE_CODES[stat_type],
    )
    made = await _account_sums(stat_type, accounts)
    parts: dict[Any, tuple[list[Figures], list[Figures]]] = {day: ([], []) for day, _ in stale}
    for client, day, _, _, packed, local in accounts:
        own = made.get((client, day))
        parts[day][0 if local else 1].append(figures.unpack(packed) if own is None else own)
    sums = {day: (figures.total_of(local), figures.total_of(other)) for day, (local, other) in parts.items()}
    changed = [
        (figures.pack(made[row[0], row[1]]), row[2], row[0], row[1]) for row in accounts if (row[0], row[1]) in made
    ]
    await _put_back(TYPE_CODES[stat_type], changed, [(day, number, *sums[day]) for day, number in stale])
    return sums


async def _account_sums(stat_type: StatType, rows: Iterable[Any]) -> dict[tuple[int, Any], Figures]:
    """The sums of those account days (account, date, version, summed, ...) that are stale, by account and date."""
    wanted = {(row[0], row[1]) for row in rows if row[2] != row[3]}
    if not wanted:
        return {}
    db = reading()
    days = sorted({day for _, day in wanted})
    for _ in range(ATTEMPTS):
        payloads: dict[int, dict[Any, list[int]]] = defaultdict(dict)
        for client, day in wanted:
            payloads[client][day] = []
        for client, day, payload in await db.fetch_in(
            "SELECT client_id, date, payload_id FROM stat WHERE type = ? AND date >= ? AND date <= ? "
            "AND analysis_id IN (SELECT id FROM analysis WHERE client_id IN (*))",
            payloads,
            TYPE_CODES[stat_type],
            days[0],
            days[-1],
        ):
            if (client, day) in wanted:
                payloads[client][day].append(payload)
        try:
            sums = await _summed(db, payloads)
        except _PayloadGone:
            continue
        return {(client, day): sums[client][day] for client, day in wanted}
    raise Unavailable("The figures are being written to: try again in some seconds.")


async def _summed(db: Db, payloads: Mapping[int, Mapping[Any, list[int]]]) -> dict[int, dict[Any, Figures]]:
    """For each account (or other group) and day the sum of its payloads' figures. Raises `_PayloadGone`."""
    numbers = {number for days in payloads.values() for of_day in days.values() for number in of_day}
    packed = {row[0]: row[1] for row in await db.fetch_in("SELECT id, figures FROM payload WHERE id IN (*)", numbers)}
    if len(packed) != len(numbers):
        raise _PayloadGone

    def add_up() -> dict[int, dict[Any, Figures]]:
        figures_of = {number: figures.unpack(blob) for number, blob in packed.items()}
        return {group: figures.sum_days(days, figures_of) for group, days in payloads.items()}

    return await asyncio.to_thread(add_up)


async def _put_back(code: int, accounts: Iterable[Sequence[Any]], fleet: Iterable[Sequence[Any]]) -> None:
    """Store sums under the versions that they are of; what is there of a later version stays.

    A database too busy to take them is no fault: the sums are made again when they are next asked for.
    """
    try:
        async with writing() as db:
            await db.execute_many(
                "UPDATE account_day SET figures = ?, summed = ? "
                "WHERE client_id = ? AND type = ? AND date = ? AND summed < ?",
                [
                    (blob, number, client, code, day, number)
                    for blob, number, client, day in sorted(accounts, key=lambda row: (row[3], row[2]))
                ],
            )
            await db.execute_many(
                "UPDATE fleet_day SET local_figures = ?, other_figures = ?, summed = ? "
                "WHERE type = ? AND date = ? AND summed < ?",
                [
                    (figures.pack(local), figures.pack(other), number, code, day, number)
                    for day, number, local, other in sorted(fleet, key=lambda row: row[0])
                ],
            )
    except Unavailable:
        return


def _day(value: Any) -> dt.date:
    return dt.date.fromisoformat(value) if isinstance(value, str) else value
