"""The public map: where those are who share their figures, and what they have most of."""

import asyncio
import datetime as dt
import hashlib
from collections.abc import Collection

import msgspec

import service
from service.core import remembered
from service.core.charts import Chart
from service.core.disclosure import Protection
from service.records import StatType
from service.storage import clients as client_storage
from service.storage import keys as key_storage
from service.storage import totals

_making = asyncio.Lock()
"""Of a large fleet the map takes seconds: who asks meanwhile waits for the same one."""


class Contributor(msgspec.Struct, frozen=True):
    """Where an account is, in degrees, and the object of which it has the most on average: [mean count, uuid], or
    nothing where it has none, and on a public instance. No name: this is for the public map."""

    latitude: float
    longitude: float
    max_threat: list[float | str]
    max_vulnerability: list[float | str]


async def contributors(days: int, protection: Protection | None = None) -> Chart:
    """A list of `Contributor`: the active accounts that share and have coordinates, with their figures of the last
    `days` days; without any figures under a protection."""
    places = {
        account.id: (account.latitude, account.longitude)
        for account in await client_storage.find_all()
        if account.is_active
        and account.is_sharing_enabled
        and account.latitude is not None
        and account.longitude is not None
    }
    if protection:
        by_place = sorted(places.values())  # by name, they would tell of it
        return _chart([by_place], [Contributor(*place, [], []) for place in by_place])
    last = dt.datetime.now(dt.UTC).date()
    first = last - dt.timedelta(days=days)
    async with _making:
        types = (StatType.THREAT, StatType.VULNERABILITY)
        asked = [sorted(places.items()), first, last, [await totals.version(each, first, last) for each in types]]
        if data := remembered.get(_version(asked)):
            return Chart(_version(asked), data)
        threats, vulnerabilities = [await _commonest(each, first, last, places) for each in types]
        chart = _chart(
            asked,
            [
                Contributor(*place, threats.get(number, []), vulnerabilities.get(number, []))
                for number, place in places.items()
            ],
        )
        remembered.put(chart.version, chart.data)
        return chart


def _version(asked: object) -> str:
    return hashlib.sha256(msgspec.json.encode(["map", service.__version__, asked])).hexdigest()[:32]


def _chart(asked: object, found: list[Contributor]) -> Chart:
    return Chart(_version(asked), msgspec.json.encode(found))


async def _commonest(
    stat_type: StatType, first: dt.date, last: dt.date, account_ids: Collection[int]
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
