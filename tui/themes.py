"""The dashboard's own two themes, one dark and one light; Textual's are there too (in the palette).

Their colours go with those of the charts (`charts.palette`): blue, orange and vermilion, which people with any of the
common colour blindnesses can tell apart.
"""

from textual.theme import Theme

THEMES = (
    Theme(
        name="stats-dark",
        primary="#56b4e9",
        secondary="#2fc79b",
        accent="#e6b450",
        warning="#e69f00",
        error="#ff7043",
        success="#2fc79b",
        foreground="#e6e6e6",
        background="#10161b",
        surface="#161e25",
        panel="#1d2831",
        dark=True,
    ),
    Theme(
        name="stats-light",
        primary="#0067a5",
        secondary="#00694f",
        accent="#8a4b00",
        warning="#a85400",
        error="#b3261e",
        success="#00694f",
        foreground="#1c1c1c",
        background="#fbfbf9",
        surface="#f1f2f0",
        panel="#e3e6e6",
        dark=False,
    ),
)
