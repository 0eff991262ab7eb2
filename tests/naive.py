"""The naive model: charts computed in plain Python over rows' JSON, the way that nobody can get wrong.

It shares no code with the service, on purpose: property tests hold the service against it. Its sums are exact
fractions, rounded once to a float at the end. `naive_chart` is the same loop with floats, over JSON text, and
what benchmarks are held against: what a program does that loads every row and loops.
"""

import datetime as dt
import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import msgspec

Row = dict[str, Any]
"""{"client": name, "local": bool, "anr": uuid, "type": str, "date": "YYYY-MM-DD", "data": parsed JSON}"""

Number = Callable[[Any], Any]
"""How a number of a payload is read: `exact` or `float`."""

Days = Iterable[tuple[str, str, Any]]
"""The day, the first day of its period, and the data of each row, by day."""

Leaf = Callable[[dict[str, list[Any]]], Any]
"""What becomes of the values of each day."""

STATES = ["current", "residual"]
KINDS = ["informational", "operational"]
LEVELS = ["Low risks", "Medium risks", "High risks"]


class NaiveModel:
    """All accounts' rows in a dict; every chart reads them all."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str, str, str], Row] = {}

    def post(self, rows: Iterable[Row]) -> None:
        """Keep the rows; one of the same client, analysis, type and date replaces that before it."""
        for row in rows:
            self._rows[row["client"], row["anr"], row["type"], row["date"]] = row

    def delete_analysis(self, client: str, anr: str) -> None:
        """Forget what the client sent of an analysis."""
        self._rows = {key: row for key, row in self._rows.items() if key[:2] != (client, anr)}

    def delete_client(self, client: str) -> None:
        """Forget all that the client sent."""
        self._rows = {key: row for key, row in self._rows.items() if key[0] != client}

    def purge(self, before: str) -> None:
        """Forget everybody's rows of the days before `before`."""
        self._rows = {key: row for key, row in self._rows.items() if key[3] >= before}

    def chart(
        self,
        processor: str,
        params: dict[str, Any] | None = None,
        anrs: Iterable[str] | None = None,
        client: str | None = None,
        date_from: str | None = None,
        date_to: str | None = None,
        local_only: bool = False,  # noqa: FBT001, FBT002 - in the order of the contract's parameters
        period: str | None = None,
    ) -> Any:
        """What the processor answers, as parsed JSON. `date_from` and `date_to` (`YYYY-MM-DD`) are inclusive;
        None of a filter means no filter."""
        wanted = None if anrs is None else set(anrs)
        days = [
            (row["date"], _first_day(row["date"], period or "day"), row["data"])
            for row in self._rows.values()
            if row["type"] == processor.partition("_")[0]
            and (wanted is None or row["anr"] in wanted)
            and (client is None or row["client"] == client)
            and (date_from is None or row["date"] >= date_from)
            and (date_to is None or row["date"] <= date_to)
            and (row["local"] or not local_only)
        ]
        days.sort(key=lambda day: day[0])
        return PROCESSORS[processor](days, exact, params or {})


def naive_chart(rows: Iterable[str | bytes], processor: str) -> Any:
    """The processor's answer, in floats, for rows given as JSON text, each `{"date": ..., "data": ...}`, by
    date."""
    parsed = map(msgspec.json.decode, rows)
    return PROCESSORS[processor](((row["date"], row["date"], row["data"]) for row in parsed), float, {})


def exact(number: Any) -> Fraction:
    """A payload's number as a fraction, to the millionth that the service keeps."""
    return Fraction(round(Decimal(str(number)), 6))


# --- threats and vulnerabilities ---------------------------------------------------------------------------


def _objects(days: Days, number: Number, _params: dict[str, Any]) -> list[Any]:
    sums: dict[str, dict[str, list[Any]]] = defaultdict(lambda: defaultdict(lambda: [0, 0, 0, 0]))
    newest: dict[str, tuple[str, list[str]]] = {}
    for date, day, elements in days:
        for element in elements:
            uuid = element["uuid"].lower()
            newest[uuid] = max(newest.get(uuid, ("", [])), (date, _labels(element)))
            of_day = sums[uuid][day]
            of_day[0] += 1
            of_day[1] += number(element["count"])
            of_day[2] += number(element["maxRisk"])
            of_day[3] += number(element["averageRate"])
    return [
        {
            "object": uuid,
            "labels": _labelled(newest[uuid][1]),
            "values": [{**_means(of_day), "date": day} for day, of_day in by_day.items()],
            "averages": _means([sum(column) for column in zip(*by_day.values(), strict=True)]),
        }
        for uuid, by_day in sorted(sums.items())
    ]


