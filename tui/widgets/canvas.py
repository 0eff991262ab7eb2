"""A chart on the screen, drawn in the size and for the theme that it finds."""

from rich.text import Text
from textual.geometry import Size
from textual.widget import Widget

from tui.charts.base import Chart
from tui.charts.palette import palette_for


class Canvas(Widget):
    """Draws a chart, anew only when the chart, the size or the theme is another."""

    DEFAULT_CSS = """
    Canvas { height: auto; min-height: 100%; text-wrap: nowrap; text-overflow: clip; }
    Canvas.-note { text-wrap: wrap; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.chart: Chart | None = None
        self.note = "Loading …"
        self._drawn: tuple[object, Text] | None = None

    def on_mount(self) -> None:
        """Draw again when the theme changes."""
        self.app.theme_changed_signal.subscribe(self, lambda _: self.refresh())

    def show(self, chart: Chart | None, note: str = "") -> None:
        """Draw this chart; None: say `note` instead."""
        self.chart = chart
        self.note = note
        self.set_class(chart is None, "-note")
        self.refresh(layout=True)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """What the chart needs, or all there is where it takes any height."""
        del viewport
        needed = self.chart.height(width) if self.chart else None
        return container.height if needed is None else needed

    def render(self) -> Text:
        """The drawing."""
        size = self.content_size
        dark = self.app.current_theme.dark
        state = (self.chart, self.note, size, dark)
        if self._drawn is None or self._drawn[0] != state:
            self._drawn = (state, self._draw(size, dark=dark))
        return self._drawn[1]

    def _draw(self, size: Size, *, dark: bool) -> Text:
        palette = palette_for(dark=dark)
        if self.chart is None:
            return Text(self.note, style=palette.dim)
        return self.chart.draw(size.width, size.height, palette)
