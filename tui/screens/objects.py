"""What the views of threats and of vulnerabilities have in common: a table that filters and sorts, and lines."""

from collections.abc import Iterable
from typing import ClassVar

import msgspec
from textual import events, on
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import DataTable, Static

from tui import objects
from tui.charts.base import Table
from tui.charts.palette import palette_for
from tui.desk import Answers, Desk
from tui.errors import Problems
from tui.figures import ObjectRow, failures
from tui.messages import WidthChanged
from tui.objects import Choices, Words
from tui.scope import Scope
from tui.screens.filtering import FilteringScreen
from tui.widgets.filter_bar import FilterBar
from tui.widgets.panel import Panel
from tui.widgets.rows import Rows
from tui.wire import ObjectSeries

Data = Answers[list[ObjectSeries]]


class ObjectTable(Rows):
    """The table of objects, and which of them are marked."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "screen.mark", show=False)]

    def __init__(self, *, id: str) -> None:  # noqa: A002  # Textual's name
        super().__init__(id=id)
        self.marks: tuple[str, ...] = ()
        self._width = 0

    def on_resize(self, event: events.Resize) -> None:
        """Say when the columns have to be fitted anew."""
        if event.size.width != self._width:
            self._width = event.size.width
            self.post_message(WidthChanged())


class ObjectsScreen(FilteringScreen[Data]):
    """Subclasses say which kind of objects, and what they are called."""

    KIND: ClassVar[str]
    WORDS: ClassVar[Words]
    FILTERED = "#objects"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "mark", "Line", id="mark", tooltip="Draw the row as a line"),
        Binding("less_than_sign", "sort(-1)", "Sort by the column before", id="sort-before", show=False),
        Binding("greater_than_sign,o", "sort(1)", "Sort by the next column", id="sort-next", show=False),
        Binding("i", "reverse", "Highest or lowest first", id="reverse", show=False),
        Binding("n", "top", "Top 5, 10, 15, all", id="top", show=False),
        Binding("m", "metric", "Trend and lines of…", id="metric", show=False),
    ]

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]  # what ViewScreen takes
        self.choices = Choices()

    def on_mount(self) -> None:
        """Trends and changes are in the theme's colours."""
        self.app.theme_changed_signal.subscribe(self, lambda _: self._again())

    @classmethod
    async def fetch(cls, desk: Desk, scope: Scope) -> Data:
        """The objects of each side."""
        return await desk.gather(scope, lambda service, ask: service.objects(cls.KIND, ask))

    @classmethod
    def all_tables(cls, data: Data, scope: Scope, choices: Choices) -> list[Table]:
        """The rows chosen, then the evolution of the first of them."""
        metric = cls.WORDS.metrics[choices.metric]
        rows = objects.chosen_rows(objects.all_rows(data, scope.language, metric), choices)
        marks = [row.uuid for row in rows[: objects.most_lines(data)]]
        lines = objects.evolution(data, marks, cls.WORDS, metric, scope.language)
        return [objects.table(rows, cls.WORDS, compared=len(data.values) > 1), lines.table()]

    def shown_tables(self, data: Data) -> list[Table]:
        """The table as it is sorted, cut and filtered, and the lines as they are drawn."""
        lines = self.query_one("#evolution", Panel).chart
        table = objects.table(self._chosen(data), self.WORDS, compared=len(data.values) > 1)
        return [table, *([lines.table()] if lines else [])]

    def body(self) -> Iterable[Widget]:
        """The table with its filter, and the lines beside or under it."""
        with_filter = Vertical(Static("", id="choices"), ObjectTable(id="objects"), FilterBar(), id="list")
        yield Container(with_filter, Panel("Evolution", id="evolution"), id="split")

    def show(self, data: Data) -> None:
        """Fill the table and draw the lines."""
        compared = len(data.values) > 1
        rows = self._chosen(data)
        marks = self._marks(data, rows)
        table = self.query_one(ObjectTable)
        palette = palette_for(dark=self.app.current_theme.dark)
        columns = objects.columns(self.WORDS, self.choices, self._width(), compared=compared)
        table.fill(columns, objects.lines_of(rows, marks, palette, columns, compared=compared))
        metric = self.WORDS.metrics[self.choices.metric]
        panel = self.query_one("#evolution", Panel)
        panel.show(objects.evolution(data, marks, self.WORDS, metric, self.session.scope.language))
        self._say(data, len(rows))

    def _width(self) -> int:
        """The table's width; before it has one, the smallest there is."""
        return self.query_one(ObjectTable).size.width or 76

    def _say(self, data: Data, shown: int) -> None:
        """How many rows there are, and how they are chosen."""
        all_of_them = len({one.object for side in data.values.values() for one in side})
        said = f"{shown} of {all_of_them} {self.WORDS.many.lower()} · space draws a row as a line"
        if self.wanted:
            said += f" · filter: {self.wanted}"
        self.query_one("#choices", Static).update(Content(said))

    def explain(self, error: object) -> None:
        """An empty table and why."""
        super().explain(error)  # type: ignore[arg-type]  # a DashboardError
        self.query_one(ObjectTable).fill([], [])
        self.query_one("#choices", Static).update("")

    @staticmethod
    def problems(data: Data) -> Problems:
        """A side that did not answer."""
        return failures(data)

    def _chosen(self, data: Data) -> list[ObjectRow]:
        metric = self.WORDS.metrics[self.choices.metric]
        choices = msgspec.structs.replace(self.choices, text=self.wanted)
        return objects.chosen_rows(objects.all_rows(data, self.session.scope.language, metric), choices)

    def _marks(self, data: Data, rows: list[ObjectRow]) -> list[str]:
        """The rows drawn as lines: those marked, else the first ones; never more than can be told apart."""
        table = self.query_one(ObjectTable)
        wanted = [*table.marks] or [row.uuid for row in rows]
        return wanted[: objects.most_lines(data)]

    # --- choosing ------------------------------------------------------------------------------------------

    def _choose(self, **changes: object) -> None:
        self.choices = msgspec.structs.replace(self.choices, **changes)
        self._again()

    def _again(self) -> None:
        if self.data is not None:
            self.show(self.data)

    def action_mark(self) -> None:
        """Mark the row under the cursor, or take its mark away."""
        table = self.query_one(ObjectTable)
        if self.data is None or table.current is None:
            return
        key, most = table.current.key, objects.most_lines(self.data)
        if key in table.marks:
            table.marks = tuple(one for one in table.marks if one != key)
        elif len(table.marks) < most:
            table.marks = (*table.marks, key)
        else:
            self.notify(f"At most {most} at once: more lines cannot be told apart. Unmark one first.")
        self.show(self.data)

    @on(DataTable.HeaderSelected)
    def _header(self, event: DataTable.HeaderSelected) -> None:
        """A click on a heading sorts by it, a second one the other way round."""
        place = event.column_index - 1
        fields = self._fields()
        if event.data_table.id == "objects" and 0 <= place < len(fields):
            field = fields[place]
            descending = not self.choices.descending if field == self.choices.sort else field != "label"
            self._choose(sort=field, descending=descending)

    def _fields(self) -> list[str]:
        compared = self.data is not None and len(self.data.values) > 1
        return [field for field, _ in objects.sortable(self.WORDS, self._width(), compared=compared)]

    def action_sort(self, step: int) -> None:
        """By another column."""
        fields = self._fields()
        at = fields.index(self.choices.sort) if self.choices.sort in fields else 0
        field = fields[(at + step) % len(fields)]
        self._choose(sort=field, descending=field != "label")

    def action_reverse(self) -> None:
        """Lowest first, or highest."""
        self._choose(descending=not self.choices.descending)

    def action_top(self) -> None:
        """Fewer rows, or all."""
        tops = objects.TOPS
        self._choose(top=tops[(tops.index(self.choices.top) + 1) % len(tops)])

    def action_metric(self) -> None:
        """Trend and lines of another figure."""
        self._choose(metric=(self.choices.metric + 1) % len(self.WORDS.metrics))

    @on(WidthChanged)
    def _refit(self) -> None:
        self._again()