def _means(sums: list[Any]) -> dict[str, float]:
    rows, count, risk, rate = sums
    return {"count": float(count / rows), "maxRisk": float(risk / rows), "averageRate": float(rate / rows)}


# --- risks -------------------------------------------------------------------------------------------------


def _risks(days: Days, number: Number, params: dict[str, Any], leaf: Leaf) -> Any:
    """`leaf` is given the values of a state, kind and level in all rows of each day."""
    values: dict[tuple[str, str, str], dict[str, list[Any]]] = {
        (state, kind, level): {}
        for state in _asked(params.get("risks_state"), STATES)
        for kind in _asked(params.get("risks_type"), KINDS)
        for level in LEVELS
    }
    for _, day, data in days:
        for (state, kind, level), by_day in values.items():
            for risk in _under(data["risks"], state, kind):
                if risk["level"] == level:
                    by_day.setdefault(day, []).append(number(risk["value"]))
    return _tree({path: leaf(by_day) for path, by_day in values.items()}) if any(values.values()) else []


def _risk_averages(days: Days, number: Number, params: dict[str, Any]) -> Any:
    return _risks(days, number, params, _overall)


def _risk_averages_on_date(days: Days, number: Number, params: dict[str, Any]) -> Any:
    return _risks(days, number, params, _by_date)


def _asked(names: str | list[str] | None, known: list[str]) -> list[str]:
    asked = names.split(",") if isinstance(names, str) else names
    return [name for name in known if name in asked] if asked else known


# --- cartography -------------------------------------------------------------------------------------------


def _cells(data: Any, number: Number) -> dict[tuple[str, str, str, str], Any]:
    """The counts of one row by state, kind, impact and column."""
    return {
        (state, kind, impact, column): number(count)
        for state in STATES
        for kind in KINDS
        for impact, row in _pairs(_under(data["risks"], state, kind))
        for column, count in _pairs(row)
    }


def _cartography(days: Days, number: Number, leaf: Leaf) -> Any:
    """`leaf` is given a cell's counts in all rows of each day, 0 where a row has no such cell."""
    tables = []
    scales: dict[str, set[int]] = {"impact": set(), "likelihood": set(), "probability": set()}
    for _, day, data in days:
        tables.append((day, _cells(data, number)))
        for scale, values in scales.items():
            values.update(int(value) for _, value in _pairs(data["scales"][scale]))
    cells = {}
    paths = {path for _, table in tables for path in table}
    for path in sorted(paths, key=lambda path: (int(path[2]), int(path[3]))):
        counts: dict[str, list[Any]] = {}
        for day, table in tables:
            counts.setdefault(day, []).append(table.get(path, 0))
        cells[path] = leaf(counts)
    empty: dict[str, Any] = {state: {kind: {} for kind in KINDS} for state in STATES}
    answer = {
        "scales": {scale: sorted(values) for scale, values in scales.items()},
        "risks": _tree(cells, empty),
    }
    return answer if tables else []


def _cartography_average(days: Days, number: Number, _params: dict[str, Any]) -> Any:
    return _cartography(days, number, _overall)


def _cartography_average_on_date(days: Days, number: Number, _params: dict[str, Any]) -> Any:
    days = list(days)
    answer = _cartography(days, number, lambda counts: [_mean(counts[day]) for day in sorted(counts)])
    dates = sorted({day for _, day, _ in days})
    return {"scales": answer["scales"], "dates": dates, "risks": answer["risks"]} if answer else []


def _pairs(array: Any) -> list[tuple[str, Any]]:
    """The items of a PHP array, which JSON has as a list or as an object; what has no whole number as its key is
    something of a newer MONARC."""
    pairs = array.items() if isinstance(array, dict) else enumerate(array)
    return [(str(key), value) for key, value in pairs if re.fullmatch("0|-?[1-9][0-9]*", str(key))]


