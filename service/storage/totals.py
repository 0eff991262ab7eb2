"""Sums of figures by day, for charts.

Every write advances `version` of the days it touches, of its account and of the fleet, in its own transaction. Here a
reader finds the days whose sums are of an older version, makes them anew from what is stored now, and puts them back
under the version that it had read *before* it looked at the rows, if that still holds. What a process remembers may be
newer than it says, never older.
"""

import asyncio
import contextlib
import datetime as dt
import time
import weakref
from collections import defaultdict
from collections.abc import Collection, Coroutine, Iterable, Mapping
from typing import Any, NamedTuple

from tortoise.backends.base.client import BaseDBAsyncClient

from service import figures
from service.errors import StatsServiceError
from service.records import Figures, StatType
from service.storage import day_sums
from service.storage.connection import Db, as_date, beside, reading, writing
from service.storage.models import TYPE_CODES

DAYS_AT_ONCE = 31
"""How many stale days are made anew in one go: bounds what is held in memory."""

SUMS_AT_ONCE = 1_000
"""How many days' sums of single accounts are in memory at a time."""

MOST_REMEMBERED = 1_000_000
"""How many figures of days' sums (of all types) a process remembers, unpacked; then it begins anew. A figure takes some
150 bytes; a year of a fleet has a few hundred thousand."""


class _FleetSum(NamedTuple):
    """The sums of a day as of a version: of this house's own accounts, and of what others shared."""

    version: int
    local: Figures
    other: Figures


_refreshing: dict[StatType, asyncio.Lock] = defaultdict(asyncio.Lock)
_remembered: weakref.WeakKeyDictionary[BaseDBAsyncClient, dict[tuple[StatType, Any], _FleetSum]] = (
    weakref.WeakKeyDictionary()
)


async def advance(db: Db, account_id: int, days: Iterable[tuple[int, Any]], *, forget: bool = False) -> None:
    """Say that an account's rows have changed on these days (type's code, date), so that sums are made anew.

    `forget`: rows were deleted, so that the old sums may not even stay until then. The days of the fleet are shared by
    all writers: to be called last in a transaction.
    """
    ordered, empty, moment = sorted(days), figures.pack({}), _moment()
    await db.execute_many(
        "INSERT INTO account_day (client_id, type, date, version, summed, figures) VALUES (?, ?, ?, ?, 0, ?) "
        f"ON CONFLICT (type, date, client_id) DO UPDATE SET version = {_next('account_day.version')}"
        + (", summed = 0, figures = excluded.figures" * forget),
        [(account_id, code, day, moment, empty, moment, moment) for code, day in ordered],
    )
    await advance_fleet(db, ordered, forget=forget)


