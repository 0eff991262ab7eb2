"""What the families share: a series turned from days to keys, and the small parts of their answers."""

from collections.abc import Iterable

import msgspec

from service.records import Key, Series

Column = tuple[list[str], list[list[int]]]
"""The days on which a key appears, ascending, and beside each of them its `[rows, sum, ...]`."""


class Labels(msgspec.Struct, frozen=True):
    """A name in French, English, German and Dutch; "" where there is none."""

    label1: str
    label2: str
    label3: str
    label4: str


class Point(msgspec.Struct, frozen=True, gc=False):
    """A mean of one day, or of the period that begins with it. `date`: `YYYY-MM-DD`."""

    date: str
    value: float


def columns(series: Series) -> dict[Key, Column]:
    """For each key that appears in the series its column.

    One pass over the days, whatever keys they hold: looking each key up in each day would take keys x days
    even where every key appears on one day only. The inner lists are the series' own: not to be changed.
    """
    by_number: dict[int, Column] = {}
    for day, figures in series.days:
        for number, sums in figures.items():
            if number in by_number:
                days, rows = by_number[number]
            else:
                days, rows = by_number[number] = ([], [])
            days.append(day)
            rows.append(sums)
    return {series.keys[number]: column for number, column in by_number.items()}


def merged(parts: list[Column]) -> Column:
    """One column out of several (at least one), what they have of the same day added up."""
    if len(parts) == 1:
        return parts[0]
    by_day: dict[str, list[int]] = {}
    for days, rows in parts:
        for day, sums in zip(days, rows, strict=True):
            before = by_day.get(day)
            by_day[day] = sums if before is None else [a + b for a, b in zip(before, sums, strict=True)]
    ordered = sorted(by_day)
    return ordered, [by_day[day] for day in ordered]


def total(column: Column) -> list[int]:
    """A column's `[rows, sum, ...]` over all its days."""
    return [sum(numbers) for numbers in zip(*column[1], strict=True)]


def newest_labels(series: Series, seen: Iterable[tuple[Key, Column]]) -> Labels:
    """The labels to show for what bore several: those of the newest day, of several that day the greatest. So
    that an answer depends on what is stored and not on the order in which it came. The last four parts of a
    key are its labels; at least one key is needed.
    """
    _, labels = max((series.newest.get(key, days[-1]), key[-4:]) for key, (days, _) in seen)
    return Labels(*labels)
