"""What all views have: heading, body, footer, and the keys that mean the same everywhere."""

import io
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.widget import Widget
from textual.widgets import Footer, Static

from tui import export
from tui.charts.base import Table
from tui.dialogs.choose import Choose
from tui.errors import DashboardError
from tui.scope import Scope
from tui.screens.loading import D, LoadingScreen
from tui.session import Session, now
from tui.widgets.banner import Banner
from tui.widgets.panel import Panel
from tui.widgets.rows import Rows, said
from tui.widgets.top_bar import Tab, TopBar

SMALLEST = (80, 24)

FORMATS = {
    "csv": "CSV: the figures for a spreadsheet, a file per table",
    "json": "JSON: the figures for a script",
    "svg": "SVG: this screen as a picture",
}


class ViewScreen(LoadingScreen[D]):
    """A view. Subclasses set the class variables, and say how to `load`, `show` and list as `tables`."""

    VIEW_NAME: ClassVar[str]
    HEADING: ClassVar[str]
    BRIEF: ClassVar[str]
    """The heading in at most seven letters, for narrow terminals."""
    ABOUT: ClassVar[str]
    """What the view shows, for its help."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("t", "table", "Table", id="table"),
        Binding("e", "export", "Export", id="export"),
        Binding("y", "copy", "Copy the row's id", id="copy", show=False),
        Binding("Y", "copy_row", "Copy the row", id="copy-row", show=False),
        Binding("r", "refresh", "Refresh now", id="refresh", show=False),
        Binding("plus", "full", "One panel full screen, Esc back", id="full", show=False),
    ]

    def __init__(self, session: Session, tabs: list[Tab]) -> None:
        super().__init__(session)
        self._tabs = tabs
        self.is_tabular = False

    @staticmethod
    def tables(data: D, scope: Scope) -> list[Table]:
        """All the figures as tables, the most telling one first: for export and snapshot."""
        raise NotImplementedError

    def shown_tables(self, data: D) -> list[Table]:
        """The figures as they are on the screen (sorted, filtered). The same as `tables` where nothing is chosen."""
        return self.tables(data, self.session.scope)

    def body(self) -> Iterable[Widget]:
        """The view's own widgets."""
        raise NotImplementedError

    def compose(self) -> ComposeResult:
        """Heading, banner, body, footer, and what is said where the terminal is too small for them."""
        yield TopBar(self._tabs, self.VIEW_NAME)
        yield Banner()
        yield Container(*self.body(), id="body")
        yield Footer(show_command_palette=False, compact=True)
        size = " by ".join(map(str, SMALLEST))
        yield Static(f"This terminal is too small: the dashboard needs {size} at least. q quits.", id="too-small")

    def explain(self, error: DashboardError) -> None:
        """Say in every panel that it is not empty for want of figures; the banner says why it is."""
        del error
        for panel in self.query(Panel):
            panel.show(None, "Not loaded: see above.")

    # --- keys ----------------------------------------------------------------------------------------------

    def action_refresh(self) -> None:
        """Fetch the figures again, and which analyses they are of."""
        self.session.desk.local.forget_analyses()
        self.reload()

    def action_table(self) -> None:
        """Charts as tables, and back."""
        self.is_tabular = not self.is_tabular
        for panel in self.query(Panel):
            panel.toggle_table(tabular=self.is_tabular)

    def action_full(self) -> None:
        """The panel, or else the table, that has the keys (or the first panel) alone on the screen."""
        focused = self.focused
        panels = [one for one in (focused.ancestors_with_self if focused else []) if isinstance(one, Panel)]
        alone = [*panels, *([focused] if isinstance(focused, Rows) else []), *self.query(Panel)]
        if alone:
            self.maximize(alone[0])

    def action_copy(self) -> None:
        """Copy what identifies the row under the cursor."""
        rows = self._rows()
        if rows is None or rows.current is None:
            self.notify("Move to a row of a table first (t shows charts as tables).", severity="warning")
            return
        line = rows.current
        self._copy(said(line.cells[0]) if line.key.isdigit() else line.key)

    def action_copy_row(self) -> None:
        """Copy the row under the cursor, its cells apart by tabs."""
        rows = self._rows()
        if rows is not None and rows.current is not None:
            self._copy("\t".join(said(cell) for cell in rows.current.cells))

    def _copy(self, text: str) -> None:
        """Through the terminal (OSC 52, which goes over SSH), and into a file for terminals that refuse."""
        self.app.copy_to_clipboard(text)
        where = self.session.memory.path
        said = f"Copied: {text[:60]}"
        if where is not None:
            copied = where.with_name("copied.txt")
            try:
                copied.parent.mkdir(parents=True, exist_ok=True)
                copied.write_text(text, encoding="utf-8")
                said += f"\n(also in {copied})"
            except OSError as error:
                said += f"\n({copied} cannot be written: {error.strerror})"
        self.notify(said, markup=False)

    def _rows(self) -> Rows | None:
        """The table that has the keys, else the first that is seen."""
        if isinstance(self.focused, Rows):
            return self.focused
        return next((rows for rows in self.query(Rows) if rows.is_on_screen and rows.display), None)

    # --- export --------------------------------------------------------------------------------------------

    def action_export(self) -> None:
        """Ask for a format and write the view to the export folder."""
        if self.data is None:
            self.notify("There is nothing to export yet.", severity="warning")
            return
        self.app.push_screen(Choose("Export this view as", FORMATS), self._export)

    def _export(self, kind: str | None) -> None:
        if kind is None or self.data is None:
            return
        if kind == "svg" and not self.has_what_is_asked:
            self.notify("The picture would show figures under another heading: wait for theirs.", severity="warning")
            return
        files = self.exported(kind, self.data)
        if self.app.is_web:  # the files are for whoever looks on, not for the machine that serves
            for name, text in files.items():
                self.app.deliver_text(io.StringIO(text), save_filename=name)
            return
        try:
            written = [_write(self.session.settings.export_dir / name, text) for name, text in files.items()]
        except OSError as error:
            self.notify(f"{error.filename} cannot be written: {error.strerror}.", severity="error", markup=False)
            return
        self.notify("Written: " + ", ".join(map(str, written)), markup=False)

    def exported(self, kind: str, data: D) -> dict[str, str]:
        """The view in a format of `FORMATS`: files' contents by their names."""
        stem = f"stats-{self.VIEW_NAME}-{now():%Y%m%d-%H%M%S}"
        if kind == "svg":
            return {f"{stem}.svg": export.tidy_svg(self.app.export_screenshot())}
        tables = {place: table for place, table in enumerate(self.shown_tables(data), 1) if not table.absent}
        if kind == "json":
            return {f"{stem}.json": export.to_json(self.VIEW_NAME, self.about(), [*tables.values()]).decode()}
        return {
            f"{stem}-{place}-{export.file_stem(table.title)}.csv": export.to_csv(table)
            for place, table in tables.items()
        }

    def about(self) -> dict[str, str]:
        """What an export says of itself: whose figures, over which time, fetched when."""
        scope, desk = self.loaded_scope or self.session.scope, self.session.desk
        problems = {} if self.data is None else self.problems(self.data)
        said = {"fetched": self.loaded_at.isoformat() if self.loaded_at else "", "problems": " ".join(problems)}
        if not self.USES_SCOPE:
            return {"source": desk.local.url, **said}
        return about_scope(scope, [desk.name(side) for side in scope.reach.sides]) | said


def about_scope(scope: Scope, sources: list[str]) -> dict[str, str]:
    """A scope in words, for a file that outlives the screen."""
    return {
        "reach": scope.reach.value,
        "source": " | ".join(sources),
        "period": scope.period,
        "aggregation": scope.aggregation.value,
        "language": scope.language.value,
    }


def _write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path
