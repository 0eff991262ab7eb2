"""Charts as exact text, without an app."""

import datetime as dt
import math

import pytest
from rich.text import Text

from tui.charts.bars import Bar, Bars, Stack, StackedBars, Target, Targets
from tui.charts.base import Chart, fit, number, signed
from tui.charts.facts import Fact, Facts
from tui.charts.heat import Heat, short
from tui.charts.lines import MAX_SERIES, Lines, Series, nice_ticks
from tui.charts.palette import DARK, LIGHT, Palette
from tui.charts.spark import spark
from tui.charts.trends import Trend, Trends
from tui.charts.world import Place, WorldMap

DAY = dt.date(2026, 1, 1)
LONG = "Une menace au nom très long " * 400
"""More than ten thousand characters."""


def days(*values: float | None) -> tuple[tuple[dt.date, float | None], ...]:
    """The values, a day apart."""
    return tuple((DAY + dt.timedelta(days=place), value) for place, value in enumerate(values))


def drawn(chart: Chart, width: int, height: int = 12) -> list[str]:
    """The drawing's lines, without what is blank at their ends."""
    return [line.rstrip() for line in chart.draw(width, height, DARK).plain.split("\n")]


CHARTS: list[Chart] = [
    Lines("lines", tuple(Series(f"{LONG}{i}", days(*map(float, range(i, 60 + i)))) for i in range(20))),
    Lines("one point", (Series("a", days(3.0)),)),
    Lines("gaps", (Series("a", days(1.0, None, math.nan, math.inf, 2.0)), Series("nothing", days(None, None)))),
    Lines("no series", ()),
    StackedBars("stacks", ("Low risks", "Medium risks", "High risks"), (Stack(LONG, (1.5, 0.001, 1e9), -3.25),), "c"),
    StackedBars("all zero", ("Low",), (Stack("a", (0.0,)),)),
    Bars("bars", "Days", (Bar(LONG, 1e12, LONG), Bar("", 0.0))),
    Targets("targets", (Target(LONG, 0.5, 1.5), Target("b", None, None), Target("c", 1.0, 0.0))),
    Heat("heat", "Impact", "Likelihood", tuple(range(6)), tuple(range(26)), {(1, 2): 123456.0, (0, 0): 0.0001}),
    Heat("no heat", "Impact", "Likelihood", (), (), {}),
    Trends("trends", "Count", "in 30 days", (Trend(LONG, 1.0, None, (1.0, None, 3.0)), Trend("b", None, 0.001, ()))),
    Facts("facts", (Fact(LONG, 5, alert=True), Fact("newest", DAY), Fact("unknown", None))),
    WorldMap("map", (Place(LONG, 90.0, 180.0), Place("b", -90.0, -180.0, 1)), selected=0),
    WorldMap("zoomed", (Place("a", 49.6, 6.1),), zoomed=True),
    WorldMap("nobody", ()),
]


@pytest.mark.parametrize("palette", [DARK, LIGHT], ids=["dark", "light"])
@pytest.mark.parametrize(("width", "height"), [(30, 4), (76, 10), (120, 30), (196, 50)])
@pytest.mark.parametrize("chart", CHARTS, ids=lambda chart: chart.title)
def test_no_chart_is_wider_than_it_may_be(chart: Chart, width: int, height: int, palette: Palette) -> None:
    """Whatever the labels, the numbers and the size: no line is longer than the width, and nothing raises."""
    needed = chart.height(width) or height
    lines = chart.draw(width, height, palette).split("\n", allow_blank=True)
    assert [line.plain for line in lines if line.cell_len > width] == []
    assert len(lines) <= max(needed, height)


@pytest.mark.parametrize("chart", CHARTS, ids=lambda chart: chart.title)
def test_every_chart_is_a_table_too(chart: Chart) -> None:
    """Rows as long as the heading, and the title that the panel has."""
    table = chart.table()
    assert table.title == chart.title
    assert all(len(row) == len(table.columns) for row in table.rows)


def test_lines_are_drawn_with_axes_and_a_legend_above() -> None:
    """Two series: the legend with a marker each, the scale's values, the first and last day, and both markers."""
    chart = Lines("t", (Series("Fire", days(0.0, 5.0, 10.0)), Series("Flood", days(10.0, 10.0, 10.0))))
    text = drawn(chart, 60, 12)
    assert text == [
        "▲ Fire  ■ Flood",
        "10┤■⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤■⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤■",
        "  │                                               ⢀⣀⡠⠤⠒⠒⠉⠉",
        "  │                                        ⣀⣀⠤⠔⠒⠊⠉⠁",
        "  │                                ⢀⣀⡠⠤⠒⠒⠉⠉",
        " 5┤                         ⣀⣀⠤▲⠒⠊⠉⠁",
        "  │                  ⣀⣀⠤⠔⠒⠊⠉",
        "  │           ⣀⡠⠤⠔⠒⠊⠉",
        "  │    ⣀⡠⠤⠔⠒⠉⠉",
        " 0┤▲⠒⠉⠉",
        "  └┬───────────────────────────┬───────────────────────────┬",
        " 2026-01-01               2026-01-02             2026-01-03",
    ]


