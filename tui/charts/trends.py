"""Rows of a name, its value, how it has changed and its trend: for what there is too much of to draw as lines."""

import msgspec
from rich.text import Text

from tui.charts.base import SMALLEST_SHOWN, Table, fit, join, label_width, nothing, number, signed
from tui.charts.palette import Palette
from tui.charts.spark import spark


class Trend(msgspec.Struct, frozen=True):
    """One row: the newest value, the change up to it (None: not known), and the values that led there."""

    label: str
    value: float | None
    change: float | None
    values: tuple[float | None, ...]


class Trends(msgspec.Struct, frozen=True):
    """Several trends under each other. `unit` names the value, `change` what it is measured against."""

    title: str
    unit: str
    change: str
    trends: tuple[Trend, ...]
    empty: str = "Nothing has changed in this period."

    def height(self, width: int) -> int | None:
        """A heading and a line for each."""
        del width
        return len(self.trends) + 1 if self.trends else 1

    def draw(self, width: int, height: int, palette: Palette) -> Text:
        """Label, value, change with an arrow, and the trend as a sparkline in what is left of the line."""
        del height
        if not self.trends:
            return nothing(palette, width, self.empty)
        labels = label_width([trend.label for trend in self.trends], width)
        wide = max(len(self.change), 10)
        room = max(width - labels - 10 - wide - 3, 0)
        heading = f"{'':{labels}} {self.unit:>9.9} {self.change:>{wide}}"
        lines = [Text(heading, style=palette.dim)]
        for trend in self.trends:
            line = Text(f"{fit(trend.label, labels)} {number(trend.value):>9} ")
            line.append(f"{signed(trend.change):>{wide}}", style=_style(trend.change, palette))
            lines.append(line.append(f"  {spark(trend.values, room)}", style=palette.series[0]))
        return join(lines, width)

    def table(self) -> Table:
        """Label, value and change."""
        rows = tuple((trend.label, trend.value, trend.change) for trend in self.trends)
        return Table(self.title, ("Name", self.unit, f"Change {self.change}"), rows)


def _style(change: float | None, palette: Palette) -> str:
    """More occurrences or risks are worse, fewer better."""
    if change is None or abs(change) < SMALLEST_SHOWN:
        return palette.dim
    return palette.bad if change > 0 else palette.good
