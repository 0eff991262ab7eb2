"""Loading, empty, failed, connection lost, hostile: the states that must not look like each other."""

import asyncio
import datetime as dt
import json
import re
import uuid

import pytest

from tests.faults import PASS, answer, fault_proxy
from tests.servers import Service, free_port
from tests.tui.conftest import SlowRoad, dashboard
from tui.charts.heat import Heat
from tui.dialogs.choose import Choose
from tui.scope import Reach, Scope
from tui.screens import loading, views
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
        for _ in range(2):  # drawn, and as tables
            assert "Not loaded: see above." in driver.text
            await driver.press("t")
        await driver.press("1")
        assert "Nobody answers" in driver.text


async def test_a_wrong_token_says_what_to_do(blank: Service) -> None:
    """And is not tried again and again. That only an administrator's would do is said where it is so."""
    async with dashboard(blank.url, "risks", token="nobody-has-this-token") as driver:
        assert "--token-file" in driver.text
        assert "administrator" not in driver.text
        assert "r tries again." in driver.text
        assert "Next try" not in driver.text
        assert "nobody-has-this-token" not in driver.text


async def test_a_token_that_is_revoked_is_not_tried_every_second(blank: Service) -> None:
    """Each try would count against the address, which Front Offices may share: figures that are fetched every second
    are asked for again after half a minute, and the screen says so."""
    account = blank.client("Revoked")
    with fault_proxy(blank.url) as proxy:
        async with dashboard(proxy.url, "risks", token=account.headers["X-API-KEY"], refresh=1) as driver:
            mine = next(one for one in blank.admin.get("/api/v1/client/").json()["data"] if one["name"] == "Revoked")
            blank.admin.post(f"/api/v1/client/{mine['uuid']}/token")
            await driver.until(lambda: driver.view.error is not None, "the refusal")
            await driver.says("Next try in 28 s; r tries now.")
            assert "No active account has this token." in driver.text
            assert [request.status for request in proxy.requests].count(403) == 1


async def test_a_service_that_is_asked_too_much_is_asked_again_when_it_says(demo: Service) -> None:
    """Without a key being pressed, also where it was the first question."""
    with fault_proxy(demo.url, [answer(429, b'{"message": "Too many requests."}', retry_after="1")]) as proxy:
        async with dashboard(proxy.url, "risks") as driver:
            assert "Too many requests. Next try in" in driver.text
            await driver.until(lambda: driver.view.data is not None, "the figures")
            assert len(proxy.requests) == 3


async def test_pausing_holds_back_what_is_tried_again(demo: Service) -> None:
    """Nothing is, though the age on the screen goes on; afterwards it is, also where there were no figures yet."""
    no = answer(403, b'{"message": "No."}')
    busy = answer(429, b'{"message": "Too many requests."}', retry_after="1")
    with fault_proxy(demo.url, [no, no, PASS, PASS, busy]) as proxy:
        async with dashboard(proxy.url, "risks", refresh=1) as driver:
            await driver.pilot.press("Z")
            await driver.says("No. r tries again.")
            await driver.press("r")
            await driver.pilot.press("Z")
            await driver.says("No. Next try in")
            await driver.pilot.press("Z")
            await driver.press("r")
            await driver.until(lambda: driver.view.data is not None, "the figures")
            await driver.press("r")
            await driver.says("Too many requests. What is shown is")
            await driver.says("3 s old. r tries again.")
            assert len(proxy.requests) == 5
            await driver.pilot.press("Z")
            await driver.until(lambda: driver.view.error is None, "fresh figures")


async def test_coming_back_does_not_ask_sooner(demo: Service) -> None:
    """A view that is to be tried later is left alone when it is looked at again. Something else is asked for at
    once."""
    with fault_proxy(demo.url, [answer(429, b'{"message": "Too many requests."}', retry_after="600")]) as proxy:
        async with dashboard(proxy.url, "risks") as driver:
            await driver.press("3")
            asked = len(proxy.requests)
            await driver.press("2")
            await driver.says("Too many requests. Next try in")
            assert len(proxy.requests) == asked
            await driver.press("p")
            await driver.until(lambda: driver.view.data is not None, "the figures of another period")


