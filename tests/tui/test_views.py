"""Every view and every key on a real service, through Textual's Pilot."""

import csv
import datetime as dt
import functools
import json
from pathlib import Path

import pytest
from rich.text import Text

from tests.servers import Service
from tests.tui.conftest import dashboard
from tui.charts.facts import Fact, Facts
from tui.charts.heat import Heat
from tui.charts.lines import Lines
from tui.charts.palette import DARK, LIGHT
from tui.scope import Aggregation, Language, Reach, Scope
from tui.screens import views
from tui.screens.objects import ObjectTable
from tui.widgets.filter_bar import FilterBar
from tui.widgets.panel import Panel
from tui.widgets.rows import Rows

VIEWS = [view.VIEW_NAME for view in views()]
SCOPED = [view.VIEW_NAME for view in views() if view.USES_SCOPE]
"""They come first."""
SAID = {
    "overview": ("accounts", "analyses", "Silent accounts", "Current informational", "in 30 days"),
    "risks": ("Current informational", "Residual operational", "high risks per analysis"),
    "threats": ("Occurs", "Prob.", "Max.", "Threats: occurrence"),
    "vulnerabilities": ("Occurs", "Qualif", "Max.", "Vulnerabilities: occurrence"),
    "cartography": ("Local: current informational risks", "Local: residual informational risks", "Impact"),
    "compliance": ("current against target", "gap", "standard 1 of"),
    "map": ("Contributors", "Top threat", "Contributor 1"),
    "accounts": ("operator", "admin", "Analyses", "Newest"),
    "sharing": ("global instance", "waiting", "Not set up", "Waiting", "Push", "risk"),
}


@pytest.mark.parametrize("name", VIEWS)
async def test_every_view_shows_its_figures(demo: Service, name: str) -> None:
    """At each size, without a banner, and nothing wider or longer than the terminal."""
    async with dashboard(demo.url, name, size=(80, 24)) as driver:
        for width, height in ((80, 24), (120, 35), (200, 55)):
            await driver.pilot.resize_terminal(width, height)
            await driver.until(lambda: driver.text.count("\n") == height, "the new size")  # noqa: B023  # awaited at once
            await driver.until(lambda: not [said for said in SAID[name] if said not in driver.text], str(SAID[name]))
            assert driver.view.error is None
            lines = driver.text.split("\n")
            assert max(map(len, lines)) <= width


async def test_the_glance_shows_all_its_facts(demo: Service) -> None:
    """On a second line where they need it: what needs a look may be the last."""
    things = [Fact(f"{number} things", 1_234_567) for number in range(4)]
    async with dashboard(demo.url, size=(80, 24)) as driver:
        panel = driver.view.query_one("#facts", Panel)
        assert panel.size.height == 1
        panel.show(Facts("At a glance", (*things, Fact("old", 1, alert=True))))
        await driver.says("! 1 old")


@pytest.mark.parametrize("width", [80, 120, 200])
async def test_the_columns_fit_their_table_from_the_start(demo: Service, width: int) -> None:
    """No column of the objects is out of sight, however wide the terminal is when the dashboard starts."""
    async with dashboard(demo.url, "threats", size=(width, 40)) as driver:
        table = driver.view.query_one(ObjectTable)
        await driver.until(lambda: 0 < table.virtual_size.width <= table.size.width, "columns that fit")


async def test_every_view_has_its_digit(demo: Service) -> None:
    """In the order of the heading; coming back finds the view as it was."""
    async with dashboard(demo.url) as driver:
        for key, name in enumerate(VIEWS, 1):
            await driver.press(str(key))
            assert name == driver.view.VIEW_NAME
            assert driver.view.data is not None
        before = driver.view
        await driver.press("1")
        await driver.press(str(len(VIEWS)))
        assert driver.view is before


