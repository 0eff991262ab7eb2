"""Tables: DataTable with vim's keys, rows that can be marked, and contents that are never taken for markup."""

import datetime as dt
from collections.abc import Sequence
from typing import ClassVar

import msgspec
from rich.cells import cell_len
from rich.text import Text
from textual.binding import Binding, BindingType
from textual.widgets import DataTable

from tui.charts.base import Cell, Table, fit, number


class Column(msgspec.Struct, frozen=True):
    """A column's heading, its width in cells (0: what it needs), and whether it stands to the right."""

    title: str
    width: int = 0
    right: bool = False


class Line(msgspec.Struct, frozen=True):
    """A row: its key, unique in the table, and a text or value for each column. `unseen`: what else it is found by."""

    key: str
    cells: tuple[Cell | Text, ...]
    unseen: tuple[Cell, ...] = ()


class Rows(DataTable[Text]):
    """A table of lines. The cursor stays on its row when the contents change."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "cursor_down", "Down", show=False),
        Binding("k", "cursor_up", "Up", show=False),
        Binding("h", "scroll_left", "Left", show=False),
        Binding("l", "scroll_right", "Right", show=False),
        Binding("G", "scroll_bottom", "Last row", show=False),
    ]

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002  # Textual's name
        super().__init__(id=id, classes=classes, cursor_type="row", zebra_stripes=False)
        self._shape: tuple[Column, ...] = ()
        self.lines: list[Line] = []

    @property
    def current(self) -> Line | None:
        """The line that the cursor is on."""
        return self.lines[self.cursor_row] if 0 <= self.cursor_row < len(self.lines) else None

    def fill(self, columns: Sequence[Column], lines: Sequence[Line]) -> None:
        """Show these lines in place of what was there."""
        before = self.current
        shape = tuple(columns)
        with self.app.batch_update():
            self.clear(columns=shape != self._shape)
            if shape != self._shape:
                for column in shape:
                    self.add_column(_heading(column), width=column.width or None)
                self._shape = shape
            self.lines = list(lines)
            for line in self.lines:
                cells = zip(line.cells, shape, strict=True)
                self.add_row(*(_text(cell, column) for cell, column in cells), key=line.key)
        self._return_to(before)

    def fill_table(self, table: Table, width: int) -> None:
        """Show a chart's table, columns at most 45 % of `width` wide."""
        columns = [_column_of(table, place, width * 45 // 100) for place in range(len(table.columns))]
        self.fill(columns, [Line(str(place), row) for place, row in enumerate(table.rows)])

    def _return_to(self, before: Line | None) -> None:
        if before is None:
            return
        for place, line in enumerate(self.lines):
            if line.key == before.key:
                self.move_cursor(row=place, animate=False)
                return


def _column_of(table: Table, place: int, most: int) -> Column:
    values = [row[place] for row in table.rows]
    right = bool(values) and all(value is None or isinstance(value, int | float) for value in values)
    need = max([cell_len(table.columns[place]), *(cell_len(words(value)) for value in values)])
    return Column(table.columns[place], max(min(need, most), 4), right)


def words(cell: Cell) -> str:
    """A value for a person."""
    if cell is None or isinstance(cell, int | float):
        return number(cell)
    return cell.isoformat() if isinstance(cell, dt.date) else cell


def said(cell: Cell | Text) -> str:
    """What a cell says."""
    return cell.plain if isinstance(cell, Text) else words(cell)


def _heading(column: Column) -> Text:
    title = fit(column.title, min(cell_len(column.title), column.width or 40))
    return Text(title, justify="right" if column.right else "left", no_wrap=True)


def _text(cell: Cell | Text, column: Column) -> Text:
    """A cell's text, cut to its column: a label of ten thousand characters is one, too."""
    if isinstance(cell, Text):
        return cell
    said = words(cell)
    if column.width:
        said = fit(said, min(cell_len(said), column.width))
    return Text(said, justify="right" if column.right else "left", no_wrap=True)
