"""How many risks there are of each level.

Keys: (state, kind, level). Sums: the number of risks.
"""

from collections.abc import Callable
from typing import TypeVar

from service.core.processors import Choice, processor
from service.core.processors.series import Column, Point, columns, total
from service.records import KINDS, LEVELS, STATES, Series

_TYPES = Choice("The kinds of risks wanted.", KINDS)
_STATES = Choice("The states of risks wanted: before (current) or after treatment (residual).", STATES)

Leaf = TypeVar("Leaf")
Tree = dict[str, dict[str, dict[str, Leaf]]]
"""By state, kind and level."""


@processor("The mean number of risks of each level over the range.", risks_type=_TYPES, risks_state=_STATES)
def risk_averages(
    series: Series, *, risks_type: tuple[str, ...], risks_state: tuple[str, ...]
) -> Tree[float] | list[None]:
    """The means by state, kind and level; 0.0 for a level that no row has."""
    return _tree(series, risks_state, risks_type, _mean)


@processor("The mean number of risks of each level on each date.", risks_type=_TYPES, risks_state=_STATES)
def risk_averages_on_date(
    series: Series, *, risks_type: tuple[str, ...], risks_state: tuple[str, ...]
) -> Tree[list[Point]] | list[None]:
    """For each state, kind and level the means of the days on which any row has it."""
    return _tree(series, risks_state, risks_type, _means)


def _tree(
    series: Series, states: tuple[str, ...], kinds: tuple[str, ...], leaf: Callable[[Column], Leaf]
) -> Tree[Leaf] | list[None]:
    """What `leaf` makes of each column. All levels of what was asked for are there: clients count on three of
    them in this order.
    """
    by_key = columns(series)
    if not by_key:
        return []
    absent: Column = ([], [])
    return {
        state: {kind: {level: leaf(by_key.get((state, kind, level), absent)) for level in LEVELS} for kind in kinds}
        for state in states
    }


def _mean(column: Column) -> float:
    if not column[0]:
        return 0.0
    rows, value = total(column)
    return value / rows


def _means(column: Column) -> list[Point]:
    return [Point(day, value / rows) for day, (rows, value) in zip(*column, strict=True)]