async def test_local_global_and_compare_are_one_switch(demo: Service) -> None:
    """Each statistics view takes all three, and has what the view before chose."""
    async with dashboard(demo.url, world=demo.url) as driver:
        for key, name in enumerate(SCOPED, 1):
            await driver.press(str(key))
            for _ in Reach:
                await driver.press("g")
                assert driver.view.error is None
                assert driver.view.data is not None
                if driver.app.session.scope.reach is Reach.COMPARE:
                    assert name == "overview" or "Global" in driver.text.split("\n", 2)[2]
            assert driver.app.session.scope.reach is Reach.LOCAL


async def test_the_switch_means_nothing_to_accounts(demo: Service) -> None:
    """Their heading has none, and its keys do nothing."""
    async with dashboard(demo.url, "accounts") as driver:
        assert "Compare" not in driver.text
        await driver.press("g", "p", "a")
        assert driver.app.session.scope == Scope(days=30)


async def test_period_aggregation_and_language_hold_for_all_views(demo: Service) -> None:
    """What one view was asked for the others are asked for as well."""
    async with dashboard(demo.url, "threats") as driver:
        await driver.press("p")
        await driver.press("a")
        await driver.press("L")
        scope = driver.app.session.scope
        assert (scope.days, scope.aggregation, scope.language) == (90, Aggregation.WEEK, Language.DE)
        await driver.press("2")
        assert "90 days" in driver.text
        assert "by week" in driver.text
        panel = driver.view.query_one("#evolution", Panel)
        assert isinstance(panel.chart, Lines)
        dates = [row[0] for row in panel.chart.table().rows]
        assert all(isinstance(date, dt.date) and date.weekday() == 0 for date in dates)
        assert 8 <= len(dates) <= 10


async def test_a_period_of_ones_own(demo: Service) -> None:
    """Two dates are asked for, wrong ones refused with a word, and then shown."""
    async with dashboard(demo.url, "risks") as driver:
        await driver.pilot.press("P")
        await driver.says("First and last day")
        await driver.pilot.press(*["backspace"] * 10, *"soon", "enter", "enter")
        await driver.says("A date is written YYYY-MM-DD")
        await driver.pilot.press("escape")
        await driver.until(lambda: driver.app.screen is driver.view)
        assert driver.app.session.scope == Scope(days=30)


async def test_another_language_renames_without_asking_again(demo: Service) -> None:
    """Labels change; the answer that they came with is the same."""
    async with dashboard(demo.url, "threats") as driver:
        before = driver.view.data
        table = driver.view.query_one(ObjectTable)
        names = {line.key: line.cells[1] for line in table.lines}
        await driver.press("L")
        assert driver.view.data is before
        renamed = {line.key: line.cells[1] for line in table.lines}
        assert renamed.keys() == names.keys()
        assert sum(renamed[key] != names[key] for key in names) > len(names) // 2


async def test_every_chart_is_a_table_too(demo: Service) -> None:
    """T shows each panel's figures as rows, and t again the drawings."""
    async with dashboard(demo.url) as driver:
        for key in range(1, len(SCOPED) + 1):
            await driver.press(str(key))
            panels = list(driver.view.query(Panel))
            assert panels
            await driver.press("t")
            for panel in panels:
                assert panel.chart is not None
                assert panel.query_one(Rows).row_count == len(panel.chart.table().rows)
                assert panel.query_one(Rows).display
            await driver.press("t")
            assert not any(panel.query_one(Rows).is_on_screen for panel in panels)


async def test_the_filter_works_while_typing(demo: Service) -> None:
    """Only rows with the text stay; Enter keeps it, Escape clears it, kept or not, and the table has the keys again."""
    async with dashboard(demo.url, "threats") as driver:
        table = driver.view.query_one(ObjectTable)
        total = table.row_count
        await driver.pilot.press("slash")
        await driver.type("data")
        await driver.until(lambda: 0 < table.row_count < total, "fewer rows")
        assert all("data" in str(line.cells[1]).lower() for line in table.lines)
        for keys in ("slash", "escape"), ("escape",):
            await driver.pilot.press("enter")
            await driver.until(lambda: driver.view.focused is table)
            assert driver.view.query_one(FilterBar).display
            await driver.pilot.press(*keys)
            await driver.until(lambda: table.row_count == total, "all rows")
            assert driver.view.focused is table
            assert not driver.view.query_one(FilterBar).display
            await driver.pilot.press("slash")
            await driver.type("data")
            await driver.until(lambda: 0 < table.row_count < total, "fewer rows")


