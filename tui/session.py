"""What all views of a running dashboard share."""

import datetime as dt

from tui.desk import Desk
from tui.memory import Memory
from tui.scope import Scope
from tui.settings import Settings


class Session:
    """The services, the settings, the memory, and the scope that holds for all views."""

    def __init__(self, desk: Desk, settings: Settings, memory: Memory) -> None:
        self.desk = desk
        self.settings = settings
        self.memory = memory
        self.away = False
        """Whether the terminal's window has lost the focus: figures are then fetched less often."""
        self.under_way = ""
        """The change that a service is making just now, in words; empty where none is."""
        self.paused = False
        """Whether figures are fetched only when asked."""

    @property
    def scope(self) -> Scope:
        """What the views are asked for."""
        return self.memory.choices.scope

    @scope.setter
    def scope(self, scope: Scope) -> None:
        self.memory.change(scope=scope)

    @property
    def refresh_seconds(self) -> float | None:
        """After how long figures are fetched again, unless that is paused; None: only when asked."""
        every = self.settings.refresh
        return None if every <= 0 else every * (5 if self.away else 1)


def now() -> dt.datetime:
    """The moment, in UTC."""
    return dt.datetime.now(dt.UTC)
