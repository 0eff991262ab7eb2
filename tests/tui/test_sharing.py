"""The view of sharing: real pushes between two services, what there is to do, and who may not see it."""

import contextlib
import datetime as dt
import json
import re
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from textual.widgets import Static

from tests import samples
from tests.faults import PASS, FaultProxy, answer, fault_proxy
from tests.servers import ADMIN_TOKEN, Service, running_service
from tests.tui.conftest import Driver, dashboard
from tui import sharing, snapshot
from tui.settings import Secret, Settings
from tui.widgets.rows import Rows
from tui.wire import Clean, ShareAccount, SharePush, ShareRefused, ShareWaiting, Sharing

PICTURES = Path(__file__).parent / "pictures"
NOW = dt.datetime(2026, 3, 31, 9, tzinfo=dt.UTC)
TODAY = dt.datetime.now(dt.UTC).date()
URL = "https://global.example.org"


# --- what there is to do --------------------------------------------------------------------------------------


def push(hours: float = 1, **fields: object) -> SharePush:
    """A push that was started so many hours ago, and brought over what there was unless `fields` say otherwise."""
    started = NOW - dt.timedelta(hours=hours)
    whole = SharePush(Clean(URL), started, started + dt.timedelta(seconds=75), 7, 0, 0, 0, 12_345, None)
    return msgspec.structs.replace(whole, **fields)


def stands(*pushes: SharePush, **fields: object) -> Sharing:
    """How sharing stands: something was shared, and nothing waits unless `fields` say otherwise."""
    well = Sharing(Clean(URL), True, False, list(pushes), 7, [], 0, [], 0, [])  # noqa: FBT003 - has a token, runs not
    return msgspec.structs.replace(well, **fields)


def waiting(kind: str = "risk", rows: int = 3, name: str = "NC3") -> ShareWaiting:
    """Rows that wait."""
    first = NOW.date() - dt.timedelta(days=rows)
    return ShareWaiting(Clean(name.lower()), Clean(name), Clean(kind), 2, rows, first, NOW.date())


def account(name: str | None = "NC3", *, shares: bool = True) -> ShareAccount:
    """An account that something was shared of."""
    day = NOW.date()
    return ShareAccount(Clean("nc3"), name and Clean(name), shares, 1, 7, 0, 0, day, day)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (stands(push()), ["All is shared."]),
        (stands(push(), waiting=[waiting()]), ["The next push sends what waits."]),
        (stands(push(), running=True, waiting=[waiting()]), ["A push is running."]),
        (stands(has_token=False, waiting=[waiting()]), [f"Not set up. Ask the operator of {URL} for a token"]),
        (stands(waiting=[waiting()]), ["Not pushed yet: `share preview`"]),
        (stands(), ["There is nothing to share"]),
        (stands(push(left_over=1234)), ["Last push: 1,234 rows left. `share push` goes on"]),
        (stands(push(error=Clean("Nobody answers."), left_over=1)), ["Last push: failed: Nobody answers. `share"]),
        (stands(push(ended_at=None)), ["Last push: was broken off."]),
        (stands(push(49), waiting=[waiting()]), ["No push for 2 days"]),
        (stands(push(49)), ["All is shared."]),
        (stands(push(refused=2), refused_rows=2), ["Refused rows go again when they change"]),
        (stands(push(), accounts=[account(shares=False)]), ["1 stopped sharing: `share forget --client"]),
        (stands(push(), accounts=[account(None, shares=False)], gone_analyses=3), ["3 analyses are there, not here"]),
        (stands(push(50, left_over=1), waiting=[waiting()], refused_rows=1), ["Last push", "No push", "Refused"]),
    ],
)
def test_what_there_is_to_do(state: Sharing, said: list[str]) -> None:
    """Each thing that an operator has to do is said, the most urgent first, and nothing where there is nothing."""
    told = sharing.advice(state, NOW)
    assert [line[: len(begins)] for line, begins in zip(told, said, strict=True)] == said
    assert sharing.is_well(state, NOW) is (said[0].startswith(("All", "The next", "A push")))