async def test_accounts_are_filtered(demo: Service, tmp_path: Path) -> None:
    """By anything that their rows say; what is exported are those shown."""
    async with dashboard(demo.url, "accounts", folder=tmp_path) as driver:
        rows = driver.view.query_one("#accounts", Rows)
        await driver.pilot.press("slash")
        await driver.type("OPERATOR")
        await driver.until(lambda: [line.cells[0] for line in rows.lines] == ["operator"], "one row")
        await driver.pilot.press("enter", "e", "enter")
        await driver.until(lambda: contents(tmp_path, "*.csv"), "the table")
        assert len(contents(tmp_path, "*.csv")[0].splitlines()) == 2
        await driver.pilot.press("escape")
        await driver.until(lambda: rows.row_count > 1, "all rows")


async def test_the_dashboards_own_account_is_warned_of(demo: Service) -> None:
    """A new token for it locks the dashboard out; for others their Front Office."""
    async with dashboard(demo.url, "accounts") as driver:
        rows = driver.view.query_one("#accounts", Rows)
        for name, said in ("admin", "is the account of this"), ("operator", "Its Front Office"):
            rows.move_cursor(row=[line.cells[0] for line in rows.lines].index(name))
            await driver.pilot.press("R")
            await driver.says(said)
            await driver.pilot.press("escape")
            await driver.until(lambda: driver.app.screen is driver.view)


async def test_refreshing_is_paused(demo: Service) -> None:
    """Z stops it, and says so as long as it lasts; Z goes on."""
    async with dashboard(demo.url, "risks", refresh=1) as driver:
        await driver.pilot.press("Z")
        await driver.says("Refreshing is paused")
        await driver.says("paused · 127.0.0.1")
        await driver.settled()
        before = driver.view.loaded_at
        await driver.says("2 s ago")
        assert driver.view.loaded_at == before
        await driver.pilot.press("Z")
        await driver.until(lambda: driver.view.loaded_at != before, "fresh figures")
        await driver.until(lambda: "paused ·" not in driver.text)


async def test_another_theme_recolours_the_trends(demo: Service) -> None:
    """At once, in the table's cells too."""
    async with dashboard(demo.url, "threats") as driver:
        table = driver.view.query_one(ObjectTable)

        def colour() -> str:
            trend = table.lines[0].cells[-1]
            return str(trend.style) if isinstance(trend, Text) else ""

        assert colour() == DARK.series[0]
        driver.app.theme = "stats-light"
        await driver.until(lambda: colour() == LIGHT.series[0], "the light palette")


async def test_the_table_sorts_by_any_column(demo: Service) -> None:
    """By keys, either way, and cut to the first five."""
    async with dashboard(demo.url, "vulnerabilities") as driver:
        table = driver.view.query_one(ObjectTable)

        def column(place: int) -> list[float]:
            return [float(line.cells[place]) for line in table.lines]  # type: ignore[arg-type]  # numbers there

        assert column(2) == sorted(column(2), reverse=True)
        await driver.press("greater_than_sign")
        assert column(3) == sorted(column(3), reverse=True)
        await driver.press("i")
        assert column(3) == sorted(column(3))
        await driver.press("less_than_sign", "less_than_sign")
        names = [str(line.cells[1]).casefold() for line in table.lines]
        assert names == sorted(names)
        await driver.press("n")
        assert table.row_count == 5


async def test_marked_rows_are_drawn_as_lines(demo: Service) -> None:
    """The first six at first; then those that are marked, and no more than six."""
    async with dashboard(demo.url, "threats") as driver:
        panel = driver.view.query_one("#evolution", Panel)
        table = driver.view.query_one(ObjectTable)
        table.focus()
        assert isinstance(panel.chart, Lines)
        assert len(panel.chart.series) == 6
        await driver.press("down", "space")
        name = str(table.lines[1].cells[1])
        assert [one.label for one in panel.chart.series] == [name]
        for _ in range(6):
            await driver.press("down", "space")
        assert len(panel.chart.series) == 6
        await driver.says("At most 6 at once")
        await driver.press("m")
        assert panel.border_title == "Threats: probability"


