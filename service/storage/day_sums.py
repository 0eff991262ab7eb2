"""Sums of figures made from what is stored: of some analyses, and of accounts, day by day."""

import asyncio
import contextlib
import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from service import figures
from service.errors import StatsServiceError, Unavailable
from service.records import Figures, StatType
from service.storage.connection import Db, beside, reading, writing
from service.storage.models import TYPE_CODES

ATTEMPTS = 5

FEW = 31
"""How many sums may wait in memory for being stored."""


class _PayloadGone(Exception):
    """A payload was replaced between finding its number and reading it."""


async def of_analyses(
    stat_type: StatType, first: dt.date, last: dt.date, analyses: Iterable[int]
) -> dict[Any, Figures]:
    """The sums of these analyses (by their numbers) for each day from `first` to `last` that has rows."""
    db = reading()
    for _ in range(ATTEMPTS):
        payloads: dict[Any, dict[int, int]] = defaultdict(dict)
        for day, analysis, payload in await db.fetch_in(
            "SELECT date, analysis_id, payload_id FROM stat "
            "WHERE type = ? AND date >= ? AND date <= ? AND analysis_id IN (*)",
            analyses,
            TYPE_CODES[stat_type],
            db.date(first),
            db.date(last),
        ):
            payloads[day][analysis] = payload
        try:
            return (await _summed(db, {0: payloads}))[0]
        except _PayloadGone:
            continue
    raise Unavailable("These analyses are being written to: try again in some seconds.")


async def of_accounts(
    stat_type: StatType, first: dt.date, last: dt.date, account_ids: Iterable[int]
) -> dict[tuple[int, Any], Figures]:
    """The sums of these accounts, by account and day. What had to be made anew is stored too, if in a moment only: they
    are not to be changed."""
    db = reading()
    rows = await db.fetch_in(
        "SELECT client_id, date, version, summed, figures FROM account_day "
        "WHERE type = ? AND date >= ? AND date <= ? AND client_id IN (*)",
        account_ids,
        TYPE_CODES[stat_type],
        db.date(first),
        db.date(last),
    )
    made = await made_anew(stat_type, rows)
    if len(made) > FEW:
        await _put_back_alone(stat_type, rows, made)
    elif made:
        beside(_put_back_alone(stat_type, rows, made))
    return await asyncio.to_thread(lambda: {(row[0], row[1]): figures.unpack(row[4]) for row in rows} | made)


async def _put_back_alone(stat_type: StatType, rows: Iterable[Any], made: Mapping[tuple[int, Any], Figures]) -> None:
    # A database too busy to take them is no fault: they are made again when they are next asked for.
    with contextlib.suppress(StatsServiceError):
        async with writing() as db:
            await put_back(db, stat_type, rows, made)


async def made_anew(stat_type: StatType, rows: Iterable[Any]) -> dict[tuple[int, Any], Figures]:
    """The sums of those account days (rows of account, date, version, summed, ...) that are stale, by account and day.

    Their versions must have been read before this is called: what is summed is that version or a newer one.
    """
    wanted = {(row[0], row[1]) for row in rows if row[2] != row[3]}
    if not wanted:
        return {}
    db = reading()
    days = sorted({day for _, day in wanted})
    for _ in range(ATTEMPTS):
        payloads: dict[int, dict[Any, dict[int, int]]] = defaultdict(dict)
        for client, day in wanted:
            payloads[client][day] = {}
        for client, day, analysis, payload in await db.fetch_in(
            "SELECT client_id, date, analysis_id, payload_id FROM stat WHERE type = ? AND date >= ? AND date <= ? "
            "AND analysis_id IN (SELECT id FROM analysis WHERE client_id IN (*))",
            payloads,
            TYPE_CODES[stat_type],
            days[0],
            days[-1],
        ):
            if (client, day) in wanted:
                payloads[client][day][analysis] = payload
        try:
            sums = await _summed(db, payloads)
        except _PayloadGone:
            continue
        return {(client, day): sums[client][day] for client, day in wanted}
    raise Unavailable("The figures are being written to: try again in some seconds.")


async def put_back(db: Db, stat_type: StatType, rows: Iterable[Any], made: Mapping[tuple[int, Any], Figures]) -> None:
    """Store what `made_anew` has made of `rows`, under their versions, where there is none later: so that nothing that
    was deleted since is put back."""
    stale = sorted((row for row in rows if (row[0], row[1]) in made), key=lambda row: (row[1], row[0]))
    code = TYPE_CODES[stat_type]
    await db.execute_many(
        "UPDATE account_day SET figures = ?, summed = ? "
        "WHERE client_id = ? AND type = ? AND date = ? AND version = ? AND summed < version",
        [(figures.pack(made[row[0], row[1]]), row[2], row[0], code, row[1], row[2]) for row in stale],
    )


async def _summed(db: Db, payloads: Mapping[int, Mapping[Any, Mapping[int, int]]]) -> dict[int, dict[Any, Figures]]:
    """For each account (or other group) and day the sum of its payloads' figures. Raises `_PayloadGone`."""
    numbers = {number for days in payloads.values() for of_day in days.values() for number in of_day.values()}
    packed = {row[0]: row[1] for row in await db.fetch_in("SELECT id, figures FROM payload WHERE id IN (*)", numbers)}
    if len(packed) != len(numbers):
        raise _PayloadGone

    def add_up() -> dict[int, dict[Any, Figures]]:
        figures_of = {number: figures.unpack(blob) for number, blob in packed.items()}
        return {group: figures.sum_days(days, figures_of) for group, days in payloads.items()}

    return await asyncio.to_thread(add_up)
