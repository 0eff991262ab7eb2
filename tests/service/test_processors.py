"""The processors: exact answers to small examples, and the naive model's answer to everything else."""

import itertools
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core import payloads, processors
from service.errors import BadInput
from service.records import Figures, Key, Series, StatType
from tests.naive import NaiveModel, naive_chart

Rows = list[tuple[str, Any]]
"""(day, data) in any order."""

NAMES = [each.name for each in processors.all()]
A = "aaaaaaaa-4576-11e9-9173-0800277f0571"
B = "bbbbbbbb-4576-11e9-9173-0800277f0571"
RISK_LEVELS = ("Low risks", "Medium risks", "High risks")


def series_of(stat_type: StatType, rows: Rows) -> Series:
    """The series that storage makes of rows: each payload's figures, added up by day."""
    numbers: dict[Key, int] = {}
    days: dict[str, Figures] = {}
    for day, data in sorted(rows, key=lambda row: row[0]):
        of_day = days.setdefault(day, {})
        for figure in payloads.read(stat_type, json.dumps(data).encode()):
            number = numbers.setdefault(figure.key, len(numbers) + 1)
            sums = of_day.setdefault(number, [0] * (1 + len(figure.sums)))
            for place, value in enumerate((figure.rows, *figure.sums)):
                sums[place] += value
    return Series(days=list(days.items()), keys={number: key for key, number in numbers.items()})


def answer(name: str, rows: Rows, params: object = None) -> Any:
    """What a client gets for these rows, parsed."""
    processor = processors.get(name)
    return json.loads(msgspec.json.encode(processor.run(series_of(processor.stat_type, rows), params)))


def item(uuid: str, count: Any, max_risk: Any, rate: Any, label: str | None = "x") -> dict[str, Any]:
    """A threat or vulnerability as a Front Office sends it; all its labels are `label`."""
    labels = {f"label{number}": label for number in (1, 2, 3, 4)}
    return {"uuid": uuid, **labels, "count": count, "maxRisk": max_risk, "averageRate": rate}


def labels(label: str) -> dict[str, str]:
    """Four labels, all the same."""
    return {f"label{number}": label for number in (1, 2, 3, 4)}


def risks(*values: int) -> dict[str, Any]:
    """Risk data: three levels for each of current informational and operational, residual the same way."""
    data: dict[str, Any] = {part: {"current": {}, "residual": {}} for part in ("risks", "total")}
    leaves = itertools.product(("current", "residual"), ("informational", "operational"))
    for place, (state, kind) in enumerate(leaves):
        of_kind = values[3 * place : 3 * place + 3]
        data["risks"][state][kind] = [
            {"level": level, "value": value} for level, value in zip(RISK_LEVELS, of_kind, strict=False)
        ]
        data["total"][state][kind] = sum(of_kind)
    return data


def matrix(current: Any, scales: dict[str, list[int]] | None = None) -> dict[str, Any]:
    """Cartography data whose current informational risks are `current`, with no others."""
    return {
        "scales": {"impact": [0], "likelihood": [0], "probability": [0]} | (scales or {}),
        "risks": {
            "current": {"informational": current, "operational": []},
            "residual": {"informational": [], "operational": []},
        },
    }


def standard(uuid: str, current: list[tuple[str, str]], target: list[tuple[str, str]], label: str = "ISO") -> Any:
    """Compliance data's referential; categories are (label, value)."""

    def categories(side: list[tuple[str, str]]) -> list[Any]:
        return [{**labels(name), "value": value, "controls": []} for name, value in side]

    return {
        "referential": uuid,
        **labels(label),
        "current": categories(current),
        "target": categories(target),
    }


