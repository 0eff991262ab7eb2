"""The five kinds of payloads: what is accepted, what is refused and how it is said, and the figures that come of it."""

import copy
import json
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.core import payloads, strict
from service.errors import BadInput
from service.records import MAX_UNITS, StatType
from tests import samples

UUID = "b402d4e0-4576-11e9-9173-0800277f0571"
LEVELS = ("Low risks", "Medium risks", "High risks")
Sums = dict[tuple[str, ...], tuple[int, ...]]
Change = Callable[[Any], object]


def read(stat_type: str, data: Any) -> Sums:
    """The figures of a payload, given as JSON text or as data: `(rows, sum, ...)` by key. No key may come twice."""
    raw = data if isinstance(data, bytes) else samples.php(data)
    figures = payloads.read(StatType(stat_type), raw)
    sums: Sums = {figure.key: (figure.rows, *figure.sums) for figure in figures}
    assert len(sums) == len(figures)
    return sums


def refusal(stat_type: str, data: Any) -> tuple[str, str]:
    """The field that a payload is refused for, and why; the message says the same in one sentence."""
    with pytest.raises(BadInput) as caught:
        read(stat_type, data)
    ((field, reason),) = caught.value.errors.items()
    assert caught.value.message in (f"{field} {reason}.", f"{field}: {reason}")
    assert len(caught.value.message) < 250
    return field, reason


def changed(stat_type: str, change: Change) -> Any:
    """A sample payload after a change."""
    data = copy.deepcopy(samples.payload(stat_type))
    change(data)
    return data


def item(**fields: Any) -> dict[str, Any]:
    """A threat or vulnerability."""
    return {"uuid": UUID, "count": 1, "maxRisk": 2, "averageRate": "2.50"} | fields


def cartography(current: Any = (), **scales: Any) -> dict[str, Any]:
    """A cartography whose current informational risks are `current`."""
    return {
        "scales": {"impact": [], "likelihood": [], "probability": []} | scales,
        "risks": {"current": {"informational": current, "operational": []}, "residual": []},
    }


# --- An independent reading of the figures ------------------------------------------------------------------


def expected(stat_type: str, data: Any) -> Sums:
    """The figures as the spec has them, in plain Python over parsed JSON that is right."""
    figures: Sums = {}
    for key, *sums in EXPECTED[stat_type](data):
        there = figures.get(key, (0,) * (1 + len(sums)))
        figures[key] = tuple(a + b for a, b in zip(there, (1, *sums), strict=True))
    return figures


def millionths(number: Any) -> int:
    """A decimal in millionths, half to even."""
    return int(round(Decimal(str(number)), 6) * 10**6)


def labels_of(element: dict[str, Any]) -> tuple[str, ...]:
    """The four labels, "" where there is none."""
    return tuple(element.get(f"label{number}") or "" for number in (1, 2, 3, 4))


def expected_risk(data: Any) -> Iterator[Any]:
    """One figure per level."""
    for state in data["risks"] and samples.STATES:
        for kind in data["risks"][state] and samples.KINDS:
            for level in data["risks"][state][kind]:
                yield (state, kind, level["level"]), int(Decimal(str(level["value"])))


def expected_objects(data: Any) -> Iterator[Any]:
    """One figure per object and labels."""
    for element in data:
        yield (
            (element["uuid"].lower(), *labels_of(element)),
            int(Decimal(str(element["count"]))),
            millionths(element["maxRisk"]),
            millionths(element["averageRate"]),
        )


def expected_cartography(data: Any) -> Iterator[Any]:
    """That there is a row, the values of its scales, and its cells."""
    yield (("rows",),)
    for scale in ("impact", "likelihood", "probability"):
        for value in {int(Decimal(str(value))) for _, value in pairs(data["scales"][scale])}:
            yield (("scale", scale, str(value)),)
    for state in data["risks"] and samples.STATES:
        for kind in data["risks"][state] and samples.KINDS:
            for impact, row in pairs(data["risks"][state][kind]):
                for column, count in pairs(row):
                    yield (state, kind, impact, column), int(Decimal(str(count)))


def expected_compliance(data: Any) -> Iterator[Any]:
    """The referentials, and the categories of both sides."""
    for element in data:
        uuid = element["referential"].lower()
        yield (("referential", uuid, *labels_of(element)),)
        for side in ("current", "target"):
            for place, category in enumerate(element[side]):
                labels = labels_of(category)
                name = (side, uuid, *labels, "" if any(labels) else str(place))
                yield name, millionths(category["value"]), place


def pairs(array: Any) -> list[tuple[str, Any]]:
    """A PHP array's entries; those with other keys than integers are something newer."""
    entries = array.items() if isinstance(array, dict) else enumerate(array)
    return [(str(key), value) for key, value in entries if re.fullmatch("0|-?[1-9][0-9]{0,14}", str(key))]


