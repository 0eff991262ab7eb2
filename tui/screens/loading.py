"""How a view gets its data: in a worker, cancelled on moving on, again by itself, and with its age always known.

Four states look different: loading, empty (the charts say so), failed with nothing to show, and failed with figures of
before still shown, their age beside them.
"""

import datetime as dt
from typing import ClassVar, Generic, TypeVar

import msgspec
from textual import work
from textual.screen import Screen
from textual.worker import Worker, WorkerState

from tui.desk import Desk
from tui.errors import ConnectionLost, DashboardError, ServerFault
from tui.scope import Scope
from tui.session import Session, now
from tui.widgets.banner import Banner, Tone
from tui.widgets.top_bar import TopBar, age_of

D = TypeVar("D")

RETRY_SECONDS = (2, 5, 10, 30)
"""How long to wait before the first, second, ... try after the connection was lost; the last for all further ones."""


class LoadingScreen(Screen[None], Generic[D]):
    """A screen that shows data of a service. Subclasses say how to `load` it and how to `show` it."""

    USES_SCOPE: ClassVar[bool] = True
    """Whether the scope (Local | Global | Compare, period, ...) means anything to it."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.data: D | None = None
        self.loaded_at: dt.datetime | None = None
        self._loaded_scope: Scope | None = None
        self._failures = 0
        self._retry_at: dt.datetime | None = None
        self._busy = False
        self.error: DashboardError | None = None

    @property
    def is_settled(self) -> bool:
        """Whether it shows data, or why there is none, and waits for nothing."""
        return not self._busy and (self.data is not None or self.error is not None)

    @staticmethod
    async def load(desk: Desk, scope: Scope) -> D:
        """Fetch what the view shows. Raises DashboardError."""
        raise NotImplementedError

    def show(self, data: D) -> None:
        """Put the data on the screen."""
        raise NotImplementedError

    def explain(self, error: DashboardError) -> None:
        """Say in place of the data why there is none."""
        raise NotImplementedError

    def problems(self, data: D) -> list[str]:
        """What the data lacks, e.g. one of two services that are compared."""
        del data
        return []

    # --- when to load --------------------------------------------------------------------------------------

    def on_mount(self) -> None:
        """Look every second whether it is time to load again."""
        self.set_interval(1.0, self._tick)

    def on_screen_resume(self) -> None:
        """Coming (back) to the view: load what is missing, changed or old."""
        self._tell()
        if self._is_outdated():
            self.reload()
        elif self.data is not None and self._loaded_scope != self.session.scope:
            self._show()

    def on_screen_suspend(self) -> None:
        """Moving on: nobody waits for the answer any more."""
        self.workers.cancel_group(self, "load")

    def scope_changed(self) -> None:
        """Something else is asked for now. Another language needs no other data."""
        self._tell()
        if self._same_but_language():
            self._show()
        else:
            self._failures = 0
            self.reload()

    def _tick(self) -> None:
        if not self.is_current or self._busy:
            return
        if self._retry_at is not None:
            if now() >= self._retry_at:
                self.reload()
            else:
                self._tell_loss()
        elif self._is_old():
            self.reload()
        self._tell()

    def _is_outdated(self) -> bool:
        return self.data is None or self._is_old() or not self._same_but_language()

    def _is_old(self) -> bool:
        every = self.session.refresh_seconds
        if every is None or self.loaded_at is None:
            return False
        return (now() - self.loaded_at).total_seconds() >= every

    def _same_but_language(self) -> bool:
        if self._loaded_scope is None:
            return False
        scope = self.session.scope
        return not self.USES_SCOPE or self._loaded_scope == msgspec.structs.replace(
            scope, language=self._loaded_scope.language
        )

    # --- loading -------------------------------------------------------------------------------------------

    @work(exclusive=True, group="load", exit_on_error=False)
    async def reload(self) -> None:
        """Load and show. A second call takes the place of the first."""
        scope = self.session.scope
        self._busy = True
        self._tell()
        try:
            data = await self.load(self.session.desk, scope)
        except DashboardError as error:
            self._failed(error)
        else:
            self._arrived(data, scope)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """A fault of our own must not look like loading for ever."""
        if event.worker.group == "load" and event.state is not WorkerState.RUNNING:
            self._busy = any(worker.group == "load" and worker.is_running for worker in self.workers)
        if event.state is WorkerState.ERROR:
            fault = DashboardError(f"A fault of the dashboard: {event.worker.error!r}", "Please report it.")
            self._failed(fault)

    def _arrived(self, data: D, scope: Scope) -> None:
        self.data, self._loaded_scope, self.loaded_at = data, scope, now()
        self._failures, self._retry_at, self._busy, self.error = 0, None, False, None
        self._show()

    def _show(self) -> None:
        if self.data is None:
            return
        self._loaded_scope = self.session.scope
        self.show(self.data)
        found = self.problems(self.data)
        banner = self.query_one(Banner)
        if found:
            banner.say(" ".join(found), Tone.WARNING)
        else:
            banner.hush()
        self._tell()

    def _failed(self, error: DashboardError) -> None:
        self._busy = False
        self._failures += 1
        waits = isinstance(error, ConnectionLost | ServerFault)
        seconds = RETRY_SECONDS[min(self._failures, len(RETRY_SECONDS)) - 1]
        self._retry_at = now() + dt.timedelta(seconds=seconds) if waits else None
        self.error = error
        if not self._same_but_language():
            self.data = None  # figures of another scope must not pass for those asked for
        if self.data is None:
            self.explain(error)
        self._tell_loss()
        self._tell()

    def _tell_loss(self) -> None:
        error = self.error
        if error is None:
            return
        words = [error.message]
        if self.data is not None and self.loaded_at is not None:
            words.append(f"What is shown is {age_of(self.loaded_at, now()).removesuffix(' ago')} old.")
        if self._retry_at is not None:
            seconds = max(round((self._retry_at - now()).total_seconds()), 0)
            words.append(f"Next try in {seconds} s; r tries now.")
        else:
            words.append(error.hint)
        self.query_one(Banner).say(" ".join(words), Tone.ERROR)

    def _tell(self) -> None:
        """Bring the heading up to date."""
        session = self.session
        age = "loading …" if self._busy else ""
        if not self._busy and self.loaded_at is not None and self.data is not None:
            age = age_of(self.loaded_at, now())
        sides = session.scope.reach.sides if self.USES_SCOPE else ()
        source = " | ".join(session.desk.name(side) for side in sides) or session.desk.local.name
        if session.settings.read_only:
            source = f"read-only · {source}"
        self.query_one(TopBar).tell(session.scope if self.USES_SCOPE else None, source, age)
