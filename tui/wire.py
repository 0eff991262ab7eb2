"""The service's answers, typed. What an answer holds beyond this is ignored: a newer service may say more.

Every free text is a `Clean`, so no string gets past the decoding with control characters in it; a test holds that
no field here is a plain `str`.
"""

import datetime as dt
import enum
from typing import Any, TypeVar

import msgspec

from tui.clean import clean

T = TypeVar("T")


class Clean(str):
    """A text from outside, made harmless."""

    __slots__ = ()


class Wire(msgspec.Struct, frozen=True, rename={"max_risk": "maxRisk", "average_rate": "averageRate"}):
    """The base of all answers."""


class State(enum.StrEnum):
    """Before and after treatment."""

    CURRENT = "current"
    RESIDUAL = "residual"


class Kind(enum.StrEnum):
    """The two kinds of risks that MONARC knows."""

    INFORMATIONAL = "informational"
    OPERATIONAL = "operational"


class Level(enum.StrEnum):
    """The levels of risk, low to high."""

    LOW = "Low risks"
    MEDIUM = "Medium risks"
    HIGH = "High risks"


class Labels(Wire, frozen=True):
    """A name in four languages: French, English, German, Dutch. Any may be empty."""

    label1: Clean | None = None
    label2: Clean | None = None
    label3: Clean | None = None
    label4: Clean | None = None


class ObjectValue(Wire, frozen=True):
    """A threat's or vulnerability's mean figures on a day (or of the period that begins on it)."""

    date: dt.date
    count: float
    max_risk: float
    average_rate: float


class ObjectMeans(Wire, frozen=True):
    """The same over the whole range."""

    count: float
    max_risk: float
    average_rate: float


class ObjectSeries(Wire, frozen=True):
    """A threat or a vulnerability over time."""

    object: Clean
    labels: Labels
    values: list[ObjectValue]
    averages: ObjectMeans


class DatedValue(Wire, frozen=True):
    """A value of a day, or of the period that begins on it."""

    date: dt.date
    value: float


RiskSeries = dict[State, dict[Kind, dict[Level, list[DatedValue]]]]


class Scales(Wire, frozen=True):
    """The values that occur on each scale, ascending."""

    impact: list[int] = []
    likelihood: list[int] = []
    probability: list[int] = []


Grid = dict[int, dict[int, float]]
"""Impact -> likelihood or probability -> mean count."""


class Cartography(Wire, frozen=True):
    """How many risks lie where."""

    scales: Scales
    risks: dict[State, dict[Kind, Grid]]


GridOnDate = dict[int, dict[int, list[float | None]]]
"""The same, with a mean for each date; None where a public instance does not tell it."""


class CartographyOnDate(Wire, frozen=True):
    """How many risks lay where on each of the dates, which are in their order."""

    scales: Scales
    dates: list[dt.date]
    risks: dict[State, dict[Kind, GridOnDate]]


class CategorySeries(Wire, frozen=True):
    """A category's fulfilment, 0 to 1, over time, and its mean over the range."""

    labels: Labels
    values: list[DatedValue]
    average: float


class ComplianceSeries(Wire, frozen=True):
    """A referential's categories: how they are and how they ought to be."""

    referential: Clean
    labels: Labels
    current: list[CategorySeries]
    target: list[CategorySeries]


class MapPlace(Wire, frozen=True):
    """Somebody who shares, without a name. The two tops are a mean count and the object's uuid, or nothing."""

    latitude: float
    longitude: float
    max_threat: msgspec.Raw = msgspec.Raw(b"null")
    max_vulnerability: msgspec.Raw = msgspec.Raw(b"null")


class Activity(Wire, frozen=True):
    """What an account has sent."""

    analyses: int
    rows: int
    newest_date: dt.date | None
    last_post: dt.datetime | None


