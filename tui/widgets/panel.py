"""A framed chart that can also be looked at as a table."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content

from tui.charts.base import Chart
from tui.widgets.canvas import Canvas
from tui.widgets.rows import Rows


class ScrollArea(VerticalScroll):
    """A drawing that may be longer than its frame, with vim's keys."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "scroll_down", "Down", show=False),
        Binding("k", "scroll_up", "Up", show=False),
    ]


class Panel(Vertical):
    """Shows one chart; its title is the frame's. `show` may be called before it is mounted."""

    ALLOW_MAXIMIZE = True
    DEFAULT_CSS = """
    Panel { border: round $foreground 25%; border-title-color: $text-accent; height: 1fr; }
    Panel:focus-within { border: round $accent; }
    Panel Rows { display: none; height: 1fr; }
    Panel.-tabular Rows { display: block; }
    Panel.-tabular ScrollArea { display: none; }
    Panel.-empty Rows { display: none; }
    Panel.-empty ScrollArea { display: block; }
    Panel ScrollArea { height: 1fr; padding: 0 1; scrollbar-size-vertical: 1; }
    """

    def __init__(self, title: str, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        """`title` stands in the frame until the first chart comes."""
        super().__init__(id=id, classes=classes)
        self.add_class("-empty")
        self.border_title = Content(title)
        self._canvas = Canvas()
        self._rows = Rows()

    def compose(self) -> ComposeResult:
        """The drawing, and the table that takes its place."""
        with ScrollArea():
            yield self._canvas
        yield self._rows

    @property
    def chart(self) -> Chart | None:
        """What is shown."""
        return self._canvas.chart

    @property
    def is_tabular(self) -> bool:
        """Whether it is looked at as a table."""
        return self.has_class("-tabular")

    def show(self, chart: Chart | None, note: str = "") -> None:
        """Show this chart; None: say `note` instead."""
        self._canvas.show(chart, note)
        if chart is not None:
            self.border_title = Content(chart.title)
        self._fill()

    def toggle_table(self, *, tabular: bool) -> None:
        """Show the figures as a table, or as a drawing. The keys stay with this panel."""
        self.set_class(tabular, "-tabular")
        self._fill()

    def _fill(self) -> None:
        """Put the chart into the table, and the keys where it is seen. A note is seen in the drawing's place."""
        had_focus = self.has_focus_within
        self.set_class(self.chart is None, "-empty")
        if self.is_tabular and self.chart is not None:
            self._rows.fill_table(self.chart.table(), self.app.size.width)
        elif self.is_tabular:
            self._rows.fill([], [])
        if had_focus:
            (self._rows if self.is_tabular and self.chart is not None else self.query_one(ScrollArea)).focus()
