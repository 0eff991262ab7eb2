"""Sharing with another instance, for administrators: what was shared and waits, how pushes went, what there is to do.

The push itself is the service's own machine's business, where its token is.
"""

from collections.abc import Iterable

import msgspec
from textual import on
from textual.content import Content
from textual.widget import Widget
from textual.widgets import DataTable, Static

from tui import sharing
from tui.charts.base import Table
from tui.desk import Desk
from tui.errors import DashboardError, NotAdmin
from tui.scope import Scope
from tui.screens.filtering import FilteringScreen
from tui.session import now
from tui.widgets.filter_bar import FilterBar
from tui.widgets.panel import Panel
from tui.widgets.rows import Rows
from tui.wire import Sharing


async def load(desk: Desk, scope: Scope) -> Sharing:
    """The state of sharing. Raises NotAdmin before the service has to, where it is known to refuse."""
    del scope
    if desk.me is None:
        await desk.arrive()
    if not desk.is_admin:
        raise NotAdmin("Sharing is for administrators.")
    return await desk.local.sharing()


class SharingScreen(FilteringScreen[Sharing]):
    """Facts and advice over the accounts, what was refused, and the last pushes."""

    VIEW_NAME = "sharing"
    HEADING = "Sharing"
    BRIEF = "Share"
    ABOUT = (
        "What was shared with the global instance and what the next push would send, of which account; how the last "
        "pushes went, and rows that were refused. The commands are `stats-service`'s, on its machine; a timer or cron "
        "pushes nightly. / filters accounts and refused rows. Times are UTC."
    )
    USES_SCOPE = False
    FILTERED = "#accounts"

    @staticmethod
    async def load(desk: Desk, scope: Scope) -> Sharing:
        """See the module's `load`."""
        return await load(desk, scope)

    @staticmethod
    def tables(data: Sharing, scope: Scope) -> list[Table]:
        """What waits by account and type, what was shared, the pushes, what was refused, and the state."""
        del scope
        return sharing.tables(data)

    def shown_tables(self, data: Sharing) -> list[Table]:
        """The same, of the accounts and refused rows that the filter leaves."""
        accounts, refused = (
            {line.key for line in self.query_one(f"#{name}", Rows).lines} for name in ("accounts", "refused")
        )
        left = msgspec.structs.replace(
            data,
            waiting=[one for one in data.waiting if one.client in accounts],
            accounts=[one for one in data.accounts if one.client in accounts],
            refused=[one for one in data.refused if sharing.refused_key(one) in refused],
        )
        return sharing.tables(left)

    def body(self) -> Iterable[Widget]:
        """A line of facts, what there is to do, and three lists."""
        yield Panel("Sharing", id="facts")
        yield Static("", id="advice")
        yield Rows(id="accounts")
        yield Static("", id="types")
        yield Rows(id="refused")
        yield Rows(id="pushes")
        yield FilterBar()

    def show(self, data: Sharing) -> None:
        """Fill all of it."""
        width, moment = self.app.size.width, now()
        self.query_one("#facts", Panel).show(sharing.facts(data, moment))
        said = sharing.advice(data, moment) or [
            "All is shared." if not data.waiting else "The next push sends what waits."
        ]
        advice = self.query_one("#advice", Static)
        advice.update(Content("\n".join(said)))
        advice.set_class(sharing.is_well(data, moment), "-well")
        columns = sharing.account_columns(width)
        self.query_one("#accounts", Rows).fill(columns, self.matching(sharing.account_lines(data, columns)))
        columns = sharing.push_columns(width)
        self.query_one("#pushes", Rows).fill(columns, sharing.push_lines(data, columns))
        refused = self.query_one("#refused", Rows)
        refused.display = bool(data.refused)
        columns = sharing.refused_columns(width)
        refused.fill(columns, self.matching(sharing.refused_lines(data, columns)))
        self._say_types()

    def explain(self, error: DashboardError) -> None:
        """Nothing; the banner says why."""
        del error
        for rows in self.query("#body > Rows").results(Rows):
            rows.fill([], [])
        self.query_one("#facts", Panel).show(None, "Not loaded: see above.")
        for name in ("types", "advice"):
            self.query_one(f"#{name}", Static).update("")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """There is no chart to see as a table."""
        return action != "table" and super().check_action(action, parameters)

    def on_resize(self) -> None:
        """The columns depend on the width."""
        if self.data is not None:
            self.show(self.data)

    @on(DataTable.RowHighlighted, "#accounts")
    def _say_types(self) -> None:
        line = self.query_one("#accounts", Rows).current
        width = self.app.size.width
        said = sharing.by_type(self.data, line.key, width) if self.data is not None and line is not None else ""
        self.query_one("#types", Static).update(Content(said))


VIEW = SharingScreen
