"""How far each standard is fulfilled, against how far it ought to be."""

import datetime as dt
from collections.abc import Iterable
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.widget import Widget

from tui.charts.bars import Target, Targets, marked
from tui.charts.base import Table
from tui.charts.lines import Lines, Series
from tui.desk import Answers, Desk
from tui.errors import Problems
from tui.figures import SIDE_NAMES, failures, label, newest
from tui.figures import dated as points_of
from tui.scope import Language, Scope
from tui.screens.base import ViewScreen
from tui.widgets.panel import Panel
from tui.wire import CategorySeries, ComplianceSeries

Referentials = Answers[list[ComplianceSeries]]


async def load(desk: Desk, scope: Scope) -> Referentials:
    """The referentials of each side."""
    return await desk.gather(scope, lambda service, ask: service.compliance(ask))


def names(data: Referentials, language: Language) -> dict[str, str]:
    """Every referential that any side has, by its uuid, in the order of their names."""
    found = {str(one.referential): one for series in data.values.values() for one in series}
    named = {uuid: label(one.labels, language, uuid) for uuid, one in found.items()}
    return dict(sorted(named.items(), key=lambda item: item[1]))


def targets(data: Referentials, referential: str, language: Language) -> Targets:
    """A referential's categories at the period's end, worst gap first; where two sides are compared each category's
    two under each other, in the first side's order."""
    rows: dict[str, list[Target]] = {}
    compared = len(data.values) > 1
    for place, (side, series) in enumerate(data.values.items()):
        for one in series:
            if one.referential != referential:
                continue
            for name, (current, target) in _categories(one, language).items():
                said = marked(place, f"{SIDE_NAMES[side]}: {name}") if compared else name
                rows.setdefault(name, []).append(Target(said, current, target))
    order = sorted(rows.values(), key=lambda both: -(both[0].gap if both[0].gap is not None else -1.0))
    title = f"{names(data, language).get(referential, '')}: current against target"
    return Targets(title, tuple(target for both in order for target in both))


def _categories(one: ComplianceSeries, language: Language) -> dict[str, tuple[float | None, float | None]]:
    """A referential's newest current and target values by the category's name."""
    current = {_name(category, place, language): _newest(category) for place, category in enumerate(one.current)}
    target = {_name(category, place, language): _newest(category) for place, category in enumerate(one.target)}
    return {name: (current.get(name), target.get(name)) for name in {**current, **target}}


def _name(category: CategorySeries, place: int, language: Language) -> str:
    return label(category.labels, language, f"Category {place + 1}")


def _newest(category: CategorySeries) -> float | None:
    return newest(points_of(category.values)) if category.values else None


def evolution(data: Referentials, referential: str, language: Language) -> Lines:
    """The mean over the referential's categories by date, current and target, for each side."""
    series = []
    for side, found in data.values.items():
        before = f"{SIDE_NAMES[side]} " if len(data.values) > 1 else ""
        for one in found:
            if one.referential == referential:
                series.append(Series(f"{before}current".capitalize(), tuple(mean(one.current))))
                series.append(Series(f"{before}target".capitalize(), tuple(mean(one.target))))
    return Lines(f"{names(data, language).get(referential, '')}: mean of its categories", tuple(series))


def mean(categories: list[CategorySeries]) -> list[tuple[dt.date, float | None]]:
    """The categories' mean by date."""
    by_date: dict[dt.date, list[float]] = {}
    for category in categories:
        for one in category.values:
            by_date.setdefault(one.date, []).append(one.value)
    return [(date, sum(values) / len(values)) for date, values in sorted(by_date.items())]


class ComplianceScreen(ViewScreen[Referentials]):
    """One referential at a time: its categories, and its evolution."""

    VIEW_NAME = "compliance"
    HEADING = "Compliance"
    BRIEF = "Comply"
    ABOUT = (
        "How far the categories of a standard are fulfilled (0 to 1) against their target, worst gap first, at the "
        "period's end; and the mean of its categories over the period."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "step(1)", "Next standard", id="compliance-next"),
        Binding("N", "step(-1)", "Previous standard", id="compliance-previous", show=False),
    ]
    chosen = ""

    @staticmethod
    async def load(desk: Desk, scope: Scope) -> Referentials:
        """See the module's `load`."""
        return await load(desk, scope)

    @staticmethod
    def tables(data: Referentials, scope: Scope) -> list[Table]:
        """Categories, then evolution, of each referential."""
        known = names(data, scope.language)
        return [
            *(targets(data, uuid, scope.language).table() for uuid in known),
            *(evolution(data, uuid, scope.language).table() for uuid in known),
        ]

    def body(self) -> Iterable[Widget]:
        """Categories over, or on wide screens beside, the evolution."""
        yield Container(Panel("Compliance", id="targets"), Panel("Evolution", id="evolution"), id="split")

    def show(self, data: Referentials) -> None:
        """The chosen referential, else the first."""
        language = self.session.scope.language
        known = names(data, language)
        if self.chosen not in known:
            self.chosen = next(iter(known), "")
        panel = self.query_one("#targets", Panel)
        panel.show(targets(data, self.chosen, language))
        place = list(known).index(self.chosen) + 1 if known else 0
        panel.border_subtitle = f"standard {place} of {len(known)}"
        self.query_one("#evolution", Panel).show(evolution(data, self.chosen, language))

    @staticmethod
    def problems(data: Referentials) -> Problems:
        """A side that did not answer."""
        return failures(data)

    def action_step(self, step: int) -> None:
        """Another referential."""
        if self.data is None:
            return
        known = list(names(self.data, self.session.scope.language))
        if known:
            self.chosen = known[(known.index(self.chosen) + step) % len(known)]
            self.show(self.data)


VIEW = ComplianceScreen
