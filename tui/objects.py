"""How threats and vulnerabilities are sorted, cut, filtered and shown: pure, shared by both views."""

from collections.abc import Sequence

import msgspec
from rich.text import Text

from tui.charts.base import Table, signed
from tui.charts.lines import MAX_SERIES, Lines, Series
from tui.charts.palette import MARKERS, Palette
from tui.charts.spark import spark
from tui.desk import Answers
from tui.figures import SIDE_NAMES, Metric, ObjectRow, label, object_rows
from tui.scope import Language
from tui.widgets.rows import Column, Line
from tui.wire import ObjectSeries

FULL = 8
"""Columns of the table that compares, where it has all of them."""

TOPS = (None, 5, 10, 15)
WIDE = 100
"""From how many cells on the table is wide."""

WIDE_SPARK, NARROW_SPARK = 20, 9
NUMBER = 8
MARK = 2
"""Widths of columns, in cells: a trend, a number with the arrow of the sorted one in its heading, a line's marker."""


class Choices(msgspec.Struct, frozen=True):
    """What is chosen on the screen. `sort` is a field of ObjectRow; `top` None shows all."""

    sort: str = "count"
    descending: bool = True
    top: int | None = None
    text: str = ""
    metric: int = 0


class Words(msgspec.Struct, frozen=True):
    """What the view calls its objects, and their rate (`brief`: in at most six letters)."""

    one: str
    many: str
    rate: str
    brief: str

    @property
    def metrics(self) -> tuple[Metric, Metric, Metric]:
        """The three figures that there is a trend of."""
        return (
            Metric("Occurrence", "count"),
            Metric(self.rate, "average_rate"),
            Metric("Highest risk", "max_risk"),
        )


def all_rows(data: Answers[list[ObjectSeries]], language: Language, metric: Metric) -> list[ObjectRow]:
    """A row for every object of the first side, and of the second where two are compared."""
    sides = list(data.values.values())
    return object_rows(sides[0], language, metric, sides[1] if len(sides) > 1 else None)


def chosen_rows(rows: Sequence[ObjectRow], choices: Choices) -> list[ObjectRow]:
    """The rows that are looked for, sorted; what is not known comes last, equals by name. `top` cuts what is left."""
    wanted = choices.text.casefold()
    found = [row for row in rows if wanted in row.label.casefold() or wanted == row.uuid]
    found.sort(key=lambda row: (row.label.casefold(), row.uuid))
    if choices.sort == "label":
        found = found if not choices.descending else found[::-1]
    else:
        known = [row for row in found if getattr(row, choices.sort) is not None]
        unknown = [row for row in found if getattr(row, choices.sort) is None]
        sign = -1 if choices.descending else 1
        found = sorted(known, key=lambda row: sign * getattr(row, choices.sort)) + unknown
    return found[: choices.top]


def sortable(words: Words, width: int, *, compared: bool) -> list[tuple[str, str]]:
    """The columns in their order, as many as there is room for: the row's field, and a heading (of at most six letters,
    but for the name's)."""
    other = [("other", "Global")] if compared else []
    highest = [("highest", "Max.")] if width >= WIDE or not compared else []  # the exports have it
    return [
        ("label", words.one),
        ("count", "Local" if compared else "Occurs"),
        *other,
        ("rate", words.brief),
        *highest,
        ("change", "Change"),
    ]


def columns(words: Words, choices: Choices, width: int, *, compared: bool) -> list[Column]:
    """The table's columns for a width in cells: numbers and the trend take what they need, the name gets the rest."""
    fields = sortable(words, width, compared=compared)
    spark_width = WIDE_SPARK if width >= WIDE else NARROW_SPARK
    gap = 2
    taken = MARK + (len(fields) - 1) * NUMBER + spark_width + (len(fields) + 2) * gap + 1
    arrow = "▼" if choices.descending else "▲"
    heads = []
    for field, title in fields:
        head = f"{title} {arrow}" if field == choices.sort else title
        is_name = field == "label"
        heads.append(Column(head, max(width - taken, 14) if is_name else NUMBER, right=not is_name))
    trend = words.metrics[choices.metric].name if width >= WIDE else "Trend"
    return [Column("", MARK), *heads, Column(trend, spark_width)]


def lines_of(
    rows: Sequence[ObjectRow], marks: Sequence[str], palette: Palette, columns: Sequence[Column], *, compared: bool
) -> list[Line]:
    """The table's lines for its columns; `marks` are the keys of the rows drawn as lines, whose markers they get."""
    place = {key: number for number, key in enumerate(marks)}
    lines = []
    for row in rows:
        mark = _mark(place.get(row.uuid), palette, 2 if compared else 1)
        trend = Text(spark([value for _, value in row.trend], columns[-1].width), style=palette.series[0])
        changed = palette.bad if (row.change or 0) > 0 else palette.good
        change = Text(signed(row.change), style=changed if row.change else palette.dim, justify="right")
        highest = () if compared and len(columns) < FULL else (row.highest,)
        other = (row.other,) if compared else ()
        lines.append(Line(row.uuid, (mark, row.label, row.count, *other, row.rate, *highest, change, trend)))
    return lines


def _mark(at: int | None, palette: Palette, sides: int) -> Text:
    """The markers of a row's lines: one for each side. `at`: the row's place among the marked ones."""
    first = at * sides if at is not None else 0
    lines = range(first, first + sides) if at is not None else ()
    return Text.assemble(*((MARKERS[line], palette.series[line]) for line in lines))


def table(rows: Sequence[ObjectRow], words: Words, *, compared: bool) -> Table:
    """The rows for an export, with their uuids."""
    other = ("Occurrence (global)",) if compared else ()
    heads = (words.one, "UUID", "Occurrence", *other, words.rate, "Highest risk", "Change")
    body = tuple(
        (row.label, row.uuid, row.count, *((row.other,) if compared else ()), row.rate, row.highest, row.change)
        for row in rows
    )
    return Table(words.many, heads, body)


def most_lines(data: Answers[list[ObjectSeries]]) -> int:
    """How many objects can be drawn at once: each takes a line per side."""
    return MAX_SERIES // max(len(data.values), 1)


def evolution(
    data: Answers[list[ObjectSeries]], marks: Sequence[str], words: Words, metric: Metric, language: Language
) -> Lines:
    """The marked objects' lines, for each side."""
    series = []
    compared = len(data.values) > 1
    by_side = {side: {str(one.object): one for one in found} for side, found in data.values.items()}
    for uuid in marks:
        for side, found in by_side.items():
            one = found.get(uuid)
            if one is not None:
                before = f"{SIDE_NAMES[side]}: " if compared else ""
                points = tuple((value.date, float(getattr(value, metric.field))) for value in one.values)
                series.append(Series(before + label(one.labels, language, uuid), points))
    return Lines(f"{words.many}: {metric.name.lower()}", tuple(series))
