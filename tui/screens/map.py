"""Who shares figures, on a map of the world. The service gives no names, only places and what threatens them most."""

import asyncio
from collections.abc import Iterable
from typing import ClassVar

import msgspec
from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.widget import Widget
from textual.widgets import DataTable

from tui.charts.base import Table
from tui.charts.world import Place, WorldMap
from tui.desk import Answers, Desk
from tui.errors import Problems
from tui.figures import SIDE_NAMES, failures, label
from tui.scope import Language, Scope
from tui.screens.base import ViewScreen
from tui.widgets.panel import Panel
from tui.widgets.rows import Column, Line, Rows
from tui.wire import Labels, MapPlace, ObjectSeries, top

NOTES = ("Top threat", "Mean", "Top vulnerability", "Mean")


class Contributors(msgspec.Struct, frozen=True):
    """The places of each side, the labels of what they name, and what could not be had."""

    places: Answers[list[MapPlace]]
    labels: dict[str, Labels]
    failures: Problems


async def load(desk: Desk, scope: Scope) -> Contributors:
    """The places, and the objects for their labels."""
    places, threats, vulnerabilities = await asyncio.gather(
        desk.gather(scope, lambda service, _: service.places()),
        desk.gather(scope, lambda service, ask: service.objects("threat", ask)),
        desk.gather(scope, lambda service, ask: service.objects("vulnerability", ask)),
    )
    return Contributors(places, _labels(threats) | _labels(vulnerabilities), failures(places, threats, vulnerabilities))


def _labels(answers: Answers[list[ObjectSeries]]) -> dict[str, Labels]:
    return {str(one.object): one.labels for series in answers.values.values() for one in series}


def world(data: Contributors, language: Language, selected: int | None = None, *, zoomed: bool = False) -> WorldMap:
    """The map. Places have numbers for names; where two sides are compared, with the side before it."""
    places = []
    compared = len(data.places.values) > 1
    for source, (side, found) in enumerate(data.places.values.items()):
        for number, one in enumerate(found, 1):
            name = f"{SIDE_NAMES[side]} contributor {number}" if compared else f"Contributor {number}"
            note = (*_top(one.max_threat, data, language), *_top(one.max_vulnerability, data, language))
            places.append(Place(name, one.latitude, one.longitude, source, note))
    return WorldMap("Contributors", tuple(places), NOTES, selected, zoomed)


def _top(raw: msgspec.Raw, data: Contributors, language: Language) -> tuple[str, float | None]:
    found = top(raw)
    if found is None:
        return ("", None)
    count, uuid = found
    labels = data.labels.get(uuid)
    return (label(labels, language, uuid) if labels else str(uuid), count)


class MapScreen(ViewScreen[Contributors]):
    """The map, and the list of places: moving in it moves on the map."""

    VIEW_NAME = "map"
    HEADING = "Map"
    BRIEF = "Map"
    ABOUT = (
        "Accounts that share and have coordinates, without names, with the commonest threat and vulnerability of each."
    )
    BINDINGS: ClassVar[list[BindingType]] = [Binding("z", "zoom", "Zoom", id="zoom")]
    zoomed = False

    @staticmethod
    async def load(desk: Desk, scope: Scope) -> Contributors:
        """See the module's `load`."""
        return await load(desk, scope)

    @staticmethod
    def tables(data: Contributors, scope: Scope) -> list[Table]:
        """A row per place."""
        return [world(data, scope.language).table()]

    def body(self) -> Iterable[Widget]:
        """The map over the list."""
        yield Container(Panel("Contributors", id="world"), Rows(id="places"), id="split")

    def show(self, data: Contributors) -> None:
        """Both."""
        places = world(data, self.session.scope.language).places
        who = max((len(one.label) for one in places), default=0)
        name = max(min((self.app.size.width - who - 25) // 2, 60), 12)
        columns = [Column("", who), Column(NOTES[0], name), Column("Mean", 6, right=True)]
        columns += [Column(NOTES[2], name), Column("Mean", 6, right=True)]
        self.query_one("#places", Rows).fill(
            columns, [Line(f"{i}", (one.label, *one.note)) for i, one in enumerate(places)]
        )
        self._draw()

    @staticmethod
    def problems(data: Contributors) -> Problems:
        """What a side did not answer."""
        return data.failures

    def action_zoom(self) -> None:
        """The whole world, or the part with the places in it."""
        self.zoomed = not self.zoomed
        self._draw()

    @on(DataTable.RowHighlighted, "#places")
    def _moved(self) -> None:
        self._draw()

    def _draw(self) -> None:
        if self.data is not None:
            table = self.query_one("#places", Rows)
            selected = table.cursor_row if table.current else None
            chart = world(self.data, self.session.scope.language, selected, zoomed=self.zoomed)
            self.query_one("#world", Panel).show(chart)


VIEW = MapScreen
