"""The accounts, for administrators. Every change is asked for, made by the service, and read back before it shows."""

import functools
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import ClassVar, TypeVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from tui import accounts
from tui.charts.base import Table
from tui.desk import Desk
from tui.dialogs.confirm import Confirm
from tui.dialogs.form import Field, Form
from tui.dialogs.token import ShowToken
from tui.errors import DashboardError, NotAdmin
from tui.scope import Scope
from tui.screens.filtering import FilteringScreen
from tui.widgets.filter_bar import FilterBar
from tui.widgets.rows import Rows
from tui.wire import Account, NewToken

T = TypeVar("T")

CHANGES = {"create", "share", "place", "rotate", "activate", "delete"}


def one_at_a_time(
    change: "Callable[[AccountsScreen], Coroutine[None, None, None]]",
) -> "Callable[[AccountsScreen], None]":
    """Make an action of a change: it is refused while another is under way, since that must come to its end. What the
    service answers may be the only copy of a token."""

    @functools.wraps(change)
    def begin(self: "AccountsScreen") -> None:
        mine = (worker for worker in self.workers if worker.node is self and worker.group == "change")
        if any(not worker.is_finished for worker in mine):
            self.notify("Still working on the change before.", severity="warning")
        else:
            self.run_worker(change(self), group="change", exit_on_error=False)

    return begin


async def load(desk: Desk, scope: Scope) -> list[Account]:
    """All accounts. Raises NotAdmin before the service has to, where it is known to refuse."""
    del scope
    if desk.me is None:
        await desk.arrive()
    if not desk.is_admin:
        raise NotAdmin("Accounts are for administrators.")
    return await desk.local.accounts()


