"""The line to type in what a table is searched for."""

from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.timer import Timer
from textual.widgets import Input

from tui.messages import FilterChanged, FilterClosed

PAUSE = 0.12
"""Seconds without a key until the table is filtered: a thousand rows take a third of a second to fill."""


class FilterBar(Input):
    """Hidden until it is opened. Enter keeps what is typed, Escape clears it; both give the keys back."""

    DEFAULT_CSS = """
    FilterBar { display: none; height: 1; border: none; padding: 0 1; dock: bottom; background: $boost; }
    FilterBar:focus { border: none; }
    FilterBar.-open { display: block; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "clear", "Clear the filter", show=False)]

    def __init__(self) -> None:
        super().__init__(placeholder="Filter: type a part of a name; Enter keeps it, Esc clears it", compact=True)
        self._pause: Timer | None = None

    def open(self) -> None:
        """Show it and take the keys."""
        self.add_class("-open")
        self.focus()

    def action_clear(self) -> None:
        """Look for nothing any more."""
        self.value = ""
        self.remove_class("-open")
        self.post_message(FilterClosed())

    @on(Input.Changed)
    def _wait(self, event: Input.Changed) -> None:
        event.stop()
        if self._pause is not None:
            self._pause.stop()
        self._pause = self.set_timer(PAUSE, lambda: self.post_message(FilterChanged(self.value)))

    @on(Input.Submitted)
    def _keep(self, event: Input.Submitted) -> None:
        event.stop()
        self.set_class(bool(self.value), "-open")
        self.post_message(FilterClosed())