EXPECTED: dict[str, Callable[[Any], Iterator[Any]]] = {
    "risk": expected_risk,
    "threat": expected_objects,
    "vulnerability": expected_objects,
    "cartography": expected_cartography,
    "compliance": expected_compliance,
}


# --- Samples ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stat_type", samples.TYPES)
@pytest.mark.parametrize("variant", range(5))
def test_samples_give_the_figures_that_the_spec_names(stat_type: str, variant: int) -> None:
    """Every sample's figures are those of an independent reading, whatever way its JSON is written."""
    data = samples.payload(stat_type, variant)
    figures = expected(stat_type, data)
    assert len(figures) >= 12
    assert read(stat_type, samples.php(data)) == figures
    assert read(stat_type, samples.php(data, escape=False)) == figures
    assert read(stat_type, json.dumps(data, indent=4).encode()) == figures
    assert read(stat_type, json.dumps(data, separators=(" ,\n", "\t: ")).encode()) == figures
    assert read(stat_type, json.dumps(data, sort_keys=True).encode()) == figures


@pytest.mark.parametrize(
    ("stat_type", "rows"),
    [("risk", 0), ("threat", 0), ("vulnerability", 0), ("cartography", 3), ("compliance", 0)],
)
def test_an_analysis_without_risks(stat_type: str, rows: int) -> None:
    """Empty lists are valid everywhere; of a cartography remain that there was a row, and the scales."""
    figures = read(stat_type, samples.empty(stat_type))
    assert len(figures) == rows
    assert figures == expected(stat_type, samples.empty(stat_type))


