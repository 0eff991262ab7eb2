"""Cartography: how many risks lie in each cell of the matrix of impact and likelihood (or probability).

Keys and sums: ("rows",) counts the rows; ("scale", name, value) a value that a row's scale has; and of a cell
(state, kind, impact, column) the number of risks. A row that lacks a cell has 0 there, so the mean of a cell
is over all rows.
"""

from collections.abc import Iterable, Mapping
from typing import TypeVar

import msgspec

from service.core.processors import processor
from service.records import KINDS, SCALES, STATES, Key, Series

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
    """The same, each cell with a mean for each of `dates`, in their order. (A matrix has hundreds of cells: to name
    the date with each mean, as other processors do, would make the answer five times as long.)"""

    scales: Scales
    dates: list[str]
    risks: Tree[list[float]]


@processor("The mean number of risks in each cell of the risk matrix over the range.")
def cartography_average(series: Series) -> Cartography | list[None]:
    """A mean for each cell that any row of the range has."""
    numbers = _numbers(series)
    if _ROWS not in numbers:
        return []
    totals = dict.fromkeys(numbers.values(), 0)
    for _, figures in series.days:
        for number, sums in figures.items():
            totals[number] += sums[-1]
    rows = totals[numbers[_ROWS]]
    means = {number: value / rows for number, value in totals.items()}
    return Cartography(_scales(numbers), _tree(numbers, means))


@processor("The mean number of risks in each cell of the risk matrix on each date.")
def cartography_average_on_date(series: Series) -> CartographyOnDate | list[None]:
    """For each cell that any row of the range has, a mean for each day that has rows.

    Built day by day and not cell by cell, as the figures lie in memory: that takes half the time.
    """
    numbers = _numbers(series)
    if _ROWS not in numbers:
        return []
    days = [(day, figures) for day, figures in series.days if numbers[_ROWS] in figures]
    means = {number: [0.0] * len(days) for key, number in numbers.items() if key[0] in STATES}
    for place, (_, figures) in enumerate(days):
        (rows,) = figures[numbers[_ROWS]]
        for number, sums in figures.items():
            if number in means:
                means[number][place] = sums[1] / rows
    return CartographyOnDate(_scales(numbers), [day for day, _ in days], _tree(numbers, means))


def _numbers(series: Series) -> dict[Key, int]:
    return {key: number for number, key in series.keys.items()}


def _scales(numbers: Iterable[Key]) -> Scales:
    """The values of each scale, ascending."""
    return {name: sorted(int(key[2]) for key in numbers if key[:2] == ("scale", name)) for name in SCALES}


def _tree(numbers: Mapping[Key, int], leaves: Mapping[int, Leaf]) -> Tree[Leaf]:
    """The leaf of each cell's number, by state, kind, impact and column."""
    risks: Tree[Leaf] = {state: {kind: {} for kind in KINDS} for state in STATES}
    cells = [key for key in numbers if key[0] in STATES]
    for key in sorted(cells, key=lambda cell: (int(cell[2]), int(cell[3]))):
        state, kind, impact, column = key
        risks[state][kind].setdefault(impact, {})[column] = leaves[numbers[key]]
    return risks
