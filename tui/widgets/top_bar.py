"""The two lines on top: the views, and what they are asked for. Everything on it can be clicked."""

import datetime as dt

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text
from textual.widget import Widget

from tui.charts.base import fit
from tui.scope import Reach, Scope

Tab = tuple[str, str, str, str]
"""A view's name, key, title and short title."""


class TopBar(Widget):
    """Draws what it was told last. `age` None: nothing has been loaded yet."""

    DEFAULT_CSS = "TopBar { height: 2; background: $surface; padding: 0 1; link-style: none; link-color: $text; }"

    def __init__(self, tabs: list[Tab], here: str) -> None:
        """`here`: the name of the view that it stands on."""
        super().__init__()
        self.tabs = tabs
        self.here = here
        self.scope: Scope | None = None
        self.source = ""
        self.age = ""

    def tell(self, scope: Scope | None, source: str, age: str) -> None:
        """What is asked for (None: the view asks for nothing that could be switched), whom, and how old it is."""
        if (scope, source, age) != (self.scope, self.source, self.age):
            self.scope, self.source, self.age = scope, source, age
            self.refresh()

    def render(self) -> Text:
        """Both lines, in the short form where the long one is too wide."""
        width = self.content_size.width
        tabs = self._tabs(short=False)
        if tabs.cell_len > width:
            tabs = self._tabs(short=True)
        left = self._scope()
        room = max(width - left.cell_len - 2, 0)
        line = left.append("  ").append(self._right(room).rjust(room), style="dim")
        return Text("\n").join([tabs, line])

    def _right(self, room: int) -> str:
        """Source and age; where there is not room for both the age stays."""
        if not self.age:
            return fit(self.source, min(room, cell_len(self.source)))
        left = max(room - len(self.age) - 3, 0)
        return f"{fit(self.source, min(left, cell_len(self.source)))} · {self.age}"

    def _tabs(self, *, short: bool) -> Text:
        text = Text(no_wrap=True, overflow="crop")
        for name, key, title, brief in self.tabs:
            style = Style(bold=name == self.here, reverse=name == self.here)
            label = f"{key} {brief if short else title}"
            text.append(f" {label} " if name == self.here else label, style=style + _click(f"app.show_view('{name}')"))
            text.append(" " if short else "  ")
        return text

    def _scope(self) -> Text:
        text = Text(no_wrap=True, overflow="crop")
        if self.scope is None:
            return text
        for reach in Reach:
            style = Style(bold=True, underline=True) if reach is self.scope.reach else Style(dim=True)
            text.append(reach.value.title(), style=style + _click(f"app.reach('{reach.value}')")).append(" ")
        parts = (
            (self.scope.period, "app.next_period"),
            (f"by {self.scope.aggregation.value}", "app.next_aggregation"),
            (self.scope.language.value.upper(), "app.next_language"),
        )
        for said, action in parts:
            text.append("│ ", style="dim").append(said, style=_click(action)).append(" ")
        return text


def _click(action: str) -> Style:
    return Style(meta={"@click": action if action.endswith(")") else f"{action}()"})


def age_of(moment: dt.datetime, now: dt.datetime) -> str:
    """How long ago something was, in the largest unit that is not less than one."""
    seconds = max(int((now - moment).total_seconds()), 0)
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit} ago"
    return f"{seconds} s ago"
