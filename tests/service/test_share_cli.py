"""`stats-service share` as operators and cron run it, between two real services."""

import asyncio
import json
import shutil
import uuid
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.core import clients, collect
from service.core.sharing.status import LOCK
from service.storage import connection, locks
from tests.commands import Cli
from tests.faults import PASS, OldService, answer, fault_proxy
from tests.servers import Service
from tests.sharing import arrived, day, house, row

pytestmark = pytest.mark.long_on_postgres

ANRS = [uuid.UUID(int=number, version=4) for number in (1, 2)]


@pytest.fixture
def there(remote: Service) -> httpx.Client:
    """The installation's account at the other instance. Its token looks like an option, as random ones sometimes do."""
    return remote.client(f"installation {uuid.uuid4()}", token=f"-{uuid.uuid4()}")


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The database of an installation with an account and three rows of two analyses."""
    path = tmp_path_factory.mktemp("filled") / "stats.sqlite3"

    async def fill() -> None:
        async with house(f"sqlite:///{path}", "", "") as here:
            account = await here.account("NC3")
            await here.post(account, row(ANRS[0]), row(ANRS[0], "threat"), row(ANRS[1], ago=1))

    asyncio.run(fill())
    return path


@pytest.fixture
def cli(tmp_path: Path, filled: Path, remote: Service, there: httpx.Client) -> Cli:
    """The command line of such an installation."""
    shutil.copy(filled, tmp_path)
    token = str(there.headers["X-API-KEY"])
    url = f"sqlite:///{tmp_path}/stats.sqlite3"
    return Cli(url, tmp_path, REMOTE_STATS_SERVER=remote.url, REMOTE_STATS_TOKEN=token)


def posted(cli: Cli, *rows: dict[str, Any]) -> None:
    """Rows of the account."""

    async def post() -> None:
        async with connection.connected(cli.environment["DATABASE_URL"]):
            account = await clients.find_by_name("NC3")
            assert account
            await collect.collect(account, json.dumps(rows).encode())

    asyncio.run(post())


@pytest.fixture
def number(cli: Cli) -> str:
    """The account's UUID."""

    async def find() -> str:
        async with connection.connected(cli.environment["DATABASE_URL"]):
            (account,) = await clients.get_all()
            return str(account.uuid)

    return asyncio.run(find())


def test_push(cli: Cli, there: httpx.Client, remote: Service) -> None:
    """It says what became of the rows; where nothing is to be done it says that, and that is well."""
    assert cli.said("share", "push").startswith("Sent 3 rows (")
    assert len(arrived(there)) == 3
    done = cli.json("share", "push")
    assert done == {
        "server": remote.url,
        **dict.fromkeys(("sent", "already_there", "kept_old", "moved", "refused", "left", "bytes"), 0),
        "refusals": [],
        "error": None,
    }


def test_the_old_names_work(cli: Cli, there: httpx.Client, number: str) -> None:
    """`stats_push` with all of its options, and `stats_pull`."""
    token = str(there.headers["X-API-KEY"])
    options = ("--local-client-uuid", number, "--remote-token", token)
    days = ("--date-from", str(day(1)), "--date-to", str(day(1)))
    assert cli.said("stats_push", *options, *days, REMOTE_STATS_TOKEN="").startswith("Sent 1 rows")
    assert cli.said("stats_push").startswith("Sent 2 rows")
    assert "stored 2" in cli.said("stats_pull", "--client-uuid", number, "--token", token, "--stats-type", "risk")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("REMOTE_STATS_TOKEN", "", "REMOTE_STATS_TOKEN is not set"),
        ("INSTANCE_URL", "HTTP://{}/", "REMOTE_STATS_SERVER is http://"),
    ],
)
def test_wrong_settings_are_named(cli: Cli, remote: Service, name: str, value: str, said: str) -> None:
    """Before anything is sent."""
    cli.environment[name] = value.format(remote.url.removeprefix("http://"))
    assert said in cli.refused("share", "push")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("REMOTE_STATS_TOKEN", "the-token-of-nobody", "does not take the token"),
        ("REMOTE_STATS_SERVER", "{}/elsewhere", "has no Stats Service at this address"),
    ],
)
def test_a_remote_that_cannot_be_used_is_named(cli: Cli, remote: Service, name: str, value: str, said: str) -> None:
    """With the setting that says which it is; all is left, and the exit code says so."""
    cli.environment[name] = value.format(remote.url)
    done = cli.run("share", "push")
    assert done.returncode == 1
    assert "3 left for next time" in done.stdout
    assert said in done.stderr
    assert f"(REMOTE_STATS_SERVER is {cli.environment['REMOTE_STATS_SERVER']}.)" in done.stderr
    assert "the-token-of-nobody" not in done.stderr