@pytest.mark.parametrize("stat_type", ["risk", "threat", "vulnerability", "compliance"])
@pytest.mark.parametrize("escape", [True, False])
def test_ordinary_payloads_need_no_second_parser(
    stat_type: str, *, escape: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Figures of what Front Offices send are read without the exact parser, which takes several times as long."""
    monkeypatch.setattr(strict, "decode", None)
    assert read(stat_type, samples.php(samples.payload(stat_type), escape=escape))


# --- risk ---------------------------------------------------------------------------------------------------


def test_risk_levels_may_come_in_any_order_and_as_strings() -> None:
    """A level counts under its name; PHP's empty arrays are taken for states and for the whole tree."""
    levels = [{"level": level, "value": value} for level, value in zip(reversed(LEVELS), ("3", 2.0, 1), strict=True)]
    data = {
        "risks": {"current": {"informational": [], "operational": levels}, "residual": []},
        "total": {"current": {"informational": 0, "operational": "6"}, "residual": []},
    }
    assert read("risk", data) == {
        ("current", "operational", "High risks"): (1, 3),
        ("current", "operational", "Medium risks"): (1, 2),
        ("current", "operational", "Low risks"): (1, 1),
    }
    assert read("risk", {"risks": [], "total": []}) == {}


@pytest.mark.parametrize(
    "levels",
    [
        LEVELS[:2],
        (*LEVELS, "Low risks"),
        ("Low risks", "Low risks", "High risks"),
        ("Low risks", "Medium risks", "low risks"),
        ("x" * 10_000, "Medium risks", "High risks"),
    ],
)
def test_risk_levels_are_the_three_once_each(levels: tuple[str, ...]) -> None:
    """A level that is missing, doubled or unknown is refused, naming the list and the levels."""
    data = changed(
        "risk",
        lambda data: data["risks"]["residual"].update(
            operational=[{"level": level, "value": 1} for level in levels],
        ),
    )
    field, reason = refusal("risk", data)
    assert field == "data.risks.residual.operational"
    assert "Low risks, Medium risks, High risks" in reason


# --- threat, vulnerability ----------------------------------------------------------------------------------


@pytest.mark.parametrize("stat_type", ["threat", "vulnerability"])
def test_an_object_is_named_by_its_uuid_and_labels(stat_type: str) -> None:
    """The uuid counts in lower case; labels that are null, empty or absent are the same, others kept."""
    data = [
        item(uuid=UUID.upper(), label1=" é ", label2='a "b": c', label3=None, label4=""),
        item(uuid=UUID.replace("b", "c"), label2="\u202e😀"),
    ]
    assert read(stat_type, data) == {
        (UUID, " é ", 'a "b": c', "", ""): (1, 1, 2_000_000, 2_500_000),
        (UUID.replace("b", "c"), "", "\u202e😀", "", ""): (1, 1, 2_000_000, 2_500_000),
    }


def test_an_object_that_stands_twice_is_two_rows() -> None:
    """Its figures add up under one key where the labels are equal; other labels make another key."""
    data = [item(label1="a"), item(uuid=UUID.upper(), label1="a", count=4, averageRate=0.5), item(label1="b")]
    assert read("threat", data) == {
        (UUID, "a", "", "", ""): (2, 5, 4_000_000, 3_000_000),
        (UUID, "b", "", "", ""): (1, 1, 2_000_000, 2_500_000),
    }


# --- cartography --------------------------------------------------------------------------------------------


def test_a_matrix_row_counts_the_same_as_list_and_as_object() -> None:
    """A list's index is the key that PHP left out, for columns, for impacts and for scales."""
    as_objects = cartography({"0": {"0": 8, "1": 6}, "1": {"3": "2"}}, impact={"0": 0, "1": "1"})
    as_lists = cartography([[8, 6], {"3": 2}], impact=[0, 1])
    assert read("cartography", as_objects) == read("cartography", as_lists)
    assert read("cartography", as_lists) == {
        ("rows",): (1,),
        ("scale", "impact", "0"): (1,),
        ("scale", "impact", "1"): (1,),
        ("current", "informational", "0", "0"): (1, 8),
        ("current", "informational", "0", "1"): (1, 6),
        ("current", "informational", "1", "3"): (1, 2),
    }


def test_a_value_that_stands_twice_in_a_scale_counts_once() -> None:
    """Scales are sets of numbers; negative ones are no counts and allowed."""
    figures = read("cartography", cartography(likelihood=[3, "3", 3.0, -1]))
    assert figures == {("rows",): (1,), ("scale", "likelihood", "3"): (1,), ("scale", "likelihood", "-1"): (1,)}


def test_other_keys_than_integers_in_a_matrix_are_extras() -> None:
    """PHP writes integer keys in one way only; anything else in an array is something of a newer MONARC."""
    odd: dict[str, Any] = {"01": 1, "+1": 1, "1.0": 1, " 1": 1, "x": {}, "": None, "1" * 30: 5, "-0": 1, "٣": 1}
    figures = read("cartography", cartography({"2": {"-1": 3, "7": 4} | odd} | odd))
    assert figures == {
        ("rows",): (1,),
        ("current", "informational", "2", "-1"): (1, 3),
        ("current", "informational", "2", "7"): (1, 4),
    }


# --- compliance ---------------------------------------------------------------------------------------------


def test_categories_are_named_by_labels_or_else_by_their_place() -> None:
    """A category has its value and its place; without labels the place tells it from others of the kind."""
    category = {"value": "0.25", "controls": []}
    data = [
        {
            "referential": UUID.upper(),
            "label2": "Standard",
            "current": [category, category | {"label1": "A", "value": 1}, category | {"label3": None, "value": 0.1}],
            "target": [category | {"label1": "A"}, category | {"label1": "A", "value": "1.00"}],
        },
    ]
    assert read("compliance", data) == {
        ("referential", UUID, "", "Standard", "", ""): (1,),
        ("current", UUID, "", "", "", "", "0"): (1, 250_000, 0),
        ("current", UUID, "A", "", "", "", ""): (1, 1_000_000, 1),
        ("current", UUID, "", "", "", "", "2"): (1, 100_000, 2),
        ("target", UUID, "A", "", "", "", ""): (2, 1_250_000, 1),
    }


# --- Numbers ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("0", 0),
        ("-0", 0),
        ("7.0", 7),
        ("1e3", 1000),
        ('"12"', 12),
        ('"12.00"', 12),
        ('"007"', 7),
        ('"1E+2"', 100),
        ("1000000000000", 10**12),
        ('"1000000000000"', 10**12),
        ("1e12", 10**12),
    ],
)
def test_counts_are_whole_numbers_in_any_notation(text: str, count: int) -> None:
    """A whole number is one as integer, as float and as string, up to 10^12."""
    raw = json.dumps([item(count=None)]).replace("null", text).encode()
    assert read("threat", raw)[(UUID, "", "", "", "")][1] == count


NO_NUMBERS = ["", " 1", "1 ", "1\n", "one", "NaN", "Infinity", "1_000", "0x1", "+1", ".5", "1.", "1,5", "٣", "0" * 41]
"""Texts that Python, PHP or people may take for numbers, and which are none here; longer ones than 40 characters are
never kept in memory."""


@pytest.mark.parametrize("text", NO_NUMBERS)
def test_a_text_is_a_number_only_if_json_would_say_so(text: str) -> None:
    """But for leading zeros. The refusal does not repeat a long text."""
    assert refusal("threat", [item(count=text)])[0] == "data[0].count"
    assert refusal("threat", [item(maxRisk=text)])[0] == "data[0].maxRisk"
    assert refusal("cartography", cartography([[text]]))[0] == "data.risks.current.informational[0][0]"