# --- threats and vulnerabilities ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["threat_average_on_date", "vulnerability_average_on_date"])
def test_objects_have_means_by_date_and_over_the_range(name: str) -> None:
    """Per date the mean over that date's rows; `averages` over all rows, neither the last value nor a mean of
    means."""
    rows = [
        ("2024-01-02", [item(B, 7, 9, "1.50")]),
        ("2024-01-01", [item(B, 1, 30, "2.82"), item(A, 5, 6, 1)]),
        ("2024-01-01", [item(B.upper(), "2", "45", 2.83)]),
    ]
    assert answer(name, rows) == [
        {
            "object": A,
            "labels": labels("x"),
            "values": [{"count": 5.0, "maxRisk": 6.0, "averageRate": 1.0, "date": "2024-01-01"}],
            "averages": {"count": 5.0, "maxRisk": 6.0, "averageRate": 1.0},
        },
        {
            "object": B,
            "labels": labels("x"),
            "values": [
                {"count": 1.5, "maxRisk": 37.5, "averageRate": 2.825, "date": "2024-01-01"},
                {"count": 7.0, "maxRisk": 9.0, "averageRate": 1.5, "date": "2024-01-02"},
            ],
            "averages": {"count": 10 / 3, "maxRisk": 28.0, "averageRate": 7.15 / 3},
        },
    ]


def test_numbers_are_floats_in_the_json() -> None:
    """A whole mean is written as 5.0: a typed client reads the same kind of number every day."""
    processor = processors.get("threat_average_on_date")
    series = series_of(StatType.THREAT, [("2024-01-01", [item(A, 5, 6, 1)])])
    assert b'{"count":5.0,"maxRisk":6.0,"averageRate":1.0,"date":' in msgspec.json.encode(processor.run(series))


def test_means_do_not_drift() -> None:
    """Ten rows of 0.1 have the mean 0.1, which adding floats misses."""
    rows = [("2024-01-01", [item(A, 1, 1, "0.1")]) for _ in range(10)]
    assert answer("threat_average_on_date", rows)[0]["averages"]["averageRate"] == 0.1


def test_means_are_rounded_once() -> None:
    """The mean is the float nearest to the exact one; dividing by the rows and then by the unit misses it here."""
    rates = ("0.02", "0.02", "0.03")
    (found,) = answer("threat_average_on_date", [("2024-01-01", [item(A, 1, rate, rate)]) for rate in rates])
    expected = {"count": 1.0, "maxRisk": 7 / 300, "averageRate": 7 / 300}
    assert found["averages"] == expected
    assert found["values"] == [expected | {"date": "2024-01-01"}]
    rows = [("2024-01-01", [standard(A, [("P", rate)], [])]) for rate in rates]
    assert answer("compliance_average", rows)[0]["current"][0]["value"] == 7 / 300
    (category,) = answer("compliance_average_on_date", rows)[0]["current"]
    assert category["average"] == category["values"][0]["value"] == 7 / 300


def test_an_object_that_stands_twice_in_a_row_counts_twice() -> None:
    """Elements are what is counted."""
    rows = [("2024-01-01", [item(A, 1, 1, 1), item(A, 2, 2, 2)])]
    assert answer("threat_average_on_date", rows)[0]["averages"]["count"] == 1.5


def test_the_newest_labels_win() -> None:
    """An object whose label changes stays one object, one value a date, under its newest label."""
    rows = [
        ("2024-01-01", [item(A, 1, 1, 1, "ape")]),
        ("2024-01-02", [item(A, 1, 1, 1, "zebra")]),
        ("2024-01-02", [item(A, 4, 1, 1, "yak")]),
        ("2024-01-03", [item(A, 1, 1, 1, "bear")]),
        ("2024-01-03", [item(A, 2, 1, 1, "ape")]),
    ]
    (found,) = answer("threat_average_on_date", rows)
    assert found["labels"] == labels("bear")
    assert [(value["date"], value["count"]) for value in found["values"]] == [
        ("2024-01-01", 1.0),
        ("2024-01-02", 2.5),
        ("2024-01-03", 1.5),
    ]
    assert found["averages"]["count"] == 9 / 5


def test_a_label_that_is_null_is_empty() -> None:
    """Clients find four strings."""
    (found,) = answer("threat_average_on_date", [("2024-01-01", [item(A, 1, 1, 1, None)])])
    assert found["labels"] == labels("")


# --- risks -------------------------------------------------------------------------------------------------


