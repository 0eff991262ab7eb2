"""The calendar: periods and their first days, steps back by months."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core.periods import Period, first_day, months_before


@pytest.mark.parametrize(
    ("period", "day", "expected"),
    [
        ("day", "2024-02-29", "2024-02-29"),
        ("week", "2024-03-03", "2024-02-26"),  # a Sunday belongs to the Monday before it
        ("week", "2024-02-26", "2024-02-26"),
        ("week", "2025-01-01", "2024-12-30"),  # a week does not end with the year
        ("week", "0001-01-07", "0001-01-01"),  # the first day there is, is a Monday
        ("month", "2024-02-29", "2024-02-01"),
        ("quarter", "2024-01-01", "2024-01-01"),
        ("quarter", "2024-03-31", "2024-01-01"),
        ("quarter", "2024-04-01", "2024-04-01"),
        ("quarter", "2024-12-31", "2024-10-01"),
        ("year", "2024-12-31", "2024-01-01"),
    ],
)
def test_first_day(period: str, day: str, expected: str) -> None:
    """A period is named by its first day, a week by its Monday."""
    assert first_day(Period(period), dt.date.fromisoformat(day)).isoformat() == expected


@given(period=st.sampled_from(Period), day=st.dates(max_value=dt.date(9998, 12, 31)))
def test_periods_cover_the_calendar_without_gaps(period: Period, day: dt.date) -> None:
    """Each day lies in one period: the next day is in the same one or begins the next."""
    first = first_day(period, day)
    tomorrow = day + dt.timedelta(days=1)
    assert first <= day
    assert first_day(period, first) == first
    assert first_day(period, tomorrow) in (first, tomorrow)


@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [
        ("2024-05-15", 3, "2024-02-15"),
        ("2024-05-31", 3, "2024-02-29"),
        ("2023-05-31", 3, "2023-02-28"),
        ("2024-01-31", 1, "2023-12-31"),
        ("2024-03-01", 36, "2021-03-01"),
        ("2024-05-15", 0, "2024-05-15"),
        ("0001-02-15", 1, "0001-01-15"),
        ("0001-01-15", 1, "0001-01-01"),
        ("2024-05-15", 10**9, "0001-01-01"),
    ],
)
def test_months_before(day: str, months: int, expected: str) -> None:
    """The same day of an earlier month, its last one where it is too short, and never before the calendar."""
    assert months_before(dt.date.fromisoformat(day), months).isoformat() == expected