@pytest.mark.parametrize(
    "text",
    ["-1", "1.5", '"1.5"', '"-1"', "1000000000001", "9223372036854775807", "1e300", "1e-300", '"1e99"', '"1e999999"'],
)
def test_what_is_no_count_is_refused(text: str) -> None:
    """Negative, broken and too large numbers are refused, naming the field and the range."""
    raw = json.dumps([item(), item(count=None)]).replace("null", text).encode()
    field, reason = refusal("vulnerability", raw)
    assert field == "data[1].count"
    assert reason.startswith("must be a whole number from 0 to 1000000000000, not ")


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("0", 0),
        ("3", 3_000_000),
        ("2.82", 2_820_000),
        ('"2.82"', 2_820_000),
        ("1000000", 10**12),
        ("0.30000000000000004", 300_000),
        ("1e-6", 1),
        ("1.5e-6", 2),
        ('"0.0000015"', 2),
        ('"0.0000005"', 0),
        ('"0.00000050000000000000000000000000000001"', 1),
        ('"1e-200"', 0),
        (f'"{"0" * 39}1"', 1_000_000),
        ('"-0.00"', 0),
        ("-0.0", 0),
    ],
)
def test_decimals_are_kept_to_the_millionth(text: str, units: int) -> None:
    """Decimals are exact to six places; beyond, half goes to even, judged by all the digits that were sent."""
    raw = json.dumps([item(maxRisk=None, averageRate=True)]).replace("null", text).replace("true", text).encode()
    assert read("threat", raw) == {(UUID, "", "", "", ""): (1, 1, units, units)}


@pytest.mark.parametrize("text", ["-0.1", "1000000.1", '"1000000.0000001"', '"2,82"', '"abc"', '"-0.0000001"', "1e7"])
@pytest.mark.parametrize("name", ["maxRisk", "averageRate"])
def test_what_is_no_decimal_is_refused(name: str, text: str) -> None:
    """Negative, too large and other texts than numbers are refused, naming the field."""
    field, reason = refusal("threat", json.dumps([item(**{name: None})]).replace("null", text).encode())
    assert field == f"data[0].{name}"
    assert reason.startswith("must be a number from 0 to 1000000, not ")


def test_true_is_no_number_even_after_one_was_read() -> None:
    """What is remembered of numbers does not make a boolean pass for 1 or 0, nor the other way round."""
    assert read("cartography", cartography([[1, 0, 1.0]], impact=[1, 0]))
    assert read("threat", [item(count=1, maxRisk=1, averageRate=0)])
    for value in (True, False):
        assert refusal("cartography", cartography([[value]]))[1] == "must be a number, not a boolean"
        assert refusal("cartography", cartography(impact=[value]))[1] == "must be a number, not a boolean"
        assert refusal("threat", [item(count=value)])[1] == "must be a number, not a boolean"


# --- Refusals -----------------------------------------------------------------------------------------------

NEEDED = [
    ("risk", ("risks",), "object"),
    ("risk", ("total",), "object"),
    ("risk", ("risks", "current"), "object"),
    ("risk", ("risks", "residual", "operational"), "list"),
    ("risk", ("risks", "current", "informational", 1, "value"), "number"),
    ("risk", ("risks", "current", "informational", 2, "level"), "text"),
    ("risk", ("total", "residual"), "object"),
    ("risk", ("total", "current", "operational"), "number"),
    ("threat", (3, "uuid"), "text"),
    ("threat", (21, "averageRate"), "number"),
    ("vulnerability", (0, "count"), "number"),
    ("vulnerability", (58, "maxRisk"), "number"),
    ("cartography", ("scales",), "object"),
    ("cartography", ("scales", "impact"), "array"),
    ("cartography", ("scales", "likelihood"), "array"),
    ("cartography", ("scales", "probability"), "array"),
    ("cartography", ("risks",), "object"),
    ("cartography", ("risks", "residual"), "object"),
    ("cartography", ("risks", "current", "informational"), "array"),
    ("compliance", (0, "referential"), "text"),
    ("compliance", (1, "current"), "list"),
    ("compliance", (0, "target"), "list"),
    ("compliance", (0, "target", 3, "value"), "number"),
    ("compliance", (0, "current", 13, "controls"), "list"),
    ("compliance", (0, "current", 2, "controls", 7, "code"), "text"),
    ("compliance", (0, "current", 2, "controls", 7, "measure"), "text"),
    ("compliance", (0, "target", 2, "controls", 0, "value"), "number"),
]
"""A field of each kind: its path in the sample, and what stands there."""

