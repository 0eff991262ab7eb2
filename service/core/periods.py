"""Calendar arithmetic: the periods that days are merged into, and stepping back by months.

Dates are plain dates; what "today" is, is the caller's business.
"""

import calendar
import datetime as dt
import enum


class Period(enum.StrEnum):
    """What `aggregation_period` may be (spec: wire contract, Processors)."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


def first_day(period: Period, day: dt.date) -> dt.date:
    """The first day of the period that `day` lies in, by which the period is named. A week begins on
    Monday."""
    match period:
        case Period.DAY:
            return day
        case Period.WEEK:
            return day - dt.timedelta(days=day.weekday())
        case Period.MONTH:
            return day.replace(day=1)
        case Period.QUARTER:
            return day.replace(month=day.month - (day.month - 1) % 3, day=1)
        case Period.YEAR:
            return day.replace(month=1, day=1)


def months_before(day: dt.date, months: int) -> dt.date:
    """The same day of the month, `months` (0 or more) earlier; the month's last day where it is too short for
    that (31 May less three months is 28 or 29 February). Nothing is before year 1: further back is
    `date.min`.
    """
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    if year < dt.MINYEAR:
        return dt.date.min
    _, length = calendar.monthrange(year, month + 1)
    return dt.date(year, month + 1, min(day.day, length))
