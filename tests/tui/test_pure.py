"""What the dashboard computes without a screen and without a service."""

import csv
import datetime as dt
import inspect
import io
import json
from typing import get_type_hints

import msgspec
import pytest

from tui import accounts, export, objects, past, wire
from tui.charts.base import Table
from tui.clean import REPLACEMENT, clean
from tui.desk import Answers
from tui.errors import ConnectionLost, ServerFault
from tui.figures import Metric, ObjectRow, change, failures, label, object_rows, span
from tui.objects import Choices, Words
from tui.scope import Aggregation, Ask, Language, Reach, Scope, Side
from tui.screens.overview import Overview, OverviewScreen
from tui.wire import Kind, Labels, ObjectMeans, ObjectSeries, ObjectValue, State

DAY = dt.date(2026, 3, 31)
WORDS = Words("Threat", "Threats", "Probability", "Prob.")
COUNT = Metric("Occurrence", "count")


def at(days: int) -> dt.date:
    """A day so many after the first."""
    return DAY + dt.timedelta(days=days)


def series(uuid: str, name: str, *counts: float) -> ObjectSeries:
    """An object with these counts, a day apart."""
    values = [ObjectValue(at(place), count, 4.0, 2.0) for place, count in enumerate(counts)]
    means = ObjectMeans(sum(counts) / len(counts), 4.0, 2.0)
    return ObjectSeries(wire.Clean(uuid), Labels(label2=wire.Clean(name)), values, means)


# --- what comes in ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hostile", "harmless"),
    [
        ("\x1b]0;owned\x07", f"{REPLACEMENT}]0;owned{REPLACEMENT}"),
        ("a\x9b31mb", f"a{REPLACEMENT}31mb"),
        ("\u202egnp.exe", f"{REPLACEMENT}gnp.exe"),
        ("two\nlines\tand\rmore", "two lines and more"),
        ("\u2066hidden\u2069", f"{REPLACEMENT}hidden{REPLACEMENT}"),
        ("\ufeffbom", f"{REPLACEMENT}bom"),
        ("par\u2028agraph", f"par{REPLACEMENT}agraph"),
        ("Grève à l'écluse, 日本 👩\u200d🚒", "Grève à l'écluse, 日本 👩\u200d🚒"),
        ("[/] [bold]", "[/] [bold]"),
    ],
)
def test_texts_are_made_harmless(hostile: str, harmless: str) -> None:
    """What a terminal would obey, or what makes a name read as another, is replaced; languages are left alone."""
    assert clean(hostile) == harmless


def test_no_answer_holds_a_text_that_was_not_made_harmless() -> None:
    """No field of any answer is a plain str: a newcomer's field has to be a Clean."""
    structs = [one for _, one in inspect.getmembers(wire, inspect.isclass) if issubclass(one, wire.Wire)]
    plain = [
        f"{one.__name__}.{name}"
        for one in structs
        for name, kind in get_type_hints(one).items()
        if kind is str or "str" in [getattr(part, "__name__", "") for part in getattr(kind, "__args__", ())]
    ]
    assert plain == []
    assert len(structs) > 15


def test_answers_are_decoded_and_cleaned() -> None:
    """Labels, uuids and names, whatever JSON escapes they come in."""
    raw = rb'[{"object": "x\u0000", "labels": {"label1": "\u001b[2Jboo", "label2": null}, "values": '
    raw += b'[{"date": "2026-01-02", "count": 1, "maxRisk": 2.5, "averageRate": 3}], '
    raw += b'"averages": {"count": 1.0, "maxRisk": 2.5, "averageRate": 3}, "more": {}}]'
    (one,) = wire.decode(raw, list[ObjectSeries])
    assert one.object == f"x{REPLACEMENT}"
    assert one.labels.label1 == f"{REPLACEMENT}[2Jboo"
    assert one.values[0].max_risk == 2.5


def test_days_on_which_a_cell_is_not_told_do_not_count() -> None:
    """A public instance tells a cell of some days only: its mean is over those, and where there are none it is not
    told, as where it filled after the period's end."""
    raw = b'{"scales": {}, "dates": ["2026-03-31", "2026-04-01", "2026-04-02"], "risks": {"current": {"informational": '
    raw += b'{"1": {"2": [null, 3.0, 9.0], "4": [null, null, 1.0], "6": [1.0, 2.0, null], "8": [0.0, 1.0, null]}, '
    raw += b'"2": {"2": [0.0, 0.0, 5.0]}}}}}'
    found = past.cartography(wire.decode(raw, wire.CartographyOnDate), Ask(at(0), at(1)))
    assert found is not None
    assert found.risks[State.CURRENT][Kind.INFORMATIONAL] == {1: {2: 3.0, 6: 1.5, 8: 0.5}}


