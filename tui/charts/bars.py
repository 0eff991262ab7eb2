"""Bars, one line each: plain, stacked by level, and current against target. Values are always printed.

They are plain text and not plotext's: at 80 columns its labels leave the bars no room.
"""

from collections.abc import Sequence

import msgspec
from rich.text import Text

from tui.charts.base import SMALLEST_SHOWN, UNKNOWN, Table, fit, join, label_width, nothing, number, signed
from tui.charts.palette import FILLS, MARKERS, Palette

LEAST_BAR = 10
"""Cells that a label leaves to the bar beside it."""

ROOMY = 100
"""From how many cells on levels have their full names over their columns."""

EIGHTHS = " ▏▎▍▌▋▊▉"


class Bar(msgspec.Struct, frozen=True):
    """A labelled value. `note` is said after it; `alert` draws it in the colour of what needs a look."""

    label: str
    value: float
    note: str = ""
    alert: bool = False


class Bars(msgspec.Struct, frozen=True):
    """Values to compare, longest bar as wide as there is room. `unit` names the values in the table."""

    title: str
    unit: str
    bars: tuple[Bar, ...]
    empty: str = "Nothing to show."

    def height(self, width: int) -> int | None:
        """A line for each bar."""
        del width
        return max(len(self.bars), 1)

    def draw(self, width: int, height: int, palette: Palette) -> Text:
        """A line for each bar: label, bar, value and note."""
        del height
        if not self.bars:
            return nothing(palette, width, self.empty)
        labels = label_width([bar.label for bar in self.bars], width)
        tails = [f"{number(bar.value)} {bar.note}".strip() for bar in self.bars]
        tail = min(max(map(len, tails)), max(width - labels - LEAST_BAR, 1))
        room = max(width - labels - tail - 2, 1)
        top = max(*(bar.value for bar in self.bars), 1e-9)
        lines = []
        for bar, said in zip(self.bars, tails, strict=True):
            colour = palette.bad if bar.alert else palette.good
            line = Text(fit(bar.label, labels) + " ")
            line.append(fit(_length(bar.value / top * room), room), style=colour)
            line.append(f" {fit(said, tail)}", style=palette.bad if bar.alert else "")
            lines.append(line)
        return join(lines, width)

    def table(self) -> Table:
        """Label, value and note."""
        rows = tuple((bar.label, bar.value, bar.note) for bar in self.bars)
        return Table(self.title, ("Name", self.unit, "Note"), rows)


class Stack(msgspec.Struct, frozen=True):
    """One stacked bar: a value for each level, and how the sum has changed (None: not known)."""

    label: str
    values: tuple[float, ...]
    change: float | None = None


class StackedBars(msgspec.Struct, frozen=True):
    """Values by level (at most three, from low to high), stacked, with each level's value in a column."""

    title: str
    levels: tuple[str, ...]
    stacks: tuple[Stack, ...]
    change: str = ""
    """What the changes are measured against, e.g. "in 30 days"; empty where there are none."""

    def height(self, width: int) -> int | None:
        """A heading, and a line for each stack."""
        del width
        return len(self.stacks) + 1 if self.stacks else 1

    def draw(self, width: int, height: int, palette: Palette) -> Text:
        """A heading that says which fill is which level, then label, bar, a value per level, the sum and its change."""
        del height
        if not self.stacks:
            return nothing(palette, width)
        cells = [self._cells(stack) for stack in self.stacks]
        heads = self._heads(width)
        widths = [max(len(head), *(len(row[i]) for row in cells)) + 1 for i, head in enumerate(heads)]
        labels = label_width([stack.label for stack in self.stacks], width)
        labels = max(min(labels, width - sum(widths) - 1 - LEAST_BAR), 8)
        room = max(width - labels - sum(widths) - 1, 1)
        lines = [self._heading(labels + room + 1, heads, widths, palette)]
        top = max(*(sum(stack.values) for stack in self.stacks), 1e-9)
        for stack, row in zip(self.stacks, cells, strict=True):
            line = Text(fit(stack.label, labels) + " ")
            line.append_text(_stacked(stack.values, room, top, palette))
            for place, (said, wide) in enumerate(zip(row, widths, strict=True)):
                line.append(said.rjust(wide), style=_column_style(place, len(self.levels), said, palette))
            lines.append(line)
        return join(lines, width)

    def table(self) -> Table:
        """Label, a column per level, the sum and, where it is known, the change."""
        change = (f"Change {self.change}",) if self.change else ()
        rows = tuple(
            (one.label, *one.values, sum(one.values), *((one.change,) if self.change else ())) for one in self.stacks
        )
        return Table(self.title, ("Name", *self.levels, "Sum", *change), rows)

    def _cells(self, stack: Stack) -> list[str]:
        values = [*map(number, stack.values), number(sum(stack.values))]
        return [*values, signed(stack.change)] if self.change else values

    def _heads(self, width: int) -> list[str]:
        """The columns' names: a level's first word, since "Low risks" thrice says nothing more than "Low"."""
        names = [level.split()[0] if width < ROOMY else level for level in self.levels]
        return [*names, "Sum", self.change] if self.change else [*names, "Sum"]

    def _heading(self, before: int, heads: list[str], widths: list[int], palette: Palette) -> Text:
        legend = "  ".join(f"{fill} {level}" for fill, level in zip(FILLS, self.levels, strict=False))
        line = Text(fit(legend, before), style=palette.dim)
        for head, wide in zip(heads, widths, strict=True):
            line.append(head.rjust(wide), style=palette.dim)
        return line


