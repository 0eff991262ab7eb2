"""What an operator looks at first: who has fallen silent, how many risks there are, and what has moved."""

import asyncio
import datetime as dt
from collections.abc import Iterable

import msgspec
from textual.containers import Horizontal
from textual.widget import Widget

from tui.charts.bars import Bar, Bars, Stack, StackedBars
from tui.charts.base import SMALLEST_SHOWN, Chart, Table
from tui.charts.facts import Fact, Facts
from tui.charts.trends import Trend, Trends
from tui.desk import Answers, Desk, today
from tui.errors import DashboardError, Problems
from tui.figures import (
    KIND_NAMES,
    SIDE_NAMES,
    STATE_NAMES,
    Metric,
    change,
    failures,
    level_points,
    newest,
    object_rows,
    span,
    total,
)
from tui.scope import Scope
from tui.screens.base import ViewScreen
from tui.widgets.panel import Panel
from tui.wire import Account, Kind, Level, ObjectSeries, RiskSeries, State

SILENT_DAYS = 2
"""After how many days without figures an account is called silent: the nightly job has failed once, at least."""

MOVERS = 30

OCCURRENCE = Metric("Occurrence", "count")


class Overview(msgspec.Struct, frozen=True):
    """`accounts`: None where the token may not see them, or why they could not be had."""

    risks: Answers[RiskSeries]
    threats: Answers[list[ObjectSeries]]
    accounts: list[Account] | DashboardError | None
    day: dt.date

    @property
    def known(self) -> list[Account]:
        """The accounts that are known."""
        return self.accounts if isinstance(self.accounts, list) else []


async def load(desk: Desk, scope: Scope) -> Overview:
    """The figures of all panels, asked for at once."""
    if desk.me is None:
        await desk.arrive()
    risks, threats, accounts = await asyncio.gather(
        desk.gather(scope, lambda service, ask: service.risks(ask)),
        desk.gather(scope, lambda service, ask: service.objects("threat", ask)),
        _accounts(desk),
    )
    return Overview(risks, threats, accounts, today())


async def _accounts(desk: Desk) -> list[Account] | DashboardError | None:
    """Figures are shown without the accounts, too."""
    try:
        return await desk.local.accounts() if desk.is_admin else None
    except DashboardError as error:
        return error


def facts(data: Overview) -> Facts:
    """How much there is, and how fresh."""
    if not isinstance(data.accounts, list):
        dates = [date for side in data.risks.values.values() for date, _ in all_risks(side, State.CURRENT)]
        return Facts("At a glance", (Fact("newest figures", max(dates, default=None)),))
    activities = [account.activity for account in data.accounts if account.activity]
    newest_date = max((one.newest_date for one in activities if one.newest_date), default=None)
    silent = len(silent_accounts(data))
    return Facts(
        "At a glance",
        (
            Fact("silent", silent, alert=silent > 0),
            Fact("accounts", len(data.accounts)),
            Fact("analyses", sum(one.analyses for one in activities)),
            Fact("rows", sum(one.rows for one in activities)),
            Fact("newest", newest_date, alert=newest_date is None or days_silent(newest_date, data.day) > 1),
        ),
    )


def days_silent(newest_date: dt.date, day: dt.date) -> int:
    """How many days ago an account's newest figures are from."""
    return max((day - newest_date).days, 0)


def silent_accounts(data: Overview) -> list[Account]:
    """Active accounts whose newest figures are too old, the longest silent first, before them those who never sent."""
    found = []
    for account in data.known:
        date = account.activity.newest_date if account.activity else None
        if account.is_active and account.role != "2" and (date is None or days_silent(date, data.day) >= SILENT_DAYS):
            found.append((date or dt.date.min, str(account.name), account))
    return [account for _, _, account in sorted(found, key=lambda one: one[:2])]


def freshness(data: Overview) -> Bars:
    """The silent accounts, by how long."""
    bars = []
    for account in silent_accounts(data):
        date = account.activity.newest_date if account.activity else None
        days = float(days_silent(date, data.day)) if date else 0.0
        bars.append(Bar(account.name, days, f"days, last {date}" if date else "never sent anything", alert=True))
    empty = f"Every active account has sent figures within the last {SILENT_DAYS} days."
    if data.accounts is None:
        empty = "Accounts are seen with an administrator's token."
    if isinstance(data.accounts, DashboardError):
        empty = f"Accounts could not be read: {data.accounts.message}"
    return Bars("Silent accounts", "Days", tuple(bars), empty)