async def test_risks_lines_by_level(demo: Service) -> None:
    """V steps through high, medium, low risks, sums, and the levels of each state and kind."""
    async with dashboard(demo.url, "risks") as driver:
        panel = driver.view.query_one("#evolution", Panel)
        seen = []
        for _ in range(8):
            assert panel.chart is not None
            seen.append(panel.chart.title)
            await driver.press("v")
        assert len(set(seen)) == 8
        assert panel.border_title == seen[0]


async def test_cartography_shows_both_kinds(demo: Service) -> None:
    """I changes between informational and operational risks; comparing, s between current and residual."""
    async with dashboard(demo.url, "cartography", scope=Scope(Reach.COMPARE)) as driver:
        assert "Global: current informational risks" in driver.text
        heat = driver.view.query_one("#second", Panel).chart
        assert isinstance(heat, Heat)
        assert len(heat.values) == len(heat.rows) * len(heat.columns)  # an administrator is told all of them
        await driver.press("i", "s")
        assert "Global: residual operational risks" in driver.text
        assert "Probability" in driver.text


async def test_compliance_goes_from_standard_to_standard(demo: Service) -> None:
    """N shows the next one, and after the last the first."""
    async with dashboard(demo.url, "compliance") as driver:
        panel = driver.view.query_one("#targets", Panel)
        first = str(panel.border_title)
        await driver.press("n")
        assert str(panel.border_title) != first
        await driver.press("N")
        assert str(panel.border_title) == first


async def test_the_map_follows_the_list(demo: Service) -> None:
    """The place under the cursor is named under the map; z zooms to the part with places in it."""
    async with dashboard(demo.url, "map") as driver:
        driver.view.query_one("#places", Rows).focus()
        world = driver.view.query_one("#world", Panel)
        await driver.press("j")
        await driver.says("Contributor 2 (2 of")
        before = driver.text
        await driver.press("z")
        await driver.until(lambda: driver.text != before, "another map")
        assert world.chart is not None


def contents(folder: Path, pattern: str) -> list[str]:
    """What is in the files of this name."""
    return [path.read_text(encoding="utf-8") for path in folder.glob(pattern)]


async def test_any_view_is_exported(demo: Service, tmp_path: Path) -> None:
    """E asks for the format and writes files: tables with as many cells as headings, and JSON that says what it is."""
    async with dashboard(demo.url, folder=tmp_path) as driver:
        for key, name in enumerate(VIEWS, 1):
            await driver.press(str(key))
            await driver.pilot.press("e", "enter")
            await driver.until(functools.partial(contents, tmp_path, f"stats-{name}-*.csv"), "the tables")
            await driver.pilot.press("e", "down", "enter")
            await driver.until(functools.partial(contents, tmp_path, f"stats-{name}-*.json"), "the JSON")
    for text in contents(tmp_path, "*.csv"):
        rows = list(csv.reader(text.splitlines()))
        assert {len(row) for row in rows} == {len(rows[0])}
    written = [json.loads(text) for text in contents(tmp_path, "stats-*.json")]
    assert {one["view"] for one in written} == set(VIEWS)
    assert all(one["tables"][0]["columns"] for one in written)


async def test_a_screen_is_exported_as_a_picture(demo: Service, tmp_path: Path) -> None:
    """An SVG that holds the figures and fetches nothing."""
    async with dashboard(demo.url, "risks", folder=tmp_path) as driver:
        await driver.pilot.press("e", "down", "down", "enter")
        await driver.until(lambda: list(tmp_path.glob("stats-risks-*.svg")), "the picture")
    picture = contents(tmp_path, "*.svg")[0]
    assert picture.startswith("<svg")
    assert "informational" in picture
    assert "url(" not in picture.replace("url(#", "")


