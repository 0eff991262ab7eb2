"""Views whose table may be long: `/` leaves the rows that hold what is typed, Escape shows all of them again."""

from collections.abc import Iterable
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType

from tui.messages import FilterChanged, FilterClosed
from tui.screens.base import ViewScreen
from tui.screens.loading import D
from tui.widgets.filter_bar import FilterBar
from tui.widgets.rows import Line, Rows, said


class FilteringScreen(ViewScreen[D]):
    """Subclasses have a FilterBar in their body, say which table gets the keys back from it, and show only what is
    `wanted`."""

    FILTERED: ClassVar[str]
    """The table's selector."""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "Filter", id="filter", key_display="/"),
        Binding("escape", "clear_filter", "Clear the filter", id="filter-clear", show=False),
    ]
    wanted = ""
    """What is looked for; empty for everything."""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """There may be nothing to clear."""
        del parameters
        return action != "clear_filter" or bool(self.wanted)

    def action_filter(self) -> None:
        """Open the line to type in."""
        if self.maximized is not None:  # alone on the screen, it hides the line
            self.minimize()
        self.query_one(FilterBar).open()

    def action_clear_filter(self) -> None:
        """Look for nothing any more."""
        self.query_one(FilterBar).action_clear()

    def matching(self, lines: Iterable[Line]) -> list[Line]:
        """The lines of which a cell (or what is unseen) holds what is wanted, in upper or lower case, or whose key it
        is."""
        wanted = self.wanted.casefold()
        return [
            line
            for line in lines
            if wanted == line.key or any(wanted in said(one).casefold() for one in (*line.cells, *line.unseen))
        ]

    @on(FilterChanged)
    def _filter(self, event: FilterChanged) -> None:
        self.wanted = event.text.strip()
        if self.data is not None:
            self.show(self.data)

    @on(FilterClosed)
    def _filter_closed(self) -> None:
        self.query_one(self.FILTERED, Rows).focus()
