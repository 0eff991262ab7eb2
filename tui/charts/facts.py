"""A few single figures side by side, e.g. how many accounts there are."""

import msgspec
from rich.cells import cell_len
from rich.text import Text

from tui.charts.base import Cell, Table, join, nothing, number
from tui.charts.palette import Palette


class Fact(msgspec.Struct, frozen=True):
    """A figure and what it counts. `alert`: it needs a look."""

    name: str
    value: Cell
    alert: bool = False


class Facts(msgspec.Struct, frozen=True):
    """Single figures, as many on a line as fit."""

    title: str
    facts: tuple[Fact, ...]

    def height(self, width: int) -> int | None:
        """As many lines as it takes to say them all."""
        return max(len(self._lines(width)), 1)

    def draw(self, width: int, height: int, palette: Palette) -> Text:
        """`12 accounts   30 analyses`; what needs a look is marked with `!`."""
        del height
        if not self.facts:
            return nothing(palette, width)
        lines = []
        for facts in self._lines(width):
            line = Text()
            for fact in facts:
                line.append(said(fact), style=f"bold {palette.bad if fact.alert else palette.text}")
                line.append(f" {fact.name}   ", style=palette.dim)
            lines.append(line)
        return join(lines, width)

    def table(self) -> Table:
        """Name and value."""
        return Table(self.title, ("Name", "Value"), tuple((fact.name, fact.value) for fact in self.facts))

    def _lines(self, width: int) -> list[list[Fact]]:
        lines: list[list[Fact]] = []
        left = 0
        for fact in self.facts:
            size = cell_len(said(fact)) + cell_len(fact.name) + 4
            if size > left:
                lines.append([])
                left = width
            lines[-1].append(fact)
            left -= size
        return lines


def said(fact: Fact) -> str:
    """A fact's value in words; None is a dash."""
    value = fact.value
    text = number(value) if value is None or isinstance(value, int | float) else str(value)
    return f"! {text}" if fact.alert else text
