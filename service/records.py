"""The plain values that cross the layers. They know nothing of HTTP, SQL or each other's modules."""

import datetime as dt
import enum
import uuid
from collections.abc import Mapping

import msgspec

UNIT = 1_000_000
"""How many units a whole is: decimals (`averageRate`, `maxRisk`, compliance values) are summed as integers of
millionths, so that sums are exact and commute. MONARC sends two decimals; up to six are kept."""

MAX_UNITS = 10**12
"""The largest number a payload may hold, in what it is summed in: a count up to 10^12, a decimal up to 10^6. No figure
of a payload is larger either, so that the sum of a day fits in 64 bits up to nine million payloads."""


class StatType(enum.StrEnum):
    """The five kinds of statistics (spec: payloads)."""

    RISK = "risk"
    THREAT = "threat"
    VULNERABILITY = "vulnerability"
    CARTOGRAPHY = "cartography"
    COMPLIANCE = "compliance"


STATES = ("current", "residual")
"""The states of risks, before and after treatment, in the order of answers."""

KINDS = ("informational", "operational")
"""The kinds of risks, in the order of answers."""

LEVELS = ("Low risks", "Medium risks", "High risks")
"""The levels of risks, in the order of answers."""

SCALES = ("impact", "likelihood", "probability")
"""The scales of a cartography, in the order of answers."""


class Role(enum.IntEnum):
    """An account's role. The API writes it as a string: "1", "2"."""

    USER = 1
    ADMIN = 2


Key = tuple[str, ...]
"""What a figure is about, e.g. ("current", "informational", "Low risks"), or an object's uuid and its four labels.
The families of `core.payloads` and `core.processors` say which parts their keys have."""

Figures = dict[int, list[int]]
"""Sums by the number that storage gave to a key: `[rows, sum, sum, ...]`, `rows` being how many elements were summed.
A payload's own figures, an account's day and the whole fleet's day all have this form, so adding two is all that
aggregation ever does (`service.figures`)."""


class Figure(msgspec.Struct, frozen=True):
    """One thing that a payload says: what about (`key`), in how many elements, and their sums (counts, or units)."""

    key: Key
    rows: int
    sums: tuple[int, ...]


class Series(msgspec.Struct, frozen=True):
    """What a processor works on: for each day (or period, by its first day; `YYYY-MM-DD`, ascending) its figures,
    and the keys of just those numbers that the figures have. `newest`: of periods, the last day on which each key
    appears. `withheld`: what figures lack is not told, and need not be 0."""

    days: list[tuple[str, Figures]]
    keys: Mapping[int, Key]
    newest: Mapping[Key, str] = {}
    withheld: bool = False


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """An account ("client") as storage knows it. Its token is not here: only a hash of it is kept. `id` is
    storage's own number, never shown outside."""

    id: int
    uuid: uuid.UUID
    name: str
    role: Role
    is_sharing_enabled: bool
    is_active: bool
    local: bool
    latitude: float | None
    longitude: float | None
    last_seen: dt.datetime | None
    created_at: dt.datetime
    updated_at: dt.datetime

    @property
    def is_admin(self) -> bool:
        """Whether the account reaches all accounts and all rows."""
        return self.role is Role.ADMIN


class Activity(msgspec.Struct, frozen=True, kw_only=True):
    """What an account has sent: how many analyses and rows it holds, the newest row's date, and when it last posted."""

    analyses: int
    rows: int
    newest_date: dt.date | None
    last_post: dt.datetime | None


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """A row of a batch that was not stored: its place in the batch (from 0), what it said it was, and why."""

    index: int
    uuid: str | None
    anr: str | None
    message: str
