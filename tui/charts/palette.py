"""The colours of the drawings, for dark and for light themes.

Both are chosen so that people with any of the common colour blindnesses can tell the series apart (blue, orange,
green, purple, vermilion differ in lightness too), and no text is drawn on a colour that it does not stand out from.
Colour is never alone: series have markers, levels have fills, changes have arrows.
"""

import msgspec

MARKERS = "▲■◆●✚▼"
"""One per series, in the order of `Palette.series`."""

FILLS = "░▒█"
"""Low, medium, high: their order can be read without any colour."""


class Palette(msgspec.Struct, frozen=True):
    """Colours as `#rrggbb`. `heat` are backgrounds from little to much, in shades of grey as well, `heat_text` what is
    written on each."""

    series: tuple[str, ...]
    levels: tuple[str, str, str]
    text: str
    dim: str
    good: str
    bad: str
    land: str
    heat: tuple[str, ...]
    heat_text: tuple[str, ...]


DARK = Palette(
    series=("#56b4e9", "#e69f00", "#2fc79b", "#e79ac6", "#f0e442", "#ff7f50"),
    levels=("#56b4e9", "#e6b450", "#ff7043"),
    text="#e6e6e6",
    dim="#8f9aa3",
    good="#56b4e9",
    bad="#ff9a5c",
    land="#5f6f7a",
    heat=("#1d2b38", "#274b66", "#7a6c2a", "#c8811f", "#ff8a5c"),
    heat_text=("#9fb0bd", "#e6f2fa", "#ffffff", "#000000", "#000000"),
)

LIGHT = Palette(
    series=("#0067a5", "#a85400", "#00694f", "#9a2f72", "#6b5b00", "#b3261e"),
    levels=("#2a7ab0", "#a87400", "#b83a12"),
    text="#1c1c1c",
    dim="#5c656c",
    good="#0067a5",
    bad="#a83a00",
    land="#98a2aa",
    heat=("#eef3f7", "#cfe3f2", "#f3d27a", "#e9a54a", "#e4572e"),
    heat_text=("#5c656c", "#1c1c1c", "#1c1c1c", "#1c1c1c", "#000000"),
)


def palette_for(*, dark: bool) -> Palette:
    """The palette that goes with a dark or a light theme."""
    return DARK if dark else LIGHT