def test_risk_averages() -> None:
    """The mean of each level over all rows of the range, with the levels in their order."""
    rows = [
        ("2024-01-01", risks(66, 27, 8, 18, 0, 10, 74, 26, 1, 28, 0, 0)),
        ("2024-01-01", risks(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12)),
        ("2024-01-02", risks(2, 1, 1, 2, 1, 2, 0, 2, 2, 1, 1, 0)),
    ]
    found = answer("risk_averages", rows)
    assert found == {
        "current": {
            "informational": {"Low risks": 23.0, "Medium risks": 10.0, "High risks": 4.0},
            "operational": {"Low risks": 8.0, "Medium risks": 2.0, "High risks": 6.0},
        },
        "residual": {
            "informational": {"Low risks": 27.0, "Medium risks": 12.0, "High risks": 4.0},
            "operational": {"Low risks": 13.0, "Medium risks": 4.0, "High risks": 4.0},
        },
    }
    assert tuple(found["current"]["informational"]) == RISK_LEVELS


def test_risk_averages_on_date() -> None:
    """The same tree with the means of each date."""
    rows = [
        ("2024-01-02", risks(*range(12))),
        ("2024-01-01", risks(*range(12))),
        ("2024-01-01", risks(*range(1, 13))),
    ]
    found = answer("risk_averages_on_date", rows)
    assert found["current"]["informational"]["Low risks"] == [
        {"date": "2024-01-01", "value": 0.5},
        {"date": "2024-01-02", "value": 0.0},
    ]
    assert found["residual"]["operational"]["High risks"] == [
        {"date": "2024-01-01", "value": 11.5},
        {"date": "2024-01-02", "value": 11.0},
    ]


def test_a_level_that_no_row_has_is_there_all_the_same() -> None:
    """Clients count on three levels: with 0.0, or with no dates."""
    rows = [("2024-01-01", risks(1, 2, 3))]
    nothing = dict.fromkeys(RISK_LEVELS, 0.0)
    assert answer("risk_averages", rows)["residual"] == {"informational": nothing, "operational": nothing}
    by_date = answer("risk_averages_on_date", rows)["residual"]
    assert by_date["operational"] == {"Low risks": [], "Medium risks": [], "High risks": []}


@pytest.mark.parametrize(
    ("params", "states", "kinds"),
    [
        (None, ["current", "residual"], ["informational", "operational"]),
        ([], ["current", "residual"], ["informational", "operational"]),
        ({}, ["current", "residual"], ["informational", "operational"]),
        ({"risks_type": None, "risks_state": []}, ["current", "residual"], ["informational", "operational"]),
        ({"risks_type": "", "risks_state": {}}, ["current", "residual"], ["informational", "operational"]),
        ({"risks_type": "operational"}, ["current", "residual"], ["operational"]),
        ({"risks_state": "residual, current"}, ["current", "residual"], ["informational", "operational"]),
        ({"risks_state": ["residual"], "risks_type": ["informational"]}, ["residual"], ["informational"]),
        ({"risks_state": ["residual,current"]}, ["current", "residual"], ["informational", "operational"]),
    ],
)
@pytest.mark.parametrize("name", ["risk_averages", "risk_averages_on_date"])
def test_risk_params_choose_what_is_in_the_tree(name: str, params: object, states: list[str], kinds: list[str]) -> None:
    """A name, names with commas or a list; nothing means all; what was not asked for is left out."""
    found = answer(name, [("2024-01-01", risks(*range(12)))], params)
    assert list(found) == states
    assert [list(by_kind) for by_kind in found.values()] == [kinds] * len(states)


@pytest.mark.parametrize(
    ("params", "field", "told"),
    [
        ({"risks_kind": "operational"}, "processor_params", ["'risks_kind'", "risks_type", "risks_state"]),
        ({"risks_type": "informal"}, "processor_params.risks_type", ["'informal'", "informational", "operational"]),
        ({"risks_state": ["current", "x"]}, "processor_params.risks_state", ["'x'", "current", "residual"]),
        ({"risks_state": [1]}, "processor_params.risks_state", ["current", "residual"]),
        ({"risks_state": 0}, "processor_params.risks_state", ["current", "residual"]),
        ({"risks_state": {"current": 1}}, "processor_params.risks_state", ["current", "residual"]),
        ("current", "processor_params", ["object"]),
        (["current"], "processor_params", ["object"]),
    ],
)
def test_risk_params_that_do_not_exist_are_refused(params: object, field: str, told: list[str]) -> None:
    """The error names the field and what exists, also where no row matches."""
    with pytest.raises(BadInput) as refused:
        answer("risk_averages", [], params)
    assert list(refused.value.errors) == [field]
    assert all(word in refused.value.message for word in told)


