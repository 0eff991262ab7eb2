"""The cartography's heat map: impact by likelihood or probability, with the number in every cell."""

from collections.abc import Mapping

import msgspec
from rich.text import Text

from tui.charts.base import Table, join, nothing, number
from tui.charts.palette import Palette

ROOMY = 4
"""From how many cells on a number has a blank on either side."""

WIDEST = 11
"""Cells beyond which a wider column says nothing more."""

AXIS = 7
"""Cells before the first column: the impact's value and the axis."""


class Heat(msgspec.Struct, frozen=True):
    """Numbers on a grid. `rows` and `columns` are the scales' values, ascending; a pair that `values` lacks is not
    known."""

    title: str
    row_name: str
    column_name: str
    rows: tuple[int, ...]
    columns: tuple[int, ...]
    values: Mapping[tuple[int, int], float]
    top: float | None = None
    """The number that has the strongest colour; None: the largest one here. Given where maps are compared."""

    def height(self, width: int) -> int | None:
        """The axes' names, a line per impact, and the columns' values."""
        del width
        return len(self.rows) + 2 if self.rows and self.columns else 1

    def draw(self, width: int, height: int, palette: Palette) -> Text:
        """The grid, highest impact on top; taller cells where there is room. Zero is a dot, what is not known blank."""
        if not self.rows or not self.columns:
            return nothing(palette, width)
        wide = max(min((width - AXIS) // len(self.columns), WIDEST), 2)
        tall = max(min((height - 2) // len(self.rows), wide // 2), 1)
        top = self.top or max(self.values.values(), default=0.0)
        lines = [Text(f"{self.row_name} ↑  {self.column_name} →", style=palette.dim, no_wrap=True)]
        for row in reversed(self.rows):
            for part in range(tall):
                middle = part == tall // 2
                line = Text(f"{row if middle else '':>{AXIS - 2}} │", style=palette.dim)
                for column in self.columns:
                    value = self.values.get((row, column))
                    said = short(value, wide) if middle and value is not None else " " * wide
                    line.append(said, style="" if value is None else _style(value, top, palette))
                lines.append(line)
        scale = "".join(placed(str(column), wide) for column in self.columns)
        lines.append(Text(" " * AXIS + scale, style=palette.dim))
        return join(lines, width)

    def table(self) -> Table:
        """One row per impact, highest first, one column per value of the other scale."""
        columns = (self.row_name, *(f"{self.column_name} {column}" for column in self.columns))
        rows = tuple((row, *(self.values.get((row, column)) for column in self.columns)) for row in reversed(self.rows))
        return Table(self.title, columns, rows)


def short(value: float, width: int) -> str:
    """The number in exactly `width` cells (2 at least): as many decimals as fit, zero as a dot, `9+` where none do."""
    if value == 0:
        return placed("·", width)
    room = width if width < ROOMY else width - 2
    tries = (number(value), f"{value:.1f}", f"{value:.1f}".lstrip("0"), f"{value:.0f}")
    fitting = (text for text in tries if len(text) <= room and float(text.replace(",", "")) > 0)
    otherwise = "9" * (room - 1) + "+" if value >= 1 else "<1"
    return placed(next(fitting, otherwise), width)


def placed(text: str, width: int) -> str:
    """A text to the right of a cell, with a blank after it where there is room for one."""
    return f"{text:>{width}}" if width < ROOMY else f"{text:>{width - 1}} "


def _style(value: float, top: float, palette: Palette) -> str:
    """The colours of a cell: the more of the largest number it is, the stronger."""
    steps = len(palette.heat)
    step = 0 if value <= 0 or top <= 0 else 1 + min(int(value / top * (steps - 1)), steps - 2)
    return f"{palette.heat_text[step]} on {palette.heat[step]}"
