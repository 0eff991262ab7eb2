"""What a public instance has told of days (`core.disclosure` decides what that is).

What is shown to anybody is read from here alone, so all processes tell the same. `seen` is the version of the fleet's
day that was last looked at, and what was then decided by (`mark`); `version` is that of what is told, and moves with
nothing else.
"""

import datetime as dt
import time
import weakref
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from tortoise.backends.base.client import BaseDBAsyncClient

from service import figures
from service.records import Figures, StatType
from service.storage import day_sums, keys
from service.storage.connection import Db, as_date, reading, writing
from service.storage.models import TYPE_CODES

MOST_REMEMBERED = 1_000_000
"""How many figures (of all types) a process remembers, unpacked; then it begins anew."""

_LOCK = 0x57A78  # PostgreSQL's, the first of two numbers; any, as long as all processes take the same
_MARK = 44
"""From which bit on `seen` says what was decided by. A version is milliseconds and has some less for centuries."""


class Day(NamedTuple):
    """A day as it is stored. `contributions`: what `core.disclosure` made, empty where nothing may be told of the day
    (yet or, where `version` is not 0, any more)."""

    seen: int
    version: int
    contributions: bytes


class Told(NamedTuple):
    """What is told of a day: the sums over all accounts and over this house's own, and what they are made of. `again`:
    whether the sums are other ones than before."""

    all_figures: Figures
    local_figures: Figures
    contributions: bytes
    again: bool


class Decided(NamedTuple):
    """What was decided of a day: `seen` from now on, and what is told of it; None where that stays as it is."""

    seen: int
    told: Told | None = None


class Sent(NamedTuple):
    """What accounts sent: of days, by day and account; when each sent anything, ascending; and which accounts are this
    house's own, and which others'."""

    figures: Mapping[dt.date, Mapping[int, Figures]]
    heard: Mapping[int, Sequence[dt.date]]
    local: frozenset[int]
    other: frozenset[int]


class _Shown(NamedTuple):
    version: int
    all: Figures
    local: Figures


_remembered: weakref.WeakKeyDictionary[BaseDBAsyncClient, dict[tuple[StatType, Any], _Shown]] = (
    weakref.WeakKeyDictionary()
)


async def to_look_at(stat_type: StatType, last: dt.date, mark: int) -> dict[dt.date, int]:
    """The days up to `last` that rows have changed of since they were last looked at, or that were looked at under
    another mark (a number up to 2^18), ascending; and what is `seen` when they are looked at now."""
    db = reading()
    rows = await db.fetch(
        "SELECT f.date, f.version FROM fleet_day f LEFT JOIN public_day p ON p.type = f.type AND p.date = f.date "
        "WHERE f.type = ? AND f.date <= ? AND (p.seen IS NULL OR p.seen <> f.version + CAST(? AS BIGINT)) "
        "ORDER BY f.date",
        TYPE_CODES[stat_type],
        db.date(last),
        mark << _MARK,
    )
    return {as_date(row[0]): row[1] + (mark << _MARK) for row in rows}


async def sent(stat_type: StatType, first: dt.date, last: dt.date, earliest: dt.date) -> Sent:
    """What accounts sent of the days from `first` to `last`; and when, from the day `earliest` on, anything."""
    db = reading()
    local = {row[0]: bool(row[1]) for row in await db.fetch("SELECT id, local FROM account")}
    by_day: dict[dt.date, dict[int, Figures]] = {}
    for (account, day), sums in (await day_sums.of_accounts(stat_type, first, last, local)).items():
        by_day.setdefault(as_date(day), {})[account] = sums
    heard: dict[int, list[dt.date]] = {}
    for account, day in await db.fetch(
        "SELECT client_id, date FROM account_day WHERE type = ? AND date >= ? AND date <= ? ORDER BY date",
        TYPE_CODES[stat_type],
        db.date(earliest),
        db.date(last),
    ):
        heard.setdefault(account, []).append(as_date(day))
    ours = frozenset(account for account, is_ours in local.items() if is_ours)
    return Sent(by_day, heard, ours, frozenset(local.keys() - ours))


async def around(stat_type: StatType, first: dt.date, last: dt.date) -> dict[dt.date, Day]:
    """What was decided of the days from `first` to `last`, and from the nearest ones before and after of which
    something is told; ascending."""
    rows = await _around(reading(), TYPE_CODES[stat_type], first, last, "contributions")
    return {as_date(row[0]): Day(row[1], row[2], bytes(row[3])) for row in rows}


