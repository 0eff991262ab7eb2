"""`share pull`: rows of another instance, ours or the old one, come into an account here: all, once, and in the end."""

import contextlib
import datetime as dt
import itertools
import json
import os
import pty
import random
import signal
import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.core import clients
from service.core.sharing.pull import NotTaken, Pulled, Wanted, pull, steps
from service.errors import Conflict
from service.peer import PeerUnusable
from service.records import Account, StatType
from service.storage import connection, locks
from tests import samples
from tests.commands import Cli
from tests.faults import (
    PASS,
    FaultProxy,
    OldService,
    answer,
    cut_answer,
    fault_proxy,
    html,
    random_faults,
    reset_answer,
    truncate,
)
from tests.servers import Service, running_service

pytestmark = pytest.mark.long_on_postgres

FIRST = dt.date(2026, 1, 27)
DAYS = [FIRST + dt.timedelta(days=number) for number in range(5)]
RANGE = {"date_from": DAYS[0], "date_to": DAYS[-1]}
ALL = "date_from=2026-01-01&date_to=2027-01-01"

Stored = dict[tuple[str, str, str], tuple[str, Any]]
"""Uuid and data, by analysis, type and date."""


class Pair:
    """An account there, with two analyses of DAYS, and one here; and the ways to pull from the one to the other."""

    def __init__(self, remote: Service, here: Service) -> None:
        self.name = f"pulled {uuid.uuid4()}"
        self.there = remote.client(self.name)
        self.token = str(self.there.headers["X-API-KEY"])
        self.here = here.client(self.name)
        self.service = here
        self.url = remote.url
        self.anrs = [str(uuid.uuid4()) for _ in range(2)]
        for place, anr in enumerate(self.anrs):
            self.post(*(row for day in DAYS for row in samples.rows(anr, str(day), place + day.day % 2)))

    def post(self, *rows: dict[str, Any]) -> None:
        """Rows that are sent to the other instance."""
        self.there.post("/api/v1/stats/", json=rows).raise_for_status()

    async def account(self) -> Account:
        """The account here."""
        account = await clients.find_by_name(self.name)
        assert account
        return account

    async def pull(self, url: str | None = None, token: str | None = None, **wanted: Any) -> Pulled:
        """Pull, by default DAYS; those that are refused are in `refused` then."""
        self.refused: list[NotTaken] = []
        async with connection.connected(self.service.database_url):
            order = Wanted(account=await self.account(), **(RANGE | wanted))
            return await pull(url or self.url, token or self.token, order, refused=self.refused.append)

    @property
    def cli(self) -> Cli:
        """The command line here."""
        return Cli(self.service.database_url, self.service.folder, REMOTE_STATS_SERVER=self.url)

    def command(self, *arguments: str) -> tuple[str, ...]:
        """A command line that pulls DAYS."""
        days = ("--date-from", str(DAYS[0]), "--date-to", str(DAYS[-1]))
        return ("share", "pull", "--client", self.name, *days, *arguments)


def stored(client: httpx.Client) -> Stored:
    """All rows that an account has."""
    pages = [client.get(f"/api/v1/stats/?type={kind}&{ALL}").raise_for_status().json()["data"] for kind in StatType]
    return {(row["anr"], row["type"], row["date"]): (row["uuid"], row["data"]) for page in pages for row in page}


