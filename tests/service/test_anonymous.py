"""What of a payload leaves the house: figures as they are, names of published objects only, and nothing else."""

import copy
import datetime as dt
import hashlib
import hmac
import json
import random
import re
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.core import payloads
from service.core.anonymous import Anonymised, SharedRow, Withheld, anonymise
from service.core.catalogue import shipped
from service.core.pseudonyms import Pseudonyms
from service.core.published import Catalogue, PublishedReferential, as_catalogue
from service.errors import BadInput
from service.records import StatType
from tests import samples

SECRET = b"a secret of thirty-two bytes here"
PSEUDONYMS = Pseudonyms(SECRET)
MARK = "Qx7"
"""What every text holds that must not leave. No UUID and no number can hold it."""

STANDARD, OWN_STANDARD = (str(uuid.UUID(int=number)) for number in (0xA0, 0xA1))
THREATS = [f"0000000{number}-aaaa-4bbb-8ccc-dddddddddddd" for number in range(3)]
OWN_THREATS = [f"eeeeeee{number}-aaaa-4bbb-8ccc-dddddddddddd" for number in range(3)]
MEASURES = [f"1111111{number}-aaaa-4bbb-8ccc-dddddddddddd" for number in range(3)]
OWN_MEASURES = [f"ffffffff-aaaa-4bbb-8ccc-ddddddddddd{number}" for number in range(3)]
CATEGORIES = (("Accès", "Access", "Zugang", "Toegang"), ("Réseau", "Network", "", ""))

CATALOGUE = Catalogue(
    threats={THREATS[0]: ("Feu", "Fire", "Feuer", "Brand"), THREATS[1]: ("", "Flood", "", "")},
    vulnerabilities={THREATS[2]: ("Porte", "Door", "Tür", "Deur")},
    referentials={
        STANDARD: PublishedReferential(
            ("Norme", "Standard", "Norm", "Norm"),
            {(language, label): labels for labels in CATEGORIES for language, label in enumerate(labels) if label},
            dict(zip(MEASURES, ("5.1", "5.2", "5.10"), strict=True)),
        )
    },
)


def shared(stat_type: str, data: Any, **how: Any) -> Any:
    """What leaves of data, parsed."""
    return json.loads(anonymised(stat_type, data, **how).data)


def anonymised(stat_type: str, data: Any, **how: Any) -> Anonymised:
    """The same, and what is withheld."""
    raw = data if isinstance(data, bytes) else samples.php(data)
    return anonymise(StatType(stat_type), raw, CATALOGUE, PSEUDONYMS, **how)


def figures(stat_type: str, data: Any) -> set[tuple[Any, ...]]:
    """The figures of data or JSON text."""
    raw = data if isinstance(data, bytes) else samples.php(data)
    return {(figure.key, figure.rows, figure.sums) for figure in payloads.read(StatType(stat_type), raw)}


def labelled(*labels: str | None) -> dict[str, str | None]:
    """label1 and so on."""
    return {f"label{place}": label for place, label in enumerate(labels, 1)}


def item(uuid: str = THREATS[0], *labels: str | None, **fields: Any) -> dict[str, Any]:
    """A threat or vulnerability."""
    return {"uuid": uuid, **labelled(*labels), "count": 1, "maxRisk": 2, "averageRate": "2.50"} | fields


def category(*labels: str | None, controls: Any = (), value: Any = "0.50") -> dict[str, Any]:
    """A category of compliance data."""
    return {**labelled(*labels), "value": value, "controls": list(controls)}


def control(measure: str, code: str, value: Any = "0.20") -> dict[str, Any]:
    """A control of one."""
    return {"code": code, "measure": measure, "value": value}


def referential(uuid: str, *labels: str | None, current: Any = (), target: Any = ()) -> dict[str, Any]:
    """An element of compliance data."""
    return {"referential": uuid, **labelled(*labels), "current": list(current), "target": list(target)}


