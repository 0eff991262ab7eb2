"""Public figures of a period that is over. The service gives them up to today: what is after the period's end is taken
away here, and the means over the period are made anew of those of its days, each of which counts the same. Pure.
"""

import datetime as dt
from collections.abc import Callable, Iterable
from statistics import fmean
from typing import TypeVar

import msgspec

from tui import wire
from tui.scope import Aggregation, Ask

Value = TypeVar("Value", wire.DatedValue, wire.ObjectValue)
"""What a day is told with."""


def risks(found: wire.RiskSeries, ask: Ask) -> wire.RiskSeries:
    """The risks up to the period's end, in its steps; empty where there are none."""
    cut = {
        state: {
            kind: {level: _steps(values, ask, _mean_value) for level, values in levels.items()}
            for kind, levels in kinds.items()
        }
        for state, kinds in found.items()
    }
    return cut if any(v for kinds in cut.values() for levels in kinds.values() for v in levels.values()) else {}


def objects(found: Iterable[wire.ObjectSeries], ask: Ask) -> list[wire.ObjectSeries]:
    """The threats or vulnerabilities that there were up to the period's end, in its steps."""
    cut = []
    for one in found:
        days = [value for value in one.values if value.date <= ask.date_to]
        if days:
            whole = _mean_object(days[0].date, days)
            means = wire.ObjectMeans(whole.count, whole.max_risk, whole.average_rate)
            values = _steps(days, ask, _mean_object)
            cut.append(msgspec.structs.replace(one, values=values, averages=means))
    return cut


def cartography(found: wire.CartographyOnDate, ask: Ask) -> wire.Cartography | None:
    """The mean heat maps of the days up to the period's end, of each cell over the days on which it is told, without
    cells that filled later; None where there is no such day. The scales are those of all days."""
    days = sum(date <= ask.date_to for date in found.dates)
    if not days:
        return None
    means = {state: {kind: _grid(grid, days) for kind, grid in kinds.items()} for state, kinds in found.risks.items()}
    return wire.Cartography(found.scales, means)


def _grid(found: wire.GridOnDate, days: int) -> wire.Grid:
    """The means of the first days."""
    cut: wire.Grid = {}
    for impact, cells in found.items():
        for column, values in cells.items():
            told = [value for value in values[:days] if value is not None]
            if any(told):
                cut.setdefault(impact, {})[column] = fmean(told)
    return cut


def compliance(found: Iterable[wire.ComplianceSeries], ask: Ask) -> list[wire.ComplianceSeries]:
    """The referentials that there were up to the period's end, in its steps."""
    cut = [
        msgspec.structs.replace(one, current=_categories(one.current, ask), target=_categories(one.target, ask))
        for one in found
    ]
    return [one for one in cut if one.current or one.target]


def _categories(found: Iterable[wire.CategorySeries], ask: Ask) -> list[wire.CategorySeries]:
    cut = []
    for one in found:
        days = [value for value in one.values if value.date <= ask.date_to]
        if days:
            mean = _mean_value(days[0].date, days).value
            cut.append(msgspec.structs.replace(one, values=_steps(days, ask, _mean_value), average=mean))
    return cut


def _steps(values: Iterable[Value], ask: Ask, mean: Callable[[dt.date, list[Value]], Value]) -> list[Value]:
    """The values up to the period's end, one for each step."""
    steps: dict[dt.date, list[Value]] = {}
    for value in values:
        if value.date <= ask.date_to:
            steps.setdefault(first_day(ask.aggregation, value.date), []).append(value)
    return [mean(first, days) for first, days in steps.items()]


def first_day(step: Aggregation, day: dt.date) -> dt.date:
    """The day that a step is named by. A week begins on Monday."""
    match step:
        case Aggregation.DAY:
            return day
        case Aggregation.WEEK:
            return day - dt.timedelta(days=day.weekday())
        case Aggregation.MONTH:
            return day.replace(day=1)
        case Aggregation.QUARTER:
            return day.replace(month=day.month - (day.month - 1) % 3, day=1)
        case Aggregation.YEAR:
            return day.replace(month=1, day=1)


def _mean_value(date: dt.date, days: list[wire.DatedValue]) -> wire.DatedValue:
    return wire.DatedValue(date, fmean(day.value for day in days))


def _mean_object(date: dt.date, days: list[wire.ObjectValue]) -> wire.ObjectValue:
    return wire.ObjectValue(
        date,
        fmean(day.count for day in days),
        fmean(day.max_risk for day in days),
        fmean(day.average_rate for day in days),
    )
