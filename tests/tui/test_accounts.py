"""Every action of the accounts' view: asked for, made by the service, and then shown."""

from collections.abc import Iterator

import pytest
from textual.widgets import Button, Checkbox, Input

from tests.servers import Service, running_service
from tests.tui.conftest import Driver, SlowRoad, dashboard
from tui.dialogs.confirm import Confirm
from tui.dialogs.form import Form
from tui.dialogs.token import ShowToken
from tui.screens.accounts import CHANGES
from tui.widgets.rows import Rows


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service for the tests of this module; each makes an account of its own."""
    folder = tmp_path_factory.mktemp("accounts")
    with running_service(f"sqlite:///{folder / 'stats.sqlite3'}", folder) as running:
        yield running


def stored(service: Service, name: str) -> dict[str, object]:
    """The account as the service knows it; empty where it has none."""
    found = service.admin.get("/api/v1/client/").json()["data"]
    return next((one for one in found if one["name"] == name), {})


async def choose(driver: Driver, name: str) -> None:
    """Put the cursor on an account."""
    rows = driver.view.query_one("#accounts", Rows)
    rows.focus()
    place = [line.cells[0] for line in rows.lines].index(name)
    rows.move_cursor(row=place)
    await driver.until(lambda: rows.current is not None and rows.current.cells[0] == name)


async def open_dialog(driver: Driver, key: str, kind: type) -> None:
    """Press a key that asks something, and wait for the question."""
    await driver.pilot.press(key)
    await driver.until(lambda: isinstance(driver.app.screen, kind), f"the question of {key}")


def cells(driver: Driver, name: str) -> list[object]:
    """An account's row on the screen."""
    lines = driver.view.query_one("#accounts", Rows).lines
    return next((list(line.cells) for line in lines if line.cells[0] == name), [])


async def test_an_account_is_made_and_its_token_shown_once(service: Service) -> None:
    """The token works, is copied when asked, and is nowhere on the screen afterwards."""
    async with dashboard(service.url, "accounts") as driver:
        await open_dialog(driver, "n", Form)
        await driver.type("New one")
        driver.app.screen.query_one(Checkbox).value = False
        await driver.pilot.press("enter")
        await driver.until(lambda: isinstance(driver.app.screen, ShowToken), "the token")
        await driver.pilot.press("y")
        token = driver.app.clipboard
        assert token in driver.text.replace("\n", "")
        with service.client_with(token) as account:
            assert account.get("/api/v1/client/me").json()["name"] == "New one"
        driver.app.screen.query_one("#done", Button).press()
        await driver.until(lambda: bool(cells(driver, "New one")), "its row")
        assert stored(service, "New one")["is_sharing_enabled"] is False
        assert token[:20] not in driver.text


async def test_a_name_that_exists_is_refused_in_words(service: Service) -> None:
    """And an empty one before the service is asked."""
    service.client("Taken")
    async with dashboard(service.url, "accounts") as driver:
        await open_dialog(driver, "n", Form)
        await driver.pilot.press("enter")
        await driver.says("A name is needed.")
        await driver.type("Taken")
        await driver.pilot.press("enter")
        await driver.says("An account named Taken exists already.")


async def test_sharing_is_switched(service: Service) -> None:
    """On the service first, then on the screen."""
    service.client("Sharer")
    async with dashboard(service.url, "accounts") as driver:
        await choose(driver, "Sharer")
        await open_dialog(driver, "s", Confirm)
        assert "Stop sharing the figures of Sharer?" in driver.text
        driver.app.screen.query_one("#yes", Button).press()
        await driver.until(lambda: cells(driver, "Sharer")[3:4] == ["✘ no"], "the change on the screen")
        assert stored(service, "Sharer")["is_sharing_enabled"] is False


async def test_escape_changes_nothing(service: Service) -> None:
    """Nor does Enter on the harmless button, which has the keys at first."""
    service.client("Untouched")
    async with dashboard(service.url, "accounts") as driver:
        await choose(driver, "Untouched")
        for key in ("escape", "enter"):
            await open_dialog(driver, "x", Confirm)
            await driver.pilot.press(key)
            await driver.until(lambda: driver.app.screen is driver.view)
        assert stored(service, "Untouched")["is_active"] is True


async def test_deactivating_locks_an_account_out(service: Service) -> None:
    """And activating lets it in again."""
    account = service.client("Locked")
    async with dashboard(service.url, "accounts") as driver:
        await choose(driver, "Locked")
        for active, status in (("✘ no", 403), ("✔ yes", 200)):
            await open_dialog(driver, "x", Confirm)
            driver.app.screen.query_one("#yes", Button).press()
            await driver.until(lambda said=active: cells(driver, "Locked")[2:3] == [said], active)  # type: ignore[misc]
            assert account.get("/api/v1/client/me").status_code == status


