"""Any view without a terminal: its figures as CSV or JSON, its screen as text or as a picture."""

import asyncio

import msgspec
from textual.app import App

from tui import export
from tui.charts.base import Table
from tui.desk import Desk
from tui.errors import DashboardError, SettingsError
from tui.memory import Memory
from tui.scope import Scope
from tui.screens import views
from tui.screens.base import ViewScreen, about_scope
from tui.session import Session, now
from tui.settings import Settings

WAIT_SECONDS = 60
LOOK_SECONDS = 0.02


class Order(msgspec.Struct, frozen=True):
    """What is wanted: a view, what it is asked for, and for a screen its size in cells and its theme."""

    view: str
    scope: Scope = Scope()
    width: int = 120
    height: int = 35
    theme: str = ""


class Taken(msgspec.Struct, frozen=True):
    """What was wanted, and what it lacks because a service did not answer."""

    text: str
    problems: list[str]


def figures(settings: Settings, order: Order, kind: str, only: int | None = None) -> Taken:
    """A view's figures as "csv" or "json"; `only` the Nth of its tables, from 1. Raises DashboardError."""
    view = view_named(order.view)
    desk = Desk.of(settings)
    tables, problems = asyncio.run(_load(view, desk, order.scope))
    if only is not None:
        if not 1 <= only <= len(tables):
            raise SettingsError(f"{order.view} has {len(tables)} tables.")
        tables = [tables[only - 1]]
        if tables[0].absent:
            raise DashboardError(f"Table {only}, {tables[0].title}, is not known: {tables[0].absent}")
    tables = [table for table in tables if not table.absent]
    if kind == "json":
        sources = [desk.name(side) for side in order.scope.reach.sides]
        about = about_scope(order.scope, sources) | {"fetched": now().isoformat(timespec="seconds")}
        about["problems"] = " ".join(problems)
        return Taken(export.to_json(order.view, about, tables).decode(), problems)
    return Taken("\n".join(map(export.to_csv, tables)), problems)


async def _load(view: type[ViewScreen], desk: Desk, scope: Scope) -> tuple[list[Table], list[str]]:  # type: ignore[type-arg]
    try:
        data = await view.load(desk, scope)
        return view.tables(data, scope), [*view.problems(data)]
    finally:
        await desk.close()


def screen(settings: Settings, order: Order, kind: str) -> Taken:
    """A view's screen as "svg" or "text", once its data is there. Raises DashboardError."""
    return asyncio.run(_draw(settings, order, kind))


async def _draw(settings: Settings, order: Order, kind: str) -> Taken:
    from tui.app import Dashboard  # noqa: PLC0415  # figures need no app

    view = view_named(order.view)
    memory = Memory(None)
    memory.change(view=order.view, scope=order.scope, theme=order.theme)
    app = Dashboard(Session(Desk.of(settings), settings, memory))
    async with app.run_test(size=(order.width, order.height)) as pilot:
        async with asyncio.timeout(WAIT_SECONDS):
            while not (isinstance(app.screen, view) and app.screen.is_settled):
                await pilot.pause(LOOK_SECONDS)
        await pilot.pause()
        shown = app.screen
        if shown.error is not None:
            raise shown.error
        text = export.tidy_svg(app.export_screenshot()) if kind == "svg" else text_of(app)
        return Taken(text, [*shown.problems(shown.data)])


def text_of(app: App[None]) -> str:
    """What the screen says, without colours."""
    strips = app.screen._compositor.render_strips()  # noqa: SLF001  # Textual has no other way to it
    return "".join(strip.text.rstrip() + "\n" for strip in strips)


def view_named(name: str) -> type[ViewScreen]:  # type: ignore[type-arg]  # of whatever data
    """The view. Raises SettingsError naming those there are."""
    known = {view.VIEW_NAME: view for view in views()}
    if name not in known:
        raise SettingsError(f"There is no view {name}.", f"There are: {', '.join(known)}.")
    return known[name]
