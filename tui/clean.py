"""Labels and names come from other organisations: what could do harm on a terminal is taken out at the door.

A label that holds an escape sequence can rename a terminal's window or move its cursor, one with bidirectional
controls can make a name read as another. Both survive every widget, so they must never get that far.
"""

import unicodedata

REPLACEMENT = "�"
"""Put where something was taken out, so that it is seen that there was something."""

_HARMFUL = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode's categories: controls, formats (bidi among them), surrogates, private, unassigned, line separators."""

_KEPT = frozenset({"\u200c", "\u200d"})
"""Joiners, which some scripts and emoji are written with."""

_BLANKS = frozenset("\t\n\r")


def clean(text: str) -> str:
    """The text on one line and without anything that a terminal would obey. Whole otherwise: cutting is for charts."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_harmless(character) for character in text)


def _harmless(character: str) -> str:
    if character in _BLANKS:
        return " "
    if character in _KEPT or unicodedata.category(character) not in _HARMFUL:
        return character
    return REPLACEMENT
