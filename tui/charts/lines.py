"""Evolution over time: at most six lines, drawn by plotext in braille, with the legend above the drawing.

plotext keeps one figure for the whole process: it is reset before each drawing, and drawings are made one at a time
(the app draws only in its own loop).
"""

import datetime as dt
import math

import msgspec
import plotext
from rich.cells import cell_len
from rich.text import Text

from tui.charts.base import Cell, Table, fit, join, nothing, number
from tui.charts.palette import MARKERS, Palette

MAX_SERIES = 6
"""More lines than this cannot be told apart, in any library."""

SMALLEST = (24, 4)
"""Columns and lines below which axes leave no room for a drawing."""

MARKS_PER_LINE = 4
"""How often a line carries its marker, so that it can be told apart without colour."""

Point = tuple[dt.date, float | None]


class Series(msgspec.Struct, frozen=True):
    """One line: its name and its points by date. None is a gap."""

    label: str
    points: tuple[Point, ...]


class Lines(msgspec.Struct, frozen=True):
    """Several series over the same time. Those beyond the sixth are left to the table, and the legend says so."""

    title: str
    series: tuple[Series, ...]

    def height(self, width: int) -> int | None:
        """It fills what it gets."""
        del width
        return None

    def draw(self, width: int, height: int, palette: Palette) -> Text:
        """Legend and drawing. A series without any value is named in the legend, and not drawn."""
        shown = self.series[:MAX_SERIES]
        known = [value for one in shown for _, value in _clean(one.points) if value is not None]
        if not known:
            return nothing(palette, width)
        legend = _legend(shown, len(self.series) - len(shown), width, max(height // 3, 1), palette)
        rows = height - len(legend)
        if (width, rows) < SMALLEST or rows < SMALLEST[1]:
            return join([*legend, *_last_values(shown, width, palette)][: max(height, 1)], width)
        return join([*legend, *_plot(shown, (min(known), max(known)), (width, rows), palette)], width)

    def table(self) -> Table:
        """One row per date that any series has, one column per series (all of them, not only six)."""
        by_date: dict[dt.date, list[Cell]] = {}
        for place, one in enumerate(self.series):
            for date, value in one.points:
                by_date.setdefault(date, [None] * len(self.series))[place] = value
        rows = tuple((date, *by_date[date]) for date in sorted(by_date))
        return Table(self.title, ("Date", *(one.label for one in self.series)), rows)


def _clean(points: tuple[Point, ...]) -> list[Point]:
    """The points with what plotext cannot stand (NaN, infinity) made into gaps."""
    return [(date, value if value is not None and math.isfinite(value) else None) for date, value in points]


def _legend(shown: tuple[Series, ...], hidden: int, width: int, rows: int, palette: Palette) -> list[Text]:
    """Marker and name of each series, as many on a line as there is room for, in at most `rows` lines."""
    room = max(width // min(len(shown), 3) - 4, 8) if rows > 1 else max(width // len(shown) - 4, 3)
    entries = [
        (f"{marker} {fit(one.label, min(room, cell_len(one.label)))}", colour)
        for one, marker, colour in zip(shown, MARKERS, palette.series, strict=False)
    ]
    if hidden > 0:
        entries.append((f"+{hidden} more in the table (t)", palette.dim))
    lines = [Text()]
    for entry, colour in entries:
        if lines[-1].cell_len and lines[-1].cell_len + cell_len(entry) > width:
            lines.append(Text())
        lines[-1].append(entry, style=colour).append("  ")
    return lines[:rows]


def _last_values(shown: tuple[Series, ...], width: int, palette: Palette) -> list[Text]:
    """What is said of each series where there is no room for a drawing: its last value."""
    lines = []
    for one, marker, colour in zip(shown, MARKERS, palette.series, strict=False):
        known = [value for _, value in _clean(one.points) if value is not None]
        lines.append(Text(fit(f"{marker} {number(known[-1] if known else None)}", width), style=colour))
    return lines


def _plot(
    shown: tuple[Series, ...], limits: tuple[float, float], size: tuple[int, int], palette: Palette
) -> list[Text]:
    """The drawing itself, `size` (columns, rows) large, axes included."""
    ticks = nice_ticks(*_limits(*limits), at_most=max(size[1] // 2, 3))
    days = sorted({date.toordinal() for one in shown for date, _ in one.points})
    plotext.clear_figure()
    plotext.limit_size(width=False, height=False)
    plotext.theme("clear")
    plotext.plotsize(*size)
    plotext.frame(frame=False)
    plotext.xaxes(lower=True, upper=False)
    plotext.yaxes(left=True, right=False)
    plotext.xlim(days[0] - (len(days) == 1), days[-1] + (len(days) == 1))
    plotext.ylim(*_limits(*limits))
    plotext.yticks(ticks, _tick_labels(ticks))
    dates = _date_ticks(days, size[0])
    plotext.xticks(dates, [dt.date.fromordinal(day).isoformat() for day in dates])
    for place, one in enumerate(shown):
        _add(one, place, _rgb(palette.series[place]))
    lines = Text.from_ansi(plotext.build(), style=palette.dim).split("\n", allow_blank=True)
    return list(lines[: size[1]])


def _add(one: Series, place: int, colour: tuple[int, int, int]) -> None:
    """Draw one series: a line for each stretch without a gap, and its marker at a few of its points."""
    known: list[tuple[int, float]] = []
    stretch: list[tuple[int, float]] = []
    for date, value in [*_clean(one.points), (dt.date.max, None)]:
        if value is not None:
            stretch.append((date.toordinal(), value))
            continue
        if stretch:
            plotext.plot(*_axes(stretch), marker="braille", color=colour)
        known += stretch
        stretch = []
    if known:
        step = max(len(known) // MARKS_PER_LINE, 1)
        offset = min(place * step // MAX_SERIES, len(known) - 1)
        marked = [*known[offset::step], known[-1]]
        plotext.scatter(*_axes(marked), marker=MARKERS[place], color=colour)


def _tick_labels(ticks: list[float]) -> list[str]:
    """The ticks' values, all with as many decimals as their step needs."""
    digits = max(-math.floor(math.log10(ticks[1] - ticks[0]) + 1e-9), 0) if len(ticks) > 1 else 2
    return [f"{tick:,.{digits}f}" for tick in ticks]


def _axes(points: list[tuple[int, float]]) -> tuple[list[int], list[float]]:
    return [day for day, _ in points], [value for _, value in points]


def _rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _date_ticks(days: list[int], width: int) -> list[int]:
    """Which days are written under the drawing: first and last, and as many between them as fit."""
    wanted = max(min(width // 20, len(days), 8), 1)
    if wanted == 1:
        return [days[0]]
    span = days[-1] - days[0]
    return sorted({days[0] + round(span * place / (wanted - 1)) for place in range(wanted)})


def _limits(low: float, high: float) -> tuple[float, float]:
    """What the drawing reaches from and to: a little more than the values. Equal ones are put in the middle."""
    if high - low < 1e-9 * max(abs(high), 1.0):
        return (low - 1, high + 1) if abs(low) >= 1 else (low - abs(low) - 0.1, high + abs(high) + 0.1)
    margin = (high - low) / 20
    return low - margin, high + margin


def nice_ticks(low: float, high: float, at_most: int) -> list[float]:
    """Round values between `low` and `high` (which differ), evenly apart: one at least, `at_most` at most. A step is
    1, 2 or 5 times a power of ten."""
    rough = (high - low) / max(at_most, 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * (1 - 1e-9))
    digits = max(-math.floor(math.log10(step) + 1e-9), 0)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(place * step, digits) for place in range(first, last + 1)][:at_most] or [round(low, digits + 1)]