def test_a_refusal_quotes_no_more_than_needed() -> None:
    """A name of a megabyte does not come back in the message."""
    with pytest.raises(BadInput) as refused:
        answer("risk_averages", [], {"risks_type": "x" * 1_000_000})
    assert len(refused.value.message) < 200


def test_choices_can_be_passed_in_again() -> None:
    """So that a caller can check the parameters first, and have one form of those that mean the same."""
    processor = processors.get("risk_averages")
    chosen = processor.choices({"risks_state": "residual"})
    assert chosen == {"risks_type": ("informational", "operational"), "risks_state": ("residual",)}
    assert processor.choices(chosen) == chosen


# --- cartography -------------------------------------------------------------------------------------------


def test_cartography_average() -> None:
    """A cell's mean is over all rows: those that lack it have 0 there. Rows come as lists or objects, the
    same."""
    rows = [
        ("2024-01-01", matrix({"1": [8, 6], "10": {"2": 3}}, {"impact": [0, 10, 2]})),
        ("2024-01-01", matrix({"1": {"0": 2, "10": "4"}, "2": {"0": 1}}, {"impact": [3, 2], "likelihood": []})),
        ("2024-01-02", matrix([])),
    ]
    found = answer("cartography_average", rows)
    assert found["scales"] == {"impact": [0, 2, 3, 10], "likelihood": [0], "probability": [0]}
    assert found["risks"] == {
        "current": {
            "informational": {
                "1": {"0": 10 / 3, "1": 2.0, "10": 4 / 3},
                "2": {"0": 1 / 3},
                "10": {"2": 1.0},
            },
            "operational": {},
        },
        "residual": {"informational": {}, "operational": {}},
    }
    cells = found["risks"]["current"]["informational"]
    assert list(cells) == ["1", "2", "10"]
    assert list(cells["1"]) == ["0", "1", "10"]


def test_cartography_average_on_date() -> None:
    """Each cell has a mean for every day that has rows, in the order of `dates`."""
    rows = [
        ("2024-01-03", matrix({"1": {"0": 5}})),
        ("2024-01-02", matrix([])),
        ("2024-01-01", matrix({"1": {"0": 2}})),
        ("2024-01-01", matrix({"1": {"0": 1, "3": 4}})),
    ]
    found = answer("cartography_average_on_date", rows)
    assert found["scales"] == {"impact": [0], "likelihood": [0], "probability": [0]}
    assert found["dates"] == ["2024-01-01", "2024-01-02", "2024-01-03"]
    assert found["risks"]["residual"] == {"informational": {}, "operational": {}}
    assert found["risks"]["current"]["informational"]["1"] == {
        "0": [1.5, 0.0, 5.0],
        "3": [2.0, 0.0, 0.0],
    }


# --- compliance --------------------------------------------------------------------------------------------


def test_compliance_average() -> None:
    """Categories by their labels, in the rows' order, current and target apart; referentials by uuid."""
    rows = [
        ("2024-01-01", [standard(B, [("Z", "0.20"), ("A", "0.40")], [("Z", "1.00")], "old")]),
        ("2024-01-02", [standard(A, [], []), standard(B, [("Z", "0.5"), ("A", "0")], [("Z", "0.9")], "new")]),
    ]
    assert answer("compliance_average", rows) == [
        {"referential": A, "labels": labels("ISO"), "current": [], "target": []},
        {
            "referential": B,
            "labels": labels("new"),
            "current": [
                {"labels": labels("Z"), "value": 0.35},
                {"labels": labels("A"), "value": 0.2},
            ],
            "target": [{"labels": labels("Z"), "value": 0.95}],
        },
    ]