# --- Pseudonyms ---------------------------------------------------------------------------------------------


def test_pseudonyms_never_change() -> None:
    """Rows that were sent by an older version are known again: what pseudonyms are made of is fixed."""
    client, anr = uuid.UUID(int=1), uuid.UUID(int=2)

    def made(*parts: bytes) -> uuid.UUID:
        digest = hmac.new(SECRET, b"\0".join(parts), hashlib.sha256).digest()
        return uuid.UUID(bytes=digest[:16], version=4)

    analysis = PSEUDONYMS.analysis(client, anr, 0)
    assert analysis == made(b"analysis", client.bytes, anr.bytes, b"0")
    day = dt.date(2026, 1, 31)
    assert PSEUDONYMS.row(analysis, StatType.RISK, day) == made(b"row", analysis.bytes, b"risk", b"2026-01-31")
    assert PSEUDONYMS.object(OWN_THREATS[0].upper()) == str(made(b"object", OWN_THREATS[0].encode()))
    assert str(analysis) == "7948efc0-f027-40a2-a0cd-3242173dab1e"


def test_pseudonyms_differ_with_everything_that_they_are_made_of() -> None:
    """Account, analysis, generation, type, day, use and secret each count; the same ones give the same pseudonym."""
    one, other = uuid.UUID(int=1), uuid.UUID(int=2)
    day, next_day = dt.date(2026, 1, 1), dt.date(2026, 1, 2)
    made = []
    for pseudonyms in (PSEUDONYMS, Pseudonyms(b"another")):
        made += [pseudonyms.analysis(*key, generation) for key in ((one, other), (other, one)) for generation in (0, 1)]
        made += [
            pseudonyms.row(anr, stat_type, date)
            for anr in (one, other)
            for stat_type in StatType
            for date in (day, next_day)
        ]
        made += [uuid.UUID(pseudonyms.object(str(anr))) for anr in (one, other)]
    assert len(set(made)) == len(made) == 2 * (4 + 20 + 2)
    assert {(name.version, name.variant) for name in made} == {(4, uuid.RFC_4122)}
    assert PSEUDONYMS.analysis(one, other, 1) == Pseudonyms(SECRET).analysis(one, other, 1)


# --- What leaves of objects ---------------------------------------------------------------------------------


def test_a_row_has_five_members() -> None:
    """What leaves is these bytes: no name of an account, no time and no address has a place in it."""
    row = SharedRow(
        uuid.UUID(int=1), uuid.UUID(int=2), StatType.THREAT, dt.date(2026, 1, 31), msgspec.Raw(b'[{"a":1}]')
    )
    assert msgspec.json.encode(row) == (
        b'{"uuid":"00000000-0000-0000-0000-000000000001","anr":"00000000-0000-0000-0000-000000000002",'
        b'"type":"threat","date":"2026-01-31","data":[{"a":1}]}'
    )


def test_a_published_object_goes_as_the_catalogue_has_it() -> None:
    """A Front Office has renamed a published threat and translated another: the catalogue's labels leave, not these."""
    renamed = item(THREATS[0].upper(), "Feu", f"Fire in Joe's {MARK} office", None, "Brand\n", count="3")
    translated = item(THREATS[1], f"Crue de la {MARK}", "Flood")
    result = anonymised("threat", [translated, renamed])
    assert json.loads(result.data) == [
        item(THREATS[0], "Feu", "Fire", "Feuer", "Brand", count=3),
        item(THREATS[1], "", "Flood", "", ""),
    ]
    assert result.withheld == [
        Withheld("threat", THREATS[1], f"Crue de la {MARK}"),
        Withheld("threat", THREATS[0], f"Fire in Joe's {MARK} office"),
    ]