class Account(Wire, frozen=True):
    """An account as an administrator sees it. No answer but the one that makes a token holds it."""

    uuid: Clean
    name: Clean
    role: Clean
    is_sharing_enabled: bool
    is_active: bool
    local: bool
    latitude: float | None
    longitude: float | None
    last_seen: dt.datetime | None
    activity: Activity | None = None


class AccountPage(Wire, frozen=True):
    """A list of accounts."""

    data: list[Account]


class NewToken(Wire, frozen=True):
    """The answer that holds a token just made: shown once, kept nowhere."""

    uuid: Clean
    name: Clean
    token: Clean


class SharePush(Wire, frozen=True):
    """A push to an instance. `ended_at` is None while it runs, and where it was killed."""

    server: Clean
    started_at: dt.datetime
    ended_at: dt.datetime | None
    sent: int
    already_there: int
    refused: int
    left_over: int
    bytes: int
    error: Clean | None

    @property
    def is_whole(self) -> bool:
        """Whether it left nothing for the next one. (What was refused, that one does not send either.)"""
        return self.ended_at is not None and not (self.error or self.left_over)


class ShareWaiting(Wire, frozen=True):
    """What the next push would send of an account's rows of a type."""

    client: Clean
    name: Clean
    type: Clean
    analyses: int
    rows: int
    first_date: dt.date
    last_date: dt.date


class ShareRefused(Wire, frozen=True):
    """A row that the other instance refused, and why."""

    client: Clean
    name: Clean | None
    anr: Clean
    type: Clean
    date: dt.date
    reason: Clean | None


class ShareAccount(Wire, frozen=True):
    """What was shared of an account; `name` is None where it is gone, `shares` whether it goes on sharing."""

    client: Clean
    name: Clean | None
    shares: bool
    analyses: int
    rows: int
    kept_old: int
    refused: int
    first_date: dt.date | None
    last_date: dt.date | None


class Sharing(Wire, frozen=True):
    """The state of sharing with the instance `server`, as an administrator sees it.

    `runs`: the last pushes, the newest first. `refused`: some of the `refused_rows`. `gone_analyses`: how many are
    there and no longer here.
    """

    server: Clean
    has_token: bool
    running: bool
    runs: list[SharePush]
    shared: int
    accounts: list[ShareAccount]
    refused_rows: int
    refused: list[ShareRefused]
    gone_analyses: int
    waiting: list[ShareWaiting]


class Me(Wire, frozen=True):
    """The account that the token belongs to. (The token, which the answer repeats, is not read.)"""

    name: Clean
    role: Clean
    is_sharing_enabled: bool

    @property
    def is_admin(self) -> bool:
        """Whether the account may see and change the others."""
        return self.role == "2"


class About(Wire, frozen=True):
    """What the service says of itself."""

    version: Clean


class Problem(Wire, frozen=True):
    """An error's answer: a sentence, and what is wrong with which field."""

    message: Clean = Clean("")
    errors: dict[Clean, Clean] | list[Any] | None = None


class Row(Wire, frozen=True):
    """A stored row, as far as the dashboard looks at it."""

    anr: Clean


class RowPage(Wire, frozen=True):
    """Stored rows."""

    data: list[Row]


class Processed(Wire, frozen=True):
    """The envelope around a processor's data."""

    data: msgspec.Raw


def decode(raw: bytes | msgspec.Raw, kind: type[T]) -> T:
    """The answer as `kind`. Raises msgspec.DecodeError where it is something else."""
    return msgspec.json.decode(raw, type=kind, dec_hook=_from_outside)


def top(raw: msgspec.Raw) -> tuple[float, Clean] | None:
    """A place's top threat or vulnerability; None where it has none (`[]` or null, it depends on the service)."""
    if bytes(raw).strip() in {b"[]", b"null"}:
        return None
    return decode(raw, tuple[float, Clean])


def _from_outside(kind: type, value: object) -> object:
    if kind is not Clean:
        raise NotImplementedError(kind)
    if not isinstance(value, str):
        raise TypeError("a text is expected")  # msgspec adds where
    return Clean(clean(value))