def test_two_pushes_at_once(cli: Cli) -> None:
    """The second says so on standard error and leaves; nothing is left behind that keeps later ones out."""

    async def held() -> None:
        async with connection.connected(cli.environment["DATABASE_URL"]), locks.only_one(LOCK):
            assert await asyncio.to_thread(cli.refused, "share", "push") == "stats-service: Another push is running.\n"

    asyncio.run(held())
    assert cli.said("share", "push").startswith("Sent 3 rows")


def test_preview(cli: Cli, there: httpx.Client, remote: Service, tmp_path: Path) -> None:
    """What would be sent, which names stay, and the requests; for people, for programs and in a file."""
    shown = cli.said("share", "preview", "--dump", "requests.jsonl")
    for said in ("NC3", str(ANRS[0]), "threat", "3 rows, ", f"to {remote.url}", "Vol de matériel"):
        assert said in shown
    dumped = cli.said("share", "preview", "--dump", "-", REMOTE_STATS_TOKEN="")
    assert (tmp_path / "requests.jsonl").read_text() == dumped
    assert {json.loads(line)["url"] for line in dumped.splitlines()} == {f"{remote.url}/api/v1/stats/"}
    assert str(there.headers["X-API-KEY"]) not in shown + dumped
    assert arrived(there) == {}


def test_what_is_refused_or_not_replaced_is_said(cli: Cli) -> None:
    """On standard error, with the reason; the exit code says whether something is left, and nothing is here."""
    refusing = [answer(400, b'{"message": "No threats."}')] * 100
    with OldService() as old, fault_proxy(old.url, [PASS, PASS, *refusing]) as proxy:
        cli.environment |= {"REMOTE_STATS_SERVER": proxy.url, "REMOTE_STATS_TOKEN": OldService.TOKEN}
        assert "Sent 3 rows" in cli.said("share", "push")
        posted(cli, row(ANRS[0], variant=7))
        assert "Of 1 rows that have changed an older version is there" in cli.said("share", "push")
        posted(cli, row(ANRS[0], "threat", variant=7))
        done = cli.run("share", "push")
    where = proxy.url.removeprefix("http://")
    named = f"Refused: NC3, analysis {ANRS[0]}, threat of {day(0)}: {where} refuses: No threats.\n"
    assert (done.returncode, done.stderr) == (0, named)


def test_forget(cli: Cli, there: httpx.Client, number: str) -> None:
    """It asks first, deletes there, says what follows, and can be done again, also for an account that is gone."""
    cli.said("share", "push")
    assert "without a terminal to ask" in cli.refused("share", "forget", str(ANRS[0]), code=2)
    said = cli.said("share", "forget", str(ANRS[0]), "--client", "NC3", "--yes")
    assert "what was shared of 1 analyses (2 rows)" in said
    assert "the next push sends it anew" in said
    assert len(arrived(there)) == 1
    done = cli.run("client", "unshare", "NC3")
    assert (done.returncode, done.stdout) == (0, "NC3 does not share its statistics.\n")
    assert f"`stats-service share forget --client {number}` deletes them" in done.stderr
    assert "does not share" in cli.refused("share", "push", "--client", "NC3")
    done = cli.run("client", "delete", "NC3", "--yes")
    assert f"share forget --client {number}" in done.stderr
    assert "no account named 'NC3'. One that is gone" in cli.refused("share", "forget", "--client", "NC3")
    done = cli.run("share", "forget", "--client", number, "--yes", REMOTE_STATS_TOKEN="the-token-of-nobody")
    assert (done.returncode, "may still be at" in done.stderr) == (1, True)
    assert cli.json("share", "forget", "--client", number, "--yes")["left"] == 0
    assert arrived(there) == {}


def test_what_others_shared_is_not_shared_again(cli: Cli) -> None:
    """Another installation's account is not this house's own, and says so where it is named."""
    assert cli.json("client", "create", "another", "--remote")["local"] is False
    assert "another installation's account" in cli.refused("share", "preview", "--client", "another")


def test_progress_is_for_terminals(cli: Cli) -> None:
    """There a bar is drawn, elsewhere nothing but the result."""
    code, shown = cli.on_a_terminal("share", "push", typed=b"")
    assert code == 0
    assert "Sending" in shown
    assert "Sent 3 rows" in shown