def all_risks(risks: RiskSeries, state: State) -> list[tuple[dt.date, float | None]]:
    """All kinds and levels of a state summed up by date."""
    return total(total(level_points(risks, state, kind).values()) for kind in Kind)


def risk_totals(answers: Answers[RiskSeries]) -> StackedBars:
    """Risks per analysis at the period's end, by level, for each side, kind and state, and their change."""
    stacks, sums = [], []
    for side, risks in answers.values.items():
        before = f"{SIDE_NAMES[side]} " if len(answers.values) > 1 else ""
        for kind in Kind:
            for state in State:
                by_level = level_points(risks, state, kind)
                points = total(by_level.values())
                if not points:
                    continue
                sums.append(points)
                name = f"{before}{STATE_NAMES[state]} {KIND_NAMES[kind]}".capitalize()
                values = tuple(newest(by_level[level]) for level in Level)
                stacks.append(Stack(name, values, change(points)))
    return StackedBars("Risks per analysis, current and residual", tuple(Level), tuple(stacks), span(sums))


def movers(data: Overview, scope: Scope) -> Trends:
    """The threats whose occurrence has changed most, whichever way."""
    side = next(iter(data.threats.values))
    rows = object_rows(data.threats.values[side], scope.language, OCCURRENCE)
    moved = [row for row in rows if row.change is not None and abs(row.change) >= SMALLEST_SHOWN]
    moved = sorted(moved, key=lambda row: -abs(row.change or 0))[:MOVERS]
    trends = tuple(
        Trend(row.label, newest(row.trend), row.change, tuple(value for _, value in row.trend)) for row in moved
    )
    title = f"Threats that moved most ({SIDE_NAMES[side].lower()})"
    return Trends(title, "Now", span(row.trend for row in moved), trends)


def charts(data: Overview, scope: Scope) -> dict[str, Chart]:
    """All panels' charts by the panel's id."""
    return {
        "facts": facts(data),
        "silent": freshness(data),
        "totals": risk_totals(data.risks),
        "movers": movers(data, scope),
    }


class OverviewScreen(ViewScreen[Overview]):
    """The first view."""

    VIEW_NAME = "overview"
    HEADING = "Overview"
    BRIEF = "Overview"
    ABOUT = (
        "Accounts that have sent nothing for two days or more (is their nightly job running?), the mean number of "
        "risks of an analysis at the period's end before and after treatment, and the threats that moved most."
    )

    @staticmethod
    async def load(desk: Desk, scope: Scope) -> Overview:
        """See the module's `load`."""
        return await load(desk, scope)

    @staticmethod
    def tables(data: Overview, scope: Scope) -> list[Table]:
        """A table per panel. Where the accounts are not known that of the silent ones is absent: an empty one would say
        that none is silent."""
        shown = {name: chart.table() for name, chart in charts(data, scope).items()}
        if not isinstance(data.accounts, list):
            shown["silent"] = msgspec.structs.replace(shown["silent"], absent=freshness(data).empty)
        return list(shown.values())

    def body(self) -> Iterable[Widget]:
        """A line of facts over two rows of panels."""
        yield Panel("At a glance", id="facts")
        yield Horizontal(Panel("Silent accounts", id="silent"), Panel("Risks per analysis", id="totals"), id="middle")
        yield Panel("Threats that moved most", id="movers")

    def show(self, data: Overview) -> None:
        """Give each panel its chart."""
        for name, chart in charts(data, self.session.scope).items():
            self.query_one(f"#{name}", Panel).show(chart)

    @staticmethod
    def problems(data: Overview) -> Problems:
        """Sides that did not answer, and accounts that could not be read though the token may see them."""
        found = failures(data.risks, data.threats)
        if isinstance(data.accounts, DashboardError):
            found[f"Accounts could not be read: {data.accounts.message}"] = data.accounts
        return found


VIEW = OverviewScreen
