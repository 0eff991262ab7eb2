"""Where the risks lie: impact by likelihood (informational) or probability (operational)."""

import itertools
from collections.abc import Iterable
from typing import ClassVar

import msgspec
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.widget import Widget

from tui.charts.base import Table
from tui.charts.heat import Heat
from tui.desk import Answers, Desk
from tui.errors import Problems
from tui.figures import KIND_NAMES, SIDE_NAMES, STATE_NAMES, failures
from tui.scope import Scope, Side, following
from tui.screens.base import ViewScreen
from tui.widgets.panel import Panel
from tui.wire import Cartography, Kind, State


class Maps(msgspec.Struct, frozen=True):
    """The mean heat maps of each side, and on which sides a cell that is lacking is zero: elsewhere it may be one that
    is not told."""

    answers: Answers[Cartography | None]
    whole: frozenset[Side]


async def load(desk: Desk, scope: Scope) -> Maps:
    """The heat maps of each side."""
    answers = await desk.gather(scope, lambda service, ask: service.cartography(ask))
    return Maps(answers, frozenset(filter(desk.tells_all, answers.values)))


def heat(data: Maps, side: Side, state: State, kind: Kind) -> Heat:
    """One heat map. Its colours are measured by the fullest cell of all maps of the kind, so that they compare."""
    sides = data.answers.values
    grids = [one.risks.get(each, {}).get(kind, {}) for one in sides.values() if one for each in State]
    top = max((value for grid in grids for row in grid.values() for value in row.values()), default=0.0)
    own = sides.get(side)
    grid = own.risks.get(state, {}).get(kind, {}) if own else {}
    scale = () if own is None else own.scales.likelihood if kind is Kind.INFORMATIONAL else own.scales.probability
    rows = sorted(set(own.scales.impact if own else ()) | set(grid))
    columns = sorted(set(scale) | {column for row in grid.values() for column in row})
    zeros = dict.fromkeys(itertools.product(rows, columns), 0.0) if side in data.whole else {}
    return Heat(
        title=f"{SIDE_NAMES[side]}: {STATE_NAMES[state].lower()} {KIND_NAMES[kind]} risks",
        row_name="Impact",
        column_name="Likelihood (threat x vulnerability)" if kind is Kind.INFORMATIONAL else "Probability",
        rows=tuple(rows),
        columns=tuple(columns),
        values=zeros | {(impact, column): value for impact, row in grid.items() for column, value in row.items()},
        top=top,
    )


class CartographyScreen(ViewScreen[Maps]):
    """Two heat maps: before and after treatment, or, where two sides are compared, one of each."""

    VIEW_NAME = "cartography"
    HEADING = "Cartography"
    BRIEF = "Carto"
    ABOUT = (
        "How many risks an analysis has, on average over the period, for each impact and likelihood (informational "
        "risks) or probability (operational risks). A dot is none, a blank none or not told: public figures may "
        "withhold a cell. Compare shows local and global side by side."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("i", "next_kind", "Inform./oper.", id="cartography-kind"),
        Binding("s", "next_state", "Current or residual, when comparing", id="cartography-state", show=False),
    ]
    kind = Kind.INFORMATIONAL
    state = State.CURRENT

    @staticmethod
    async def load(desk: Desk, scope: Scope) -> Maps:
        """See the module's `load`."""
        return await load(desk, scope)

    @staticmethod
    def tables(data: Maps, scope: Scope) -> list[Table]:
        """All maps of all sides."""
        del scope
        sides = data.answers.values
        return [heat(data, side, state, kind).table() for side in sides for kind in Kind for state in State]

    def body(self) -> Iterable[Widget]:
        """Two panels, side by side where there is room."""
        yield Container(Panel("Current", id="first"), Panel("Residual", id="second"), id="maps")

    def show(self, data: Maps) -> None:
        """Before and after, or local and global."""
        sides = list(data.answers.values)
        if len(sides) > 1:
            shown = [heat(data, side, self.state, self.kind) for side in sides]
        else:
            shown = [heat(data, sides[0], state, self.kind) for state in State]
        for name, chart in zip(("first", "second"), shown, strict=True):
            self.query_one(f"#{name}", Panel).show(chart)

    @staticmethod
    def problems(data: Maps) -> Problems:
        """A side that did not answer."""
        return failures(data.answers)

    def action_next_kind(self) -> None:
        """Informational or operational."""
        self.kind = following(self.kind)
        if self.data is not None:
            self.show(self.data)

    def action_next_state(self) -> None:
        """Current or residual: matters where two sides are compared."""
        self.state = following(self.state)
        if self.data is not None:
            self.show(self.data)


VIEW = CartographyScreen
