"""Recounting the sums of days from the rows; `core.verify` decides about it.

A portion of days is recounted in a transaction that sees the database as it is at one moment. Rows and the versions of
their days change together, so what others write meanwhile is never found wrong.
"""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any

import msgspec
from tortoise.transactions import in_transaction

from service import figures
from service.records import Figures
from service.storage import totals
from service.storage.connection import Db, reading, translated, writing
from service.storage.models import TYPE_CODES
from service.storage.stats import lock_account

ANALYSES_AT_ONCE = 200
"""Of how many analyses (of one account: all) the days are recounted in one go: bounds what is held in memory."""

DAYS_AT_ONCE = 31


class WrongDay(msgspec.Struct, frozen=True):
    """A day whose sum is wrong: of an account, or (None) of all together; and what is wrong with it."""

    account: int | None
    code: int
    date: Any
    what: str


@contextlib.asynccontextmanager
async def _one_moment() -> AsyncIterator[Db]:
    """A `Db` for queries that all see the database as it is when the first of them runs."""
    with translated():
        async with in_transaction(reading().connection.connection_name) as connection:
            db = Db(connection)
            if db.postgres:
                await db.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield db


async def days() -> list[tuple[int, Any, Any]]:
    """All days of which there are rows or sums, in portions: type, first day, last day."""
    tables = ("stat", "account_day", "fleet_day")
    found = await reading().fetch(" UNION ".join(f"SELECT DISTINCT type, date FROM {name}" for name in tables))
    by_code: dict[int, list[Any]] = defaultdict(list)
    for code, day in found:
        by_code[code].append(day)
    portions = []
    for code in TYPE_CODES.values():
        dates = sorted(by_code[code])
        for start in range(0, len(dates), DAYS_AT_ONCE):
            portion = dates[start : start + DAYS_AT_ONCE]
            portions.append((code, portion[0], portion[-1]))
    return portions


async def wrong_days(code: int, first: Any, last: Any) -> list[WrongDay]:
    """Those days of a type whose sums are missing, unreadable, or said to be up to date and are not.

    A day that cannot be recounted, since figures of a payload are missing or unreadable, is not among them.
    """
    async with _one_moment() as db:
        recount = _Recount(code)
        for portion in await _accounts(db):
            await recount.accounts(db, first, last, portion)
        await recount.fleet(db, first, last)
    return recount.wrong


async def make_anew(account_id: int | None, code: int, date: Any) -> int:
    """Throw an account's (or, None, everybody's) sum of a day away: it is made when it is next asked for."""
    async with writing() as db:
        if account_id is None:
            await totals.advance_fleet(db, [(code, date)], forget=True)
        else:
            await lock_account(db, account_id)
            await totals.advance(db, account_id, [(code, date)], forget=True)
    return 1


async def _accounts(db: Db) -> list[dict[int, bool]]:
    """All accounts and whether they are this house's own, in portions of not too many analyses."""
    portions: list[dict[int, bool]] = []
    room = 0
    for number, local, count in await db.fetch(
        "SELECT account.id, account.local, COUNT(analysis.id) FROM account "
        "LEFT JOIN analysis ON analysis.client_id = account.id GROUP BY account.id, account.local ORDER BY account.id"
    ):
        if not portions or room < count:
            portions.append({})
            room = ANALYSES_AT_ONCE
        portions[-1][number] = bool(local)
        room -= count
    return portions


class _Recount:
    """The sums of some days of a type, made from payloads' figures by nothing but adding."""

    def __init__(self, code: int) -> None:
        self.wrong: list[WrongDay] = []
        self._code = code
        self._fleet: dict[Any, tuple[Figures, Figures]] = defaultdict(lambda: ({}, {}))
        self._unknown: set[Any] = set()

    async def accounts(self, db: Db, first: Any, last: Any, accounts: Mapping[int, bool]) -> None:
        """Recount the days of these accounts."""
        range_ = (self._code, first, last)
        rows = await db.fetch_in(
            "SELECT client_id, date, payload_id FROM stat WHERE type = ? AND date >= ? AND date <= ? "
            "AND analysis_id IN (SELECT id FROM analysis WHERE client_id IN (*))",
            accounts,
            *range_,
        )
        packed = await db.fetch_in("SELECT id, figures FROM payload WHERE id IN (*)", {row[2] for row in rows})
        sums = await db.fetch_in(
            "SELECT client_id, date, version, summed, figures FROM account_day "
            "WHERE type = ? AND date >= ? AND date <= ? AND client_id IN (*)",
            accounts,
            *range_,
        )
        await asyncio.to_thread(self._compare, accounts, rows, {row[0]: row[1] for row in packed}, sums)

    def _compare(
        self, accounts: Mapping[int, bool], rows: Sequence[Any], packed: Mapping[int, bytes], sums: Sequence[Any]
    ) -> None:
        figures_of = {number: _read(blob) for number, blob in packed.items()}
        counted: dict[tuple[int, Any], Figures] = defaultdict(dict)
        unknown = set()
        for client, day, payload_id in rows:
            if client not in accounts:  # rows that say another account than their analysis does are strays
                continue
            own = figures_of.get(payload_id)
            if own is None or not _add(counted[client, day], own):
                unknown.add((client, day))
        self._unknown |= {day for _, day in unknown}
        for (client, day), total in counted.items():
            if (client, day) not in unknown:
                _add(self._fleet[day][0 if accounts[client] else 1], total)
        for client, day, version, summed, blob in sums:
            known = (client, day) not in unknown
            if what := _fault(version, summed, [blob], [counted.get((client, day), {})] if known else None):
                self.wrong.append(WrongDay(client, self._code, day, what))
        for client, day in counted.keys() - {(row[0], row[1]) for row in sums}:
            self.wrong.append(WrongDay(client, self._code, day, "There is no sum of this day"))

    async def fleet(self, db: Db, first: Any, last: Any) -> None:
        """Compare the sums of the whole fleet, when all accounts are recounted."""
        sums = await db.fetch(
            "SELECT date, version, summed, local_figures, other_figures FROM fleet_day "
            "WHERE type = ? AND date >= ? AND date <= ?",
            self._code,
            first,
            last,
        )
        for day, version, summed, *blobs in sums:
            counted = None if day in self._unknown else list(self._fleet[day])
            if what := _fault(version, summed, blobs, counted):
                self.wrong.append(WrongDay(None, self._code, day, what))
        for day in self._fleet.keys() - {row[0] for row in sums}:
            self.wrong.append(WrongDay(None, self._code, day, "There is no sum of this day over all accounts"))


def _fault(version: int, summed: int, blobs: Iterable[bytes], counted: list[Figures] | None) -> str | None:
    """What is wrong with a sum, if anything. `counted`: what it has to be, None where that is not known."""
    stored = [_read(blob) for blob in blobs]
    if None in stored:
        return "The sum cannot be read"
    if summed > version:
        return "The sum is said to be of a version that the day has not reached"
    if summed == version and counted is not None and stored != counted:
        return "The sum is said to be up to date, and is not what the rows add up to"
    return None


def _read(packed: bytes) -> Figures | None:
    try:
        return figures.unpack(packed)
    except msgspec.MsgspecError:
        return None


def _add(total: Figures, part: Figures) -> bool:
    """Add `part` to `total`; False where the two do not fit together, so that one of them must be wrong."""
    try:
        figures.add(total, part)
    except ValueError:
        return False
    return True
