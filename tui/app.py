"""The application: it wires views, keys and themes together, and knows nothing of what the views show."""

from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import ClassVar

from textual import events
from textual.app import App, SystemCommand
from textual.binding import ActiveBinding, Binding, BindingType
from textual.screen import Screen

from tui import screens
from tui.desk import today
from tui.dialogs.confirm import Confirm
from tui.dialogs.form import Values
from tui.dialogs.help import Help
from tui.dialogs.period import ask_period, period_of
from tui.scope import Reach, Scope
from tui.screens import views
from tui.screens.base import ViewScreen
from tui.session import Session
from tui.themes import THEMES

SCOPE_ACTIONS = {"reach", "next_reach", "next_period", "own_period", "next_aggregation", "next_language"}


class Dashboard(App[None]):
    """The dashboard. A mode per view, so that each keeps what it shows while another is looked at."""

    TITLE = "MONARC statistics"
    # The views' styles are read here, all at once: a screen that brings its own has everything parsed anew.
    CSS_PATH = ["app.tcss", *sorted(Path(screens.__file__).parent.glob("*.tcss"))]  # noqa: RUF012  # Textual types it
    ENABLE_COMMAND_PALETTE = True
    HORIZONTAL_BREAKPOINTS = [  # noqa: RUF012  # Textual types it
        (0, "-cramped"),
        (80, "-narrow"),
        (110, "-normal"),
        (160, "-wide"),
    ]
    VERTICAL_BREAKPOINTS = [(0, "-low"), (24, "-short"), (34, "-tall")]  # noqa: RUF012  # as above
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("g", "next_reach", "Local/Global", id="reach"),
        Binding("p", "next_period", "Period", id="period"),
        Binding("P", "own_period", "A period of your own", id="own-period", show=False),
        Binding("a", "next_aggregation", "Aggregation: day to year", id="aggregation", show=False),
        Binding("L", "next_language", "Language of the labels", id="language", show=False),
        Binding("Z", "pause", "Pause refreshing, or go on", id="pause", show=False),
        Binding("question_mark,f1", "help", "Help", id="help", key_display="?"),
        Binding("q", "quit", "Quit", id="quit"),
    ]

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.views = views()
        tabs = [(view.VIEW_NAME, str(key), view.HEADING, view.BRIEF) for key, view in enumerate(self.views, 1)]
        for view in self.views:
            self.add_mode(view.VIEW_NAME, lambda view=view: view(session, tabs))  # type: ignore[misc]
        for theme in THEMES:
            self.register_theme(theme)

    def on_mount(self) -> None:
        """Themes, keys, and the view of last time."""
        choices = self.session.memory.choices
        self.theme = choices.theme if choices.theme in self.available_themes else THEMES[0].name
        self.theme_changed_signal.subscribe(self, lambda theme: self.session.memory.change(theme=theme.name))
        for key, view in enumerate(self.views, 1):
            self.bind(str(key), f"show_view('{view.VIEW_NAME}')", description=view.HEADING, show=False)
        self.set_keymap(dict(self.session.settings.keys))
        names = [view.VIEW_NAME for view in self.views]
        self.switch_mode(choices.view if choices.view in names else names[0])
        for warning in self.session.settings.warnings:
            self.notify(warning, severity="warning", markup=False)

    async def on_unmount(self) -> None:
        """Close the connections in the loop that opened them."""
        await self.session.desk.close()

    def on_app_blur(self, _: events.AppBlur) -> None:
        """Nobody is looking."""
        self.session.away = True

    def on_app_focus(self, _: events.AppFocus) -> None:
        """Somebody is looking again."""
        self.session.away = False

    # --- actions -------------------------------------------------------------------------------------------

    def action_show_view(self, name: str) -> None:
        """Go to a view."""
        if isinstance(self.screen, ViewScreen) and name != self.current_mode:
            self.session.memory.change(view=name)
            self.switch_mode(name)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The scope's keys mean nothing where the view at hand asks for nothing."""
        del parameters
        if action in SCOPE_ACTIONS:
            return isinstance(self.screen, ViewScreen) and self.screen.USES_SCOPE
        return True

    def action_reach(self, reach: str) -> None:
        """Local, Global or Compare."""
        scope = self.session.scope
        while scope.reach is not Reach(reach):
            scope = scope.with_next_reach()
        self._ask_for(scope)

    def action_next_reach(self) -> None:
        """Local, Global, Compare, Local."""
        self._ask_for(self.session.scope.with_next_reach())

    def action_next_period(self) -> None:
        """30, 90, 365 days."""
        self._ask_for(self.session.scope.with_next_period())

    def action_own_period(self) -> None:
        """From a date to another."""
        scope = self.session.scope

        def chosen(values: Values | None) -> None:
            if values is not None:
                self._ask_for(scope.with_period(*period_of(values)))

        self.push_screen(ask_period(scope, today()), chosen)

    def action_next_aggregation(self) -> None:
        """Day, week, month, quarter, year."""
        self._ask_for(self.session.scope.with_next_aggregation())

    def action_next_language(self) -> None:
        """French, English, German, Dutch."""
        self._ask_for(self.session.scope.with_next_language())

    async def action_quit(self) -> None:
        """End; while a service makes a change only if that is wished: its answer may be the only copy of a token."""
        if not self.session.under_way:
            self.exit()
            return
        ask = f"Just now {self.session.under_way}: its answer would be lost. Quit all the same?"
        self.push_screen(Confirm(ask, "Quit"), lambda sure: self.exit() if sure else None)

    def action_pause(self) -> None:
        """Fetch nothing by itself any more, or do so again."""
        self.session.paused = not self.session.paused
        said = "Refreshing is paused: r fetches, {key} goes on." if self.session.paused else "Refreshing goes on."
        self.notify(said.format(key=self.session.settings.keys.get("pause", "Z")), markup=False)

    def action_help(self) -> None:
        """The keys of the view at hand."""
        if isinstance(self.screen, ViewScreen):
            self.push_screen(Help(self.screen.HEADING, self.screen.ABOUT, self._keys()))

    def _ask_for(self, scope: Scope) -> None:
        self.session.scope = scope
        if isinstance(self.screen, ViewScreen):
            self.screen.scope_changed()

    # --- what can be done ----------------------------------------------------------------------------------

    def _keys(self) -> list[tuple[str, str]]:
        """The dashboard's own keys that work here (they have an id), and how to get about."""
        ours = [
            active.binding for active in self.screen.active_bindings.values() if active.enabled and active.binding.id
        ]
        said: dict[str, list[str]] = {}
        for binding in ours:
            said.setdefault(binding.tooltip or binding.description, []).append(self.get_key_display(binding))
        keys = [(" ".join(dict.fromkeys(keys)), what) for what, keys in said.items()]
        return [
            *keys,
            (f"1 - {len(self.views)}", "Views"),
            ("Tab", "Next panel"),
            ("↑ ↓ j k G", "Move or scroll"),
            ("^p", "Palette: every action by name, and themes"),
        ]

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """The palette lists Textual's own commands and every action that has a key here."""
        yield from super().get_system_commands(screen)
        for active in screen.active_bindings.values():
            binding = active.binding
            if active.enabled and binding.description and active.node in {self, screen}:
                name = binding.tooltip or binding.description
                yield SystemCommand(name, f"Key: {self.get_key_display(binding)}", _runner(self, active))


def key_ids() -> dict[str, str]:
    """The ids that the configuration's [keys] can give other keys to, and the keys they have."""
    classes = [Dashboard, *(base for view in views() for base in reversed(view.mro()))]
    bindings = [one for each in classes for one in each.__dict__.get("BINDINGS", ()) if isinstance(one, Binding)]
    return {one.id: one.key for one in bindings if one.id}


def _runner(app: App[None], active: ActiveBinding) -> Callable[[], Awaitable[bool]]:
    """What runs a key's action where the key would have run it."""
    return lambda: app.run_action(active.binding.action, default_namespace=active.node)
