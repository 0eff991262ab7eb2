"""The views, a module each with its styles beside it.

A new view is one module with a class `VIEW` that inherits `base.ViewScreen`, and one line here. Its place in the list
is its key.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the command's help names the views, and must not wait for Textual
    from tui.screens.base import ViewScreen

MODULES = (
    "overview",
    "risks",
    "threats",
    "vulnerabilities",
    "cartography",
    "compliance",
    "map",
    "accounts",
    "sharing",
)


def views() -> "list[type[ViewScreen]]":  # type: ignore[type-arg]  # of whatever data
    """All views, in the order of their keys."""
    return [importlib.import_module(f"tui.screens.{name}").VIEW for name in MODULES]
