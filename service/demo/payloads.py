"""The five kinds of `data` of an analysis, written as a Front Office writes them.

The Front Office is PHP: an array whose keys are 0..n-1 comes out as a list, any other as an object; means are
strings of two decimals, cut off and not rounded (the mean of one number stays as it is: "4"); `/` and all that is
not ASCII are escaped.
"""

import functools
import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any, Final

from service.demo.analysis import FULL, Analysis, Risk, Soa
from service.demo.catalogue import Entry
from service.demo.referentials import Chapter, Control
from service.records import StatType

_STATES: Final = ("current", "residual")
_LEVELS: Final = ("Low risks", "Medium risks", "High risks")
_ACCEPTABLE: Final = {"informational": (8, 27), "operational": (4, 8)}
"""The highest value that is still low, and still medium."""

_ENCODER: Final = json.JSONEncoder(separators=(",", ":"))

Cells = Counter[tuple[int, int]]
"""How many risks stand at an impact and a column of the matrix."""


def written(analysis: Analysis) -> dict[StatType, bytes]:
    """The analysis' figures as they stand now, as compact JSON text."""
    risks = {"informational": analysis.informational, "operational": analysis.operational}
    cells = {state: {kind: _cells(of_kind, state) for kind, of_kind in risks.items()} for state in _STATES}
    threats = _objects((risk.threat, risk.threat_rate, risk) for risk in analysis.informational)
    vulnerabilities = _objects((risk.vulnerability, risk.rate, risk) for risk in analysis.informational)
    texts = {
        StatType.RISK: _php_json(_risk(cells)),
        StatType.THREAT: _php_json(threats),
        StatType.VULNERABILITY: _php_json(vulnerabilities),
        StatType.CARTOGRAPHY: _php_json(_cartography(cells, analysis.scales)),
        StatType.COMPLIANCE: f"[{','.join(_compliance(soa) for soa in analysis.soas)}]",
    }
    return {kind: text.encode("ascii") for kind, text in texts.items()}


def _php_json(value: object) -> str:
    return _ENCODER.encode(value).replace("/", "\\/")


def _php_array(items: dict[int, Any]) -> list[Any] | dict[str, Any]:
    ordered = sorted(items)
    if ordered == list(range(len(ordered))):
        return [items[key] for key in ordered]
    return {str(key): items[key] for key in ordered}


def _decimal(hundredths: int) -> str:
    return f"{hundredths // 100}.{hundredths % 100:02}"


def _mean(numbers: list[int]) -> str:
    return str(numbers[0]) if len(numbers) == 1 else _decimal(sum(numbers) * 100 // len(numbers))


def _cells(risks: list[Risk], state: str) -> Cells:
    if state == "current":
        return Counter((risk.impact, risk.column) for risk in risks)
    return Counter((risk.impact, risk.residual_column) for risk in risks)


def _risk(cells: dict[str, dict[str, Cells]]) -> dict[str, Any]:
    levels, totals = {}, {}
    for state, kinds in cells.items():
        levels[state] = {kind: _levels(of_kind, *_ACCEPTABLE[kind]) for kind, of_kind in kinds.items()}
        totals[state] = {kind: of_kind.total() for kind, of_kind in kinds.items()}
    return {"risks": levels, "total": totals}


def _levels(cells: Cells, low: int, medium: int) -> list[dict[str, Any]]:
    counts = [0, 0, 0]
    for (impact, column), count in cells.items():
        value = impact * column
        counts[(value > low) + (value > medium)] += count
    return [{"level": level, "value": count} for level, count in zip(_LEVELS, counts, strict=True)]


def _objects(items: Iterable[tuple[Entry | None, int, Risk]]) -> list[dict[str, Any]]:
    """The threats or vulnerabilities: how often each occurs, in what gravest risk, at what mean rate."""
    found: dict[str, tuple[Entry, list[int], list[int]]] = {}
    for entry, rate, risk in items:
        if entry is not None:
            _, rates, values = found.setdefault(entry.uuid, (entry, [], []))
            rates.append(rate)
            values.append(risk.value)
    return [_object(*parts) for parts in found.values()]


def _object(entry: Entry, rates: list[int], values: list[int]) -> dict[str, Any]:
    numbers = {"count": len(rates), "maxRisk": max(values), "averageRate": _mean(rates)}
    return {"uuid": entry.uuid, **entry.labels, **numbers}


def _cartography(cells: dict[str, dict[str, Cells]], scales: dict[str, list[int]]) -> dict[str, Any]:
    matrices = {}
    for state, kinds in cells.items():
        matrices[state] = {kind: _matrix(of_kind) for kind, of_kind in kinds.items()}
    return {"scales": scales, "risks": matrices}


def _matrix(cells: Cells) -> list[Any] | dict[str, Any]:
    rows: defaultdict[int, dict[int, int]] = defaultdict(dict)
    for (impact, column), count in cells.items():
        rows[impact][column] = count
    return _php_array({impact: _php_array(row) for impact, row in rows.items()})


# Compliance is the largest payload by far, over a hundred controls twice, so its text is put together of parts.

_FOLLOWED: Final = [(grade * 100 // FULL, _decimal(grade * 100 // FULL)) for grade in range(FULL + 1)]
_AIM: Final = ((0, "0"), (100, "1"))
"""A control's value by its grade, and its aim by whether it applies: in hundredths, and as it is written."""


def _compliance(soa: Soa) -> str:
    chapters = list(zip(soa.referential.chapters, soa.chapters, strict=True))
    current = [_category(chapter, [_FOLLOWED[grade.value] for grade in own]) for chapter, own in chapters]
    target = [_category(chapter, [_AIM[grade.applies] for grade in own]) for chapter, own in chapters]
    head = _php_json({"referential": soa.referential.uuid, **soa.referential.labels})
    return f'{head[:-1]},"current":[{",".join(current)}],"target":[{",".join(target)}]}}'


def _category(chapter: Chapter, values: list[tuple[int, str]]) -> str:
    mean = _decimal(sum(hundredths for hundredths, _ in values) // len(values))
    controls = [_control(control, text) for control, (_, text) in zip(chapter.controls, values, strict=True)]
    head = _php_json({**chapter.labels, "value": mean})
    return f'{head[:-1]},"controls":[{",".join(controls)}]}}'


@functools.cache
def _control(control: Control, value: str) -> str:
    return _php_json({"code": control.code, "measure": control.measure, "value": value})