def test_accounts_with_most_waiting_come_first() -> None:
    """What was shared and what waits of an account are one line; of one that is gone its uuid is known."""
    gone = msgspec.structs.replace(account(None), client=Clean("some-uuid"))
    data = stands(accounts=[account(), gone], waiting=[waiting(), waiting("threat", 5), waiting("risk", 90, "CASES")])
    columns = sharing.account_columns(80)
    cells = [line.cells for line in sharing.account_lines(data, columns)]
    first = NOW.date()
    assert [cell[:4] for cell in cells] == [
        ("CASES", 0, 90, 2),
        ("NC3", 7, 8, 2),
        ("deleted here: some-uuid", 7, 0, None),
    ]
    assert cells[1][4:] == (first - dt.timedelta(days=5), first)
    assert sharing.by_type(data, "nc3", 80) == "risk 3 · threat 5"
    wide = sharing.account_lines(data, sharing.account_columns(160))
    assert wide[1].cells[6:] == (3, 5, None, None, None)


@pytest.mark.parametrize("width", [80, 100, 120, 150, 200])
def test_columns_fit(width: int) -> None:
    """Of each of the three lists, with a column for the scroll bar."""
    for columns in (sharing.account_columns(width), sharing.push_columns(width), sharing.refused_columns(width)):
        assert sum(column.width + 2 for column in columns) <= width - 2
        assert min(column.width for column in columns) > 0


def test_a_row_refused_of_two_accounts_is_two() -> None:
    """Two accounts may have the same analysis; a table takes no two rows of one key. Each row says whose it is."""
    one = ShareRefused(Clean("nc3"), Clean("NC3"), Clean("an analysis"), Clean("risk"), NOW.date(), None)
    gone = msgspec.structs.replace(one, client=Clean("cases"), name=None)
    lines = sharing.refused_lines(stands(refused=[one, gone]), sharing.refused_columns(120))
    assert len({line.key for line in lines}) == 2
    assert [line.cells[2] for line in lines] == ["NC3", "deleted here: cases"]


def test_times_and_sizes_are_short() -> None:
    """Of seconds and bytes two or three digits."""
    assert sharing.took(push()) == "75 s"
    assert sharing.took(push(ended_at=NOW + dt.timedelta(hours=1))) == "120 min"
    assert (sharing.size(900), sharing.size(1_640_200)) == ("0.9 kB", "1.6 MB")
    elsewhere = sharing.push_lines(stands(push(server=Clean("http://x"))), sharing.push_columns(80))
    assert elsewhere[0].cells[-1] == "to http://x: ✔ whole"


# --- on the screen --------------------------------------------------------------------------------------------


class Sharer:
    """A service that shares with another one, through a proxy that refuses the first request."""

    def __init__(self, near: Service, far: FaultProxy) -> None:
        self.near = near
        self.far = far

    def post(self, name: str, anr: int, days: int, kinds: tuple[str, ...] = samples.TYPES) -> None:
        """Make an account, and rows of an analysis of so many days up to yesterday."""
        dates = [str(TODAY - dt.timedelta(days=ago)) for ago in range(1, days + 1)]
        batch = [row for date in dates for row in samples.rows(str(uuid.UUID(int=anr)), date) if row["type"] in kinds]
        with self.near.client(name) as client:
            client.post("/api/v1/stats/", json=batch).raise_for_status()

    def share(self, *arguments: str, **variables: str) -> None:
        """Run a command of `share`."""
        command = [sys.executable, "-m", "service", "share", *arguments]
        environment = self.near.environment | variables
        subprocess.run(command, cwd=self.near.folder, env=environment, capture_output=True, check=False)