def test_another_object_goes_without_its_names() -> None:
    """Its labels are empty and its UUID is a pseudonym, the same each time; with published_only it is left out."""
    own, nameless = item(OWN_THREATS[0], None, f"{MARK} burns"), item(OWN_THREATS[1])
    data = [own, item(THREATS[0]), nameless, own]
    result = anonymised("threat", data)
    pseudonym = PSEUDONYMS.object(OWN_THREATS[0])
    there = json.loads(result.data)
    assert sorted(element["uuid"] for element in there) == sorted(
        [THREATS[0], pseudonym, pseudonym, PSEUDONYMS.object(OWN_THREATS[1])]
    )
    assert [element for element in there if element["uuid"] == pseudonym] == 2 * [item(pseudonym, "", "", "", "")]
    assert result.withheld == [
        Withheld("threat", OWN_THREATS[0], f"{MARK} burns"),
        Withheld("threat", OWN_THREATS[1], ""),
    ]
    fewer = anonymised("threat", data, published_only=True)
    assert json.loads(fewer.data) == [item(THREATS[0], "Feu", "Fire", "Feuer", "Brand")]
    assert fewer.withheld == result.withheld


def test_a_published_vulnerability_is_no_published_threat() -> None:
    """An object is published as what it is: under the UUID of another kind of object it is unknown."""
    assert shared("vulnerability", [item(THREATS[2])])[0]["label2"] == "Door"
    assert shared("threat", [item(THREATS[2])])[0] == item(PSEUDONYMS.object(THREATS[2]), "", "", "", "")


@pytest.mark.parametrize(
    ("sent", "leaves"),
    [
        ({"count": "12"}, {"count": 12}),
        ({"count": 3.0}, {"count": 3}),
        ({"count": "1e3"}, {"count": 1000}),
        ({"count": "012.000"}, {"count": 12}),
        ({"maxRisk": "36"}, {"maxRisk": 36}),
        ({"maxRisk": 36.0}, {"maxRisk": 36}),
        ({"maxRisk": "12.50"}, {"maxRisk": 12.5}),
        ({"maxRisk": "0.0000004"}, {"maxRisk": 0}),
        ({"averageRate": 0}, {"averageRate": "0.00"}),
        ({"averageRate": "2.820000"}, {"averageRate": "2.82"}),
        ({"averageRate": "0028.2e-1"}, {"averageRate": "2.82"}),
        ({"averageRate": 2.8}, {"averageRate": "2.80"}),
        ({"averageRate": "2.1234567"}, {"averageRate": "2.123457"}),
        ({"averageRate": "-0"}, {"averageRate": "0.00"}),
        ({"averageRate": "1000000"}, {"averageRate": "1000000.00"}),
    ],
)
def test_a_number_leaves_in_one_form(sent: dict[str, Any], leaves: dict[str, Any]) -> None:
    """However a number was sent, what leaves says its value and nothing else."""
    (element,) = shared("threat", [item(**sent)])
    assert element == item(THREATS[0], "Feu", "Fire", "Feuer", "Brand") | leaves
    assert [type(element[name]) for name in leaves] == [type(value) for value in leaves.values()]


# --- What leaves of compliance data ---------------------------------------------------------------------------