@pytest.mark.parametrize("raw", [b"null", b"[]", b'[0.0, "uuid"]', b'[3.5, "a\\u0007"]'])
def test_a_place_may_have_no_top(raw: bytes) -> None:
    """A contributor without threats is none that breaks the map."""
    found = wire.top(msgspec.Raw(raw))
    assert found is None or found[0] in {0.0, 3.5}
    assert found is None or "\x07" not in found[1]


# --- what is asked ------------------------------------------------------------------------------------------


def test_a_scope_asks_for_a_period_up_to_today() -> None:
    """So many days back, both days included; or a period of one's own."""
    ask = Scope(days=30).ask(DAY)
    assert (ask.date_from, ask.date_to) == (DAY - dt.timedelta(days=30), DAY)
    own = Scope().with_period(at(1), at(2)).ask(DAY)
    assert (own.date_from, own.date_to) == (at(1), at(2))


def test_the_switches_go_round() -> None:
    """Each key's last value is followed by its first; a period of one's own by the usual ones."""
    scope = Scope()
    assert [scope := scope.with_next_reach() for _ in range(3)][-1].reach is Reach.LOCAL
    assert [scope := scope.with_next_aggregation() for _ in range(5)][-1].aggregation is Aggregation.DAY
    assert [scope := scope.with_next_language() for _ in range(4)][-1].language is Language.EN
    assert [(scope := scope.with_next_period()).days for _ in range(3)] == [365, 30, 90]
    assert scope.with_period(at(0), at(1)).with_next_period() == msgspec.structs.replace(scope, days=30)


# --- what is made of it -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("labels", "language", "expected"),
    [
        (Labels(wire.Clean("feu"), wire.Clean("fire")), Language.FR, "feu"),
        (Labels(wire.Clean("feu"), wire.Clean("fire")), Language.DE, "fire"),
        (Labels(wire.Clean("feu"), wire.Clean("")), Language.EN, "feu"),
        (Labels(None, wire.Clean("  "), None, wire.Clean("brand")), Language.DE, "brand"),
        (Labels(), Language.NL, "the uuid"),
    ],
)
def test_names_fall_back_to_another_language(labels: Labels, language: Language, expected: str) -> None:
    """The language asked for, else English, else any, else the uuid."""
    assert label(labels, language, "the uuid") == expected


def test_a_change_is_measured_over_thirty_days() -> None:
    """Against the newest value that is thirty days old or older; the oldest where none is; None with one value. How far
    apart they really are is said."""
    points: list[tuple[dt.date, float | None]] = [(at(0), 1.0), (at(9), 2.0), (at(11), 5.0), (at(40), 10.0)]
    assert change(points) == 8.0
    assert change(points[:3]) == 4.0
    assert change(points[:1]) is None
    assert change([(at(0), 1.0), (at(1), None)]) is None
    assert span([points]) == "in 31 days"
    assert span([points, points[:2], points[:1]]) == "in 9 to 31 days"
    quarters: list[tuple[dt.date, float | None]] = [(at(0), 1.0), (at(91), 2.0), (at(183), 3.0)]
    assert change(quarters) == 1.0
    assert span([quarters]) == "in 92 days"
    assert span([points[:1]]) == span([]) == ""


def test_all_that_did_not_answer_is_named() -> None:
    """Whichever part it is of, each thing once; the accounts' absence leaves no empty list of silent ones."""
    away, slow = ConnectionLost("Nobody answers."), ServerFault("It failed.")
    one: Answers[list[ObjectSeries]] = Answers({Side.LOCAL: []}, {Side.GLOBAL: away})
    both: Answers[list[ObjectSeries]] = Answers({}, {Side.LOCAL: slow, Side.GLOBAL: away})
    assert failures(one, both) == {"Nobody answers.": away, "It failed.": slow}
    data = Overview(Answers({Side.LOCAL: {}}, {}), one, slow, DAY)
    unread = "Accounts could not be read: It failed."
    assert OverviewScreen.problems(data) == {"Nobody answers.": away, unread: slow}
    absent = {table.title: table.absent for table in OverviewScreen.tables(data, Scope()) if table.absent}
    assert absent == {"Silent accounts": unread}


def test_objects_of_both_sides_are_compared() -> None:
    """An object that only one side has is there too, at zero on the other."""
    rows = object_rows([series("a", "Fire", 3.0)], Language.EN, COUNT, [series("b", "Flood", 5.0)])
    assert [(row.label, row.count, row.other) for row in rows] == [("Fire", 3.0, 0.0), ("Flood", 0, 5.0)]


def rows() -> list[ObjectRow]:
    """Three objects; the last has no change."""
    found = [series("a", "Fire", 1.0, 3.0), series("b", "flood", 5.0, 4.0), series("c", "Ransom", 9.0)]
    return object_rows(found, Language.EN, COUNT)