class AccountsScreen(FilteringScreen[list[Account]]):
    """The list and what can be done with a row of it."""

    VIEW_NAME = "accounts"
    HEADING = "Accounts"
    BRIEF = "Accts"
    ABOUT = "The accounts of the local service. A change shows once the service has confirmed it."
    USES_SCOPE = False
    FILTERED = "#accounts"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "create", "New", id="account-create"),
        Binding("s", "share", "Share on/off", id="account-share"),
        Binding("c", "place", "Coordinates", id="account-place"),
        Binding("R", "rotate", "New token", id="account-rotate"),
        Binding("x", "activate", "(De)activate", id="account-activate", show=False),
        Binding("D", "delete", "Delete", id="account-delete", show=False),
    ]

    @staticmethod
    async def load(desk: Desk, scope: Scope) -> list[Account]:
        """See the module's `load`."""
        return await load(desk, scope)

    @staticmethod
    def tables(data: list[Account], scope: Scope) -> list[Table]:
        """A row per account."""
        del scope
        return [accounts.table(data)]

    def shown_tables(self, data: list[Account]) -> list[Table]:
        """The accounts that the filter leaves."""
        shown = {line.key for line in self.query_one("#accounts", Rows).lines}
        return [accounts.table([one for one in data if str(one.uuid) in shown])]

    def body(self) -> Iterable[Widget]:
        """The list, and the selected account in full under it."""
        yield Rows(id="accounts")
        yield Static("", id="selected")
        yield FilterBar()

    def show(self, data: list[Account]) -> None:
        """Fill the list."""
        columns = accounts.columns(self.app.size.width)
        self.query_one("#accounts", Rows).fill(columns, self.matching(accounts.lines(data, columns)))
        self.on_data_table_row_highlighted()

    def explain(self, error: DashboardError) -> None:
        """No list; the banner says why."""
        del error
        self.query_one("#accounts", Rows).fill([], [])
        self.query_one("#selected", Static).update("Not loaded: see above.")

    def on_data_table_row_highlighted(self) -> None:
        """What the columns have no room for."""
        one = self._selected()
        said = ""
        if one is not None:
            place = accounts.coordinates(one) or "no coordinates"
            said = f"{one.name}\n{one.uuid} · {place} · last seen (UTC): {accounts.moment(one.last_seen)}"
        self.query_one("#selected", Static).update(Content(said))

    def on_resize(self) -> None:
        """The columns depend on the width."""
        if self.data is not None:
            self.show(self.data)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """--read-only hides and refuses what changes something; there is no chart to see as a table."""
        if action == "table" or (action in CHANGES and self.session.settings.read_only):
            return False
        return super().check_action(action, parameters)

    def _selected(self) -> Account | None:
        line = self.query_one("#accounts", Rows).current
        return next((one for one in self.data or [] if line and one.uuid == line.key), None)

    # --- changes -------------------------------------------------------------------------------------------

    @one_at_a_time
    async def action_create(self) -> None:
        """A new account; its token is shown once."""
        fields = [Field("name", "Name"), Field("sharing", "Its figures may be shared", value=True)]
        form = Form("New account", "Create", fields, accounts.check_name)
        values = await self.app.push_screen_wait(form)
        if values is not None:
            name, sharing = str(values["name"]), bool(values["sharing"])
            made = self.session.desk.local.create_account(name, is_sharing_enabled=sharing)
            await self._show_token(f"the account {name} is being made", made)

    @one_at_a_time
    async def action_share(self) -> None:
        """Share its figures, or stop."""
        one = self._selected()
        if one is not None:
            ask = (
                f"Stop sharing the figures of {one.name}?"
                if one.is_sharing_enabled
                else f"Share the figures of {one.name}?"
            )
            await self._change(
                one,
                ask,
                "Stop" if one.is_sharing_enabled else "Share",
                {"is_sharing_enabled": not one.is_sharing_enabled},
            )

    @one_at_a_time
    async def action_activate(self) -> None:
        """Lock it out, or let it in again."""
        one = self._selected()
        if one is not None:
            ask = f"Deactivate {one.name}? Its token is refused then." if one.is_active else f"Activate {one.name}?"
            await self._change(
                one, ask, "Deactivate" if one.is_active else "Activate", {"is_active": not one.is_active}
            )

    @one_at_a_time
    async def action_place(self) -> None:
        """Put it on the map, or take it off."""
        one = self._selected()
        if one is None:
            return
        known = [("latitude", "Latitude (north)", one.latitude), ("longitude", "Longitude (east)", one.longitude)]
        fields = [
            Field(key, name, "" if value is None else str(value), "empty: not on the map") for key, name, value in known
        ]
        form = Form(f"Coordinates of {one.name}", "Set", fields, accounts.check_place)
        values = await self.app.push_screen_wait(form)
        if values is not None:
            latitude, longitude = accounts.place_of(values) or (None, None)
            await self._patch(one, {"latitude": latitude, "longitude": longitude})

    @one_at_a_time
    async def action_rotate(self) -> None:
        """A new token instead of the one it has."""
        one = self._selected()
        if one is None:
            return
        me = self.session.desk.me
        ask = f"Make a new token for {one.name}? Its Front Office is refused until it has it."
        if me is not None and me.name == one.name:
            ask = (
                f"Make a new token for {one.name}? It is the account of this dashboard, which is refused from then on: "
                "start it again with the new token."
            )
        if await self._confirmed(Confirm(ask, "New token")):
            made = self.session.desk.local.rotate_token(one.uuid)
            await self._show_token(f"a new token is being made for {one.name}", made)

    @one_at_a_time
    async def action_delete(self) -> None:
        """Delete it with all its figures, once its name has been typed."""
        one = self._selected()
        if one is None:
            return
        rows = one.activity.rows if one.activity else 0
        ask = f"Delete {one.name} and its {rows:,} rows for good? Type its name to confirm."
        if await self._confirmed(Confirm(ask, "Delete", typed=str(one.name))):
            await self._done(f"{one.name} is being deleted", self.session.desk.local.delete_account(one.uuid))
            self.reload()

    async def _change(self, one: Account, ask: str, action: str, changes: dict[str, object]) -> None:
        if await self._confirmed(Confirm(ask, action)):
            await self._patch(one, changes)

    async def _confirmed(self, question: Confirm) -> bool:
        answer = await self.app.push_screen_wait(question)
        return answer is True

    async def _patch(self, one: Account, changes: dict[str, object]) -> None:
        await self._done(f"{one.name} is being changed", self.session.desk.local.change_account(one.uuid, changes))
        self.reload()

    async def _show_token(self, what: str, made: Awaitable[NewToken]) -> None:
        token = await self._done(what, made)
        if token is not None:
            await self.app.push_screen_wait(ShowToken(token.name, token.token))
        self.reload()

    async def _done(self, what: str, change: Awaitable[T]) -> T | None:
        """Have the service do it, with `what` for whoever wants to go on meanwhile. What it answers; None where it did
        not do it, which is said."""
        self.session.under_way = what
        self._tell()
        try:
            return await change
        except DashboardError as error:
            self.notify(f"{error.message} {error.hint}", severity="error", markup=False)
            return None
        finally:
            self.session.under_way = ""
            self._tell()


VIEW = AccountsScreen