WRONG: dict[str, list[object]] = {
    "object": [None, True, 3, "x" * 1000, [1]],
    "list": [None, True, 3, "x" * 1000, {"0": 1}],
    "array": [None, True, 3, "x" * 1000, [None], [[[]]]],
    "number": [None, True, "x" * 1000, [1], {"a": 1}, -1],
    "text": [None, True, 3, 1.5, ["x"], {"a": "x"}],
}


def parent_of(data: Any, path: tuple[int | str, ...]) -> Any:
    """What the last step of the path leads from."""
    for step in path[:-1]:
        data = data[step]
    return data


def field_of(path: tuple[int | str, ...]) -> str:
    """The path as errors name it."""
    return "data" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)


@pytest.mark.parametrize(("stat_type", "path"), [needed[:2] for needed in NEEDED])
def test_a_field_that_the_type_needs_is_missed(stat_type: str, path: tuple[int | str, ...]) -> None:
    """Without any one of them the payload is refused, naming that field by its path."""
    data = changed(stat_type, lambda data: parent_of(data, path).pop(path[-1]))
    assert refusal(stat_type, data) == (field_of(path), "is missing")


@pytest.mark.parametrize(
    ("stat_type", "path", "value"),
    [(stat_type, path, value) for stat_type, path, kind in NEEDED for value in WRONG[kind]],
)
def test_a_field_of_the_wrong_kind_is_refused(stat_type: str, path: tuple[int | str, ...], value: object) -> None:
    """Where a kind of value is needed, the others are refused, naming the field, without repeating a long text."""
    data = changed(stat_type, lambda data: parent_of(data, path).__setitem__(path[-1], value))
    field, reason = refusal(stat_type, data)
    assert field.startswith(field_of(path))
    assert reason.startswith("must be ")


@pytest.mark.parametrize("label", [1, True, [], {}, 1.5])
@pytest.mark.parametrize(
    ("stat_type", "path"),
    [("threat", (5,)), ("compliance", (0,)), ("compliance", (0, "target", 4))],
)
def test_a_label_is_a_text_or_null(stat_type: str, path: tuple[int | str, ...], label: object) -> None:
    """Any other kind is refused, for each of the four."""
    for name in ("label1", "label2", "label3", "label4"):
        data = samples.payload(stat_type)
        parent_of(data, (*path, name))[name] = label
        field, reason = refusal(stat_type, data)
        assert field == field_of((*path, name))
        assert reason.startswith("must be a text or null, not a")


@pytest.mark.parametrize(
    ("stat_type", "data", "field", "reason"),
    [
        ("risk", [], "data", "must be an object, not a list"),
        ("risk", None, "data", "must be an object, not null"),
        ("risk", {"risks": [1], "total": []}, "data.risks", "must be an object or an empty list, not a filled list"),
        ("risk", {"risks": [], "total": 3}, "data.total", "must be an object or an empty list, not a number"),
        ("threat", {}, "data", "must be a list, not an object"),
        ("threat", {"0": item()}, "data", "must be a list, not an object"),
        ("threat", "x" * 9000, "data", "must be a list, not a text"),
        ("threat", [item(), 3], "data[1]", "must be an object, not a number"),
        ("vulnerability", [[]], "data[0]", "must be an object, not a list"),
        ("vulnerability", [item(uuid="")], "data[0].uuid", 'must be a UUID, not ""'),
        ("vulnerability", [item(uuid=UUID[:-1])], "data[0].uuid", f'must be a UUID, not "{UUID[:-1]}"'),
        (
            "vulnerability",
            [item(uuid=UUID.replace("-", ""))],
            "data[0].uuid",
            f'must be a UUID, not "{UUID.replace("-", "")}"',
        ),
        ("vulnerability", [item(uuid=UUID + "\n")], "data[0].uuid", f'must be a UUID, not "{UUID}\\n"'),
        ("cartography", [], "data", "must be an object, not a list"),
        ("cartography", cartography(impact=3), "data.scales.impact", "must be a list or an object, not a number"),
        ("cartography", cartography(impact=None), "data.scales.impact", "must be a list or an object, not null"),
        ("cartography", cartography(impact=[0, None]), "data.scales.impact[1]", "must be a number, not null"),
        ("cartography", cartography(impact={"4": []}), "data.scales.impact.4", "must be a number, not a list"),
        (
            "cartography",
            cartography("x"),
            "data.risks.current.informational",
            "must be a list or an object, not a text",
        ),
        (
            "cartography",
            cartography([4]),
            "data.risks.current.informational[0]",
            "must be a list or an object, not a number",
        ),
        (
            "cartography",
            cartography([{"2": {}}]),
            "data.risks.current.informational[0].2",
            "must be a number, not an object",
        ),
        (
            "cartography",
            cartography({"4": [1, None]}),
            "data.risks.current.informational.4[1]",
            "must be a number, not null",
        ),
        ("compliance", {}, "data", "must be a list, not an object"),
        ("compliance", [None], "data[0]", "must be an object, not null"),
    ],
)
def test_refusals_name_the_field_and_say_what_belongs_there(stat_type: str, data: Any, field: str, reason: str) -> None:
    """The words for some that people will see."""
    assert refusal(stat_type, data) == (field, reason)


