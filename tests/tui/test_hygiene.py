"""What a newcomer may trip over: names that Textual has already, keys that clash, a view that is not listed."""

import importlib
import inspect
import pkgutil
import re
from pathlib import Path

from textual.app import App
from textual.binding import Binding
from textual.widget import Widget

import tui
import tui.screens
from tui.app import key_ids
from tui.screens import MODULES, views


def classes() -> list[type]:
    """All classes of the dashboard that inherit one of Textual's."""
    found = set()
    for module in pkgutil.walk_packages(tui.__path__, "tui."):
        if module.name == "tui.__main__":
            continue
        members = inspect.getmembers(importlib.import_module(module.name), inspect.isclass)
        found |= {one for _, one in members if one.__module__ == module.name and issubclass(one, Widget | App)}
    return sorted(found, key=lambda one: one.__qualname__)


ATTRIBUTE = re.compile(r"self\.(_[a-z]\w*)(?:: [^=\n]+)? = ")


def private_names(one: type) -> set[str]:
    """The private names that a class defines or sets."""
    defined = {name for name in vars(one) if name.startswith("_") and not name.startswith("__")}
    return defined | set(ATTRIBUTE.findall(inspect.getsource(one)))


def test_no_private_name_of_textual_is_taken() -> None:
    """Textual's own `_closed`, `_render` and the like break quietly when a subclass has something of that name."""
    made_by_textual = {"_reactives", "_computes", "_decorated_handlers", "_merged_bindings", "_inherit_bindings"}
    made_by_textual |= {"_css_type_names", "_css_type_name", "_inherit_css", "_css_bases", "_inherit_component_classes"}
    taken = []
    for one in classes():
        bases = [base for base in one.__mro__ if base.__module__.startswith("textual")]
        theirs = {name for base in bases for name in private_names(base)}
        taken += [f"{one.__name__}.{name}" for name in private_names(one) & theirs - made_by_textual]
    assert taken == []
    assert len(classes()) > 20


def test_every_module_of_a_view_is_listed() -> None:
    """And has its styles beside it."""
    folder = Path(tui.screens.__file__).parent
    modules = {path.stem for path in folder.glob("*.py") if "\nVIEW = " in path.read_text(encoding="utf-8")}
    assert modules == set(MODULES)
    assert len({view.VIEW_NAME for view in views()}) == len(MODULES)
    assert all(len(view.BRIEF) <= 8 for view in views())
    assert [view.VIEW_NAME for view in views()] == list(MODULES)


def test_no_key_means_two_things_in_a_view() -> None:
    """The app's keys and a view's are different ones, and every one of them has an id, so that it can be changed."""
    app = importlib.import_module("tui.app").Dashboard
    for view in views():
        bindings = [one for base in (app, *view.__mro__) for one in vars(base).get("BINDINGS", ())]
        ours = [one for one in bindings if isinstance(one, Binding) and one.id]
        keys = [key for one in ours for key in one.key.split(",")]
        assert sorted(keys) == sorted(set(keys)), view.VIEW_NAME
    assert len(key_ids()) > 20


def test_the_footer_has_at_most_eight_keys() -> None:
    """More of them are not read, and not seen at 80 columns."""
    app = importlib.import_module("tui.app").Dashboard
    for view in views():
        bindings = [one for base in (app, *view.__mro__) for one in vars(base).get("BINDINGS", ())]
        shown = [one for one in bindings if isinstance(one, Binding) and one.show and one.id]
        hidden = 0 if view.USES_SCOPE else 3  # g and p, and t: there is no chart either
        assert len(shown) - hidden <= 8, view.VIEW_NAME