async def advance_fleet(db: Db, days: Iterable[tuple[int, Any]], *, forget: bool) -> None:
    """The same where the account has no such days any more."""
    empty, moment = figures.pack({}), _moment()
    await db.execute_many(
        "INSERT INTO fleet_day (type, date, version, summed, local_figures, other_figures) VALUES (?, ?, ?, 0, ?, ?) "
        f"ON CONFLICT (type, date) DO UPDATE SET version = {_next('fleet_day.version')}"
        + (", summed = 0, local_figures = excluded.local_figures, other_figures = excluded.other_figures" * forget),
        [(code, day, moment, empty, empty, moment, moment) for code, day in sorted(days)],
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
    """The sums of all accounts (or only this house's own) for each day from `first` to `last` that has rows.

    They are shared with other callers: not to be changed.
    """
    db = reading()
    remembered = _remembered.setdefault(db.connection, {})
    versions = {
        row[0]: (row[1], row[2])
        for row in await db.fetch(
            "SELECT date, version, summed FROM fleet_day WHERE type = ? AND date >= ? AND date <= ?",
            TYPE_CODES[stat_type],
            db.date(first),
            db.date(last),
        )
    }
    sums = {day: found for day in versions if (found := remembered.get((stat_type, day)))}
    missing = [day for day, (number, _) in versions.items() if day not in sums or sums[day].version < number]
    stored = [day for day in missing if versions[day][0] == versions[day][1]]
    if stored:
        read = await _read_fleet(db, stat_type, stored)
        sums |= {day: found for day, found in read.items() if found.version >= versions[day][0]}
    # Of days that rows were deleted of just now, no sum is there any more.
    stale = {day: versions[day][0] for day in missing if day not in sums or sums[day].version < versions[day][0]}
    if stale:
        async with _refreshing[stat_type]:  # the others of this process wait, and find it done
            sums |= {day: found for day in stale if (found := remembered.get((stat_type, day)))}
            stale = {day: number for day, number in stale.items() if day not in sums or sums[day].version < number}
            sums |= await _refresh(stat_type, stale)
    if missing and sum(len(local) + len(other) for _, local, other in remembered.values()) > MOST_REMEMBERED:
        remembered.clear()
    remembered.update({(stat_type, day): sums[day] for day in missing})
    days: dict[dt.date, Figures] = {}
    for day in sorted(sums):
        _, local, other = sums[day]
        total = local if local_only or not other else figures.total_of((local, other))
        if total:
            days[as_date(day)] = total
    return days


async def account_totals(
    stat_type: StatType, first: dt.date, last: dt.date, account_ids: Collection[int]
) -> dict[int, Figures]:
    """The sums of each of these accounts over the days from `first` to `last`, by the account's id."""
    totals: dict[int, Figures] = {}
    step = max(SUMS_AT_ONCE // max(len(account_ids), 1), 1)
    for start in range(first.toordinal(), last.toordinal() + 1, step):
        end = min(start + step - 1, last.toordinal())
        days = dt.date.fromordinal(start), dt.date.fromordinal(end)
        sums = await day_sums.of_accounts(stat_type, *days, account_ids)
        await asyncio.to_thread(_add_up, totals, sums)
    return totals


def _add_up(totals: dict[int, Figures], sums: Mapping[tuple[int, Any], Figures]) -> None:
    for (account_id, _), of_day in sums.items():
        figures.add(totals.setdefault(account_id, {}), of_day)


async def _read_fleet(db: Db, stat_type: StatType, days: Iterable[Any]) -> dict[Any, _FleetSum]:
    rows = await db.fetch_in(
        "SELECT date, summed, local_figures, other_figures FROM fleet_day WHERE type = ? AND date IN (*)",
        days,
        TYPE_CODES[stat_type],
    )
    return {row[0]: _FleetSum(row[1], figures.unpack(row[2]), figures.unpack(row[3])) for row in rows}


async def _refresh(stat_type: StatType, stale: Mapping[Any, int]) -> dict[Any, _FleetSum]:
    """Make the sums of these days (by their versions) anew, and store them too: a few when there is time, many at
    once, so that they are not all in memory."""
    made: dict[Any, _FleetSum] = {}
    days = sorted(stale)
    for start in range(0, len(days), DAYS_AT_ONCE):
        portion = days[start : start + DAYS_AT_ONCE]
        sums, put_back = await _refresh_portion(stat_type, {day: stale[day] for day in portion})
        made |= sums
        if len(days) > DAYS_AT_ONCE:
            await put_back
        else:
            beside(put_back)
    return made


async def _refresh_portion(
    stat_type: StatType, stale: Mapping[Any, int]
) -> tuple[dict[Any, _FleetSum], Coroutine[Any, Any, None]]:
    """The sums, and what stores them."""
    accounts = await reading().fetch_in(
        "SELECT d.client_id, d.date, d.version, d.summed, d.figures, c.local FROM account_day d "
        "JOIN account c ON c.id = d.client_id WHERE d.type = ? AND d.date IN (*)",
        stale,
        TYPE_CODES[stat_type],
    )
    made = await day_sums.made_anew(stat_type, accounts)
    parts: dict[Any, tuple[list[Figures], list[Figures]]] = {day: ([], []) for day in stale}
    for client, day, _, _, packed, local in accounts:
        own = made.get((client, day))
        parts[day][0 if local else 1].append(figures.unpack(packed) if own is None else own)
    sums = {
        day: _FleetSum(stale[day], figures.total_of(local), figures.total_of(other))
        for day, (local, other) in parts.items()
    }
    return sums, _put_back(stat_type, accounts, made, sums)


async def _put_back(
    stat_type: StatType,
    accounts: Iterable[Any],
    made: Mapping[tuple[int, Any], Figures],
    fleet: Mapping[Any, _FleetSum],
) -> None:
    """Store sums under the versions that they are of, where there is none later: so that nothing that was deleted since
    is put back.

    A database too busy to take them is no fault: the sums are made again when they are next asked for.
    """
    code = TYPE_CODES[stat_type]
    with contextlib.suppress(StatsServiceError):
        async with writing() as db:
            await day_sums.put_back(db, stat_type, accounts, made)
            await db.execute_many(
                "UPDATE fleet_day SET local_figures = ?, other_figures = ?, summed = ? "
                "WHERE type = ? AND date = ? AND version = ? AND summed < version",
                [
                    (figures.pack(local), figures.pack(other), number, code, day, number)
                    for day, (number, local, other) in sorted(fleet.items())
                ],
            )