def asked_for(requests: FaultProxy | OldService) -> list[tuple[str, str]]:
    """Type and day of each request, in turn; they are forgotten."""
    bodies = [json.loads(request.body) for request in requests.requests]
    requests.requests.clear()
    assert all(body["date_from"] == body["date_to"] for body in bodies)
    return [(body["type"], body["date_from"]) for body in bodies]


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Our instance, on SQLite."""
    folder = tmp_path_factory.mktemp("here")
    with running_service(f"sqlite:///{folder}/stats.sqlite3", folder) as service:
        yield service


@pytest.fixture
def pair(remote: Service, here: Service) -> Pair:
    """New accounts at both ends."""
    return Pair(remote, here)


@pytest.fixture
def each_pair(remote: Service, module_service: Service) -> Pair:
    """New accounts at both ends, this one on SQLite and on PostgreSQL."""
    return Pair(remote, module_service)


# --- which days are read --------------------------------------------------------------------------------------


def span(first: int, last: int) -> tuple[dt.date, dt.date]:
    """From a day of March to another."""
    return dt.date(2026, 3, first), dt.date(2026, 3, last)


@pytest.mark.parametrize(
    ("wanted", "known", "days", "complete"),
    [
        (span(3, 5), None, [3, 4, 5], span(3, 5)),
        (span(3, 5), span(3, 5), [5], span(3, 5)),
        (span(3, 7), span(3, 5), [5, 6, 7], span(3, 7)),
        (span(2, 5), span(4, 5), [5, 3, 2], span(2, 5)),
        (span(1, 9), span(4, 5), [5, 6, 7, 8, 9, 3, 2, 1], span(1, 9)),
        (span(4, 5), span(2, 9), [], span(2, 9)),
        (span(2, 3), span(4, 9), [3, 2], span(2, 9)),
        (span(6, 7), span(4, 5), [5, 6, 7], span(4, 7)),
        (span(8, 9), span(4, 5), [8, 9], span(8, 9)),
        (span(1, 2), span(4, 5), [1, 2], span(1, 2)),
        (span(5, 4), None, [], None),
    ],
)
def test_days_are_read_so_that_what_is_complete_has_no_gap(
    wanted: tuple[dt.date, dt.date],
    known: tuple[dt.date, dt.date] | None,
    days: list[int],
    complete: tuple[dt.date, dt.date] | None,
) -> None:
    """Those that are not known and the last known one; after each step exactly the days within the span are known."""
    found = list(steps(wanted, known))
    assert [day.day for day, _ in found] == days
    assert (found[-1][1] if found else known) == complete
    gap = known is None or wanted[0] > known[1] + dt.timedelta(days=1) or wanted[1] < known[0] - dt.timedelta(days=1)
    have = set() if gap or known is None else {known[0] + dt.timedelta(days=n) for n in range(30)} - after(known[1])
    for day, (first, last) in found:
        have.add(day)
        assert have == {first + dt.timedelta(days=number) for number in range((last - first).days + 1)}


def after(day: dt.date) -> set[dt.date]:
    """The days that come after a day."""
    return {day + dt.timedelta(days=number) for number in range(1, 60)}


# --- what comes in --------------------------------------------------------------------------------------------


def test_the_command_brings_all_rows_as_they_are(each_pair: Pair) -> None:
    """Of all types, with their uuids; it says what it did, exits with 0, and shows the token nowhere."""
    done = each_pair.cli.run(*each_pair.command("--json"), REMOTE_STATS_TOKEN=each_pair.token)
    assert (done.returncode, done.stderr) == (0, "")
    said = json.loads(done.stdout)
    assert said == {
        "server": each_pair.url,
        "days": 25,
        "read": 50,
        "stored": 50,
        "replaced": 0,
        "refused": 0,
        "error": None,
    }
    assert stored(each_pair.here) == stored(each_pair.there)
    assert each_pair.token not in done.stdout


def test_a_token_is_needed_and_typed_unseen(pair: Pair) -> None:
    """Without one, and nobody to ask: what to set, and exit code 2. On a terminal it is asked for without an echo."""
    refused = pair.cli.refused(*pair.command(), code=2)
    assert "REMOTE_STATS_TOKEN" in refused
    code, shown = typed(pair.cli, pair.token, *pair.command("--type", "risk"))
    assert code == 0, shown
    assert "Read 10 rows" in shown
    assert pair.token not in shown


def typed(cli: Cli, secret: str, *arguments: str) -> tuple[int, str]:
    """Run a command on a terminal of its own and type `secret` when it asks: exit code, and what the terminal shows."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        cli.command(*arguments),
        cwd=cli.folder,
        env=cli.environment | {"TERM": "xterm", "COLUMNS": "100"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    ) as process:
        os.close(theirs)
        shown = b""
        with contextlib.suppress(OSError):  # how a terminal says that nobody is left at the other end
            while part := os.read(ours, 65536):
                shown += part
                if b"not shown" in part:
                    os.write(ours, secret.encode() + b"\n")
    os.close(ours)
    return process.returncode, shown.decode()