async def test_copying_puts_the_id_on_the_clipboard_and_in_a_file(demo: Service, tmp_path: Path) -> None:
    """The uuid of the row under the cursor; Y the row."""
    async with dashboard(demo.url, "threats", folder=tmp_path) as driver:
        table = driver.view.query_one(ObjectTable)
        table.focus()
        await driver.press("y")
        assert table.current is not None
        assert driver.app.clipboard == table.current.key
        assert (tmp_path / "copied.txt").read_text() == table.current.key
        await driver.press("Y")
        assert driver.app.clipboard.split("\t")[1] == str(table.current.cells[1])


async def test_help_lists_the_keys_of_the_view(demo: Service) -> None:
    """Those of the view at hand, of the table in it, and those that work everywhere."""
    async with dashboard(demo.url, "threats") as driver:
        driver.view.query_one(ObjectTable).focus()
        await driver.pilot.press("question_mark")
        for said in ("Threats · keys", "Highest or lowest first", "Period", "Means over the period"):
            await driver.says(said)
        await driver.pilot.press("escape")
        await driver.until(lambda: driver.app.screen is driver.view)


async def test_the_palette_runs_an_action(demo: Service) -> None:
    """Every action with a key can be found by its name."""
    async with dashboard(demo.url, "threats") as driver:
        driver.view.query_one("#evolution", Panel).query_one("ScrollArea").focus()
        said = {one.title for one in driver.app.get_system_commands(driver.app.screen)}
        assert {"Draw the row as a line", "Filter", "Pause refreshing, or go on", "Period", "Risks"} <= said
    async with dashboard(demo.url, "risks") as driver:
        before = driver.view.loaded_at
        await driver.pilot.press("ctrl+p")
        await driver.until(lambda: driver.app.screen is not driver.view)
        await driver.type("Refresh now")
        await driver.says("Key: r")
        await driver.pilot.press("enter", "enter")
        await driver.until(lambda: driver.view.loaded_at != before, "fresh figures")


async def test_one_panel_fills_the_screen(demo: Service) -> None:
    """+ shows it alone, Escape brings the others back; so does /, since one has to see what one types."""
    async with dashboard(demo.url, "threats") as driver:
        for key in ("escape", "slash"):
            await driver.pilot.press("plus")
            await driver.until(lambda: driver.view.maximized is not None)
            await driver.pilot.press(key)
            await driver.until(lambda: driver.view.maximized is None)
        await driver.until(lambda: driver.view.focused is driver.view.query_one(FilterBar))


async def test_the_heading_can_be_clicked(demo: Service) -> None:
    """A view's name goes to it, Global switches to it."""
    async with dashboard(demo.url, "overview") as driver:
        heading = driver.text.split("\n")
        await driver.pilot.click("TopBar", offset=(heading[0].index("Risks") + 1, 0))
        await driver.until(lambda: driver.view.VIEW_NAME == "risks")
        await driver.pilot.click("TopBar", offset=(heading[1].index("Global") + 1, 1))
        await driver.until(lambda: driver.app.session.scope.reach is Reach.GLOBAL)


@pytest.mark.parametrize("size", [(79, 24), (80, 23)])
async def test_a_terminal_too_small_is_told(demo: Service, size: tuple[int, int]) -> None:
    """Instead of a broken picture."""
    async with dashboard(demo.url, size=size) as driver:
        assert "too small" in driver.text
        assert "80 by 24" in driver.text


async def test_choices_are_kept_between_starts(demo: Service, tmp_path: Path) -> None:
    """View, theme, and what was asked for."""
    async with dashboard(demo.url, folder=tmp_path) as driver:
        await driver.press("3", "g")
        driver.app.theme = "stats-light"
        await driver.until(lambda: driver.app.session.memory.choices.theme == "stats-light")
    remembered = json.loads((tmp_path / "state.json").read_text())
    assert remembered["view"] == "threats"
    assert remembered["theme"] == "stats-light"
    assert remembered["scope"]["reach"] == "global"
