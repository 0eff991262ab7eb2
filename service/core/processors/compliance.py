"""Compliance: how far each category of a referential (a standard) is met, now and as aimed at.

Keys and sums: ("referential", uuid, label1..label4) none; ("current" or "target", uuid of the referential,
label1..label4 of the category, "" or what tells it from others without labels) the value in units, and the
position among the categories.
"""

from collections.abc import Callable
from typing import Generic, TypeVar

import msgspec

from service.core.processors import processor
from service.core.processors.series import Column, Labels, Point, columns, newest_labels, total
from service.records import UNIT, Key, Series


class Category(msgspec.Struct, frozen=True):
    """A category's mean over the range, 0 to 1."""

    labels: Labels
    value: float


class CategorySeries(msgspec.Struct, frozen=True):
    """A category over time, without the days on which no row has it, and its mean over the range."""

    labels: Labels
    values: list[Point]
    average: float


C = TypeVar("C", Category, CategorySeries)


class Referential(msgspec.Struct, Generic[C], frozen=True):
    """A referential, its categories in the order in which the rows have them."""

    referential: str
    labels: Labels
    current: list[C]
    target: list[C]


@processor("Per referential and category the mean compliance, current and target, over the range.")
def compliance_average(series: Series) -> list[Referential[Category]]:
    """The referentials, by uuid."""
    return _referentials(series, _category)


@processor("Per referential and category the mean compliance, current and target, on each date.")
def compliance_average_on_date(series: Series) -> list[Referential[CategorySeries]]:
    """The referentials, by uuid."""
    return _referentials(series, _category_series)


def _referentials(series: Series, category: Callable[[Key, Column], C]) -> list[Referential[C]]:
    groups: dict[tuple[str, str], list[tuple[Key, Column]]] = {}
    for key, column in columns(series).items():
        groups.setdefault((key[0], key[1]), []).append((key, column))

    def categories(side: str, uuid: str) -> list[C]:
        return [category(key, column) for key, column in sorted(groups.get((side, uuid), []), key=_rank)]

    return [
        Referential(
            referential=uuid,
            labels=newest_labels(series, groups["referential", uuid]),
            current=categories("current", uuid),
            target=categories("target", uuid),
        )
        for uuid in sorted(uuid for part, uuid in groups if part == "referential")
    ]


def _rank(seen: tuple[Key, Column]) -> tuple[float, Key]:
    """Where a category stands: by its mean position in the rows, then by its labels."""
    key, column = seen
    rows, _, position = total(column)
    return position / rows, key[2:]


def _category(key: Key, column: Column) -> Category:
    rows, value, _ = total(column)
    return Category(_labels(key), value / (rows * UNIT))


def _category_series(key: Key, column: Column) -> CategorySeries:
    rows, value, _ = total(column)
    return CategorySeries(
        labels=_labels(key),
        values=[Point(day, value / (rows * UNIT)) for day, (rows, value, _) in zip(*column, strict=True)],
        average=value / (rows * UNIT),
    )


def _labels(key: Key) -> Labels:
    return Labels(*key[2:6])