def test_lines_beyond_the_sixth_are_left_to_the_table() -> None:
    """The legend says how many are not drawn; the table has all."""
    chart = Lines("t", tuple(Series(str(i), days(float(i), float(i))) for i in range(20)))
    assert "+14 more in the table (t)" in chart.draw(100, 20, DARK).plain
    assert len(chart.table().columns) == 21
    assert MAX_SERIES == 6


def test_lines_without_any_value_say_so() -> None:
    """An empty chart is no failed one."""
    assert drawn(Lines("t", (Series("a", days(None)),)), 40) == ["No figures in this period."]


def test_a_later_drawing_has_nothing_of_an_earlier_one() -> None:
    """The one figure of plotext is reset: the same chart comes out the same after another one was drawn."""
    small = Lines("t", (Series("a", days(1.0, 2.0)),))
    before = small.draw(60, 12, DARK)
    Lines("t", (Series("b", days(100.0, 900.0, 400.0)),)).draw(100, 30, DARK)
    assert small.draw(60, 12, DARK) == before


def test_a_gap_is_not_bridged() -> None:
    """Between two stretches of values nothing is drawn."""
    text = drawn(Lines("t", (Series("a", days(*[5.0] * 30, *[None] * 40, *[5.0] * 30)),)), 110, 8)
    line = next(line for line in text[1:] if "▲" in line)
    assert " " * 35 in line.split("┤")[-1].split("│")[-1]


def test_a_table_of_lines_has_a_row_per_date() -> None:
    """Series of different dates share the rows; what one lacks is None."""
    chart = Lines("t", (Series("a", days(1.0, 2.0)), Series("b", days(7.0))))
    assert chart.table().columns == ("Date", "a", "b")
    assert chart.table().rows == ((DAY, 1.0, 7.0), (DAY + dt.timedelta(days=1), 2.0, None))


@pytest.mark.parametrize(
    ("low", "high", "at_most", "expected"),
    [
        (0, 10, 5, [0, 2, 4, 6, 8, 10]),
        (0.3, 0.9, 3, [0.4, 0.6, 0.8]),
        (97, 103, 2, [100]),
        (-1, 1, 2, [-1, 0, 1]),
        (1e6, 5e6, 4, [1e6, 2e6, 3e6, 4e6, 5e6]),
    ],
)
def test_ticks_are_round(low: float, high: float, at_most: int, expected: list[float]) -> None:
    """Steps of 1, 2 or 5 times a power of ten, inside of the range."""
    assert nice_ticks(low, high, at_most) == expected[:at_most]


def test_stacked_bars_print_every_value() -> None:
    """Fills that can be told apart without colour, a value per level, the sum and its change."""
    chart = StackedBars(
        "t",
        ("Low risks", "Medium risks", "High risks"),
        (Stack("Current", (6.0, 3.0, 1.0), 2.5), Stack("Residual", (8.0, 0.0, 0.01), -1.0)),
        "in 30 days",
    )
    assert drawn(chart, 76) == [
        "░ Low risks  ▒ Medium risks  █ High risks    Low Medium High  Sum in 30 days",
        "Current  ░░░░░░░░░░░░░░░░░░░░░▒▒▒▒▒▒▒▒▒▒████   6      3    1   10     ▲ 2.50",
        "Residual ░░░░░░░░░░░░░░░░░░░░░░░░░░░░█         8      0 0.01 8.01        ▼ 1",
    ]


def test_targets_show_what_is_missing() -> None:
    """The bar to the current value, the target as a stroke on it, both values and the gap."""
    chart = Targets("t", (Target("Access", 0.5, 1.0), Target("Backup", 0.75, 0.5), Target("New", None, 0.25)))
    assert drawn(chart, 50) == [
        "█ current  ┃ target            now target     gap",
        "Access ██████████··········┃  0.50   1.00   -0.50",
        "Backup ██████████┃█████·····  0.75   0.50       ✔",
        "New    ·····┃···············     -   0.25       -",
    ]


def test_a_heat_map_has_the_number_in_every_cell() -> None:
    """Impacts from the top down, the other scale along the bottom, a dot for zero. What is not known is blank, and no
    zero in the table."""
    chart = Heat("t", "Impact", "Likelihood", (0, 1, 2), (1, 2), {(2, 2): 12.5, (1, 1): 0.0, (1, 2): 0.0, (0, 1): 3.0})
    assert drawn(chart, 25, 5) == [
        "Impact ↑  Likelihood →",
        "    2 │            12.50",
        "    1 │       ·        ·",
        "    0 │       3",
        "              1        2",
    ]
    assert chart.table().rows == ((2, None, 12.5), (1, 0.0, 0.0), (0, 3.0, None))


