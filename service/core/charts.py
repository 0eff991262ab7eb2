"""Charts: the figures of a range of days, given to a processor."""

import asyncio
import datetime as dt
import hashlib
import secrets
import uuid
from collections.abc import Iterable, Mapping

import msgspec

import service
from service import figures
from service.core import processors, publication, remembered
from service.core.disclosure import Protection
from service.core.periods import Period, first_day
from service.core.processors import cartography
from service.core.stats import default_range
from service.errors import BadInput, Unavailable
from service.records import Account, Figures, Key, Series, StatType
from service.storage import keys as key_storage
from service.storage import selections, totals
from service.storage.selections import Selection

Days = dict[dt.date, Figures]


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


async def chart(query: ChartQuery) -> Chart:
    """The chart asked for.

    Raises `BadInput` for a processor that does not exist or is of another type, for parameters it does not take, and
    for a period where the processor has none.
    """
    if not query.processor.startswith(f"{query.type}_"):
        message = f"Processor {processors.quoted(query.processor)} can not be used with type '{query.type}'."
        raise BadInput(message, {"processor": message})
    processor = processors.get(query.processor)
    if query.period and not processor.on_date:
        message = f"{processor.name} has no dates to aggregate; use {processor.name}_on_date."
        raise BadInput(message, {"aggregation_period": message})
    choices = processor.choices(query.params)
    first, last = default_range(query.date_from, query.date_to)
    told: Days | None = None
    number: object
    selection = _selection(query, first, last)
    if selection:
        number = await selections.version(selection)
    elif query.protection:
        number, told = await publication.told(query.type, first, last, query.protection, local_only=query.local_only)
    else:
        number = await totals.version(query.type, first, last)
    version = _version(query, choices, first, last, number)
    data = remembered.get(version)
    if data is not None:
        return Chart(version, data)
    try:
        series = await _series(query, told, first, last)
    except Unavailable:  # a purge removed keys between the two steps: the figures are others now
        series = await _series(query, told, first, last)
    data = await asyncio.to_thread(lambda: msgspec.json.encode(processor.run(series, choices)))
    # Rows that came while it was made may be in it, under the number of before. That never comes back for all accounts'
    # rows; for a selection it does when just those rows are purged.
    if selection and await selections.version(selection) != number:
        return Chart(secrets.token_hex(16), data)
    remembered.put(version, data)
    return Chart(version, data)


def _selection(query: ChartQuery, first: dt.date, last: dt.date) -> Selection | None:
    """The analyses that are asked for; None: no single ones."""
    if query.anrs is None:
        return None
    owner = None if query.account is None or query.account.is_admin else query.account.id
    return Selection(query.type, first, last, query.anrs, owner, query.local_only)


async def _series(query: ChartQuery, told: Days | None, first: dt.date, last: dt.date) -> Series:
    if selection := _selection(query, first, last):
        found = await selections.days(selection)
    elif told is not None:
        found = told
    else:
        found = await totals.fleet_days(query.type, first, last, local_only=query.local_only)
    days = sorted(found.items())
    if query.newest_only:
        days = days[-1:]
    keys = await key_storage.keys_of(set[int]().union(*(sums for _, sums in days)))
    if (withheld := told is not None) and query.type is StatType.CARTOGRAPHY:
        days = cartography.told_cells(days, keys)
    if query.period is None or query.period is Period.DAY:
        return Series(days=[(day.isoformat(), of_day) for day, of_day in days], keys=keys, withheld=withheld)
    return msgspec.structs.replace(_in_periods(query.period, days, keys), withheld=withheld)


def _in_periods(period: Period, days: Iterable[tuple[dt.date, Figures]], keys: Mapping[int, Key]) -> Series:
    merged: dict[dt.date, Figures] = {}
    newest: dict[int, dt.date] = {}
    for day, of_day in days:
        figures.add(merged.setdefault(first_day(period, day), {}), of_day)
        newest.update(dict.fromkeys(of_day, day))
    return Series(
        days=[(day.isoformat(), of_period) for day, of_period in merged.items()],
        keys=keys,
        newest={keys[number]: day.isoformat() for number, day in newest.items()},
    )


def _version(query: ChartQuery, choices: object, first: dt.date, last: dt.date, number: object) -> str:
    asked = (
        service.__version__,  # another one may write the same figures in another way
        query.processor,
        choices,
        query.local_only,
        query.period,
        query.newest_only,
        query.protection,
        first,
        last,
        number,
    )
    return hashlib.sha256(msgspec.json.encode(asked)).hexdigest()[:32]