async def test_coordinates_are_set_and_taken_away(service: Service) -> None:
    """Wrong ones are refused in the form."""
    service.client("Placed")
    async with dashboard(service.url, "accounts") as driver:
        await choose(driver, "Placed")
        await open_dialog(driver, "c", Form)
        await driver.type("95")
        await driver.pilot.press("enter")
        await driver.type("6.1")
        await driver.pilot.press("enter")
        await driver.says("Latitude is a number from -90 to 90")
        driver.app.screen.query_one("#latitude", Input).value = "49.6"
        await driver.pilot.press("enter")
        await driver.until(lambda: stored(service, "Placed")["latitude"] == 49.6, "the coordinates")
        await driver.says("49.600, 6.100")
        await choose(driver, "Placed")
        await open_dialog(driver, "c", Form)
        for field in driver.app.screen.query(Input):
            field.value = ""
        driver.app.screen.query_one("#form-yes", Button).press()
        await driver.until(lambda: stored(service, "Placed")["latitude"] is None, "none")


async def test_a_rotated_token_replaces_the_old_one(service: Service) -> None:
    """The old one is dead at once."""
    account = service.client("Rotated")
    async with dashboard(service.url, "accounts") as driver:
        await choose(driver, "Rotated")
        await open_dialog(driver, "R", Confirm)
        driver.app.screen.query_one("#yes", Button).press()
        await driver.until(lambda: isinstance(driver.app.screen, ShowToken), "the token")
        await driver.pilot.press("y")
        assert account.get("/api/v1/client/me").status_code == 403
        with service.client_with(driver.app.clipboard) as renewed:
            assert renewed.get("/api/v1/client/me").status_code == 200


async def test_a_new_token_survives_impatience(service: Service) -> None:
    """While the service makes it no other change is begun, quitting asks first, and it is shown over another view, too:
    it is the only copy."""
    account = service.client("Impatient")
    async with SlowRoad(service).built() as road, dashboard(road.url, "accounts") as driver:
        await choose(driver, "Impatient")
        await open_dialog(driver, "R", Confirm)
        road.is_open.clear()
        driver.app.screen.query_one("#yes", Button).press()
        await driver.until(lambda: driver.app.screen is driver.view)
        assert "working" in driver.text
        for key in ("n", "s", "R"):
            await driver.pilot.press(key)
            await driver.says("Still working")
            assert driver.app.screen is driver.view
        await open_dialog(driver, "q", Confirm)
        await driver.says("Quit all the same?")
        await driver.pilot.press("escape")
        await driver.pilot.press("2")
        await driver.until(lambda: driver.view.VIEW_NAME == "risks")
        road.is_open.set()
        await driver.until(lambda: isinstance(driver.app.screen, ShowToken), "the token")
        await driver.pilot.press("y")
        assert account.get("/api/v1/client/me").status_code == 403
        with service.client_with(driver.app.clipboard) as renewed:
            assert renewed.get("/api/v1/client/me").status_code == 200
        await driver.pilot.press("escape")
        await driver.pilot.press("q")
        await driver.until(lambda: not driver.app.is_running, "the end")


async def test_deleting_asks_for_the_name(service: Service) -> None:
    """The button works only once it is typed in full."""
    service.client("Doomed")
    async with dashboard(service.url, "accounts") as driver:
        await choose(driver, "Doomed")
        await open_dialog(driver, "D", Confirm)
        await driver.type("Doome")
        assert driver.app.screen.query_one("#yes", Button).disabled
        await driver.pilot.press("enter")
        assert stored(service, "Doomed")
        await driver.type("d")
        await driver.pilot.press("enter")
        await driver.until(lambda: not cells(driver, "Doomed"), "its row to go")
        assert stored(service, "Doomed") == {}


async def test_what_the_service_refuses_is_told(service: Service) -> None:
    """An administrator cannot delete itself: the service's words are shown, the account stays."""
    async with dashboard(service.url, "accounts") as driver:
        await choose(driver, "admin")
        await open_dialog(driver, "D", Confirm)
        await driver.type("admin")
        await driver.pilot.press("enter")
        await driver.until(lambda: driver.app.screen is driver.view)
        await driver.until(lambda: bool(driver.app.screen.query("Toast")), "the refusal")
        assert stored(service, "admin")


async def test_read_only_hides_and_refuses_changes(service: Service) -> None:
    """No key, no place in the footer, the help or the palette."""
    service.client("Kept")
    async with dashboard(service.url, "accounts", read_only=True) as driver:
        await choose(driver, "Kept")
        assert "read-only" in driver.text
        assert "New token" not in driver.text
        for key in ("n", "s", "c", "R", "x", "D"):
            await driver.pilot.press(key)
            assert driver.app.screen is driver.view
        for action in CHANGES:
            await driver.view.run_action(action)
            assert driver.app.screen is driver.view
