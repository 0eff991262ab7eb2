"""How sharing stands, as admins see it over HTTP and Prometheus in the metrics; what it tells are real pushes."""

import contextlib
import datetime as dt
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.core.sharing.status import LOCK
from service.storage import connection, locks
from tests import samples
from tests.commands import Cli
from tests.faults import answer, fault_proxy
from tests.servers import Service, running_service

pytestmark = pytest.mark.long_on_postgres

TODAY = dt.datetime.now(dt.UTC).date()
PATH = "/api/v1/sharing"
ANRS = [str(uuid.UUID(int=number)) for number in range(1, 4)]


@pytest.fixture(scope="module")
def far(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The global instance. It shares nothing itself."""
    folder = tmp_path_factory.mktemp("far")
    with running_service(f"sqlite:///{folder}/stats.sqlite3", folder) as service:
        yield service


def token_of(far: Service) -> str:
    """The token of a new installation there."""
    return str(far.client(f"installation {uuid.uuid4()}", local=False).headers["X-API-KEY"])


@contextlib.contextmanager
def sharing_with(url: str, token: str, folder: Path) -> Iterator[tuple[Service, Cli]]:
    """A service that shares with the instance at `url`, and its command line."""
    database_url = f"sqlite:///{folder}/stats.sqlite3"
    remote = {"REMOTE_STATS_SERVER": url, "REMOTE_STATS_TOKEN": token}
    with running_service(database_url, folder, **remote) as service:
        yield service, Cli(database_url, folder, **remote)


def day(ago: int) -> str:
    """The day so many days ago."""
    return str(TODAY - dt.timedelta(days=ago))


def post(client: httpx.Client, anr: str, *days: str, kinds: tuple[str, ...] = samples.TYPES) -> None:
    """Rows of an analysis."""
    batch = [row for each in days for row in samples.rows(anr, each) if row["type"] in kinds]
    client.post("/api/v1/stats/", json=batch).raise_for_status()


def told(service: Service) -> dict[str, Any]:
    """How sharing stands."""
    found: dict[str, Any] = service.admin.get(PATH).raise_for_status().json()
    return found


def gauges(service: Service) -> dict[str, float]:
    """The metrics of the last push."""
    lines = httpx.get(f"{service.url}/metrics").text.splitlines()
    pairs = [line.rsplit(" ", 1) for line in lines if line.startswith("monarc_stats_push_")]
    return {name.removeprefix("monarc_stats_push_"): float(value) for name, value in pairs}


def test_a_service_that_shares_nothing_says_so(far: Service) -> None:
    """Where it would share to, that it has no token, and nothing else; there are no metrics of a push."""
    assert told(far) == {
        "server": "https://dashboard.monarc.lu",
        "has_token": False,
        "running": False,
        "last": None,
        "runs": [],
        "shared": 0,
        "accounts": [],
        "refused_rows": 0,
        "refused": [],
        "gone_analyses": 0,
        "gone": [],
        "waiting": [],
    }
    assert gauges(far) == {}


def test_it_is_for_admins(far: Service) -> None:
    """401 without a token, 403 with that of a Front Office."""
    assert far.client_with(None).get(PATH).status_code == 401
    assert far.client(f"FO {uuid.uuid4()}").get(PATH).status_code == 403


def test_it_tells_what_waits_and_what_was_shared(far: Service, tmp_path: Path) -> None:
    """Of the accounts that share, by type, before and after a push and when something new has come; never the token."""
    token = token_of(far)
    with sharing_with(far.url, token, tmp_path) as (service, cli):
        post(service.client("NC3"), ANRS[0], day(3), day(2), day(400))
        post(service.client("CASES"), ANRS[1], day(2), kinds=("risk",))
        post(service.client("Silent", is_sharing_enabled=False), ANRS[2], day(2))
        before = told(service)
        numbers = {each["name"]: each["uuid"] for each in service.admin.get("/api/v1/client/").json()["data"]}
        waiting = {"client": numbers["NC3"], "name": "NC3", "analyses": 1, "rows": 2}
        wanted = [
            *(waiting | {"type": kind, "first_date": day(3), "last_date": day(2)} for kind in samples.TYPES),
            {"client": numbers["CASES"], "name": "CASES", "type": "risk", "analyses": 1, "rows": 1}
            | {"first_date": day(2), "last_date": day(2)},
        ]
        assert sorted(before.pop("waiting"), key=repr) == sorted(wanted, key=repr)
        assert (before["server"], before["has_token"], before["shared"]) == (far.url, True, 0)

        assert cli.run("share", "push").returncode == 0
        after = told(service)
        assert (after["waiting"], after["shared"], after["last"]) == ([], 11, after["runs"][0])
        run = after["last"]
        assert (run["server"], run["sent"], run["left_over"], run["error"]) == (far.url, 11, 0, None)
        assert run["started_at"] < run["ended_at"]
        assert run["ended_at"].endswith("Z")
        assert {one["name"]: (one["rows"], one["shares"]) for one in after["accounts"]} == {
            "NC3": (10, True),
            "CASES": (1, True),
        }
        found = gauges(service)
        ended = found.pop("ended_timestamp_seconds")
        assert ended == pytest.approx(dt.datetime.fromisoformat(run["ended_at"]).timestamp())
        rows = {f'rows{{outcome="{name}"}}': 0.0 for name in ("already_there", "refused", "left_over")}
        assert found == {"complete": 1, 'rows{outcome="sent"}': 11} | rows

        post(service.client("New"), ANRS[2], day(1), kinds=("threat", "risk"))
        assert [(one["name"], one["type"], one["rows"]) for one in told(service)["waiting"]] == [
            ("New", "risk", 1),
            ("New", "threat", 1),
        ]
        assert token not in service.admin.get(PATH).text


def test_what_went_wrong_is_told(far: Service, tmp_path: Path) -> None:
    """A row that was refused, with the reason; a push that found nobody, with what it left; in the metrics too."""
    with (
        fault_proxy(far.url, [answer(400, b'{"message": "No such thing."}')]) as proxy,
        sharing_with(proxy.url, token_of(far), tmp_path) as (service, cli),
    ):
        post(service.client("NC3"), ANRS[0], day(1), kinds=("risk",))
        cli.run("share", "push")
        found = told(service)
        assert (found["refused_rows"], found["last"]["refused"], found["waiting"]) == (1, 1, [])
        (refused,) = found["refused"]
        assert (refused["name"], refused["anr"], refused["type"], refused["date"]) == (
            "NC3",
            ANRS[0],
            "risk",
            day(1),
        )
        assert "No such thing." in refused["reason"]
        first = gauges(service)
        assert (first["complete"], first['rows{outcome="refused"}']) == (1, 1)
        post(service.client("New"), ANRS[1], day(1))
        assert cli.run("share", "push", REMOTE_STATS_TOKEN="a-token-that-nobody-has").returncode == 1
        last = told(service)["last"]
        assert (last["sent"], last["left_over"]) == (0, 5)
        assert last["error"]
        assert "a-token-that-nobody-has" not in last["error"]
        second = gauges(service)
        assert (second["complete"], second['rows{outcome="left_over"}']) == (0, 5)
        assert second["ended_timestamp_seconds"] > first["ended_timestamp_seconds"]


async def test_a_push_under_way_is_told(far: Service) -> None:
    """For as long as a process holds the lock, and no longer."""
    async with connection.connected(far.database_url), locks.only_one(LOCK):
        assert told(far)["running"] is True
    assert told(far)["running"] is False