@pytest.mark.parametrize(
    ("value", "width", "expected"),
    [
        (0, 2, " ·"),
        (0.43, 2, ".4"),
        (12.3, 2, "12"),
        (123, 2, "9+"),
        (0.01, 2, "<1"),
        (0.43, 6, "0.43 "),
        (7, 3, "  7"),
    ],
)
def test_numbers_are_cut_to_their_cell(value: float, width: int, expected: str) -> None:
    """As many decimals as fit; never another number than the one there is."""
    assert short(value, width).strip() == expected.strip()
    assert len(short(value, width)) == width


def test_heat_colours_follow_the_number() -> None:
    """The strongest colour is the largest number's, zero has the weakest."""
    chart = Heat("t", "Impact", "P", (0,), (0, 1), {(0, 0): 0.0, (0, 1): 4.0})
    styles = [str(span.style) for span in chart.draw(40, 3, DARK).spans]
    assert any(DARK.heat[0] in style for style in styles)
    assert any(DARK.heat[-1] in style for style in styles)


@pytest.mark.parametrize(
    ("values", "width", "expected"),
    [
        ((0, 1, 2, 3, 4, 5, 6, 7), 8, "▁▂▃▄▅▆▇█"),
        ((1, None, 2), 8, "▁ █"),
        ((5, 5, 5), 8, "▅▅▅"),
        ((0, 0), 8, "▁▁"),
        ((100, 101), 8, "▄▅"),
        ((3,), 8, "▅"),
        ((None, None), 8, ""),
        ((), 8, ""),
        ((0, 0, 10, 10), 2, "▁█"),
        ((1, 2), 0, ""),
    ],
)
def test_sparklines(values: tuple[float | None, ...], width: int, expected: str) -> None:
    """Low to high over the eight ticks; a flat one at half height; a gap blank; more values than cells averaged."""
    assert spark(values, width) == expected


def test_places_lie_where_they_belong_on_the_map() -> None:
    """North above south, west left of east, on land that is drawn."""
    places = (Place("Luxembourg", 49.6, 6.1), Place("Sydney", -33.9, 151.2), Place("Lima", -12.0, -77.0))
    rows = drawn(WorldMap("t", places), 80, 20)
    spots = [(row, column) for row, line in enumerate(rows) for column, sign in enumerate(line) if sign == "●"]
    assert len(spots) == 3
    luxembourg, lima, sydney = spots
    assert luxembourg[0] < lima[0] < sydney[0]
    assert lima[1] < luxembourg[1] < sydney[1]
    assert any("⣿" in line for line in rows)


def test_the_selected_place_is_named() -> None:
    """Its name and number under the map."""
    places = (Place("First", 49.6, 6.1), Place("Second", 48.8, 2.3))
    assert drawn(WorldMap("t", places, selected=1), 80, 20)[-1] == "Second (2 of 2)"
    assert drawn(WorldMap("t", places), 80, 20)[-1] == "2 on the map"


def test_zooming_pulls_neighbours_apart() -> None:
    """Two towns that share a cell on the map of the world have one each when zoomed."""
    places = (Place("Luxembourg", 49.6, 6.1), Place("Paris", 48.9, 2.3))
    world = WorldMap("t", places).draw(40, 10, DARK).plain
    zoomed = WorldMap("t", places, zoomed=True).draw(40, 10, DARK).plain
    assert world.count("●") == 1
    assert zoomed.count("●") == 2


def test_trends_show_value_change_and_sparkline() -> None:
    """The arrow says which way without colour."""
    chart = Trends(
        "t", "Now", "in 30 days", (Trend("Fire", 12.25, 1.5, (1.0, 2.0, 3.0)), Trend("Flood", 2.0, None, ()))
    )
    assert drawn(chart, 60) == [
        "            Now in 30 days",
        "Fire      12.25     ▲ 1.50  ▁▅█",
        "Flood         2          -",
    ]


def test_facts_that_need_a_look_are_marked() -> None:
    """By a sign, not only by a colour."""
    assert drawn(Facts("t", (Fact("accounts", 12), Fact("silent", 2, alert=True))), 60) == ["12 accounts   ! 2 silent"]


@pytest.mark.parametrize(
    ("text", "width", "expected"),
    [("abc", 5, "abc  "), ("abcdef", 4, "abc…"), ("日本語", 4, "日… "), ("abc", 0, ""), ("", 2, "  ")],
)
def test_text_is_cut_by_cells(text: str, width: int, expected: str) -> None:
    """Wide characters count twice, and a cut is seen."""
    assert fit(text, width) == expected
    assert Text(fit(text, width)).cell_len == width


def test_numbers_and_changes_for_people() -> None:
    """Whole numbers without decimals; a change that would show as 0.00 is none."""
    assert [number(1234567), number(2.5), number(None)] == ["1,234,567", "2.50", "-"]
    assert [signed(1.5), signed(-2.0), signed(0.001), signed(None)] == ["▲ 1.50", "▼ 2", "= 0", "-"]