def test_what_cannot_be_is_told_in_a_line(pair: Pair, tmp_path: Path) -> None:
    """A file that is not there, a token (in a file that is) which the other instance does not know."""
    assert "cannot be read" in pair.cli.refused(*pair.command("--token-file", "/nonexistent"))
    token = tmp_path / "token"
    token.write_text("a-token-that-nobody-has\n")
    wrong = pair.cli.run(*pair.command("--token-file", str(token)), REMOTE_STATS_TOKEN=pair.token)
    assert (wrong.returncode, wrong.stdout.startswith("Read 0 rows")) == (1, True)
    assert wrong.stderr.count("\n") == 1
    assert "a-token-that-nobody-has" not in wrong.stderr + wrong.stdout


async def test_a_row_keeps_its_uuid_where_that_is_free(each_pair: Pair) -> None:
    """Where another row here has it, it gets one of its own, and keeps that at the next pull."""
    theirs = stored(each_pair.there)
    place = (each_pair.anrs[0], "risk", str(DAYS[2]))
    taken = samples.rows(str(uuid.uuid4()), "2026-01-01")[0] | {"uuid": theirs[place][0]}
    each_pair.service.client(f"first {uuid.uuid4()}").post("/api/v1/stats/", json=[taken]).raise_for_status()
    pulled = await each_pair.pull()
    ours = stored(each_pair.here)
    assert (pulled.stored, pulled.refused) == (50, 0)
    assert ours.pop(place)[0] != theirs.pop(place)[0]
    assert ours == theirs
    before = stored(each_pair.here)
    pulled = await each_pair.pull(anew=True)
    assert (pulled.stored, pulled.replaced) == (50, 50)
    assert stored(each_pair.here) == before


async def test_a_row_that_is_here_is_replaced(pair: Pair) -> None:
    """And keeps the uuid that it has here; other rows of the account stay."""
    place = (pair.anrs[1], "threat", str(DAYS[1]))
    mine = samples.rows(pair.anrs[1], str(DAYS[1]), 7)[1]
    other = samples.rows(str(uuid.uuid4()), "2026-01-02", 8)
    pair.here.post("/api/v1/stats/", json=[mine, *other]).raise_for_status()
    before = stored(pair.here)
    pulled = await pair.pull()
    assert (pulled.stored, pulled.replaced) == (50, 1)
    ours, theirs = stored(pair.here), stored(pair.there)
    assert ours[place] == (before[place][0], theirs[place][1])
    assert {key: ours[key] for key in before if key != place} == {key: before[key] for key in before if key != place}
    assert ours.keys() == theirs.keys() | before.keys()


async def test_a_pull_makes_no_account_look_fresh(pair: Pair) -> None:
    """That its Front Office has fallen silent is still seen: it last posted on the day of the newest row, or when it
    really did."""
    await pair.pull()
    found = pair.service.admin.get("/api/v1/client/").json()["data"]
    activity = next(each["activity"] for each in found if each["name"] == pair.name)
    assert activity["last_post"] == f"{DAYS[-1]}T00:00:00Z"
    pair.here.post("/api/v1/stats/", json=samples.rows(pair.anrs[0], str(DAYS[0]))).raise_for_status()
    await pair.pull(anew=True)
    found = pair.service.admin.get("/api/v1/client/").json()["data"]
    assert next(each["activity"] for each in found if each["name"] == pair.name)["last_post"] > "2026-02"


# --- going on -------------------------------------------------------------------------------------------------


async def test_a_pull_goes_on_where_the_last_one_was(each_pair: Pair) -> None:
    """It reads its last day again, and what comes after; a second one right after it reads the last day only."""
    with fault_proxy(each_pair.url) as proxy:
        await each_pair.pull(proxy.url, date_to=DAYS[2])
        assert asked_for(proxy) == list(itertools.product(StatType, map(str, DAYS[:3])))
        late = samples.rows(str(uuid.uuid4()), str(DAYS[2]))
        each_pair.post(*late)
        await each_pair.pull(proxy.url)
        assert asked_for(proxy) == list(itertools.product(StatType, map(str, DAYS[2:])))
        assert stored(each_pair.here) == stored(each_pair.there)
        await each_pair.pull(proxy.url)
        assert asked_for(proxy) == list(itertools.product(StatType, [str(DAYS[-1])]))
        pulled = await each_pair.pull(proxy.url, date_to=DAYS[2])
        assert (pulled.days, pulled.is_whole, asked_for(proxy)) == (0, True, [])
        await each_pair.pull(proxy.url, anew=True, types=[StatType.RISK])
        assert asked_for(proxy) == [("risk", str(day)) for day in DAYS]