def test_compliance_average_on_date() -> None:
    """Per category the mean of each date that has it, and the mean over all rows."""
    rows = [
        ("2024-01-01", [standard(A, [("P", "0.2")], [])]),
        ("2024-01-02", [standard(A, [("Q", "1"), ("P", "0.4")], [])]),
        ("2024-01-02", [standard(A, [("P", "0.9")], [])]),
    ]
    (found,) = answer("compliance_average_on_date", rows)
    assert found["current"] == [
        {"labels": labels("Q"), "values": [{"date": "2024-01-02", "value": 1.0}], "average": 1.0},
        {
            "labels": labels("P"),
            "values": [{"date": "2024-01-01", "value": 0.2}, {"date": "2024-01-02", "value": 0.65}],
            "average": 0.5,
        },
    ]


def test_categories_without_labels_are_told_apart_by_their_place() -> None:
    """Two of them are not one, and their labels stay empty."""
    rows = [("2024-01-01", [standard(A, [("", "0.2"), ("", "0.4"), ("1", "0.6")], [])])]
    (found,) = answer("compliance_average", rows)
    assert found["current"] == [
        {"labels": labels(""), "value": 0.2},
        {"labels": labels(""), "value": 0.4},
        {"labels": labels("1"), "value": 0.6},
    ]


# --- all of them -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_no_rows_no_data(name: str) -> None:
    """Where no row matches, the answer is an empty list, whatever its form otherwise."""
    assert answer(name, []) == []
    assert processors.get(name).run(Series(days=[("2024-01-01", {})], keys={})) == []


@pytest.mark.parametrize("name", [name for name in NAMES if not name.startswith("risk_")])
def test_other_processors_take_no_params(name: str) -> None:
    """Nothing in its several forms is fine; anything else is refused."""
    assert answer(name, [], {}) == answer(name, [], []) == []
    with pytest.raises(BadInput, match=f"{name} takes none"):
        answer(name, [], {"risks_type": "operational"})


@pytest.mark.parametrize("name", ["risk_process", "threat_process", "", "x" * 1_000_000])
def test_an_unknown_processor_is_refused_with_those_that_exist(name: str) -> None:
    """Front Offices still know names that no service has."""
    with pytest.raises(BadInput) as refused:
        processors.get(name)
    assert all(known in refused.value.message for known in NAMES)
    assert len(refused.value.message) < 1000


def test_the_contract_s_processors_exist() -> None:
    """Those of the contract, by name; each type's public chart has its default."""
    assert NAMES == [
        "cartography_average",
        "cartography_average_on_date",
        "compliance_average",
        "compliance_average_on_date",
        "risk_averages",
        "risk_averages_on_date",
        "threat_average_on_date",
        "vulnerability_average_on_date",
    ]
    assert [processors.default_for(stat_type).name for stat_type in StatType] == [
        "risk_averages_on_date",
        "threat_average_on_date",
        "vulnerability_average_on_date",
        "cartography_average_on_date",
        "compliance_average_on_date",
    ]


def test_a_processor_is_registered_under_a_name_of_its_own_and_a_type() -> None:
    """A name that is taken or begins with no type stops the start."""

    def threat_average_on_date(_series: Series) -> list[Any]:
        return []

    def weather_average(_series: Series) -> list[Any]:
        return []

    with pytest.raises(ValueError, match="two processors called threat_average_on_date"):
        processors.processor("Taken.")(threat_average_on_date)
    with pytest.raises(ValueError, match="weather"):
        processors.processor("No type.")(weather_average)
    assert [each.name for each in processors.all()] == NAMES


# --- against the naive model -------------------------------------------------------------------------------