@pytest.mark.parametrize(
    ("choices", "expected"),
    [
        (Choices(), "Ransom flood Fire"),
        (Choices(descending=False), "Fire flood Ransom"),
        (Choices(sort="label", descending=False), "Fire flood Ransom"),
        (Choices(sort="label"), "Ransom flood Fire"),
        (Choices(sort="change"), "Fire flood Ransom"),
        (Choices(sort="change", descending=False), "flood Fire Ransom"),
        (Choices(sort="rate"), "Fire flood Ransom"),
        (Choices(top=2), "Ransom flood"),
        (Choices(text="FLO"), "flood"),
        (Choices(text="c"), "Ransom"),
        (Choices(text="nothing"), ""),
    ],
)
def test_rows_are_sorted_cut_and_filtered(choices: Choices, expected: str) -> None:
    """By any column, either way; what is not known last; equals by name; upper and lower case alike."""
    assert " ".join(row.label for row in objects.chosen_rows(rows(), choices)) == expected


@pytest.mark.parametrize("width", [76, 116, 120])
@pytest.mark.parametrize("compared", [False, True])
def test_the_columns_fit(width: int, compared: bool) -> None:  # noqa: FBT001  # pytest's way
    """Every column and its blanks within the width, and the name no less than a few words."""
    columns = objects.columns(WORDS, Choices(), width, compared=compared)
    assert sum(column.width + 2 for column in columns) <= width
    assert columns[1].width >= 16
    assert all(len(column.title) <= column.width for column in columns)


def test_lines_are_drawn_for_each_side() -> None:
    """With two sides half as many objects at once, each with a line per side."""
    both = Answers({Side.LOCAL: [series("a", "Fire", 1.0)], Side.GLOBAL: [series("a", "Fire", 2.0)]}, {})
    assert objects.most_lines(both) == 3
    lines = objects.evolution(both, ["a"], WORDS, COUNT, Language.EN)
    assert [one.label for one in lines.series] == ["Local: Fire", "Global: Fire"]


# --- what goes out ------------------------------------------------------------------------------------------

HOSTILE = Table("t", ("Name", "=Value"), (("=1+1", 1.5), ("+2", None), ("-3", DAY), ("@x", -4), ('a "b", c', "\tx")))


def test_csv_has_a_header_and_inert_cells() -> None:
    """Texts that begin like a formula get an apostrophe; numbers, dates and quotes are as they should be."""
    read = list(csv.reader(io.StringIO(export.to_csv(HOSTILE))))
    assert read == [
        ["Name", "'=Value"],
        ["'=1+1", "1.5"],
        ["'+2", ""],
        ["'-3", "2026-03-31"],
        ["'@x", "-4"],
        ['a "b", c', "'\tx"],
    ]
    assert export.to_csv(Table("t", ("Name",), ())) == "Name\n"


def test_json_says_what_it_is() -> None:
    """View, source, and tables with their columns; numbers as numbers."""
    named = Table("accounts", ("Name",), ((wire.Clean("NC3"),),))
    read = json.loads(export.to_json("risks", {"source": "x"}, [HOSTILE, named]))
    assert read["tables"][1]["rows"] == [["NC3"]]
    assert read["view"] == "risks"
    assert read["about"] == {"source": "x"}
    assert read["tables"][0]["rows"][2] == ["-3", "2026-03-31"]


def test_pictures_fetch_nothing() -> None:
    """No web font stays in an SVG."""
    svg = "<style>@font-face { src: url('https://cdn') }\n.a { font-family: Fira Code, monospace; }</style>"
    assert "https://" not in export.tidy_svg(svg)
    assert "DejaVu Sans Mono" in export.tidy_svg(svg)


# --- accounts -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("latitude", "longitude", "expected"),
    [("49.6", "6,1", (49.6, 6.1)), ("", "", None), ("-90", "180", (-90.0, 180.0))],
)
def test_coordinates_are_read(latitude: str, longitude: str, expected: tuple[float, float] | None) -> None:
    """Both or none; a decimal comma will do."""
    values = {"latitude": latitude, "longitude": longitude}
    assert accounts.check_place(values) is None
    assert accounts.place_of(values) == expected


@pytest.mark.parametrize(("latitude", "longitude"), [("91", "0"), ("0", "-181"), ("", "5"), ("x", "y"), ("nan", "0")])
def test_wrong_coordinates_are_told(latitude: str, longitude: str) -> None:
    """Before the service is asked."""
    assert "Latitude is a number" in str(accounts.check_place({"latitude": latitude, "longitude": longitude}))


def test_names_are_checked() -> None:
    """One to 255 characters."""
    assert accounts.check_name({"name": "NC3"}) is None
    assert accounts.check_name({"name": ""}) == "A name is needed."
    assert "255" in str(accounts.check_name({"name": "x" * 256}))
