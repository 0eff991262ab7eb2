"""Charts: the figures of a range of days, given to a processor."""

import asyncio
import datetime as dt
import hashlib
import uuid
from collections import OrderedDict
from collections.abc import Iterable

import msgspec

from service import figures
from service.core import processors, publication
from service.core.disclosure import Protection
from service.core.periods import Period, first_day
from service.core.stats import default_range
from service.errors import BadInput, Unavailable
from service.records import Account, Figures, Series, StatType
from service.storage import clients as client_storage
from service.storage import keys as key_storage
from service.storage import totals

Days = dict[dt.date, Figures]

REMEMBERED_BYTES = 32 << 20
"""How much of answers that still hold a process keeps."""


class ChartQuery(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for. Dates are inclusive, missing ones as in `default_range`.

    `params`: the processor's own. `anrs`: only these analyses, of `account` (an administrator: of anybody); None: all
    accounts' rows. `local_only`: only this house's own accounts. `newest_only`: only the newest day that has figures.
    `protection`: of all accounts' rows only what tells of no single one; None: whatever there is.
    """

    type: StatType
    processor: str
    params: object = None
    anrs: tuple[uuid.UUID, ...] | None = None
    date_from: dt.date | None = None
    date_to: dt.date | None = None
    local_only: bool = False
    period: Period | None = None
    newest_only: bool = False
    account: Account | None = None
    protection: Protection | None = None


class Chart(msgspec.Struct, frozen=True):
    """An answer: the processor's JSON, and a version that is another whenever the JSON could be (an ETag)."""

    version: str
    data: bytes


_answers: OrderedDict[str, bytes] = OrderedDict()


async def chart(query: ChartQuery) -> Chart:
    """The chart asked for.

    Raises `BadInput` for a processor that does not exist or is of another type, for parameters it does not take, and
    for a period where the processor has none.
    """
    processor = processors.get(query.processor)
    if processor.stat_type is not query.type:
        message = f"Processor '{processor.name}' can not be used with type '{query.type}'."
        raise BadInput(message, {"processor": message})
    if query.period and not processor.on_date:
        message = f"{processor.name} has no dates to aggregate; use {processor.name}_on_date."
        raise BadInput(message, {"aggregation_period": message})
    choices = processor.choices(query.params)
    first, last = default_range(query.date_from, query.date_to)
    told: Days | None = None
    if query.protection and query.anrs is None:
        number, told = await publication.told(query.type, first, last, query.protection, local_only=query.local_only)
    else:
        number = await totals.version(query.type, first, last)
    version = _version(query, choices, first, last, number)
    data = _answers.get(version)
    if data is None:
        try:
            series = await _series(query, told, first, last)
        except Unavailable:  # a purge removed keys between the two steps: the figures are others now
            series = await _series(query, told, first, last)
        data = await asyncio.to_thread(lambda: msgspec.json.encode(processor.run(series, choices)))
        _remember(version, data)
    else:
        _answers.move_to_end(version)
    return Chart(version, data)


class Contributor(msgspec.Struct, frozen=True):
    """Where an account is, in degrees, and the object of which it has the most on average: [mean count, uuid], or
    nothing where it has none, and on a public instance. No name: this is for the public map."""

    latitude: float
    longitude: float
    max_threat: list[float | str]
    max_vulnerability: list[float | str]


async def contributors(days: int, protection: Protection | None = None) -> list[Contributor]:
    """The active accounts that share and have coordinates, with their figures of the last `days` days; without any
    figures under a protection."""
    places = {
        account.id: (account.latitude, account.longitude)
        for account in await client_storage.find_all()
        if account.is_active
        and account.is_sharing_enabled
        and account.latitude is not None
        and account.longitude is not None
    }
    if protection:
        return [Contributor(*place, [], []) for place in sorted(places.values())]  # by name, they would tell of it
    last = dt.datetime.now(dt.UTC).date()
    first = last - dt.timedelta(days=days)
    threats = await _commonest(StatType.THREAT, first, last, places)
    vulnerabilities = await _commonest(StatType.VULNERABILITY, first, last, places)
    return [
        Contributor(latitude, longitude, threats.get(number, []), vulnerabilities.get(number, []))
        for number, (latitude, longitude) in places.items()
    ]


async def _commonest(
    stat_type: StatType, first: dt.date, last: dt.date, account_ids: Iterable[int]
) -> dict[int, list[float | str]]:
    """For each account that has any the object with the highest mean count: [mean count, uuid]."""
    totals_of = await totals.account_totals(stat_type, first, last, account_ids)
    keys = await key_storage.keys_of({number for found in totals_of.values() for number in found})
    commonest: dict[int, list[float | str]] = {}
    for account_id, found in totals_of.items():
        counts: dict[str, tuple[int, int]] = {}
        for number, (rows, count, *_) in found.items():
            uuid_of = keys[number][0]  # an object has a key for each of its labels
            before = counts.get(uuid_of, (0, 0))
            counts[uuid_of] = before[0] + rows, before[1] + count
        if counts:
            mean, uuid_of = max((count / rows, uuid_of) for uuid_of, (rows, count) in counts.items())
            commonest[account_id] = [mean, uuid_of]
    return commonest


async def _series(query: ChartQuery, told: Days | None, first: dt.date, last: dt.date) -> Series:
    if told is not None:
        found = told
    elif query.anrs is None:
        found = await totals.fleet_days(query.type, first, last, local_only=query.local_only)
    else:
        owner = None if query.account is None or query.account.is_admin else query.account.id
        found = await totals.selected_days(query.type, first, last, query.anrs, owner)
    days = _in_periods(query, sorted(found.items()))
    return Series(days=days, keys=await key_storage.keys_of(set[int]().union(*(sums for _, sums in days))))


def _in_periods(query: ChartQuery, days: list[tuple[dt.date, Figures]]) -> list[tuple[str, Figures]]:
    if query.newest_only:
        days = days[-1:]
    if query.period is None or query.period is Period.DAY:
        return [(day.isoformat(), of_day) for day, of_day in days]
    merged: dict[dt.date, Figures] = {}
    for day, of_day in days:
        figures.add(merged.setdefault(first_day(query.period, day), {}), of_day)
    return [(day.isoformat(), of_period) for day, of_period in merged.items()]


def _version(query: ChartQuery, choices: object, first: dt.date, last: dt.date, number: int) -> str:
    asked = (
        query.processor,
        choices,
        sorted(map(str, query.anrs)) if query.anrs is not None else None,
        query.account.id if query.account and not query.account.is_admin and query.anrs is not None else None,
        query.local_only,
        query.period,
        query.newest_only,
        query.protection,
        first,
        last,
        number,
    )
    return hashlib.sha256(msgspec.json.encode(asked)).hexdigest()[:32]


def _remember(version: str, data: bytes) -> None:
    _answers[version] = data
    while sum(map(len, _answers.values())) > REMEMBERED_BYTES:
        _answers.popitem(last=False)