async def _around(db: Db, code: int, first: dt.date, last: dt.date, column: str) -> Sequence[Any]:
    told = "SELECT date FROM public_day WHERE type = ? AND LENGTH(contributions) > 0 AND date"
    before = await db.fetch(f"{told} < ? ORDER BY date DESC LIMIT 1", code, db.date(first))
    after = await db.fetch(f"{told} > ? ORDER BY date LIMIT 1", code, db.date(last))
    return await db.fetch(
        f"SELECT date, seen, version, {column} FROM public_day WHERE type = ? AND date >= ? AND date <= ? "
        "ORDER BY date",
        code,
        before[0][0] if before else db.date(first),
        after[0][0] if after else db.date(last),
    )


async def store(stat_type: StatType, known: Mapping[dt.date, Day], decided: Mapping[dt.date, Decided]) -> bool:
    """Store what was decided of days, if all is still as it was `known` then (`around`); whether it was.

    Of a key that was removed meanwhile nothing is told; the others stay from now on.
    """
    code = TYPE_CODES[stat_type]
    async with writing() as db:
        if db.postgres:  # on SQLite no other transaction writes meanwhile
            await db.fetch("SELECT pg_advisory_xact_lock(?, ?)", _LOCK, code)
        there = await _around(db, code, min(decided), max(decided), "id")
        if {as_date(row[0]): (row[1], row[2]) for row in there} != {day: each[:2] for day, each in known.items()}:
            return False
        told = {day: each.told for day, each in decided.items() if each.told}
        held = await _held(db, {number for each in told.values() for number in each.all_figures})
        empty = figures.pack({})
        await db.execute_many(
            "INSERT INTO public_day (type, date, seen, version, all_figures, local_figures, contributions) "
            "VALUES (?, ?, ?, 0, ?, ?, ?) ON CONFLICT (type, date) DO UPDATE SET seen = excluded.seen",
            [(code, db.date(day), each.seen, empty, empty, b"") for day, each in sorted(decided.items())],
        )
        moment = time.time_ns() // 1_000_000
        await db.execute_many(
            "UPDATE public_day SET version = ?, all_figures = ?, local_figures = ?, contributions = ? "
            "WHERE type = ? AND date = ?",
            [
                (
                    _version(known.get(day), moment, again=each.again),
                    figures.pack({number: sums for number, sums in each.all_figures.items() if number in held}),
                    figures.pack({number: sums for number, sums in each.local_figures.items() if number in held}),
                    each.contributions,
                    code,
                    db.date(day),
                )
                for day, each in sorted(told.items())
            ],
        )
    return True


async def _held(db: Db, numbers: Collection[int]) -> set[int]:
    """Those of the numbers that have a key. They keep it until the transaction ends, and then for being told."""
    await keys.hold(db, ())
    return {row[0] for row in await db.fetch_in("SELECT id FROM figure_key WHERE id IN (*)", numbers)}


def _version(known: Day | None, moment: int, *, again: bool) -> int:
    before = known.version if known else 0
    return max(moment, before + 1) if again else before


async def read(
    stat_type: StatType, first: dt.date, last: dt.date, *, local_only: bool
) -> tuple[int, dict[dt.date, Figures]]:
    """What is told of the days from `first` to `last`, over all accounts or this house's own, and a number that grows
    whenever that is something else. The figures are shared with other callers: not to be changed."""
    db = reading()
    code = TYPE_CODES[stat_type]
    remembered = _remembered.setdefault(db.connection, {})
    versions = {
        row[0]: row[1]
        for row in await db.fetch(
            "SELECT date, version FROM public_day WHERE type = ? AND date >= ? AND date <= ? AND version > 0 "
            "ORDER BY date",
            code,
            db.date(first),
            db.date(last),
        )
    }
    shown = {
        day: found
        for day, version in versions.items()
        if (found := remembered.get((stat_type, day))) and found.version == version
    }
    if missing := versions.keys() - shown.keys():
        rows = await db.fetch_in(
            "SELECT date, version, all_figures, local_figures FROM public_day WHERE type = ? AND date IN (*)",
            missing,
            code,
        )
        new = {row[0]: _Shown(row[1], figures.unpack(row[2]), figures.unpack(row[3])) for row in rows}
        if sum(len(each.all) + len(each.local) for each in remembered.values()) > MOST_REMEMBERED:
            remembered.clear()
        remembered.update({(stat_type, day): each for day, each in new.items()})
        shown |= new
    days = {as_date(day): shown[day].local if local_only else shown[day].all for day in versions}
    return sum(each.version for each in shown.values()), {day: found for day, found in days.items() if found}
