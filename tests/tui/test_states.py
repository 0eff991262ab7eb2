"""Loading, empty, failed, connection lost, hostile: the states that must not look like each other."""

import asyncio
import datetime as dt
import json
import re
import uuid

import pytest

from tests.servers import Service, free_port
from tests.tui.conftest import dashboard
from tui.screens import views
from tui.widgets.panel import Panel
from tui.widgets.rows import Rows

VIEWS = [view.VIEW_NAME for view in views()]
HOSTILE = "\x1b]0;owned\x07[/] [bold]x[/bold] \u202ereversed\u2066 =1+1 " + "long " * 2000


def hostile_rows() -> list[dict[str, object]]:
    """Rows whose labels hold everything that could do harm."""
    labels = {f"label{n}": HOSTILE for n in range(1, 5)}
    levels = [{"level": f"{name} risks", "value": 1} for name in ("Low", "Medium", "High")]
    kinds = {"informational": levels, "operational": levels}
    cells = {"informational": {"1": {"2": 1}}, "operational": {"1": {"2": 1}}}
    thing = [{"uuid": str(uuid.uuid4()), **labels, "count": 1, "maxRisk": 1, "averageRate": "1.00"}]
    category = [{**labels, "value": "0.20", "controls": []}]
    standard = [{"referential": str(uuid.uuid4()), **labels, "current": category, "target": category}]
    data: dict[str, object] = {
        "risk": {
            "risks": {"current": kinds, "residual": kinds},
            "total": {state: {"informational": 3, "operational": 3} for state in ("current", "residual")},
        },
        "threat": thing,
        "vulnerability": thing,
        "cartography": {
            "scales": {"impact": [1], "likelihood": [2], "probability": [2]},
            "risks": {"current": cells, "residual": cells},
        },
        "compliance": standard,
    }
    today = dt.datetime.now(dt.UTC).date().isoformat()
    anr = str(uuid.uuid4())
    return [{"anr": anr, "type": kind, "date": today, "data": payload} for kind, payload in data.items()]


async def test_no_figures_are_no_fault(blank: Service) -> None:
    """A new service's views say that there is nothing yet, without a banner."""
    nothing = ("No figures", "0 of 0", "Nothing has changed", "Nobody on the map", "Not set up")
    async with dashboard(blank.url) as driver:
        for key in range(1, len(VIEWS) + 1):
            await driver.press(str(key))
            assert driver.view.error is None
            assert driver.view.data is not None
            assert not driver.view.query_one("Banner").display
            assert driver.view.VIEW_NAME == "accounts" or any(said in driver.text for said in nothing)


async def test_one_day_of_hostile_labels_does_no_harm(blank: Service) -> None:
    """One point, and labels of control sequences, markup, bidi characters and ten thousand letters: in every view and
    as tables, nothing that a terminal would obey is on the screen."""
    with blank.client("[/] =cmd") as account:
        assert account.post("/api/v1/stats/", json=hostile_rows()).status_code == 201
        found = blank.admin.get("/api/v1/client/").json()["data"]
        mine = next(one["uuid"] for one in found if one["name"].startswith("[/]"))
        blank.admin.patch(f"/api/v1/client/{mine}", json={"latitude": 49.6, "longitude": 6.1})
    async with dashboard(blank.url, size=(80, 24)) as driver:
        for key in range(1, len(VIEWS) + 1):
            await driver.press(str(key))
            assert driver.view.error is None, driver.view.error
            for _ in range(2):
                harmful = [sign for sign in driver.text if not (sign.isprintable() or sign == "\n")]
                assert harmful == []
                assert "\u202e" not in driver.text
                await driver.press("t")


async def test_a_service_that_is_away_is_told_and_found_again(blank: Service) -> None:
    """With the service gone the figures stay, with their age and when the next try is; once it is back they are
    fetched without a key being pressed."""
    async with dashboard(blank.url, "risks") as driver:
        blank.stop()
        await driver.pilot.press("r")
        await driver.until(lambda: driver.view.error is not None, "the loss")
        await driver.says("Nobody answers at")
        await driver.says("What is shown is")
        await driver.says("Next try in")
        assert driver.view.data is not None
        await asyncio.to_thread(blank.start)
        await driver.until(lambda: driver.view.error is None, "the service's return")
        assert not driver.view.query_one("Banner").display


