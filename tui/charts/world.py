"""A world map in braille, with places on it: land as dots, each place as a marker, the selected one named."""

import functools

import msgspec
from rich.text import Text

from tui.charts.base import Cell, Table, fit, join
from tui.charts.coastline import LAKES, LAND, Shape
from tui.charts.palette import MARKERS, Palette

Box = tuple[float, float, float, float]
"""West, south, east, north, in degrees."""

WORLD: Box = (-180.0, -58.0, 180.0, 80.0)
MIN_SPAN = 24.0
"""The smallest part of the world, in degrees, that the outline is good enough for."""

BRAILLE = 0x2800
DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""The bit of each of a braille character's dots, by row (4) and column (2)."""


class Place(msgspec.Struct, frozen=True):
    """Something with coordinates. `source` chooses marker and colour; `note` is what the table says of it."""

    label: str
    latitude: float
    longitude: float
    source: int = 0
    note: tuple[Cell, ...] = ()


class WorldMap(msgspec.Struct, frozen=True):
    """Places on the map of the world, or (`zoomed`) of the part of it that they lie in."""

    title: str
    places: tuple[Place, ...]
    notes: tuple[str, ...] = ()
    """What the places' notes are, in their order: the table's further columns."""
    selected: int | None = None
    zoomed: bool = False

    def height(self, width: int) -> int | None:
        """It fills what it gets."""
        del width
        return None

    def draw(self, width: int, height: int, palette: Palette) -> Text:
        """The map, as large as it fits without distortion, and under it the selected place's name."""
        rows = max(height - 1, 1)
        box = self._box(width, rows)
        lines = [Text(line, style=palette.land) for line in _land(box, width, rows)]
        for place, at in self._spots(box, width, rows):
            spot = self.places[place]
            chosen = place == self.selected
            colour = palette.series[spot.source % len(palette.series)]
            marker = MARKERS[3 if not chosen else 2] if spot.source == 0 else MARKERS[spot.source]
            line = lines[at[1]]
            style = f"bold reverse {colour}" if chosen else f"bold {colour}"
            lines[at[1]] = line[: at[0]].append(marker, style=style).append_text(line[at[0] + 1 :])
        return join([*lines, Text(fit(self._caption(), width), style=palette.dim)], width)

    def table(self) -> Table:
        """Name, coordinates and notes."""
        rows: tuple[tuple[Cell, ...], ...] = tuple(
            (one.label, one.latitude, one.longitude, *one.note) for one in self.places
        )
        return Table(self.title, ("Name", "Latitude", "Longitude", *self.notes), rows)

    def _caption(self) -> str:
        if not self.places:
            return "Nobody on the map: accounts appear with coordinates and with sharing on."
        if self.selected is None:
            return f"{len(self.places)} on the map"
        return f"{self.places[self.selected].label} ({self.selected + 1} of {len(self.places)})"

    def _box(self, width: int, rows: int) -> Box:
        """The part of the world to show, widened to the form of the drawing so that a degree is a degree."""
        west, south, east, north = self._around_places() if self.zoomed and self.places else WORLD
        degree = max((east - west) / (width * 2), (north - south) / (rows * 4))
        middle_x, middle_y = (west + east) / 2, (south + north) / 2
        half_x, half_y = width * degree, rows * 2 * degree
        return (middle_x - half_x, middle_y - half_y, middle_x + half_x, middle_y + half_y)

    def _around_places(self) -> Box:
        east_west = [one.longitude for one in self.places]
        north_south = [one.latitude for one in self.places]
        middle_x, half_x = _middle(east_west)
        middle_y, half_y = _middle(north_south)
        return (middle_x - half_x, middle_y - half_y, middle_x + half_x, middle_y + half_y)

    def _spots(self, box: Box, width: int, rows: int) -> list[tuple[int, tuple[int, int]]]:
        """Each place's number and cell, the selected one last so that it lies on top."""
        order = sorted(range(len(self.places)), key=lambda place: place == self.selected)
        spots = []
        for place in order:
            one = self.places[place]
            column = int((one.longitude - box[0]) / (box[2] - box[0]) * width)
            row = int((box[3] - one.latitude) / (box[3] - box[1]) * rows)
            spots.append((place, (min(max(column, 0), width - 1), min(max(row, 0), rows - 1))))
        return spots


def _middle(values: list[float]) -> tuple[float, float]:
    """The middle of the values and how far to show around it."""
    low, high = min(values), max(values)
    return (low + high) / 2, max((high - low) * 0.65, MIN_SPAN / 2)


@functools.lru_cache(maxsize=8)
def _land(box: Box, width: int, rows: int) -> tuple[str, ...]:
    """The land inside of the box as lines of braille. Kept, since moving the selection draws the same land again."""
    dots = [_land_dots(box, width * 2, rows * 4, row) for row in range(rows * 4)]
    lines = []
    for row in range(rows):
        cells = [0] * width
        for part in range(4):
            for dot in dots[row * 4 + part]:
                cells[dot // 2] |= DOTS[part][dot % 2]
        lines.append("".join(chr(BRAILLE + cell) if cell else " " for cell in cells))
    return tuple(lines)


def _land_dots(box: Box, columns: int, rows: int, row: int) -> set[int]:
    """Which dots of a row are land: the shapes are filled by where their outlines cross the row's latitude."""
    latitude = box[3] - (row + 0.5) / rows * (box[3] - box[1])
    scale = columns / (box[2] - box[0])
    land: set[int] = set()
    for shapes, add in ((LAND, land.update), (LAKES, land.difference_update)):
        for shape in shapes:
            crossings = _crossings(shape, latitude)
            for west, east in zip(crossings[::2], crossings[1::2], strict=True):
                first = max(round((west - box[0]) * scale), 0)
                add(range(first, min(round((east - box[0]) * scale), columns)))
    return land


def _crossings(shape: Shape, latitude: float) -> list[float]:
    """At which longitudes, ascending, the shape's outline crosses the latitude: always an even number of them."""
    found = []
    for (x1, y1), (x2, y2) in zip(shape, (*shape[1:], shape[0]), strict=True):
        if (y1 > latitude) != (y2 > latitude):
            found.append(x1 + (latitude - y1) / (y2 - y1) * (x2 - x1))
    return sorted(found)