def test_a_published_referential_goes_with_what_is_published_of_it() -> None:
    """Labels, codes and measures are the catalogue's; an own category and an own control lose their names."""
    sent = referential(
        STANDARD.upper(),
        f"Norme de {MARK}",
        "Standard",
        current=[
            category(
                f"Accès de {MARK}",
                "Access",
                controls=[control(MEASURES[2], f"5.10 {MARK}"), control(MEASURES[1], "5.2")],
            ),
            category(
                f"{MARK}",
                f"{MARK}s",
                controls=[control(OWN_MEASURES[0], f"{MARK}.1"), control(MEASURES[0].upper(), "5.1")],
            ),
            category("", None, value=1),
        ],
        target=[category("Réseau\n", "Réseau")],
    )
    result = anonymised("compliance", [sent])
    own = control(PSEUDONYMS.object(OWN_MEASURES[0]), "")
    assert json.loads(result.data) == [
        referential(
            STANDARD,
            *CATALOGUE.referentials[STANDARD].labels,
            current=[
                category(*CATEGORIES[0], controls=[control(MEASURES[1], "5.2"), control(MEASURES[2], "5.10")]),
                category("", "", "", "", controls=[own, control(MEASURES[0], "5.1")]),
                category("", "", "", "", value="1.00"),
            ],
            target=[category(*CATEGORIES[1])],
        )
    ]
    assert result.withheld == [
        Withheld("referential", STANDARD, f"Norme de {MARK}"),
        Withheld("measure", MEASURES[2], f"5.10 {MARK}"),
        Withheld("category", None, f"Accès de {MARK}"),
        Withheld("measure", OWN_MEASURES[0], f"{MARK}.1"),
        Withheld("category", None, MARK),
        Withheld("category", None, "Réseau"),
    ]
    (fewer,) = shared("compliance", [sent], published_only=True)
    assert [len(side["controls"]) for side in fewer["current"]] == [2]
    assert fewer["target"] == [category(*CATEGORIES[1])]


def test_another_referential_goes_without_any_name() -> None:
    """Nothing of it is sent as it is called, not even categories and measures that a published one has too."""
    sent = referential(
        OWN_STANDARD,
        f"{MARK} handbook",
        current=[category("Accès", "Access", controls=[control(MEASURES[0], "5.1"), control(f"{MARK}", "")])],
    )
    result = anonymised("compliance", [sent])
    controls = [control(PSEUDONYMS.object(measure), "") for measure in (MEASURES[0], MARK)]
    assert json.loads(result.data) == [
        referential(
            PSEUDONYMS.object(OWN_STANDARD),
            *4 * [""],
            current=[category(*4 * [""], controls=sorted(controls, key=lambda one: str(one["measure"])))],
        )
    ]
    assert [one.kind for one in result.withheld] == ["referential", "measure", "measure", "category"]
    assert shared("compliance", [sent], published_only=True) == []


def test_the_shipped_catalogue_lets_its_objects_through() -> None:
    """Data of the shipped objects loses nothing: it leaves with the figures and names that it had."""
    published = as_catalogue(shipped().values())
    objects = {
        "threat": [item(number, *labels) for number, labels in published.threats.items()],
        "vulnerability": [item(number, *labels) for number, labels in published.vulnerabilities.items()],
    }
    (standard,) = (entry for entry in shipped().values() if entry.kind == "referential")
    sides = [
        category(*known.labels, controls=[control(measure, code) for measure, code in known.controls.items()])
        for known in standard.categories
    ]
    objects["compliance"] = [referential(standard.uuid, *standard.labels, current=sides, target=sides)]
    assert (len(objects["threat"]), len(objects["vulnerability"]), len(sides)) == (22, 59, 14)
    for stat_type, data in objects.items():
        result = anonymise(StatType(stat_type), samples.php(data), published, PSEUDONYMS, published_only=True)
        assert result.withheld == []
        assert figures(stat_type, result.data) == figures(stat_type, data)
        assert len(json.loads(result.data)) == len(data)


# --- Risks and cartography -------------------------------------------------------------------------------------


def test_risks_leave_as_they_are() -> None:
    """They name nothing: levels, in one order, and totals."""
    data = samples.payload("risk")
    sent = copy.deepcopy(data)
    sent["risks"]["current"]["informational"].reverse()
    sent["total"]["residual"]["operational"] = str(data["total"]["residual"]["operational"]) + ".0"
    sent["risks"]["current"]["name"] = sent["by"] = MARK
    assert shared("risk", sent) == data
    assert shared("risk", samples.empty("risk")) == samples.empty("risk")
    assert shared("risk", {"risks": [], "total": {"current": [], "residual": []}}) == {
        "risks": [],
        "total": {"current": [], "residual": []},
    }