def test_counts_of_matrices_and_scales_are_checked() -> None:
    """Negative counts, broken ones and texts are refused by their place in the matrix; scales hold whole numbers."""
    at = "data.risks.current.informational"
    whole = "must be a whole number from 0 to 1000000000000, not"
    assert refusal("cartography", cartography([[1, -2]])) == (f"{at}[0][1]", f"{whole} -2")
    assert refusal("cartography", cartography({"3": {"9": 0.5}})) == (f"{at}.3.9", f"{whole} 0.5")
    assert refusal("cartography", cartography({"3": {"9": "a"}})) == (f"{at}.3.9", f'{whole} "a"')
    assert refusal("cartography", cartography(impact=["1.5"]))[0] == "data.scales.impact[0]"


@pytest.mark.parametrize("value", ["1.01", 1.000001, -0.01, 2, "x", "", "100"])
def test_a_compliance_value_is_0_to_1(value: object) -> None:
    """Of categories and of controls alike."""
    reason = "must be a number from 0 to 1, not "
    data = changed("compliance", lambda data: data[0]["target"][5].update(value=value))
    field, why = refusal("compliance", data)
    assert (field, why.startswith(reason)) == ("data[0].target[5].value", True)
    data = changed("compliance", lambda data: data[0]["current"][0]["controls"][2].update(value=value))
    field, why = refusal("compliance", data)
    assert (field, why.startswith(reason)) == ("data[0].current[0].controls[2].value", True)


# --- Extra members ------------------------------------------------------------------------------------------

EXTRA = {"list": [1, {"a": None}], "text": 'so: "x":', "number": 1.5, "null": None}


def with_extras(data: Any, extra: Any) -> Any:
    """The data with another member in each of its objects."""
    if isinstance(data, dict):
        return {"newer": extra} | {name: with_extras(value, extra) for name, value in data.items()} | {"": extra}
    return [with_extras(value, extra) for value in data] if isinstance(data, list) else data


@pytest.mark.parametrize("stat_type", samples.TYPES)
def test_extra_members_are_ignored_wherever_they_stand(stat_type: str) -> None:
    """A newer MONARC may add to any object; the figures stay the same."""
    data = samples.payload(stat_type)
    assert read(stat_type, with_extras(data, EXTRA)) == read(stat_type, data)


@pytest.mark.parametrize("stat_type", samples.TYPES)
@pytest.mark.parametrize(
    ("extra", "said"),
    [
        ('{"a":1,"a":1}', "stands twice"),
        (r'"\u0000"', "NUL"),
        (r'"\ud800"', "surrogate"),
        ("1e999", "double"),
        ("NaN", "finite"),
        ("9223372036854775808", "2^63"),
        ("7" * 5000, "2^63"),
        ("[" * 31 + "]" * 31, "32 levels"),
        ("[" * 100_000, "32 levels"),
    ],
)
def test_extra_members_keep_the_rules_too(stat_type: str, extra: str, said: str) -> None:
    """What is ignored is stored and sent back, so it has to be sound."""
    data = samples.payload(stat_type)
    (data[0] if isinstance(data, list) else data)["newer"] = "here"
    raw = samples.php(data).replace(b'"here"', extra.encode())
    field, reason = refusal(stat_type, raw)
    assert field == "data"
    assert said in reason


@pytest.mark.parametrize("stat_type", samples.TYPES)
def test_extra_members_may_be_as_deep_as_a_body_allows(stat_type: str) -> None:
    """The 32 levels count from the body, where a payload stands two levels down."""
    data = samples.payload(stat_type)
    used = 2 if isinstance(data, list) else 1
    for levels, taken in ((30 - used, True), (31 - used, False)):
        nested: Any = 1
        for _ in range(levels):
            nested = [nested]
        (data[0] if isinstance(data, list) else data)["newer"] = nested
        if taken:
            assert read(stat_type, data)
        else:
            assert "32 levels" in refusal(stat_type, data)[1]


