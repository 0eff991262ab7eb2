"""What a view is asked for: whose figures, over which time, in which steps, named in which language.

One scope holds for all views and is kept between starts. Plain values only: `desk` turns them into requests.
"""

import datetime as dt
import enum
from typing import TypeVar

import msgspec


class Side(enum.StrEnum):
    """Where figures come from."""

    LOCAL = "local"
    GLOBAL = "global"


class Reach(enum.StrEnum):
    """The switch that all statistics views share."""

    LOCAL = "local"
    GLOBAL = "global"
    COMPARE = "compare"

    @property
    def sides(self) -> tuple[Side, ...]:
        """Whose figures it takes."""
        return (Side.LOCAL, Side.GLOBAL) if self is Reach.COMPARE else (Side(self.value),)


class Aggregation(enum.StrEnum):
    """What one point of a line stands for."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


class Language(enum.StrEnum):
    """The languages of labels, in the order of `label1` to `label4`."""

    FR = "fr"
    EN = "en"
    DE = "de"
    NL = "nl"


PERIODS = (30, 90, 365)
"""The periods that one key steps through, in days."""


class Ask(msgspec.Struct, frozen=True):
    """A scope as a service understands it. Both dates are inclusive."""

    date_from: dt.date
    date_to: dt.date
    aggregation: Aggregation = Aggregation.DAY
    local_only: bool = False
    own_only: bool = False
    """Only the analyses of the account that asks."""


class Scope(msgspec.Struct, frozen=True):
    """What all views are asked for. `date_from` and `date_to` stand for a period of one's own and win over `days`."""

    reach: Reach = Reach.LOCAL
    days: int = 90
    date_from: dt.date | None = None
    date_to: dt.date | None = None
    aggregation: Aggregation = Aggregation.DAY
    language: Language = Language.EN

    def ask(self, today: dt.date) -> Ask:
        """The dates and steps to ask a service for."""
        if self.date_from and self.date_to:
            return Ask(self.date_from, self.date_to, self.aggregation)
        return Ask(today - dt.timedelta(days=self.days), today, self.aggregation)

    @property
    def period(self) -> str:
        """The period in words."""
        if self.date_from and self.date_to:
            return f"{self.date_from} to {self.date_to}"
        return f"{self.days} days"

    def with_next_period(self) -> "Scope":
        """The next of the usual periods; from one's own period the first of them."""
        own = self.date_from is not None or self.days not in PERIODS
        days = PERIODS[0] if own else PERIODS[(PERIODS.index(self.days) + 1) % len(PERIODS)]
        return msgspec.structs.replace(self, days=days, date_from=None, date_to=None)

    def with_period(self, date_from: dt.date, date_to: dt.date) -> "Scope":
        """A period of one's own, both dates inclusive."""
        return msgspec.structs.replace(self, date_from=date_from, date_to=date_to)

    def with_next_reach(self) -> "Scope":
        """Local, Global, Compare, Local."""
        return msgspec.structs.replace(self, reach=following(self.reach))

    def with_next_aggregation(self) -> "Scope":
        """Day, week, month, quarter, year, day."""
        return msgspec.structs.replace(self, aggregation=following(self.aggregation))

    def with_next_language(self) -> "Scope":
        """French, English, German, Dutch, French."""
        return msgspec.structs.replace(self, language=following(self.language))


Member = TypeVar("Member", bound=enum.Enum)


def following(member: Member) -> Member:
    """The next member of an enumeration, after the last the first."""
    members = list(type(member))
    return members[(members.index(member) + 1) % len(members)]