def test_a_cartography_leaves_as_php_writes_it() -> None:
    """Arrays with the keys 0..n-1 are lists, others objects in the order of their keys; scales are ordered."""
    sent = {
        "scales": {"impact": {"7": "1", "x": MARK, "2": 0.0}, "likelihood": [3, -1, 3], "probability": []},
        "risks": {
            "current": {"informational": {"2": [1], "-1": {"1": "2", "0": 1}, MARK: 5}, "operational": [[], {"3": 0}]},
            "residual": [],
        },
        "more": MARK,
    }
    assert anonymised("cartography", sent).data == (
        b'{"scales":{"impact":[0,1],"likelihood":[-1,3],"probability":[]},"risks":{"current":{"informational":'
        b'{"-1":[1,2],"2":[1]},"operational":[[],{"3":0}]},"residual":[]}}'
    )


# --- What cannot be read ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stat_type", "data", "field"),
    [
        ("threat", b"", "data"),
        ("threat", b"[", "data"),
        ("threat", {}, "data"),
        ("threat", [item("x")], "data[0].uuid"),
        ("threat", [item(), item(averageRate="NaN")], "data[1].averageRate"),
        ("risk", {"risks": [], "total": {"current": {"informational": -1, "operational": 0}, "residual": []}},
         "data.total.current.informational"),
        ("cartography", {"scales": {"impact": 1, "likelihood": [], "probability": []}, "risks": []},
         "data.scales.impact"),
        ("compliance", [referential(STANDARD, current=[category(), category(value=2)])], "data[0].current[1].value"),
        ("compliance", [referential(STANDARD, target=[category(controls=[control("", "", "x")])])],
         "data[0].target[0].controls[0].value"),
    ],
)  # fmt: skip
def test_what_is_no_payload_is_refused(stat_type: str, data: Any, field: str) -> None:
    """A text that is no payload of the type cannot leave, and the field is named as where it was posted."""
    with pytest.raises(BadInput) as caught:
        anonymised(stat_type, data)
    assert list(caught.value.errors) == [field]


# --- Whatever is accepted ----------------------------------------------------------------------------------------

Drawn = Any

secrets = st.text(max_size=5).map(lambda text: MARK + text.replace("\0", ""))
spellings: list[Callable[[str], str]] = [str, str.upper, str.title]


def _uuids(published: list[str], own: list[str]) -> st.SearchStrategy[str]:
    return st.tuples(st.sampled_from([*published, *own]), st.sampled_from(spellings)).map(lambda pair: pair[1](pair[0]))


def _labels(*published: str) -> st.SearchStrategy[dict[str, Any]]:
    label: st.SearchStrategy[Any] = secrets | st.sampled_from(["", *published]) | st.none()
    return st.fixed_dictionaries({}, optional=dict.fromkeys(("label1", "label2", "label3", "label4"), label))