async def test_what_is_to_come_is_not_noted_as_read(pair: Pair) -> None:
    """A range that ends in the future ends today: its days are read once they have come. Nor is there an end of the
    past: the days of two thousand years are not asked for one by one."""
    today = dt.datetime.now(dt.UTC).date()
    assert (await pair.pull(date_from=dt.date.min, date_to=dt.date(1999, 12, 31))).days == 0
    with fault_proxy(pair.url) as proxy:
        for _ in range(2):
            await pair.pull(proxy.url, date_from=today, date_to=dt.date.max, types=[StatType.RISK])
            assert asked_for(proxy) == [("risk", str(today))]


async def test_by_default_the_last_three_months_are_read(pair: Pair) -> None:
    """Up to today, as everywhere."""
    with fault_proxy(pair.url) as proxy:
        await pair.pull(proxy.url, date_from=None, date_to=None, types=[StatType.RISK])
        days = [day for _, day in asked_for(proxy)]
    today = dt.datetime.now(dt.UTC).date()
    assert (days[-1], len(days)) == (str(today), len({*days}))
    assert 89 <= (today - dt.date.fromisoformat(days[0])).days <= 92


async def test_an_instance_that_stops_serving_is_told_and_gone_on_with(pair: Pair) -> None:
    """What came before it is here, and is not read again."""
    with fault_proxy(pair.url, [*[PASS] * 7, answer(401)]) as proxy:
        pulled = await pair.pull(proxy.url)
        assert (pulled.days, pulled.read, pulled.is_whole) == (7, 14, False)
        assert pulled.error
        assert len(stored(pair.here)) == 14
        asked_for(proxy)
        pulled = await pair.pull(proxy.url)
        assert pulled.is_whole
        plan = list(itertools.product(StatType, map(str, DAYS)))
        assert asked_for(proxy) == [plan[4], plan[6], *plan[7:]]  # the last known day of both types, and the rest
    assert stored(pair.here) == stored(pair.there)


async def test_a_bad_network_costs_time_only(pair: Pair) -> None:
    """Answers that are cut off, lost, garbage, or say that it is a bad moment: asked for again, and nothing twice."""
    faults = [
        reset_answer(0.5),
        cut_answer(),
        truncate(0.9),
        html(200),
        answer(503, retry_after="0"),
        answer(200, b'{"data": 7}'),
    ]
    plan = [each for fault in faults for each in (PASS, PASS, PASS, fault)]
    with fault_proxy(pair.url, plan) as proxy:
        pulled = await pair.pull(proxy.url)
        assert (pulled.read, pulled.stored, pulled.is_whole) == (50, 50, True)
        assert len(proxy.requests) == 25 + len(faults)
    assert stored(pair.here) == stored(pair.there)


@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.long) for seed in range(2, 12))])
def test_a_pull_that_is_killed_is_gone_on_with(each_pair: Pair, seed: int) -> None:
    """At any moment (kill -9), over a bad network: the next one reads what was not read, and all is here in the end."""
    chance = random.Random(seed)
    with fault_proxy(each_pair.url, random_faults(seed, share=0.1, redirects=False)) as proxy:
        cli = Cli(
            each_pair.service.database_url,
            each_pair.service.folder,
            REMOTE_STATS_SERVER=proxy.url,
            REMOTE_STATS_TOKEN=each_pair.token,
        )
        for _ in range(1 if seed == 1 else 3):
            wanted = len(proxy.requests) + chance.randint(1, 8)
            with subprocess.Popen(
                cli.command(*each_pair.command()),
                cwd=cli.folder,
                env=cli.environment,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            ) as process:
                while len(proxy.requests) < wanted and process.poll() is None:
                    time.sleep(0.002)
                time.sleep(chance.random() / 50)
                process.send_signal(signal.SIGKILL)
        read = set(stored(each_pair.here))
        while cli.run(*each_pair.command()).returncode:
            assert len(proxy.requests) < 200
    assert stored(each_pair.here) == stored(each_pair.there)
    assert read


async def test_two_pulls_at_once_are_one_too_many(pair: Pair) -> None:
    """The second says so and leaves."""
    async with connection.connected(pair.service.database_url):
        wanted = Wanted(account=await pair.account())
        async with locks.only_one("pull"):
            with pytest.raises(Conflict, match="Another pull is running"):
                await pull(pair.url, pair.token, wanted, refused=lambda _: None)