class Target(msgspec.Struct, frozen=True):
    """How far something is, and how far it ought to be; both on the same scale from 0."""

    label: str
    current: float | None
    target: float | None

    @property
    def gap(self) -> float | None:
        """What is missing; negative where the target is passed, None where either is not known."""
        if self.current is None or self.target is None:
            return None
        return self.target - self.current


class Targets(msgspec.Struct, frozen=True):
    """Current against target, a line each, on a scale from 0 to `top`."""

    title: str
    targets: tuple[Target, ...]
    top: float = 1.0

    def height(self, width: int) -> int | None:
        """A heading, and a line for each."""
        del width
        return len(self.targets) + 1 if self.targets else 1

    def draw(self, width: int, height: int, palette: Palette) -> Text:
        """Label, the current value as a bar with the target as a bright stroke, both values and what is missing."""
        del height
        if not self.targets:
            return nothing(palette, width)
        labels = label_width([one.label for one in self.targets], width)
        room = max(width - labels - 23, 4)
        legend = fit("█ current  ┃ target", labels + room + 1)
        lines = [Text(f"{legend} {'now':>5} {'target':>6} {'gap':>7}", style=palette.dim)]
        for one in self.targets:
            line = Text(fit(one.label, labels) + " ")
            line.append_text(self._bar(one, room, palette))
            line.append(f" {_share(one.current):>5} {_share(one.target):>6}")
            line.append(f" {signed_gap(one.gap):>7}", style=palette.bad if is_missing(one.gap) else palette.good)
            lines.append(line)
        return join(lines, width)

    def table(self) -> Table:
        """Label, current, target and gap."""
        rows = tuple((one.label, one.current, one.target, one.gap) for one in self.targets)
        return Table(self.title, ("Name", "Current", "Target", "Gap"), rows)

    def _bar(self, one: Target, room: int, palette: Palette) -> Text:
        top = max(self.top, 1e-9)
        filled = round(min((one.current or 0) / top, 1) * room)
        bar = Text("█" * filled, style=palette.good).append("·" * (room - filled), style=palette.dim)
        if one.target is None:
            return bar
        at = min(round(min(one.target / top, 1) * room), room - 1)
        return bar[:at].append("┃", style=f"bold {palette.bad}").append_text(bar[at + 1 :])


def _share(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:.2f}"


def is_missing(gap: float | None) -> bool:
    """Whether a gap is one that is seen."""
    return gap is not None and gap >= SMALLEST_SHOWN


def signed_gap(gap: float | None) -> str:
    """What is missing to a target: `✔` where nothing is."""
    if gap is None:
        return UNKNOWN
    return f"-{gap:.2f}" if is_missing(gap) else "✔"


def _length(cells: float) -> str:
    """A bar so many cells long, to an eighth. What is not zero is seen."""
    eighths = max(round(cells * 8), 1) if cells > 0 else 0
    return "█" * (eighths // 8) + (EIGHTHS[eighths % 8] if eighths % 8 else "")


def _stacked(values: Sequence[float], room: int, top: float, palette: Palette) -> Text:
    """The parts of a stack side by side. A part that is not zero has one cell at least; the longest part gives."""
    cells = [max(round(value / top * room), 1) if value > 0 else 0 for value in values]
    while sum(cells) > room and max(cells) > 1:
        cells[cells.index(max(cells))] -= 1
    bar = Text()
    for size, fill, colour in zip(cells, FILLS, palette.levels, strict=False):
        bar.append(fill * size, style=colour)
    return bar.append(" " * max(room - sum(cells), 0))


def _column_style(place: int, levels: int, said: str, palette: Palette) -> str:
    """A level's column has the level's colour, the change that of what it means: fewer risks are better."""
    if place < levels:
        return palette.levels[place]
    if place == levels:
        return "bold"
    return palette.bad if said.startswith("▲") else palette.good


def marked(place: int, label: str) -> str:
    """A label with its series' marker before it, for charts that show the same thing from several places."""
    return f"{MARKERS[place % len(MARKERS)]} {label}"
