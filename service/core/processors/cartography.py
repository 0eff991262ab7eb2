"""Cartography: how many risks lie in each cell of the matrix of impact and likelihood (or probability).

Keys and sums: ("rows",) counts the rows; ("scale", name, value) a value that a row's scale has; and of a cell
(state, kind, impact, column) the number of risks. A row that lacks a cell has 0 there, so the mean of a cell
is over all rows. But where a series withholds something (a public instance's), a day that lacks a cell may have it:
there the mean is over the days on which the cell is told, see `told_cells`.
"""

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import TypeVar

import msgspec

from service.core.processors import processor
from service.figures import total_of
from service.records import KINDS, SCALES, STATES, Figures, Key, Series

_ROWS = ("rows",)


Scales = dict[str, list[int]]
Leaf = TypeVar("Leaf")
Tree = dict[str, dict[str, dict[str, dict[str, Leaf]]]]


class Cartography(msgspec.Struct, frozen=True):
    """`scales`: by name the values that any row has, ascending. `risks`: by state, kind, impact and column
    (likelihood of informational risks, probability of operational ones), the last two as numbers, ascending.
    """

    scales: Scales
    risks: Tree[float]


class CartographyOnDate(msgspec.Struct, frozen=True):
    """The same, each cell with a mean for each of `dates`, in their order; null where it is not told. (A matrix has
    hundreds of cells: to name the date with each mean, as other processors do, would make the answer five times as
    long.)"""

    scales: Scales
    dates: list[str]
    risks: Tree[list[float | None]]


def told_cells(days: list[tuple[dt.date, Figures]], keys: Mapping[int, Key]) -> list[tuple[dt.date, Figures]]:
    """What is told of days, made ready to be added up and for a series that withholds something: `[rows, risks]` of a
    cell has all rows of the days on which the cell is told, whether they have it or not. Days of which the number of
    rows is not told are left out."""
    of_rows = next((number for number, key in keys.items() if key == _ROWS), -1)
    return [
        (day, {number: [figures[of_rows][0], *sums[1:]] for number, sums in figures.items()})
        for day, figures in days
        if of_rows in figures
    ]


@processor("The mean number of risks in each cell of the risk matrix over the range.")
def cartography_average(series: Series) -> Cartography | list[None]:
    """A mean for each cell that any row of the range has."""
    numbers = _numbers(series)
    if _ROWS not in numbers:
        return []
    means = _told_mean(series) if series.withheld else _mean(numbers, series)
    return Cartography(_scales(numbers), _tree(numbers, means))


@processor("The mean number of risks in each cell of the risk matrix on each date.")
def cartography_average_on_date(series: Series) -> CartographyOnDate | list[None]:
    """For each cell that any row of the range has, a mean for each day that has rows."""
    numbers = _numbers(series)
    if _ROWS not in numbers:
        return []
    days = [(day, figures) for day, figures in series.days if numbers[_ROWS] in figures]
    means = _told_means(series) if series.withheld else _means(numbers, [figures for _, figures in days])
    return CartographyOnDate(_scales(numbers), [day for day, _ in days], _tree(numbers, means))


def _means(numbers: Mapping[Key, int], days: list[Figures]) -> dict[int, list[float | None]]:
    """Built day by day and not cell by cell, as the figures lie in memory: that takes half the time."""
    means: dict[int, list[float | None]] = {
        number: [0.0] * len(days) for key, number in numbers.items() if key[0] in STATES
    }
    for place, figures in enumerate(days):
        (rows,) = figures[numbers[_ROWS]]
        for number, sums in figures.items():
            if number in means:
                means[number][place] = sums[1] / rows
    return means


def _told_means(series: Series) -> dict[int, list[float | None]]:
    means: dict[int, list[float | None]] = {}
    for place, (_, figures) in enumerate(series.days):
        for number, sums in figures.items():
            if series.keys[number][0] in STATES:
                means.setdefault(number, [None] * len(series.days))[place] = sums[1] / sums[0]
    return means


def _mean(numbers: Mapping[Key, int], series: Series) -> dict[int, float]:
    totals = dict.fromkeys(numbers.values(), 0)
    for _, figures in series.days:
        for number, sums in figures.items():
            totals[number] += sums[-1]
    rows = totals[numbers[_ROWS]]
    return {number: value / rows for number, value in totals.items()}


def _told_mean(series: Series) -> dict[int, float]:
    total = total_of(figures for _, figures in series.days)
    return {number: sums[-1] / sums[0] for number, sums in total.items()}


def _numbers(series: Series) -> dict[Key, int]:
    return {key: number for number, key in series.keys.items()}


def _scales(numbers: Iterable[Key]) -> Scales:
    """The values of each scale, ascending."""
    return {name: sorted(int(key[2]) for key in numbers if key[:2] == ("scale", name)) for name in SCALES}


def _tree(numbers: Mapping[Key, int], leaves: Mapping[int, Leaf]) -> Tree[Leaf]:
    """The leaf of each cell's number, by state, kind, impact and column."""
    risks: Tree[Leaf] = {state: {kind: {} for kind in KINDS} for state in STATES}
    cells = [key for key in numbers if key[0] in STATES and numbers[key] in leaves]
    for key in sorted(cells, key=lambda cell: (int(cell[2]), int(cell[3]))):
        state, kind, impact, column = key
        risks[state][kind].setdefault(impact, {})[column] = leaves[numbers[key]]
    return risks
