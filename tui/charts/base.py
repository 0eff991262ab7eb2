"""What all charts have in common: the protocol, the table form, and how text is cut and numbers are written."""

import datetime as dt
import textwrap
from typing import Protocol

import msgspec
from rich.cells import cell_len, set_cell_size
from rich.text import Text

from tui.charts.palette import Palette

Cell = str | int | float | dt.date | None
"""What a table's cell may hold. None is written as nothing, never as zero."""

EMPTY = "No figures in this period."
"""Said instead of an empty drawing, so that nobody takes it for a chart that failed."""


class Table(msgspec.Struct, frozen=True, omit_defaults=True):
    """A chart's figures as rows: what `t` shows and every export writes. `rows` are as long as `columns`."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    absent: str = ""
    """Why the figures are not known, where they are not. No export writes it then; the others keep their numbers."""


class Chart(Protocol):
    """A drawing that knows its data."""

    @property
    def title(self) -> str:
        """What the chart shows, in a few words: the panel's heading and the table's name."""

    def height(self, width: int) -> int | None:
        """How many lines the drawing needs at least at this width; None where any number will do."""

    def draw(self, width: int, height: int, palette: Palette) -> Text:
        """The drawing: at most `width` cells a line. Charts that know their height may ignore `height`."""

    def table(self) -> Table:
        """The same figures as rows."""


UNKNOWN = "-"
"""Shown for a value that is not known; zero is something else."""

SMALLEST_SHOWN = 0.005
"""Less than this is nothing once it is shown with two decimals."""


def fit(text: str, width: int) -> str:
    """Cut or pad to exactly `width` terminal cells; a cut shows as an ellipsis."""
    if width <= 0:
        return ""
    if cell_len(text) <= width:
        return set_cell_size(text, width)
    return set_cell_size(set_cell_size(text, width - 1).rstrip() + "…", width)


def label_width(labels: list[str], width: int) -> int:
    """How wide a column of labels may be: what the longest needs, at most 45 % of the width."""
    longest = max((cell_len(label) for label in labels), default=0)
    return min(longest, width * 45 // 100)


def number(value: float | None) -> str:
    """A number for a person: thousands apart, whole ones without decimals, others with two; None is a dash."""
    if value is None:
        return UNKNOWN
    if float(value).is_integer():
        return f"{value:,.0f}"
    return f"{value:,.2f}"


def signed(value: float | None) -> str:
    """A change: an arrow that can be read without colour, and the amount. Smaller than half a hundredth is none."""
    if value is None:
        return UNKNOWN
    if abs(value) < SMALLEST_SHOWN:
        return "= 0"
    return f"{'▲' if value > 0 else '▼'} {number(abs(round(value, 2)))}"


def join(lines: list[Text], width: int) -> Text:
    """Lines put under each other, none longer than `width` and none wrapped by whoever shows them."""
    for line in lines:
        line.truncate(width)
    text = Text("\n").join(lines)
    text.no_wrap = True
    text.overflow = "crop"
    return text


def nothing(palette: Palette, width: int, message: str = EMPTY) -> Text:
    """What is drawn where there is nothing to draw, on as many lines as it takes."""
    return Text(textwrap.fill(message, max(width, 1)), style=palette.dim)
