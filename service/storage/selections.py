"""Sums of the figures of some analyses, day by day, and what tells whether they have changed."""

import datetime as dt
import uuid
from collections import defaultdict
from typing import NamedTuple

from service import figures
from service.records import Figures, StatType
from service.storage import day_sums
from service.storage.connection import as_date, reading
from service.storage.models import TYPE_CODES


class Selection(NamedTuple):
    """Figures of a type, from the day `first` to `last` (inclusive), of those of these analyses that the account has,
    or (None) any account, or only this house's own."""

    type: StatType
    first: dt.date
    last: dt.date
    anrs: tuple[uuid.UUID, ...]
    account_id: int | None
    local_only: bool


async def version(selection: Selection) -> list[tuple[int, ...]]:
    """What is another whenever the days of the selection could be; what other accounts send does not change it.

    It is the numbers of the analyses and, of each account that has them, how many days it has, the highest of their
    numbers and the sum of their versions. Numbers are given out once: those of the analyses say which there are, and
    whose. When rows of a day change its version grows, a new day has a higher number than all before, and when days
    only go (a purge) there are fewer. So where it is what it was, so are the rows, whichever processes wrote meanwhile.
    """
    asked, parameters = _asked(selection)
    db = reading()
    analyses = await db.fetch_in(f"SELECT a.id, a.client_id {asked}", _uuids(selection), *parameters)
    # The dates come from where each stands once: to look for an account's among all accounts' takes ten times as long.
    accounts = await db.fetch_in(
        "SELECT client_id, COUNT(*), MAX(id), CAST(SUM(version) AS BIGINT) FROM account_day WHERE type = ? "
        "AND date IN (SELECT date FROM fleet_day WHERE type = ? AND date >= ? AND date <= ?) AND client_id IN (*) "
        "GROUP BY client_id",
        {row[1] for row in analyses},
        TYPE_CODES[selection.type],
        TYPE_CODES[selection.type],
        db.date(selection.first),
        db.date(selection.last),
    )
    return sorted(map(tuple, analyses)) + sorted(map(tuple, accounts))


async def days(selection: Selection) -> dict[dt.date, Figures]:
    """The sums for each day that has rows. They may still have to be stored: not to be changed."""
    asked = _uuids(selection)
    present = await _analyses(selection)
    # A Front Office mostly asks for all that it has: the sums of its account are there already.
    whole = {client for client, own in present.items() if own.keys() <= asked}
    range_ = (selection.type, selection.first, selection.last)
    by_account = await day_sums.of_accounts(*range_, whole)
    if whole:  # an analysis that came meanwhile was not asked for
        again = await _analyses(selection)
        whole = {client for client in whole if again.get(client) == present[client]}
    parts: dict[dt.date, list[Figures]] = defaultdict(list)
    for (client, day), sums in by_account.items():
        if client in whole:
            parts[as_date(day)].append(sums)
    others = {present[client][anr] for client in present.keys() - whole for anr in asked & present[client].keys()}
    for day, sums in (await day_sums.of_analyses(*range_, others)).items():
        parts[as_date(day)].append(sums)
    totals = {day: of_day[0] if len(of_day) == 1 else figures.total_of(of_day) for day, of_day in parts.items()}
    return {day: total for day, total in totals.items() if total}


def _uuids(selection: Selection) -> set[str]:
    return set(map(str, selection.anrs))


async def _analyses(selection: Selection) -> dict[int, dict[str, int]]:
    """All analyses of the accounts that have any of those asked for: their numbers, by account and UUID."""
    asked, parameters = _asked(selection)
    found: dict[int, dict[str, int]] = {}
    for client, anr, number in await reading().fetch_in(
        f"SELECT client_id, anr, id FROM analysis WHERE client_id IN (SELECT a.client_id {asked})",
        _uuids(selection),
        *parameters,
    ):
        found.setdefault(client, {})[str(anr)] = number
    return found


def _asked(selection: Selection) -> tuple[str, tuple[int, ...]]:
    """Where the analyses (`a`) are of which UUIDs are given, and the parameters before these."""
    conditions = "c.local AND a.anr IN (*)" if selection.local_only else "a.anr IN (*)"
    tables = "FROM analysis a JOIN account c ON c.id = a.client_id"
    if selection.account_id is None:
        return f"{tables} WHERE {conditions}", ()
    return f"{tables} WHERE a.client_id = ? AND {conditions}", (selection.account_id,)