# --- Broken text --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stat_type", samples.TYPES)
@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"[", id="a list's beginning"),
        pytest.param(b"\xff", id="not UTF-8"),
        pytest.param(b'[{"label1":"\xed\xa0\x80"}]', id="a surrogate as bytes"),
        pytest.param(b"\xef\xbb\xbf[]", id="a byte order mark"),
        pytest.param(b"[NaN]", id="NaN"),
        pytest.param(b"1e999", id="1e999"),
        pytest.param(b'[{"count":' + b"7" * 5000 + b"}]", id="5,000 digits"),
        pytest.param(b"[" * 100_000, id="100,000 lists"),
        pytest.param(b'{"risks":' * 100_000, id="100,000 objects"),
        pytest.param(b'[{"uuid":' + b"[" * 100_000, id="100,000 lists in a field"),
    ],
)
def test_text_that_is_no_sound_json_is_refused(stat_type: str, raw: bytes) -> None:
    """Whatever it is, it is `BadInput` and blamed on `data`."""
    assert refusal(stat_type, raw)[0] == "data"


@pytest.mark.parametrize("stat_type", samples.TYPES)
def test_every_truncation_is_refused(stat_type: str) -> None:
    """A payload that was cut off anywhere never passes for a smaller one."""
    raw = samples.php(samples.payload(stat_type))
    for end in range(0, len(raw), 1 + len(raw) // 300):
        assert refusal(stat_type, raw[:end])[0] == "data"


@pytest.mark.parametrize(
    ("stat_type", "old", "new"),
    [
        ("threat", b'"count":', b'"count":1,"count":'),
        ("threat", b'"label1":', rb'"label1":":","label\u0031":'),
        ("threat", b'"maxRisk":', b'"maxRisk" :1,"maxRisk":'),
        ("vulnerability", b'"label4":', b'"label4":"a","label4"\n:'),
        ("risk", b'"total":', b'"total":[],"total":'),
        ("cartography", b'"scales":', b'"scales":[],"scales":'),
        ("compliance", b'"controls":', b'"controls":[],"controls":'),
    ],
)
def test_a_name_that_stands_twice_is_refused(stat_type: str, old: bytes, new: bytes) -> None:
    """However it is written: parsers disagree about which of the two counts."""
    raw = samples.php(samples.payload(stat_type)).replace(old, new, 1)
    assert "stands twice" in refusal(stat_type, raw)[1]


def test_nul_in_a_label_is_refused_and_a_backslash_before_u0000_is_not() -> None:
    """PostgreSQL could not keep the one; the other is just six characters."""
    assert "NUL" in refusal("threat", json.dumps([item(label1="a\0")]).encode())[1]
    assert (UUID, r"a\u0000", "", "", "") in read("threat", [item(label1=r"a\u0000")])


# --- The short cut against the exact parser, on text that is made to deceive it -----------------------------


SMALL: dict[str, Any] = {stat_type: samples.payload(stat_type) for stat_type in samples.TYPES}
del (
    SMALL["threat"][2:],
    SMALL["vulnerability"][1:],
    SMALL["compliance"][0]["current"][1:],
    SMALL["compliance"][0]["target"][2:],
)
for small_category in SMALL["compliance"][0]["current"] + SMALL["compliance"][0]["target"]:
    del small_category["controls"][1:]


def lacking(data: Any) -> Iterator[Any]:
    """The data with one label less, for each of its labels, and with an empty list in each place where PHP may send
    one for an object."""
    if isinstance(data, list):
        for place, child in enumerate(data):
            yield from ([*data[:place], less, *data[place + 1 :]] for less in lacking(child))
    elif isinstance(data, dict):
        for name, child in data.items():
            yield from (data | {name: less} for less in lacking(child))
            if name.startswith("label"):
                yield {other: data[other] for other in data if other != name}
            if name in ("risks", "total", *samples.STATES) and isinstance(child, dict):
                yield data | {name: []}


@pytest.mark.parametrize("stat_type", ["risk", "threat", "compliance"])
def test_members_that_lack_do_not_make_up_for_others(stat_type: str) -> None:
    """What is absent in one place does not hide a name that stands twice in another, whatever else there is."""
    for less in lacking(SMALL[stat_type]):
        assert read(stat_type, less) == expected(stat_type, less)
        name, value = next(iter((less[0] if isinstance(less, list) else less).items()))
        for extras in range(12):
            more = {name: value if isinstance(value, str) else []} | {f"newer{n}": 0 for n in range(extras)}
            raw = samples.php(less).replace(b"{", samples.php(more)[:-1] + b",", 1)
            assert "stands twice" in refusal(stat_type, raw)[1]


SPACE = st.sampled_from(["", "", "", "", " ", "\n"])
LABELS = st.sampled_from(["null", '"x"', '"a:b"']) | st.lists(
    st.sampled_from(["a", ":", " ", r"\"", r"\u003a", r"\u0022", r"\\", "é", r"\ud83d\ude00"]),
    max_size=4,
).map(lambda pieces: f'"{"".join(pieces)}"')
ODD_VALUES = st.sampled_from(
    ["null", "[]", "{}", '{"a":1,"a":2}', '[{":":":"}]', '":"', "9" * 25, "[1e999]", r'"\u0000"', r'"\ud800"'],
)


def spelled(draw: st.DrawFn, value: Any) -> str:
    """The value as JSON text, in one of many spellings, with an oddity here and there: members that are absent, empty,
    more than there should be, or there twice."""
    if isinstance(value, list):
        return f"[{','.join(spelled(draw, child) for child in value)}]"
    if not isinstance(value, dict):
        return json.dumps(value)
    members = [
        (name, draw(LABELS) if name.startswith("label") else spelled(draw, child)) for name, child in value.items()
    ]
    place = draw(st.integers(0, len(members) - 1)) if members else 0
    match draw(st.sampled_from([None] * 40 + ["absent", "empty", "odd", "more", "twice"])) if members else "more":
        case "absent":
            members = [member for member in members if member[0] != f"label{place + 1}"]
        case "empty":
            members[place] = (members[place][0], "[]")
        case "odd":
            members[place] = (members[place][0], draw(ODD_VALUES))
        case "more":
            members.append(("newer", draw(ODD_VALUES)))
        case "twice":
            members.append(members[place])
    texts = [f"{json.dumps(name)}{draw(SPACE)}:{draw(SPACE)}{text}" for name, text in draw(st.permutations(members))]
    return f"{{{','.join(texts)}}}"


@st.composite
def payload_texts(draw: st.DrawFn) -> tuple[str, str]:
    """A type, and a payload of it as JSON text."""
    stat_type = draw(st.sampled_from(samples.TYPES))
    return stat_type, spelled(draw, SMALL[stat_type])


@settings(deadline=None)
@given(payload_texts())
def test_what_is_accepted_is_sound_and_means_what_the_exact_parser_reads(sent: tuple[str, str]) -> None:
    """Accepted text passes the exact parser, and its figures are those of the value that this one reads."""
    stat_type, text = sent
    try:
        figures = read(stat_type, text.encode())
    except BadInput:
        return
    assert figures == expected(stat_type, strict.decode(text.encode()))


@settings(deadline=None)
@given(payload_texts())
def test_what_is_accepted_does_not_depend_on_the_way_it_is_written(sent: tuple[str, str]) -> None:
    """Text that the exact parser takes is accepted or refused like the same value in another spelling."""
    stat_type, text = sent
    try:
        value = strict.decode(text.encode())
    except BadInput:
        assert refusal(stat_type, text.encode())
        return
    outcomes = []
    for spelling in (text.encode(), samples.php(value), json.dumps(with_extras(value, EXTRA)).encode()):
        try:
            outcomes.append(read(stat_type, spelling))
        except BadInput as error:
            outcomes.append({(field,): () for field in error.errors})
    assert outcomes[0] == outcomes[1] == outcomes[2]


def test_a_payload_has_a_bounded_number_of_figures() -> None:
    """One that would make every chart slow for everybody is refused, and one of so many elements of the same name."""
    data = samples.payload("cartography")
    data["risks"]["current"]["informational"] = {"1": {str(n): 1 for n in range(payloads.MOST_ELEMENTS)}}
    assert refusal("cartography", data) == ("data", "must have at most 10000 elements")
    category = {"label1": "a", "value": 1, "controls": []}
    for stat_type, most in (
        ("threat", [item()] * payloads.MOST_ELEMENTS),
        ("compliance", [{"referential": UUID, "current": [category] * (payloads.MOST_ELEMENTS - 1), "target": []}]),
    ):
        assert len(read(stat_type, most)) <= 2
        assert refusal(stat_type, [*most, most[0]]) == ("data", "must have at most 10000 elements")


@pytest.mark.parametrize(("name", "most"), [("count", MAX_UNITS), ("maxRisk", 10**6), ("averageRate", 10**6)])
def test_no_figure_of_a_payload_is_larger_than_a_number_may_be(name: str, most: int) -> None:
    """So that a day's sums of millions of payloads can be stored: who splits a number gets no further."""
    smallest = {"count": 0, "maxRisk": 0, "averageRate": 0}
    halves = [item(**smallest | {name: most // 2})] * 2
    [(rows, *sums)] = read("threat", halves).values()
    assert (rows, max(sums)) == (2, MAX_UNITS)
    field, reason = refusal("threat", [*halves, item(label1="another", count=1), item(**smallest | {name: 1})])
    assert (field, "same uuid and labels" in reason) == ("data[3]", True)
