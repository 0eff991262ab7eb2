"""What the views make of the services' answers: names in a language, sums, changes, rows to sort. Pure."""

import bisect
import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from tui.desk import Answers
from tui.errors import Problems
from tui.scope import Language, Side
from tui.wire import DatedValue, Kind, Labels, Level, ObjectSeries, RiskSeries, State

CHANGE_DAYS = 30
"""Over how many days a change is measured, where there are points so far apart and no further."""

SIDE_NAMES = {Side.LOCAL: "Local", Side.GLOBAL: "Global"}

STATE_NAMES = {State.CURRENT: "Current", State.RESIDUAL: "Residual"}

KIND_NAMES = {Kind.INFORMATIONAL: "informational", Kind.OPERATIONAL: "operational"}


class Metric(msgspec.Struct, frozen=True):
    """One of the three figures of a threat or vulnerability."""

    name: str
    field: str


class ObjectRow(msgspec.Struct, frozen=True):
    """A threat or vulnerability, summed up over the period; `trend` and `change` are of the metric asked for."""

    uuid: str
    label: str
    count: float
    rate: float
    highest: float
    change: float | None
    trend: tuple[tuple[dt.date, float | None], ...]
    other: float | None = None
    """The occurrence on the other side, where two are compared."""


def label(labels: Labels, language: Language, otherwise: str) -> str:
    """The name in the language, else in the first other one that has it (English first), else `otherwise`."""
    by_language = {
        Language.FR: labels.label1,
        Language.EN: labels.label2,
        Language.DE: labels.label3,
        Language.NL: labels.label4,
    }
    names = [by_language[language], labels.label2, *by_language.values()]
    return next((str(name) for name in names if name and not name.isspace()), otherwise)


Points = Sequence[tuple[dt.date, float | None]]
"""Values by date, the oldest first; None where there is none."""


def failures(*answers: Answers[Any]) -> Problems:
    """What went wrong on the sides that did not answer, each thing once."""
    return {error.message: error for one in answers for error in one.problems.values()}


def change(points: Points) -> float | None:
    """The newest value less the one CHANGE_DAYS before it (the newest that is at least so old; the oldest where none
    is). None where there are not two values."""
    both = _compared(points)
    return both[1][1] - both[0][1] if both else None


def span(series: Iterable[Points]) -> str:
    """What the `change`s of these series are measured over, in words: that is longer where their points are further
    apart, and shorter where the period is. Empty where none of them has a change."""
    found = {(newer[0] - older[0]).days for older, newer in filter(None, map(_compared, series))}
    least, most = min(found, default=0), max(found, default=0)
    return "" if not found else f"in {most} days" if least == most else f"in {least} to {most} days"


def _compared(points: Points) -> tuple[tuple[dt.date, float], tuple[dt.date, float]] | None:
    """The two points that a change lies between; None where there are not two."""
    known = [(date, value) for date, value in points if value is not None]
    if len(known) < 2:  # noqa: PLR2004  # a change needs two
        return None
    newest = known[-1]
    place = bisect.bisect_right([date for date, _ in known], newest[0] - dt.timedelta(days=CHANGE_DAYS)) - 1
    return known[max(place, 0)], newest


def dated(values: Iterable[DatedValue]) -> list[tuple[dt.date, float | None]]:
    """An answer's values as points."""
    return [(one.date, one.value) for one in values]


def level_points(risks: RiskSeries, state: State, kind: Kind) -> dict[Level, list[tuple[dt.date, float | None]]]:
    """A kind's values of a state by level; the levels that the answer lacks are empty."""
    levels = risks.get(state, {}).get(kind, {})
    return {level: dated(levels.get(level, [])) for level in Level}


def total(
    by_level: Iterable[Sequence[tuple[dt.date, float | None]]],
) -> list[tuple[dt.date, float | None]]:
    """The levels summed up by date."""
    sums: dict[dt.date, float] = {}
    for points in by_level:
        for date, value in points:
            if value is not None:
                sums[date] = sums.get(date, 0.0) + value
    return sorted(sums.items())


def newest(points: Sequence[tuple[dt.date, float | None]]) -> float:
    """The last value there is, 0 where there is none."""
    return next((value for _, value in reversed(points) if value is not None), 0.0)


def object_rows(
    series: Iterable[ObjectSeries],
    language: Language,
    metric: Metric,
    others: Iterable[ObjectSeries] | None = None,
) -> list[ObjectRow]:
    """A row per object; where `others` (the other side) are given also for those that only they have, at zero."""
    other = {one.object: one for one in others or ()}
    rows = [_row(one, language, metric, other.pop(one.object, None), compared=others is not None) for one in series]
    for one in other.values():
        name = label(one.labels, language, one.object)
        rows.append(ObjectRow(one.object, name, 0, 0, 0, None, (), one.averages.count))
    return rows


def _row(
    one: ObjectSeries, language: Language, metric: Metric, other: ObjectSeries | None, *, compared: bool
) -> ObjectRow:
    trend = tuple((value.date, float(getattr(value, metric.field))) for value in one.values)
    other_count = other.averages.count if other else 0.0
    return ObjectRow(
        uuid=str(one.object),
        label=label(one.labels, language, str(one.object)),
        count=one.averages.count,
        rate=one.averages.average_rate,
        highest=one.averages.max_risk,
        change=change(trend),
        trend=trend,
        other=other_count if compared else None,
    )