DAYS = st.dates().map(str) | st.sampled_from(["2024-01-01", "2024-01-02", "2024-01-03"])
# Four elements of one payload may be about the same: together they are no more than what a payload may say.
COUNTS = st.integers(0, 9) | st.integers(0, 10**12 // 4) | st.integers(0, 99).map(str)
DECIMALS = st.integers(0, 10**6 // 4) | st.decimals(0, 1000, places=2).map(str) | st.floats(0, 1000)
SHARES = st.decimals(0, 1, places=2).map(str) | st.floats(0, 1)
LABELS = st.fixed_dictionaries({f"label{n}": st.sampled_from(["", "a", "é", None]) for n in (1, 2, 3, 4)})
UUIDS = st.sampled_from([A, A.upper(), B])


def labelled(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Objects with labels and these fields."""
    return st.tuples(LABELS, st.fixed_dictionaries(fields)).map(lambda parts: parts[0] | parts[1])


def tree(leaf: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Leaves by state and kind."""
    kinds = st.fixed_dictionaries({"informational": leaf, "operational": leaf})
    return st.fixed_dictionaries({"current": kinds, "residual": kinds})


def array(keys: int, values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """A PHP array with keys from 0 to less than `keys`: a list, or an object; and what a newer MONARC may add."""
    names = st.integers(0, keys - 1).map(str) | st.just("note")
    return st.lists(values, max_size=3) | st.dictionaries(names, values, max_size=3)


OBJECTS = st.lists(labelled(uuid=UUIDS, count=COUNTS, maxRisk=DECIMALS, averageRate=DECIMALS), max_size=4)
LEVELS = st.tuples(COUNTS, COUNTS, COUNTS).map(
    lambda counts: [{"level": level, "value": n} for level, n in zip(RISK_LEVELS, counts, strict=True)]
)
CATEGORIES = st.lists(labelled(value=SHARES, controls=st.just([])), max_size=4)
SCALE = array(9, st.integers(0, 30))
DATA: dict[StatType, st.SearchStrategy[Any]] = {
    StatType.THREAT: OBJECTS,
    StatType.VULNERABILITY: OBJECTS,
    StatType.RISK: st.fixed_dictionaries({"risks": tree(LEVELS | st.just([])), "total": tree(st.just(0))}),
    StatType.CARTOGRAPHY: st.fixed_dictionaries(
        {
            "scales": st.fixed_dictionaries({"impact": SCALE, "likelihood": SCALE, "probability": SCALE}),
            "risks": tree(array(12, array(12, COUNTS))),
        }
    ),
    StatType.COMPLIANCE: st.lists(labelled(referential=UUIDS, current=CATEGORIES, target=CATEGORIES), max_size=2),
}


def naive(name: str, rows: Rows) -> Any:
    """The naive model's answer for the rows, each of an analysis of its own."""
    model = NaiveModel()
    stat_type = name.partition("_")[0]
    model.post(
        {"client": "c", "local": True, "anr": str(number), "type": stat_type, "date": day, "data": data}
        for number, (day, data) in enumerate(rows)
    )
    return model.chart(name)


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
def test_the_naive_model_agrees(name: str, data: st.DataObject) -> None:
    """Whatever is stored, the answer is the naive model's, to the last bit and in the same order."""
    rows = data.draw(st.lists(st.tuples(DAYS, DATA[processors.get(name).stat_type]), max_size=6))
    assert json.dumps(answer(name, rows)) == json.dumps(naive(name, rows))


@pytest.mark.parametrize("name", NAMES)
def test_the_benchmarks_naive_chart_says_the_same(name: str) -> None:
    """What benchmarks are held against computes the same charts (here of numbers that floats hold
    exactly)."""
    samples: dict[str, Rows] = {
        "threat": [("2024-01-01", [item(A, 1, 2, "0.25")]), ("2024-01-02", [item(A, 2, 4, "0.5", "y")])],
        "risk": [("2024-01-01", risks(*range(12))), ("2024-01-02", risks(*range(1, 13)))],
        "cartography": [("2024-01-01", matrix({"1": {"0": 2}})), ("2024-01-02", matrix([[1]]))],
        "compliance": [("2024-01-01", [standard(A, [("P", "0.25")], [("P", "0.5")])])],
    }
    samples["vulnerability"] = samples["threat"]
    rows = samples[name.partition("_")[0]]
    texts = [json.dumps({"date": day, "data": data}) for day, data in rows]
    assert naive_chart(texts, name) == answer(name, rows) != []