# --- the old service, and rows that cannot be here ------------------------------------------------------------


def old_rows(*anrs: str) -> list[dict[str, Any]]:
    """Rows of DAYS as an old service has them, in no order."""
    rows = [row | {"uuid": str(uuid.uuid4())} for anr in anrs for day in DAYS for row in samples.rows(anr, str(day))]
    random.Random(5).shuffle(rows)
    return rows


async def test_the_old_services_rows_come_in(pair: Pair) -> None:
    """Whatever their order, and also those that it has twice."""
    with OldService() as old:
        rows = old_rows(*pair.anrs)
        twice = rows[0] | {"uuid": str(uuid.uuid4())}
        old.rows = {row["uuid"]: row for row in [*rows, twice]}
        pulled = await pair.pull(old.url, OldService.TOKEN)
        assert (pulled.read, pulled.stored, pulled.is_whole) == (51, 50, True)
        found = stored(pair.here)
        wanted = {(row["anr"], row["type"], row["date"]): (row["uuid"], row["data"]) for row in [*rows, twice]}
        assert found == wanted
        asked_for(old)
        assert (await pair.pull(old.url, OldService.TOKEN)).replaced == 10
        assert stored(pair.here) == found


async def test_rows_that_cannot_be_here_are_named_and_hold_back_nothing(pair: Pair) -> None:
    """With the reason, in a line of JSON each; the exit code is 1, all others are stored, and a later pull does not
    stumble over them again."""
    with OldService() as old:
        rows = old_rows(pair.anrs[0])
        bad = next(row for row in rows if row["type"] == "threat" and row["date"] == str(DAYS[1]))
        bad["data"] = [{**samples.payload("threat")[0], "count": -1, "label1": "\x1b[31mred"}]
        old.rows = {row["uuid"]: row for row in rows}
        done = pair.cli.run(*pair.command(), REMOTE_STATS_SERVER=old.url, REMOTE_STATS_TOKEN=OldService.TOKEN)
        assert done.returncode == 1
        named = json.loads(done.stderr)
        why = named.pop("why")
        assert named == {name: bad[name] for name in ("uuid", "anr", "type", "date")}
        assert "data[0].count" in why
        assert "refused 1" in done.stdout
        assert len(stored(pair.here)) == 24
        assert (await pair.pull(old.url, OldService.TOKEN)).is_whole


async def test_a_day_is_noted_once_all_of_it_is_here(pair: Pair) -> None:
    """Where a pull breaks off within a day, whatever the reason, the next one reads that day from its beginning."""
    with OldService() as old:
        rows = old_rows(pair.anrs[0])
        for row in rows:
            if (row["type"], row["date"]) == ("risk", str(DAYS[1])):
                row["data"] = {}
        old.rows = {row["uuid"]: row for row in rows}
        async with connection.connected(pair.service.database_url):
            account = await pair.account()
            wanted = Wanted(account=account, types=[StatType.RISK], date_from=DAYS[0], date_to=DAYS[-1])
            with pytest.raises(ZeroDivisionError):
                await pull(old.url, OldService.TOKEN, wanted, refused=lambda _: 1 / 0)
        asked_for(old)
        await pair.pull(old.url, OldService.TOKEN, types=[StatType.RISK])
        assert asked_for(old) == [("risk", str(day)) for day in DAYS]


async def test_rows_that_were_not_asked_for_are_refused(pair: Pair) -> None:
    """An instance that gives other days' rows cannot write to them."""
    row = samples.rows(pair.anrs[0], "2026-01-05")[0] | {"uuid": str(uuid.uuid4())}
    body = json.dumps({"data": [row]}).encode()
    with fault_proxy(pair.url, [answer(200, body)]) as proxy:
        pulled = await pair.pull(proxy.url, types=[StatType.RISK], date_to=DAYS[0])
    assert (pulled.read, pulled.stored, pulled.refused) == (1, 0, 1)
    assert [each.why for each in pair.refused] == [f"risk rows of {DAYS[0]} were asked for"]
    assert stored(pair.here) == {}


async def test_an_address_that_cannot_be_one_is_told(pair: Pair) -> None:
    """Before anything is asked."""
    with pytest.raises(PeerUnusable):
        await pair.pull("ftp://elsewhere")