async def test_a_side_that_fails_is_left_alone(demo: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures that are fetched every second are not while one of two services fails: only after half a minute, or when
    that one says."""
    ahead = 0
    monkeypatch.setattr(loading, "now", lambda: dt.datetime.now(dt.UTC) + dt.timedelta(seconds=ahead))
    busy = answer(429, b'{"message": "Too many requests."}', retry_after="60")
    with fault_proxy(demo.url, [busy, answer(500)]) as world:
        compare = Scope(Reach.COMPARE, 30)
        async with dashboard(demo.url, "risks", world=world.url, scope=compare, refresh=1) as driver:
            await driver.says("Too many requests.")
            ahead = 45
            await driver.until(lambda: re.search(r"4\d s ago", driver.text), "the time")
            assert len(world.requests) == 1
            ahead = 60
            await driver.says("Not now.")
            ahead = 80
            await driver.until(lambda: re.search(r"2\d s ago", driver.text), "the time")
            assert len(world.requests) == 2
            ahead = 90
            await driver.until(lambda: not driver.view.query_one("Banner").display, "both sides")
            assert len(world.requests) == 3


async def test_ones_own_analyses_are_asked_for_now_and_then(blank: Service) -> None:
    """The service tells them with all that is in them. r asks anew."""
    with blank.client("Mine") as account, fault_proxy(blank.url) as proxy:
        account.post("/api/v1/stats/", json=hostile_rows()).raise_for_status()
        async with dashboard(proxy.url, "threats", token=account.headers["X-API-KEY"], refresh=1) as driver:
            account.post("/api/v1/stats/", json=hostile_rows()).raise_for_status()
            before = driver.view.loaded_at
            await driver.until(lambda: driver.view.loaded_at != before, "fresh figures")
            assert "1 of 1 threats" in driver.text
            assert [request.path for request in proxy.requests].count("/api/v1/stats/") == 1
            await driver.press("r")
            await driver.says("2 of 2 threats")


async def test_without_a_token_figures_show_and_accounts_explain(demo: Service) -> None:
    """The public figures are there, and cells that they lack may be untold ones; accounts are for administrators."""
    async with dashboard(demo.url, token=None) as driver:
        assert "Current informational" in driver.text
        assert "Accounts are seen with" in driver.text
        await driver.press(str(VIEWS.index("cartography") + 1))
        heat = driver.view.query_one("#first", Panel).chart
        assert isinstance(heat, Heat)
        assert len(heat.values) < len(heat.rows) * len(heat.columns)
        await driver.press(str(VIEWS.index("accounts") + 1))
        assert driver.text.count("Accounts are for administrators") == 1
        assert driver.view.query_one(Rows).row_count == 0


async def test_figures_of_another_scope_do_not_pass_for_those_asked_for(blank: Service) -> None:
    """Where the service is gone and something else is asked for, the old figures are taken away."""
    async with dashboard(blank.url, "risks") as driver:
        await driver.press("t")
        blank.stop()
        await driver.pilot.press("p")
        await driver.until(lambda: driver.view.error is not None, "the loss")
        assert driver.view.data is None
        assert all(panel.chart is None for panel in driver.view.query(Panel))
        await driver.says("Not loaded: see above.")
        assert not any(rows.row_count for rows in driver.view.query(Rows))


async def test_a_late_answer_is_not_shown_under_another_heading(demo: Service) -> None:
    """Whoever steps through all periods while the service is slow gets the figures of the one that the heading says,
    and not those of the last but one once they arrive."""
    async with SlowRoad(demo).built() as road, dashboard(road.url, "risks") as driver:
        before, moment = driver.view.data, driver.view.loaded_at
        road.is_open.clear()
        for days in (90, 365, 30):
            await driver.pilot.press("p")
            assert driver.app.session.scope.days == days
        assert "loading" in driver.text
        road.is_open.set()
        await driver.until(lambda: driver.view.loaded_at != moment, "an answer")
        assert driver.view.data == before
        assert "loading" not in driver.text


async def test_an_error_of_one_side_does_not_stay_on_the_other(demo: Service) -> None:
    """Back at Local its figures are fetched again, where Global has none to show."""
    elsewhere = answer(404, b"<html>", media="text/html")
    with fault_proxy(demo.url, [elsewhere] * 9) as world:
        async with dashboard(demo.url, "risks", world=world.url) as driver:
            driver.app.action_reach(Reach.GLOBAL)
            await driver.settled()
            assert "Not loaded" in driver.text
            driver.app.action_reach(Reach.LOCAL)
            await driver.until(lambda: driver.view.data is not None, "the local figures")
            assert driver.view.error is None


async def test_an_export_says_whose_figures_it_holds(demo: Service) -> None:
    """Those that are shown, while others are still being fetched; and asking for a format does not stop that."""
    async with SlowRoad(demo).built() as road, dashboard(road.url, "risks") as driver:
        road.is_open.clear()
        await driver.pilot.press("p")
        await driver.pilot.press("e")
        await driver.until(lambda: isinstance(driver.app.screen, Choose), "the formats")
        written = json.loads(next(iter(driver.view.exported("json", driver.view.data).values())))
        assert written["about"]["period"] == "30 days"
        road.is_open.set()
        await driver.until(lambda: driver.view.about()["period"] == "90 days", "the figures that were asked for")
        await driver.pilot.press("escape")
        await driver.settled()


async def test_a_view_that_was_left_while_it_loaded_goes_on_later(demo: Service) -> None:
    """Its load was cancelled while another view's ran: it does not say for ever that it loads."""
    async with SlowRoad(demo).built() as road, dashboard(road.url, "threats") as driver:
        await driver.press("2")
        await driver.press("p")
        road.is_open.clear()
        await driver.pilot.press("r", "3")
        await driver.until(lambda: driver.view.VIEW_NAME == "threats")
        await driver.says("loading")
        road.is_open.set()
        await driver.settled()
        await driver.pilot.press("2")
        await driver.until(lambda: driver.view.VIEW_NAME == "risks")
        await driver.settled()
        assert "loading" not in driver.text


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
