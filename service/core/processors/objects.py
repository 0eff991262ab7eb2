"""Threats and vulnerabilities: how often each occurs, and how grave it is.

Keys: (uuid, label1, label2, label3, label4). Sums: count, maxRisk in units, averageRate in units.
"""

import msgspec

from service.core.processors import processor
from service.core.processors.series import Column, Labels, columns, merged, newest_labels, total
from service.records import UNIT, Key, Series


class Value(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """The means over the rows of a day."""

    count: float
    max_risk: float
    average_rate: float
    date: str


class Averages(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """The means over all rows of the range."""

    count: float
    max_risk: float
    average_rate: float


class ObjectSeries(msgspec.Struct, frozen=True):
    """A threat or a vulnerability over time. `values` by date, without the days on which no row has it."""

    object: str
    labels: Labels
    values: list[Value]
    averages: Averages


@processor("Per threat and date the mean occurrences, highest risk and probability; and over the range.")
def threat_average_on_date(series: Series) -> list[ObjectSeries]:
    """The threats, by uuid."""
    return _objects(series)


@processor("Per vulnerability and date the mean occurrences, highest risk and qualification; and over the range.")
def vulnerability_average_on_date(series: Series) -> list[ObjectSeries]:
    """The vulnerabilities, by uuid."""
    return _objects(series)


def _objects(series: Series) -> list[ObjectSeries]:
    by_uuid: dict[str, list[tuple[Key, Column]]] = {}
    for key, column in columns(series).items():
        by_uuid.setdefault(key[0], []).append((key, column))
    return [_object(uuid, by_uuid[uuid], newest_labels(series, by_uuid[uuid])) for uuid in sorted(by_uuid)]


def _object(uuid: str, seen: list[tuple[Key, Column]], labels: Labels) -> ObjectSeries:
    """`seen`: the object under each set of labels that it bore; `labels`: those to show."""
    column = merged([part for _, part in seen])
    rows, count, risk, rate = total(column)
    return ObjectSeries(
        object=uuid,
        labels=labels,
        values=[
            Value(count / rows, risk / (units := rows * UNIT), rate / units, day)
            for day, (rows, count, risk, rate) in zip(*column, strict=True)
        ],
        averages=Averages(count / rows, risk / (rows * UNIT), rate / (rows * UNIT)),
    )