def _extra(known: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """The same with members that no shape has."""
    more = st.dictionaries(secrets, secrets | st.lists(secrets, max_size=2), max_size=1)
    return st.tuples(more, known).map(lambda pair: pair[0] | pair[1])


def _decimals(most: int) -> st.SearchStrategy[Any]:
    decimal = st.decimals(0, most, places=2) | st.decimals(0, most, places=6)
    return decimal.map(str) | decimal.map(lambda number: f"{number}0000") | st.integers(0, most) | decimal.map(float)


# A tenth of the largest numbers: elements of one uuid and labels are one figure, which has to stay below them too.
counts = st.integers(0, 10**11) | st.integers(0, 9) | st.integers(0, 99).map(str) | st.integers(0, 99).map(float)
shares = _decimals(1) | st.sampled_from(["1e0", "00.20", "2E-1"])


def _tree(leaf: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    kinds = _extra(st.fixed_dictionaries(dict.fromkeys(samples.KINDS, leaf)))
    return _extra(st.fixed_dictionaries(dict.fromkeys(samples.STATES, kinds | st.just([])))) | st.just([])


def _php(value: Drawn, keys: Drawn) -> Drawn:
    with_secrets = st.dictionaries(keys | secrets, value, max_size=4)
    return st.lists(value, max_size=4) | with_secrets


_levels = st.permutations(samples.LEVELS).flatmap(
    lambda levels: st.tuples(
        *(_extra(st.fixed_dictionaries({"level": st.just(name), "value": counts})) for name in levels)
    )
)
_objects = st.lists(
    st.tuples(
        _labels("Feu", "Fire", "Flood", "Porte", "Brand"),
        _extra(
            st.fixed_dictionaries(
                {
                    "uuid": _uuids(THREATS, OWN_THREATS),
                    "count": counts,
                    "maxRisk": _decimals(10**5),
                    "averageRate": _decimals(5),
                }
            )
        ),
    ).map(lambda parts: parts[0] | parts[1]),
    max_size=5,
)
_keys = st.integers(-2, 12).map(str)
_controls = st.lists(
    _extra(
        st.fixed_dictionaries(
            {
                "code": secrets | st.sampled_from(["", "5.1", "5.2"]),
                "measure": _uuids(MEASURES, OWN_MEASURES) | secrets,
                "value": shares,
            }
        )
    ),
    max_size=3,
)
_categories = st.lists(
    st.tuples(
        _labels(*filter(None, CATEGORIES[0] + CATEGORIES[1])),
        _extra(st.fixed_dictionaries({"value": shares, "controls": _controls})),
    ).map(lambda parts: parts[0] | parts[1]),
    max_size=3,
)
ACCEPTED: dict[str, Drawn] = {
    "risk": _extra(st.fixed_dictionaries({"risks": _tree(_levels.map(list) | st.just([])), "total": _tree(counts)})),
    "threat": _objects,
    "vulnerability": _objects,
    "cartography": _extra(
        st.fixed_dictionaries(
            {
                "scales": _extra(
                    st.fixed_dictionaries(
                        {name: _php(st.integers(-9, 20), _keys) for name in ("impact", "likelihood", "probability")}
                    )
                ),
                "risks": _tree(_php(_php(counts, _keys), _keys)),
            }
        )
    ),
    "compliance": st.lists(
        st.tuples(
            _labels("Norme", "Standard", "Norm"),
            _extra(
                st.fixed_dictionaries(
                    {
                        "referential": _uuids([STANDARD], [OWN_STANDARD]),
                        "current": _categories,
                        "target": _categories,
                    }
                )
            ),
        ).map(lambda parts: parts[0] | parts[1]),
        max_size=3,
    ),
}


def renamed(stat_type: str, data: Any) -> Any:
    """The data under the names that may leave: the rules once more, on parsed JSON, and on nothing but names."""
    data = copy.deepcopy(data)
    for element in data if stat_type not in ("risk", "cartography") else ():
        if stat_type == "compliance":
            known = CATALOGUE.referentials.get(element["referential"].lower())
            _rename(element, "referential", known.labels if known else None)
            for side in (*element["current"], *element["target"]):
                labels = [side.pop(f"label{place}", None) for place in (1, 2, 3, 4)]
                names = [known.categories.get((place, label or "")) for place, label in enumerate(labels) if known]
                side.update(labelled(*next(filter(None, names), ())))
        else:
            published = CATALOGUE.threats if stat_type == "threat" else CATALOGUE.vulnerabilities
            _rename(element, "uuid", published.get(element["uuid"].lower()))
    return data


def _rename(element: dict[str, Any], name: str, labels: Any) -> None:
    if labels is None:
        element[name] = PSEUDONYMS.object(element[name])
    for place in (1, 2, 3, 4):
        element[f"label{place}"] = labels[place - 1] if labels else ""


def texts(value: Any) -> Iterator[str]:
    """All texts in parsed JSON."""
    if isinstance(value, dict):
        for name, member in value.items():
            yield name
            yield from texts(member)
    elif isinstance(value, list):
        for element in value:
            yield from texts(element)
    elif isinstance(value, str):
        yield value


def keeps_secrets(data: bytes) -> bool:
    """Whether what leaves is without all that no anonymised payload may hold."""
    private = (MARK, *OWN_THREATS, *OWN_MEASURES, OWN_STANDARD)
    said = [text.lower() for text in texts(json.loads(data))] + [data.decode().lower()]
    return not any(secret.lower() in text for secret in private for text in said)


@pytest.mark.parametrize("stat_type", samples.TYPES)
@settings(max_examples=60)
@given(st.data())
def test_whatever_is_accepted_leaves_with_its_figures_only(stat_type: str, drawn: Drawn) -> None:
    """What leaves is accepted by the same service, gives the same figures under the names that may leave, and holds
    no other name; with published_only it holds no object that is not published."""
    data = drawn.draw(ACCEPTED[stat_type])
    before = figures(stat_type, data)
    result = anonymised(stat_type, data)
    assert keeps_secrets(result.data)
    assert figures(stat_type, result.data) == figures(stat_type, renamed(stat_type, data))
    assert sum(rows for _, rows, _ in figures(stat_type, result.data)) == sum(rows for _, rows, _ in before)
    for text in texts(json.loads(result.data)):
        assert not re.fullmatch(r"[-0-9.eE]+", text) or re.fullmatch(
            r"-?(0|[1-9][0-9]*)|(0|[1-9][0-9]*)\.[0-9]{2}([0-9]{0,3}[1-9])?|5\.1|5\.2|5\.10", text
        )
    fewer = anonymised(stat_type, data, published_only=True)
    assert keeps_secrets(fewer.data)
    assert figures(stat_type, fewer.data) <= figures(stat_type, result.data) or stat_type == "compliance"
    known = {*THREATS, *MEASURES, STANDARD}
    assert {text for text in texts(json.loads(fewer.data)) if re.fullmatch(r"[-0-9a-f]{36}", text)} <= known


def rewritten(value: Any, rng: random.Random) -> Any:
    """The same payload in another form: arrays, numbers, UUIDs, order of members, members that are new."""
    if isinstance(value, list):
        return [rewritten(element, rng) for element in value]
    if isinstance(value, dict):
        members = [(name, _respelt(name, rewritten(member, rng), rng)) for name, member in value.items()]
        members += [(f"new{rng.random()}", MARK)] if rng.random() < 0.5 else []
        rng.shuffle(members)
        return dict(members)
    return value


def _respelt(name: str, value: Any, rng: random.Random) -> Any:
    if name in ("uuid", "referential", "measure") and value.isascii():  # as UUIDs are; "ß" in capitals is another text
        return rng.choice(spellings)(value)
    if name in ("count", "averageRate", "maxRisk", "value") and rng.random() < 0.5:
        return f"{value}.000" if re.fullmatch("[0-9]+", str(value)) else value
    if name.startswith("label") and value in ("", None):
        return rng.choice(["", None])
    return value


@pytest.mark.parametrize("stat_type", samples.TYPES)
@settings(max_examples=30)
@given(st.data(), st.integers(0, 1 << 32).map(random.Random))
def test_what_means_the_same_leaves_as_the_same_bytes(stat_type: str, drawn: Drawn, rng: random.Random) -> None:
    """How a payload is written, and in which order it names objects, is not to be told from what leaves."""
    data = drawn.draw(ACCEPTED[stat_type])
    other = rewritten(data, rng)
    if stat_type in ("threat", "vulnerability"):
        rng.shuffle(other)
    for element in other if stat_type == "compliance" else ():
        for side in (*element["current"], *element["target"]):
            rng.shuffle(side["controls"])
    assert anonymised(stat_type, other).data == anonymised(stat_type, data).data