async def test_starting_without_a_service_says_so() -> None:
    """Panels are not empty for want of figures, and the banner says why and when it is tried again."""
    async with dashboard(f"http://127.0.0.1:{free_port()}", "risks") as driver:
        assert "Nobody answers at 127.0.0.1" in driver.text
        assert "Next try in" in driver.text
        assert "Not loaded: see above." in driver.text
        await driver.press("1")
        assert "Nobody answers" in driver.text


async def test_a_wrong_token_says_what_to_do(blank: Service) -> None:
    """And is not tried again and again."""
    async with dashboard(blank.url, "accounts", token="nobody-has-this-token") as driver:
        assert "--token-file" in driver.text
        assert "Next try" not in driver.text
        assert "nobody-has-this-token" not in driver.text


async def test_without_a_token_figures_show_and_accounts_explain(demo: Service) -> None:
    """The public figures are there; accounts are for administrators."""
    async with dashboard(demo.url, token=None) as driver:
        assert "Current informational" in driver.text
        assert "Accounts are seen with" in driver.text
        await driver.press(str(VIEWS.index("accounts") + 1))
        assert "Accounts are for administrators" in driver.text
        assert driver.view.query_one(Rows).row_count == 0


async def test_figures_of_another_scope_do_not_pass_for_those_asked_for(blank: Service) -> None:
    """Where the service is gone and something else is asked for, the old figures are taken away."""
    async with dashboard(blank.url, "risks") as driver:
        blank.stop()
        await driver.pilot.press("p")
        await driver.until(lambda: driver.view.error is not None, "the loss")
        assert driver.view.data is None
        assert all(panel.chart is None for panel in driver.view.query(Panel))


async def test_figures_are_fetched_again_by_themselves(blank: Service) -> None:
    """What a Front Office posts meanwhile shows without a key being pressed; the figures' age is on the screen."""
    async with dashboard(blank.url, "threats", refresh=1) as driver:
        assert "0 of 0 threats" in driver.text
        assert re.search(r"\d+ s ago", driver.text)
        with blank.client("Poster") as account:
            posted = await asyncio.to_thread(account.post, "/api/v1/stats/", json=hostile_rows())
            assert posted.status_code == 201
        await driver.says("1 of 1 threats")


async def test_keys_can_be_changed(blank: Service) -> None:
    """By the action's id: the new key works, and the old one no longer."""
    async with dashboard(blank.url, "risks", keys={"table": "f9"}) as driver:
        await driver.press("t")
        assert not driver.view.is_tabular
        await driver.press("f9")
        assert driver.view.is_tabular


async def test_without_colours_the_levels_can_still_be_read(demo: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """NO_COLOR leaves shades of grey at most; levels have fills and words, changes arrows, lines markers."""
    monkeypatch.setenv("NO_COLOR", "1")
    async with dashboard(demo.url, "risks") as driver:
        assert driver.app.no_color
        strips = driver.view._compositor.render_strips()  # noqa: SLF001  # what the terminal would get
        styles = [segment.style for strip in strips for segment in strip if segment.style]
        colours = {colour for style in styles for colour in (style.color, style.bgcolor) if colour and colour.triplet}
        assert all(len({*colour.triplet}) == 1 for colour in colours if colour.triplet)
        assert all(sign in driver.text for sign in "░▒█▲■◆●")


async def test_moving_on_cancels_the_request() -> None:
    """Nobody waits for the answer of a view that was left; coming back asks again."""
    asked = 0
    gone = asyncio.Event()

    async def never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        head = await reader.readuntil(b"\r\n\r\n")
        if b"client/me" in head:
            body = json.dumps({"name": "a", "role": "2", "is_sharing_enabled": True, "token": "x"}).encode()
            writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        else:
            asked += 1
            while await reader.read(1000):
                pass
            gone.set()
        writer.close()

    server = await asyncio.start_server(never, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, dashboard(url, "risks", patient=False) as driver:
        await driver.until(lambda: asked == 1, "a request")
        assert "loading" in driver.text
        assert "Loading" in driver.text
        await driver.pilot.press("3")
        await driver.until(lambda: driver.view.VIEW_NAME == "threats")
        await driver.until(gone.is_set, "the end of the first request")