@pytest.fixture(scope="module")
def sharer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sharer]:
    """One row was refused, five accounts' were shared, and some of two wait."""
    folders = [tmp_path_factory.mktemp(name) for name in ("far", "near")]
    reason = b'{"message": "\\u001b[1mis missing [/]."}'
    with contextlib.ExitStack() as stack:
        far = stack.enter_context(running_service(f"sqlite:///{folders[0]}/stats.sqlite3", folders[0]))
        proxy = stack.enter_context(fault_proxy(far.url, [answer(400, reason)]))
        token = str(far.client("an installation", local=False).headers["X-API-KEY"])
        remote = {"REMOTE_STATS_SERVER": proxy.url, "REMOTE_STATS_TOKEN": token}
        near = stack.enter_context(running_service(f"sqlite:///{folders[1]}/stats.sqlite3", folders[1], **remote))
        made = Sharer(near, proxy)
        made.post("Ville de Luxembourg", 1, 1, ("risk",))
        made.share("push")
        for number, name in enumerate(("NC3", "CASES", "A name of an organisation that is too long", "Zürich"), 2):
            made.post(name, number, number)
        made.share("push")
        made.post("New here", 7, 4)
        made.post("New here, too", 8, 2, ("risk", "threat"))
        yield made


async def test_the_view_shows_how_sharing_stands(sharer: Sharer) -> None:
    """What was shared and waits of each account, what was refused and why, and both pushes: as in the pictures."""
    missing = []
    async with dashboard(sharer.near.url, "sharing", size=(80, 24)) as driver:
        for width, height in ((80, 24), (120, 35), (200, 55)):
            await driver.pilot.resize_terminal(width, height)
            pinned = PICTURES / f"sharing-{width}x{height}.txt"
            if pinned.exists():
                wanted = pinned.read_text(encoding="utf-8")
                with contextlib.suppress(AssertionError):
                    await driver.until(lambda: shown(driver) == wanted)  # noqa: B023  # awaited at once
                assert shown(driver).split("\n") == wanted.split("\n")
            else:
                await driver.pilot.pause(1)
                pinned.write_text(shown(driver), encoding="utf-8")
                missing.append(pinned.name)
    assert not missing, f"{missing} were not there: look at them, then run this again."


def shown(driver: Driver) -> str:
    """The screen's text without what differs each time: ports, days, moments, sizes."""
    first, _, *lines = driver.text.split("\n")
    text = "\n".join([first, *lines])
    text = re.sub(r"\d{4}-\d\d-\d\d( \d\d:\d\d)?", lambda found: re.sub(r"\d", "#", found[0]), text)
    text = re.sub(r"127\.0\.0\.1:\d+", "HOST", text)
    return re.sub(r" *\d+ s  ", " #### s  ", re.sub(r" *[\d.]+ kB", " #### kB", text))


async def test_the_types_are_those_of_the_account_under_the_cursor(sharer: Sharer) -> None:
    """And y copies its uuid."""
    async with dashboard(sharer.near.url, "sharing") as driver:
        rows = driver.view.query_one("#accounts", Rows)
        types = driver.view.query_one("#types", Static)
        rows.focus()
        await driver.until(lambda: "risk 4 · threat 4 · vulnerability 4" in str(types.content))
        await driver.press("j", "y")
        await driver.until(lambda: str(types.content) == "risk 2 · threat 2")
        found = sharer.near.admin.get("/api/v1/client/").json()["data"]
        assert driver.app.clipboard == next(one["uuid"] for one in found if one["name"] == "New here, too")