# --- compliance --------------------------------------------------------------------------------------------


def _compliance(days: Days, number: Number, leaf: Leaf) -> list[Any]:
    """`leaf` is given a category's values in all rows of each day."""
    newest: dict[str, tuple[str, list[str]]] = {}
    values: dict[tuple[str, str], dict[tuple[str, ...], dict[str, list[Any]]]] = defaultdict(dict)
    places: dict[tuple[str, str, tuple[str, ...]], list[int]] = defaultdict(list)
    for date, day, data in days:
        for referential in data:
            uuid = referential["referential"].lower()
            newest[uuid] = max(newest.get(uuid, ("", [])), (date, _labels(referential)))
            for side in ("current", "target"):
                for place, category in enumerate(referential[side]):
                    labels = _labels(category)
                    name = (*labels, "" if any(labels) else str(place))
                    by_day = values[uuid, side].setdefault(name, {})
                    by_day.setdefault(day, []).append(number(category["value"]))
                    places[uuid, side, name].append(place)

    def side_of(uuid: str, side: str) -> list[Any]:
        names = values[uuid, side]
        order = sorted(names, key=lambda name: (_mean(places[uuid, side, name]), name))
        return [{"labels": _labelled(name[:4]), **leaf(names[name])} for name in order]

    return [
        {
            "referential": uuid,
            "labels": _labelled(labels),
            "current": side_of(uuid, "current"),
            "target": side_of(uuid, "target"),
        }
        for uuid, (_, labels) in sorted(newest.items())
    ]


def _compliance_average(days: Days, number: Number, _params: dict[str, Any]) -> list[Any]:
    return _compliance(days, number, lambda by_day: {"value": _overall(by_day)})


def _compliance_average_on_date(days: Days, number: Number, _params: dict[str, Any]) -> list[Any]:
    return _compliance(days, number, lambda by_day: {"values": _by_date(by_day), "average": _overall(by_day)})


# --- common ------------------------------------------------------------------------------------------------

PROCESSORS: dict[str, Callable[[Days, Number, dict[str, Any]], Any]] = {
    "threat_average_on_date": _objects,
    "vulnerability_average_on_date": _objects,
    "risk_averages": _risk_averages,
    "risk_averages_on_date": _risk_averages_on_date,
    "cartography_average": _cartography_average,
    "cartography_average_on_date": _cartography_average_on_date,
    "compliance_average": _compliance_average,
    "compliance_average_on_date": _compliance_average_on_date,
}


def _under(risks: Any, state: str, kind: str) -> Any:
    """What stands under a state and kind. PHP sends `[]` for an empty array, whatever would be in it."""
    return risks[state][kind] if risks and risks[state] else []


def _mean(values: list[Any]) -> float:
    return float(sum(values) / len(values)) if values else 0.0


def _overall(by_day: dict[str, list[Any]]) -> float:
    return _mean([value for values in by_day.values() for value in values])


def _by_date(by_day: dict[str, list[Any]]) -> list[dict[str, Any]]:
    return [{"date": day, "value": _mean(values)} for day, values in by_day.items()]


def _labels(element: dict[str, Any]) -> list[str]:
    return [element.get(f"label{number}") or "" for number in (1, 2, 3, 4)]


def _labelled(labels: Iterable[str]) -> dict[str, str]:
    return {f"label{number}": label for number, label in enumerate(labels, start=1)}


def _tree(leaves: dict[Any, Any], tree: dict[str, Any] | None = None) -> dict[str, Any]:
    """Nested dicts out of leaves by path."""
    tree = {} if tree is None else tree
    for (*path, last), leaf in leaves.items():
        branch = tree
        for name in path:
            branch = branch.setdefault(name, {})
        branch[last] = leaf
    return tree


def _first_day(day: str, period: str) -> str:
    date = dt.date.fromisoformat(day)
    if period == "week":
        while date.weekday() != 0:
            date -= dt.timedelta(days=1)
    if period in ("month", "quarter", "year"):
        date = date.replace(day=1)
    while (period == "quarter" and date.month not in (1, 4, 7, 10)) or (period == "year" and date.month != 1):
        date = (date - dt.timedelta(days=1)).replace(day=1)
    return date.isoformat()
