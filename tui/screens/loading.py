"""How a view gets its data: in a worker, cancelled on moving on, again by itself, and with its age always known.

Four states look different: loading, empty (the charts say so), failed with nothing to show, and failed with figures of
before still shown, their age beside them.
"""

import datetime as dt
from collections.abc import Iterable
from typing import ClassVar, Generic, TypeVar

import msgspec
from textual.screen import Screen
from textual.worker import Worker, WorkerState

from tui.desk import Desk
from tui.errors import ConnectionLost, DashboardError, NotAdmin, Problems, ServerFault, TooMany
from tui.scope import Scope
from tui.session import Session, now
from tui.widgets.banner import Banner, Tone
from tui.widgets.top_bar import TopBar, age_of

D = TypeVar("D")

RETRY_SECONDS = (2, 5, 10, 30)
"""How long to wait before the first, second, ... try after the connection was lost; the last for all further ones."""

PASSING = (ConnectionLost, ServerFault, TooMany)
"""What passes without anybody mending it here."""


class LoadingScreen(Screen[None], Generic[D]):
    """A screen that shows data of a service. Subclasses say how to `load` it and how to `show` it."""

    USES_SCOPE: ClassVar[bool] = True
    """Whether the scope (Local | Global | Compare, period, ...) means anything to it."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.data: D | None = None
        self.loaded_at: dt.datetime | None = None
        self.loaded_scope: Scope | None = None
        """What the data was asked for, in the language that it is shown in."""
        self.error: DashboardError | None = None
        self._awaited_scope: Scope | None = None
        """What the running load asks for; None while none runs."""
        self._load_worker: Worker[None] | None = None
        self._failures = 0
        self._failed_scope: Scope | None = None
        """What the load that failed asked for; None where the last one did not."""
        self._retry_at: dt.datetime | None = None
        """When to load again unasked, where something went wrong."""

    @property
    def is_settled(self) -> bool:
        """Whether it shows data, or why there is none, and waits for nothing."""
        return self._awaited_scope is None and (self.data is not None or self.error is not None)

    @property
    def has_what_is_asked(self) -> bool:
        """Whether there is data, and it is what the heading says."""
        return self.data is not None and self._is_asked_for(self.loaded_scope)

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

    @staticmethod
    def problems(data: D) -> Problems:
        """What the data lacks, e.g. one of two services that are compared."""
        del data
        return {}

    # --- when to load --------------------------------------------------------------------------------------

    def on_mount(self) -> None:
        """Look every second whether it is time to load again."""
        self.set_interval(1.0, self._tick)

    def on_screen_resume(self) -> None:
        """Coming (back) to the view: load what is missing, changed or old, unless it is put off."""
        self._tell()
        if self._is_due() or not (self.has_what_is_asked or self._is_put_off()):
            self._need()
        elif self.loaded_scope != self.session.scope:
            self._show()

    def on_screen_suspend(self) -> None:
        """Moving on to another view: nobody waits for the answer any more. Under a dialog one does."""
        if self not in self.app.screen_stack:
            self.workers.cancel_group(self, "load")
            self._awaited_scope = None

    def scope_changed(self) -> None:
        """Something else is asked for now. Another language needs no other data."""
        self._tell()
        if self.has_what_is_asked:
            self._show()
        if not self.has_what_is_asked or self._awaited_scope is not None:
            self._failures = 0
            self._need()

    def _tick(self) -> None:
        if not self.is_current or self._awaited_scope is not None:
            return
        if self._is_due():
            self.reload()
        else:
            self._tell_loss()
        self._tell()

    def _is_due(self) -> bool:
        """Whether it is time to load again unasked."""
        every = self.session.refresh_seconds
        if self.session.paused:
            return False
        if self._retry_at is not None:
            return now() >= self._retry_at
        if every is None or self.loaded_at is None:
            return False
        return (now() - self.loaded_at).total_seconds() >= every

    def _is_put_off(self) -> bool:
        """Whether just what is asked for failed, and is to be tried later."""
        return self._retry_at is not None and now() < self._retry_at and self._is_asked_for(self._failed_scope)

    def _is_asked_for(self, scope: Scope | None) -> bool:
        """Whether data of this scope is what is asked for now."""
        if scope is None or not self.USES_SCOPE:
            return scope is not None
        return msgspec.structs.replace(scope, language=self.session.scope.language) == self.session.scope

    # --- loading -------------------------------------------------------------------------------------------

    def reload(self) -> None:
        """Load and show. A second call takes the place of the first."""
        self._awaited_scope = self.session.scope
        self._tell()
        load = self._load(self.session.scope)
        self._load_worker = self.run_worker(load, group="load", exclusive=True, exit_on_error=False)

    def _need(self) -> None:
        """Load, unless just that is under way."""
        if not self._is_asked_for(self._awaited_scope):
            self.reload()

    async def _load(self, scope: Scope) -> None:
        """An answer that nobody asks for any more is dropped: whoever asks for something else loads that."""
        try:
            data = await self.load(self.session.desk, scope)
        except DashboardError as error:
            if self._is_asked_for(scope):
                self._failed(error)
        else:
            if self._is_asked_for(scope):
                self._arrived(data, scope)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """A fault of our own must not look like loading for ever."""
        if event.worker is self._load_worker and event.worker.is_finished:
            self._awaited_scope = None
        if event.state is WorkerState.ERROR:
            fault = DashboardError(f"A fault of the dashboard: {event.worker.error!r}", "Please report it.")
            self._failed(fault)

    def _arrived(self, data: D, scope: Scope) -> None:
        self.data, self.loaded_scope, self.loaded_at = data, scope, now()
        self._failures, self._failed_scope, self._awaited_scope, self.error = 0, None, None, None
        self._retry_at = self._next_look(self.problems(data).values())
        self._show()

    def _show(self) -> None:
        if self.data is None or self.loaded_scope is None:
            return
        self.loaded_scope = msgspec.structs.replace(self.loaded_scope, language=self.session.scope.language)
        self.show(self.data)
        found = self.problems(self.data)
        if self.error is not None:
            self._tell_loss()
        elif found:
            self.query_one(Banner).say(" ".join(found), Tone.WARNING)
        else:
            self.query_one(Banner).hush()
        self._tell()

    def _failed(self, error: DashboardError) -> None:
        self._awaited_scope = None
        self._failures += 1
        self._failed_scope = self.session.scope
        self._retry_at = self._next_try(error)
        self.error = error
        if not self.has_what_is_asked:
            self.data = None  # figures of another scope must not pass for those asked for
            self.explain(error)
        self._tell_loss()
        self._tell()

    def _next_try(self, error: DashboardError) -> dt.datetime | None:
        """When to try again unasked. What somebody has to mend first: as late as figures are fetched anyway, or later,
        since every wrong token counts against the address; never where nothing is fetched unasked, or where it takes
        another token."""
        every = self.session.refresh_seconds
        if isinstance(error, TooMany):
            seconds = error.seconds
        elif isinstance(error, PASSING):
            seconds = RETRY_SECONDS[min(self._failures, len(RETRY_SECONDS)) - 1]
        elif every is None or isinstance(error, NotAdmin):
            return None
        else:
            seconds = max(every, RETRY_SECONDS[-1])
        return now() + dt.timedelta(seconds=seconds)

    def _next_look(self, problems: Iterable[DashboardError]) -> dt.datetime | None:
        """When to fetch again unasked what came without some part: as late as figures are fetched anyway, or later, so
        that whoever failed is left alone for a while, or as long as it said. None: as ever."""
        every, waits = self.session.refresh_seconds, [_wait(error) for error in problems]
        return None if every is None or not waits else now() + dt.timedelta(seconds=max(every, *waits))

    def _tell_loss(self) -> None:
        error = self.error
        if error is None:
            return
        words = [error.message]
        if self.data is not None and self.loaded_at is not None:
            words.append(f"What is shown is {age_of(self.loaded_at, now()).removesuffix(' ago')} old.")
        if self._retry_at is not None and not self.session.paused:
            seconds = max(round((self._retry_at - now()).total_seconds()), 0)
            words.append(f"Next try in {seconds} s; r tries now.")
        elif not isinstance(error, NotAdmin):
            words.append("r tries again.")
        if not isinstance(error, PASSING):
            words.append(error.hint)
        self.query_one(Banner).say(" ".join(words), Tone.ERROR)

    def _tell(self) -> None:
        """Bring the heading up to date."""
        session = self.session
        age = ""
        if session.under_way:
            age = "working …"
        elif self._awaited_scope is not None:
            age = "loading …"
        elif self.loaded_at is not None and self.data is not None:
            age = age_of(self.loaded_at, now())
        sides = session.scope.reach.sides if self.USES_SCOPE else ()
        source = " | ".join(session.desk.name(side) for side in sides) or session.desk.local.name
        if session.settings.read_only:
            source = f"read-only · {source}"
        if session.paused:
            source = f"paused · {source}"
        self.query_one(TopBar).tell(session.scope if self.USES_SCOPE else None, source, age)


def _wait(error: DashboardError) -> float:
    """For how many seconds a service that failed is left alone while the other figures are fetched."""
    return max(error.seconds if isinstance(error, TooMany) else 0, RETRY_SECONDS[-1])