async def test_the_lists_are_filtered(sharer: Sharer) -> None:
    """Accounts and refused rows alike, by anything that they say or had no room to; what is exported are those shown. A
    kept filter goes with Escape."""
    async with dashboard(sharer.near.url, "sharing", size=(100, 35)) as driver:
        accounts, refused = (driver.view.query_one(f"#{name}", Rows) for name in ("accounts", "refused"))
        await driver.pilot.press("slash")
        await driver.type("ville")
        await driver.until(lambda: (accounts.row_count, refused.row_count) == (1, 1), "the city's rows alone")
        (text,) = driver.view.exported("json", driver.view.data).values()
        tables = {one["title"]: one["rows"] for one in json.loads(text)["tables"]}
        named = {row[0] for title in ("Waiting", "Shared", "Refused") for row in tables[title]}
        assert named == {"Ville de Luxembourg"}
        assert tables["Pushes"]
        await driver.pilot.press("enter", "slash")
        await driver.type("q")
        await driver.until(lambda: (accounts.row_count, refused.row_count) == (0, 0), "no row")
        await driver.pilot.press("enter", "escape")
        await driver.until(lambda: accounts.row_count == 7, "all rows")
        assert driver.view.focused is accounts


async def test_one_list_fills_the_screen(sharer: Sharer) -> None:
    """+ shows the list that has the keys alone, Escape brings the rest back."""
    async with dashboard(sharer.near.url, "sharing") as driver:
        driver.view.query_one("#pushes", Rows).focus()
        await driver.pilot.press("plus")
        await driver.until(lambda: driver.view.maximized is driver.view.query_one("#pushes"))
        await driver.pilot.press("escape")
        await driver.until(lambda: driver.view.maximized is None)


async def test_what_happens_meanwhile_shows(sharer: Sharer) -> None:
    """A push that the other instance turned away, and one that it took: r asks again."""
    async with dashboard(sharer.near.url, "sharing") as driver:
        sharer.share("push", "--client", "New here, too", REMOTE_STATS_TOKEN="a-token-that-nobody-has")
        await driver.press("r")
        await driver.says("Last push: failed")
        sharer.share("push", "--client", "New here, too")
        await driver.press("r")
        await driver.until(lambda: "Last push" not in driver.text, "better news")


async def test_it_is_for_administrators(demo: Service) -> None:
    """Others are told so once, with what to do, and the service is not even asked, now or later."""
    with demo.client(f"A user {uuid.uuid4()}") as client:
        token = str(client.headers["X-API-KEY"])
    for each in (token, None):
        async with dashboard(demo.url, "sharing", token=each, refresh=60) as driver:
            assert driver.text.count("Sharing is for administrators.") == 1
            assert "--token-file" in driver.text
            assert "tries" not in driver.text
            assert "Next try" not in driver.text
            assert driver.view.query_one("#accounts", Rows).row_count == 0


async def test_an_older_service_is_told_of(demo: Service) -> None:
    """One that has not this part of the API: update it; the other views go on."""
    nothing = answer(404, b'{"message": "There is nothing at this path: /docs lists the paths that there are."}')
    async with fault_proxy(demo.url, [PASS, nothing]) as proxy, dashboard(proxy.url, "sharing") as driver:
        assert "does not tell of sharing" in driver.text
        assert "update it" in driver.text
        await driver.press("8")
        assert driver.view.error is None


def test_a_snapshot_has_all_figures(sharer: Sharer) -> None:
    """As JSON and CSV, each thing a table; the token is in none."""
    settings = Settings(url=sharer.near.url, token=Secret(ADMIN_TOKEN))
    order = snapshot.Order("sharing")
    read = snapshot.figures(settings, order, "json").text
    tables = {one["title"]: one for one in json.loads(read)["tables"]}
    assert list(tables) == ["Waiting", "Shared", "Pushes", "Refused", "State"]
    assert {row[0] for row in tables["Shared"]["rows"]} >= {"NC3", "Zürich"}
    (refused,) = tables["Refused"]["rows"]
    assert refused[0] == "Ville de Luxembourg"
    assert "is missing [/]" in refused[-1]
    csv = snapshot.figures(settings, order, "csv", 5).text
    assert csv.splitlines()[0] == "Server,Token,Running,Shared,Refused,Analyses gone"
    assert sharer.near.environment["REMOTE_STATS_TOKEN"] not in read
