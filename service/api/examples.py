"""The examples of the documentation: five small rows, and what the real processors make of them."""

import datetime as dt
from typing import Any
from uuid import UUID

import msgspec

from service.api.row_schemas import Row
from service.core import payloads, processors
from service.records import Refusal, Series, StatType

ANR = UUID("267fc596-f705-11e8-b555-0800279aaa2b")
DAY = dt.date(2026, 1, 31)

_LABELS = {"label1": "Vol", "label2": "Theft", "label3": "Diebstahl", "label4": "Diefstal"}
_OBJECT = {"uuid": "b402d557-4576-11e9-9173-0800277f0571", **_LABELS, "count": 8, "maxRisk": 40, "averageRate": "2.82"}
_LEVELS = [
    {"level": "Low risks", "value": 50},
    {"level": "Medium risks", "value": 20},
    {"level": "High risks", "value": 4},
]
_CATEGORY = {
    **_LABELS,
    "value": "0.20",
    "controls": [{"code": "5.1.1", "measure": "267fc6a7-f705-11e8-b555-0800279aaa2b", "value": "0.20"}],
}
_KINDS = {"informational": _LEVELS, "operational": _LEVELS}
_CELLS = {"informational": {"3": {"4": 2, "6": 1}}, "operational": [[8, 6], [1, 0]]}

DATA: dict[StatType, Any] = {
    StatType.RISK: {
        "risks": {"current": _KINDS, "residual": _KINDS},
        "total": {state: {"informational": 74, "operational": 74} for state in ("current", "residual")},
    },
    StatType.THREAT: [_OBJECT],
    StatType.VULNERABILITY: [_OBJECT],
    StatType.CARTOGRAPHY: {
        "scales": {"impact": [0, 1, 2, 3, 4], "likelihood": [0, 2, 4, 6], "probability": [0, 1]},
        "risks": {"current": _CELLS, "residual": _CELLS},
    },
    StatType.COMPLIANCE: [
        {
            "referential": "98ca84fb-db87-11e8-ac77-0800279aaa2b",
            **_LABELS,
            "current": [_CATEGORY],
            "target": [{**_CATEGORY, "value": "0.80"}],
        }
    ],
}


def sent() -> list[Row]:
    """A batch as a Front Office sends it."""
    rows = [{"anr": ANR, "type": kind.value, "date": DAY, "data": data} for kind, data in DATA.items()]
    return msgspec.convert(rows, list[Row])


def stored() -> Row:
    """A row as it comes back."""
    first, *_ = sent()
    return msgspec.structs.replace(first, uuid=UUID("c08e380f-7ec0-43ff-bca2-4505856739e0"))


def refused() -> Refusal:
    """A row that was not stored."""
    return Refusal(index=3, uuid=None, anr=str(ANR), message="data[3].averageRate: must be a number")


def chart(stat_type: StatType) -> Any:
    """What the type's own processor answers, given the example's row."""
    figures = payloads.read(stat_type, msgspec.json.encode(DATA[stat_type]))
    series = Series(
        days=[(DAY.isoformat(), {number: [each.rows, *each.sums] for number, each in enumerate(figures)})],
        keys={number: each.key for number, each in enumerate(figures)},
    )
    return processors.default_for(stat_type).run(series)
