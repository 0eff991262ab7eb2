"""A fleet that was never there: accounts, their analyses, and what each analysis sent day by day.

Pure and seeded: the same arguments give the same bytes, on every machine. The demonstration and the benchmarks use it.
"""

import datetime as dt
import random
import uuid
from collections.abc import Iterator
from typing import Final

import msgspec

from service.demo.analysis import Analysis
from service.demo.payloads import written
from service.records import StatType

DEFAULT_SEED: Final = 5005

_CITIES: Final = (
    ("Luxembourg", 49.6117, 6.1319),
    ("Bruxelles", 50.8503, 4.3517),
    ("Gent", 51.0543, 3.7174),
    ("Rotterdam", 51.9244, 4.4777),
    ("Lille", 50.6292, 3.0573),
    ("Lyon", 45.7640, 4.8357),
    ("Nantes", 47.2184, -1.5536),
    ("Köln", 50.9375, 6.9603),
    ("Leipzig", 51.3397, 12.3731),
    ("Zürich", 47.3769, 8.5417),
    ("Wien", 48.2082, 16.3738),
    ("Praha", 50.0755, 14.4378),
    ("Kraków", 50.0647, 19.9450),
    ("Ljubljana", 46.0569, 14.5058),
    ("Bologna", 44.4949, 11.3426),
    ("Málaga", 36.7213, -4.4214),
    ("Porto", 41.1579, -8.6291),
    ("Cork", 51.8985, -8.4756),
    ("Tallinn", 59.4370, 24.7536),
    ("Malmö", 55.6050, 13.0038),
    ("Montréal", 45.5017, -73.5673),
    ("Dakar", 14.7167, -17.4677),
    ("Nairobi", -1.2921, 36.8219),
    ("São Paulo", -23.5505, -46.6333),
    ("Wellington", -41.2866, 174.7756),
)
_ORGANISATIONS: Final = (
    "Hospital",
    "Town hall",
    "Water works",
    "Power grid",
    "Port",
    "University",
    "Tramways",
    "Savings bank",
    "Food market",
    "Archives",
    "Data centre",
)
_SHARING_OF_FOUR: Final = 3
_SILENT_DAYS: Final = (24, 47)
_SILENT_FROM: Final = 6
"""A fleet of at least as many accounts has some whose cron job has stopped."""


class DemoAccount(msgspec.Struct, frozen=True):
    """An account of the fleet. `silent_days`: its cron job stopped that many days before the last day (0: it runs);
    who stores the fleet lets the account's rows end that much earlier."""

    name: str
    latitude: float
    longitude: float
    is_sharing_enabled: bool
    silent_days: int
    analyses: list[uuid.UUID]


def accounts(count: int = 12, analyses: int = 30, *, seed: int = DEFAULT_SEED) -> list[DemoAccount]:
    """`count` accounts of different names that hold `analyses` analyses between them, a few many and most few.

    Each has one at least, as long as there are enough; the largest comes first. Three in four share. Of six and more
    accounts two of the smaller half have fallen silent.
    """
    chance = random.Random(f"accounts {seed}")  # noqa: S311 - no secret
    cities = chance.sample(_CITIES, len(_CITIES))
    silent = _silent(chance, count)
    sizes = _sizes(chance, count, analyses)
    held = [[uuid.UUID(int=chance.getrandbits(128), version=4) for _ in range(size)] for size in sizes]
    return [_account(place, cities, silent.get(place, 0), anrs) for place, anrs in enumerate(held)]


def _silent(chance: random.Random, count: int) -> dict[int, int]:
    """For how many days which accounts, by their place, have been silent."""
    if count < _SILENT_FROM:
        return {}
    return dict(zip(chance.sample(range(count // 2, count), len(_SILENT_DAYS)), _SILENT_DAYS, strict=True))


def _sizes(chance: random.Random, count: int, analyses: int) -> list[int]:
    """How many analyses each account holds, the largest first."""
    weights = [1 / (place + 1) ** 1.3 for place in range(count)]
    owners = list(range(min(count, analyses)))
    owners += chance.choices(range(count), weights, k=analyses - len(owners))
    return sorted((owners.count(place) for place in range(count)), reverse=True)


def _account(
    place: int, cities: list[tuple[str, float, float]], silent_days: int, analyses: list[uuid.UUID]
) -> DemoAccount:
    """The account at that place of the list: organisations and cities are gone through side by side."""
    city, latitude, longitude = cities[place % len(cities)]
    name = f"{_ORGANISATIONS[place % len(_ORGANISATIONS)]} {city}"
    repeated = place // (len(_ORGANISATIONS) * len(cities))
    return DemoAccount(
        name=f"{name} {repeated + 1}" if repeated else name,
        latitude=latitude,
        longitude=longitude,
        is_sharing_enabled=place % 4 < _SHARING_OF_FOUR,
        silent_days=silent_days,
        analyses=analyses,
    )


def analysis_days(
    anr: uuid.UUID,
    first: dt.date,
    last: dt.date,
    *,
    seed: int = DEFAULT_SEED,
    change_rate: float = 0.05,
    types: tuple[StatType, ...] = tuple(StatType),
) -> Iterator[tuple[StatType, dt.date, bytes]]:
    """What the analysis `anr` sent from `first` to `last`, both included: type, date and `data`, by date.

    The analysis begins on `first`. On each day it changes with the probability `change_rate` (0 to 1), and then
    all five types differ from the day before; otherwise they are the very same objects. Which `types` are asked
    for does not alter what they hold.
    """
    chance = random.Random(f"{seed} {anr}")  # noqa: S311 - no secret
    analysis = Analysis(chance)
    now = written(analysis)
    rows = [(kind, now[kind]) for kind in types]
    for ordinal in range(first.toordinal(), last.toordinal() + 1):
        if chance.random() < change_rate:
            now = _changed(analysis, now)
            rows = [(kind, now[kind]) for kind in types]
        day = dt.date.fromordinal(ordinal)
        for kind, data in rows:
            yield kind, day, data


def _changed(analysis: Analysis, before: dict[StatType, bytes]) -> dict[StatType, bytes]:
    """Let the analysis change until nothing of it is as it was: what is done at random may undo itself."""
    after = before
    while any(after[kind] == data for kind, data in before.items()):
        analysis.change()
        after = written(analysis)
    return after
