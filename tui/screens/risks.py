"""Risks before and after treatment, by kind and level: how they stand, and how they got there."""

from collections.abc import Iterable, Iterator
from typing import ClassVar

import msgspec
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.widget import Widget

from tui.charts.base import Table
from tui.charts.lines import Lines, Series
from tui.desk import Answers, Desk
from tui.errors import Problems
from tui.figures import KIND_NAMES, SIDE_NAMES, STATE_NAMES, failures, level_points, total
from tui.scope import Scope
from tui.screens.base import ViewScreen
from tui.screens.overview import risk_totals
from tui.widgets.panel import Panel
from tui.wire import Kind, Level, RiskSeries, State


class Part(msgspec.Struct, frozen=True):
    """What the evolution shows: a level (None: all of them summed up) of each state and kind; or, where `state` and
    `kind` are given, each level of these."""

    level: Level | None = None
    state: State | None = None
    kind: Kind | None = None


PARTS = (
    *(Part(level) for level in reversed(Level)),
    Part(),
    *(Part(None, state, kind) for kind in Kind for state in State),
)


async def load(desk: Desk, scope: Scope) -> Answers[RiskSeries]:
    """The risks of each side."""
    return await desk.gather(scope, lambda service, ask: service.risks(ask))


def evolution(answers: Answers[RiskSeries], part: Part) -> Lines:
    """What the evolution shows: at most four lines, or three for each side."""
    if part.state is not None and part.kind is not None:
        return by_level(answers, part.state, part.kind)
    name = part.level.value if part.level else "Risks"
    return Lines(f"Evolution: {name.lower()} per analysis", tuple(_of_level(answers, part.level)))


def _of_level(answers: Answers[RiskSeries], level: Level | None) -> Iterator[Series]:
    """By state and kind for one side, by state alone where two are compared."""
    compared = len(answers.values) > 1
    for side, risks in answers.values.items():
        for kinds in [tuple(Kind)] if compared else [(kind,) for kind in Kind]:
            for state in State:
                parts = [level_points(risks, state, kind) for kind in kinds]
                points = total(points for part in parts for one, points in part.items() if level in {None, one})
                name = STATE_NAMES[state]
                yield Series(
                    f"{SIDE_NAMES[side]} {name.lower()}" if compared else f"{name} {KIND_NAMES[kinds[0]]}",
                    tuple(points),
                )


def by_level(answers: Answers[RiskSeries], state: State, kind: Kind) -> Lines:
    """A state's and kind's levels by date, three lines a side."""
    compared = len(answers.values) > 1
    series = [
        Series(f"{SIDE_NAMES[side]} {level.value.lower()}" if compared else level.value, tuple(points))
        for side, risks in answers.values.items()
        for level, points in level_points(risks, state, kind).items()
    ]
    return Lines(f"Evolution: {STATE_NAMES[state].lower()} {KIND_NAMES[kind]} risks", tuple(series))


class RisksScreen(ViewScreen[Answers[RiskSeries]]):
    """Stacked bars of now, lines of the period."""

    VIEW_NAME = "risks"
    HEADING = "Risks"
    BRIEF = "Risks"
    ABOUT = (
        "The mean number of risks of an analysis, current (before treatment) and residual (after it), informational "
        "and operational. The bars show the period's last figures, the lines how they got there."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("v", "next_part", "Lines of…", id="risks-part"),
    ]
    part = PARTS[0]

    @staticmethod
    async def load(desk: Desk, scope: Scope) -> Answers[RiskSeries]:
        """See the module's `load`."""
        return await load(desk, scope)

    @staticmethod
    def tables(data: Answers[RiskSeries], scope: Scope) -> list[Table]:
        """The bars, then each evolution."""
        del scope
        return [risk_totals(data).table(), *(evolution(data, part).table() for part in PARTS)]

    def body(self) -> Iterable[Widget]:
        """Bars over, or on wide screens beside, lines."""
        yield Container(Panel("Risks per analysis", id="totals"), Panel("Evolution", id="evolution"), id="split")

    def show(self, data: Answers[RiskSeries]) -> None:
        """Both charts."""
        self.query_one("#totals", Panel).show(risk_totals(data))
        self.query_one("#evolution", Panel).show(evolution(data, self.part))

    @staticmethod
    def problems(data: Answers[RiskSeries]) -> Problems:
        """A side that did not answer."""
        return failures(data)

    def action_next_part(self) -> None:
        """High, medium, low risks, sums, then the levels of each state and kind."""
        self.part = PARTS[(PARTS.index(self.part) + 1) % len(PARTS)]
        if self.data is not None:
            self.show(self.data)


VIEW = RisksScreen
