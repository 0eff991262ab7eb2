"""The five kinds of `data`: what is accepted, and the figures that charts need of it (spec: payloads).

A payload is read once, when it is first seen. Its shape is that of `core.shapes`.

Keys and sums of the figures, by type (a label that is null or absent is "" in a key; in UNIT: in millionths):

    risk            (state, kind, level)                                      value
    threat and      (uuid in lower case, label1, .., label4)                  count, maxRisk and averageRate in UNIT
    vulnerability
    cartography     ("rows",)                                                 none; once a payload (absent cells are 0)
                    ("scale", "impact" | "likelihood" | "probability", n)     none
                    (state, kind, impact, column)                             count
    compliance      ("referential", uuid in lower case, label1, .., label4)   none
                    ("current" | "target", uuid, label1, .., label4, "")      value in UNIT, place in the list
                    in the latter, the place instead of "" where a category has no labels

What stands twice under one key is one figure of two rows.
"""

from collections.abc import Callable
from operator import add
from typing import Any

from service.core import shapes, values
from service.core.values import Refusal
from service.records import MAX_UNITS, SCALES, Figure, Key, StatType

MOST_ELEMENTS = 10_000
"""How many elements (objects, categories, cells) may make a payload's figures. A rich one has some hundred; each figure
costs a sum on every day of every chart."""


# --- Reading


def read(stat_type: StatType, raw: bytes) -> list[Figure]:
    """The figures of a payload, each key once.

    `raw`: the JSON text of a row's `data`. Raises `BadInput` where it breaks a rule of `core.strict` or has not the
    type's shape; `errors` then maps the path of the field, such as `data[3].averageRate`, to what is wrong with it.
    """
    try:
        return _bounded(_FIGURES[stat_type](shapes.decode(stat_type, raw)))
    except Refusal as refusal:
        raise refusal.bad_input from None


def _bounded(figures: list[Figure]) -> list[Figure]:
    if sum(figure.rows for figure in figures) > MOST_ELEMENTS:
        raise Refusal(f"must have at most {MOST_ELEMENTS} elements")
    return figures


# --- risk


def _risk_figures(data: shapes.Risk) -> list[Figure]:
    figures = [
        Figure((*at, level), 1, (value,))
        for at, levels in shapes.by_kind(data.risks)
        for level, value in shapes.level_values(levels, "risks", *at).items()
    ]
    for at, total in shapes.by_kind(data.total):
        values.whole(total, 0, "total", *at)
    return figures


# --- threat, vulnerability


def _object_figures(data: list[shapes.Object]) -> list[Figure]:
    figures: dict[Key, Figure] = {}
    for place, item in enumerate(data):
        try:
            key = (values.uuid(item.uuid), *item.labels())
            sums = (values.count(item.count), values.max_risk(item.max_risk), values.average_rate(item.average_rate))
            _add(figures, key, sums)
        except Refusal as refusal:
            raise refusal.within(place) from None
    return list(figures.values())


# --- cartography


def _cartography_figures(data: shapes.Cartography) -> list[Figure]:
    figures = [Figure(("rows",), 1, ())]
    for name in SCALES:
        values = {str(number) for _, number in shapes.numbers(getattr(data.scales, name), -MAX_UNITS, "scales", name)}
        figures += [Figure(("scale", name, value), 1, ()) for value in values]
    for (state, kind), matrix in shapes.by_kind(data.risks):
        for impact, row in shapes.entries(matrix, "risks", state, kind):
            figures += [
                Figure((state, kind, str(impact), str(column)), 1, (count,))
                for column, count in shapes.numbers(row, 0, "risks", state, kind, impact)
            ]
    return figures


# --- compliance


def _compliance_figures(data: list[shapes.Referential]) -> list[Figure]:
    figures: dict[Key, Figure] = {}
    for place, item in enumerate(data):
        try:
            _add_referential(figures, item)
        except Refusal as refusal:
            raise refusal.within(place) from None
    return list(figures.values())


def _add_referential(figures: dict[Key, Figure], item: shapes.Referential) -> None:
    uuid = values.referential(item.referential)
    _add(figures, ("referential", uuid, *item.labels()), ())
    for side, categories in (("current", item.current), ("target", item.target)):
        for place, category in enumerate(categories):
            try:
                value = _category_value(category)
            except Refusal as refusal:
                raise refusal.within(side, place) from None
            labels = category.labels()
            _add(figures, (side, uuid, *labels, "" if any(labels) else str(place)), (value, place))


def _category_value(category: shapes.Category) -> int:
    for place, control in enumerate(category.controls):
        try:
            values.share(control.value)
        except Refusal as refusal:
            raise refusal.within("controls", place) from None
    return values.share(category.value)


def _add(figures: dict[Key, Figure], key: Key, sums: tuple[int, ...]) -> None:
    """Put a figure of one row under its key, or add the row to the figure that is there.

    Raises `Refusal` where that would come to more than MAX_UNITS: sums of many payloads have to fit in 64 bits.
    """
    there = figures.get(key)
    if there is None:
        figures[key] = Figure(key, 1, sums)
        return
    sums = tuple(map(add, there.sums, sums))
    if max(sums, default=0) > MAX_UNITS:
        raise Refusal("must be one with those of the same uuid and labels: together their numbers are too large")
    figures[key] = Figure(key, there.rows + 1, sums)


_FIGURES: dict[StatType, Callable[[Any], list[Figure]]] = {
    StatType.RISK: _risk_figures,
    StatType.THREAT: _object_figures,
    StatType.VULNERABILITY: _object_figures,
    StatType.CARTOGRAPHY: _cartography_figures,
    StatType.COMPLIANCE: _compliance_figures,
}
