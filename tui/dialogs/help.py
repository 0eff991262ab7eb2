"""The keys of the view at hand."""

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from tui.dialogs.dialog import Dialog

Keys = list[tuple[str, str]]


class Help(Dialog[bool]):
    """What a view shows and which keys it has."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark,f1,q", "leave", "Back", show=False),
        Binding("j", "scroll('down')", show=False),
        Binding("k", "scroll('up')", show=False),
    ]

    def __init__(self, heading: str, about: str, keys: Keys) -> None:
        """`keys`: how each key is written, and what it does."""
        super().__init__()
        self._heading = heading
        self._about = about
        self._keys = keys

    def compose(self) -> ComposeResult:
        """A heading, what the view shows, and a line per key."""
        width = max(len(key) for key, _ in self._keys)
        lines = [Text.assemble((key.rjust(width), "bold"), "  ", what) for key, what in self._keys]
        with VerticalScroll(classes="dialog wide"):
            yield Static(Content(f"{self._heading} · keys"), classes="question")
            yield Static(Content(self._about), classes="hint")
            yield Static(Text("\n").join(lines))

    def action_scroll(self, way: str) -> None:
        """Up or down, with vim's keys."""
        getattr(self.query_one(VerticalScroll), f"scroll_{way}")()
