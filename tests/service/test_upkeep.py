"""Upkeep beside a running service: exporting and importing, purging, backups; on both databases."""

import asyncio
import contextlib
import datetime as dt
import gzip
import json
import os
import sqlite3
import threading
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from service import figures
from service.core import charts, clients, collect, processors
from service.core import stats as core
from service.core.periods import months_before
from service.core.verify import Difference, Verification
from service.errors import Unavailable
from service.records import Account
from service.storage import connection, keys, migrate, stats
from service.storage import rows as rows_storage
from tests import samples
from tests.commands import ANR, Cli, rows
from tests.naive import NaiveModel
from tests.servers import Postgres, Service, running_service

pytestmark = pytest.mark.long_on_postgres

TODAY = dt.datetime.now(dt.UTC).date()
OTHER = uuid.UUID("99999999-2222-4333-8444-555555555555")
LABEL = "Ünser geheimes Rezept"
EDGE = months_before(TODAY, 36)
"""The oldest day that a purge of what is older than 36 months leaves."""


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    """The command line on a fresh SQLite database."""
    return Cli(f"sqlite:///{tmp_path / 'stats.sqlite3'}", tmp_path)


@pytest.fixture
def either(database_url: str, tmp_path: Path) -> Cli:
    """The command line on a database of each kind with the rows of `filled`."""
    asyncio.run(filled(database_url))
    return Cli(database_url, tmp_path)


@pytest.fixture
async def opened(database_url: str) -> AsyncIterator[str]:
    """A migrated database that is open in this process; its URL."""
    async with connection.connected(database_url):
        await migrate.upgrade(database_url)
        yield database_url


async def filled(database_url: str) -> None:
    """Two accounts with the same analysis and one with another too: all types, of today and the two days before."""
    async with connection.connected(database_url):
        await migrate.upgrade(database_url)
        for name, anrs in (("NC3 «ä»", [ANR]), ("B", [OTHER, ANR])):
            account, _ = await clients.create(name)
            for anr in anrs:
                batch = b"[" + b",".join(rows(TODAY - dt.timedelta(days=2), TODAY, anr)) + b"]"
                assert len((await collect.collect(account, batch)).stored) == 3 * 5


async def emptied(database_url: str) -> None:
    """Delete all rows of all accounts."""
    async with connection.connected(database_url):
        for account, _ in await clients.list_all():
            await clients.delete_stats(account.uuid)


def exported(cli: Cli, *options: str) -> list[dict[str, Any]]:
    """The rows that `stats export` prints."""
    return [json.loads(line) for line in cli.said("stats", "export", *options).splitlines()]


# --- export and import --------------------------------------------------------------------------------------


def test_an_export_is_the_rows_and_whose_they_are(either: Cli) -> None:
    """Each line is a row as the API gives it, with its account's name and UUID, and without any token."""
    accounts = {one["uuid"]: one["name"] for one in either.json("client", "list")}
    found = exported(either)
    assert {"uuid", "anr", "type", "date", "data", "client"} == set().union(*found)
    owners = {row["uuid"]: row.pop("client") for row in found}
    given = {row["uuid"]: row for row in either.json("stats", "list", "--limit", "0")}
    assert {row["uuid"]: row for row in found} == given
    assert len(found) == 3 * 3 * 5
    assert all(owner == {"name": accounts[owner["uuid"]], "uuid": owner["uuid"]} for owner in owners.values())
    assert Counter(owner["name"] for owner in owners.values()) == {"NC3 «ä»": 15, "B": 30}


def test_an_export_is_narrowed_down(either: Cli) -> None:
    """Account, type and days (both included) each leave only what they say; without days, all days."""
    old = dt.date(2001, 1, 1)
    either.said("stats", "import", "--client", "B", stdin=b"\n".join(rows(old, old)))
    day = str(TODAY - dt.timedelta(days=1))
    assert str(old) in {row["date"] for row in exported(either)}
    found = exported(either, "--client", "B", "--type", "risk", "--date-from", day)
    assert {(row["client"]["name"], row["type"]) for row in found} == {("B", "risk")}
    assert {row["date"] for row in found} == {day, str(TODAY)}
    found = exported(either, "--date-from", str(old), "--date-to", day)
    assert {row["date"] for row in found} == {str(old), str(TODAY - dt.timedelta(days=2)), day}
    assert {row["client"]["name"] for row in found} == {"NC3 «ä»", "B"}


def test_what_was_exported_is_imported_into_its_accounts(either: Cli, database_url: str) -> None:
    """An installation's export, read back, is all there was: the same rows under the same UUIDs for each account.

    It is compressed where the file's name or an option says so.
    """
    plain, named, packed = (either.folder / name for name in ("rows.jsonl", "rows.jsonl.gz", "packed"))
    for file, options in ((plain, []), (named, []), (packed, ["--gzip"])):
        assert either.said("stats", "export", str(file), *options) == f"Exported 45 rows to {file}.\n"
    assert gzip.decompress(named.read_bytes()) == gzip.decompress(packed.read_bytes()) == plain.read_bytes()
    asyncio.run(emptied(database_url))
    assert exported(either) == []
    assert either.json("stats", "import", str(named)) == {"read": 45, "stored": 45, "replaced": 0, "refused": 0}
    assert either.json("stats", "import", str(plain)) == {"read": 45, "stored": 45, "replaced": 45, "refused": 0}
    assert either.said("stats", "export").encode() == plain.read_bytes()


def test_pretty_json_is_exported_in_one_line(cli: Cli) -> None:
    """Data that was sent with line breaks stands in one line, and is the same JSON."""
    cli.said("client", "create", "A")
    data = samples.payload("risk") | {"more": 'a "quoted\\n" text'}
    row = {"anr": str(ANR), "type": "risk", "date": str(TODAY), "data": data}
    cli.said("stats", "import", "--client", "A", stdin=json.dumps([row], indent=1).replace("\n", "\r\n").encode())
    [found] = exported(cli)
    assert found["data"] == data


def test_accounts_are_found_by_uuid_and_else_by_name(cli: Cli) -> None:
    """On a new installation accounts of the same names have other UUIDs; one that keeps its UUID may be renamed."""
    these = [json.loads(row) for row in rows(TODAY, TODAY)[:3]]
    numbers = [cli.json("client", "create", name)["uuid"] for name in ("A", "B")]
    these[0]["client"] = {"name": "B", "uuid": str(OTHER)}
    these[1]["client"] = {"name": "B", "uuid": numbers[0]}
    these[2]["client"] = {"name": "A"}
    cli.said("stats", "import", stdin=b"\n".join(json.dumps(row).encode() for row in these))
    assert {row["type"]: row["client"]["name"] for row in exported(cli)} == {
        these[0]["type"]: "B",
        these[1]["type"]: "A",
        these[2]["type"]: "A",
    }


def test_rows_of_accounts_that_are_not_there_are_refused(cli: Cli) -> None:
    """They are counted, their account is named once; rows that name none are named each. The others are stored."""
    cli.said("client", "create", "A")
    these = [json.loads(row) for row in rows(TODAY - dt.timedelta(days=1), TODAY)]
    for row in these[:4]:
        row["client"] = {"name": "gone", "uuid": str(OTHER)}
    for row in these[6:]:
        row["client"] = {"name": "A"}
    done = cli.run("stats", "import", "--json", stdin=b"\n".join(json.dumps(row).encode() for row in these))
    assert (done.returncode, json.loads(done.stdout)) == (1, {"read": 10, "stored": 4, "replaced": 0, "refused": 6})
    said = done.stderr.splitlines()
    assert [line.partition(":")[0] for line in said] == ["line 1", "line 5", "line 6"]
    assert str(OTHER) in said[0]
    assert "--client" in said[1]
    assert len(exported(cli)) == 4


def test_rows_may_be_imported_into_one_account(either: Cli) -> None:
    """With --client all rows become that account's, whatever account they name."""
    text = either.said("stats", "export", "--client", "B").encode()
    either.said("client", "delete", "B", "--yes")
    either.said("client", "create", "C")
    assert either.said("stats", "import", "--client", "C", stdin=text).startswith("Read 30 rows: stored 30,")
    assert Counter(row["client"]["name"] for row in exported(either)) == {"NC3 «ä»": 15, "C": 30}


def test_a_field_beside_the_known_ones_is_refused(cli: Cli) -> None:
    """Only what an export adds to a row is passed over, once: a slip of the pen is not."""
    cli.said("client", "create", "A")
    row = rows(TODAY, TODAY)[0]
    odd = [row[:-1] + b',"clients":{}}', row[:-1] + b',"client":{"name":"A"},"client":{"name":"A"}}']
    done = cli.run("stats", "import", "--client", "A", stdin=b"\n".join(odd))
    assert done.stdout.startswith("Read 2 rows: stored 0, ")
    assert [line.partition(":")[0] for line in done.stderr.splitlines()] == ["line 1", "line 2"]


def test_a_line_that_is_too_long_is_passed_over(cli: Cli) -> None:
    """A line longer than a request may be is refused without being held, and the next ones are stored."""
    cli.environment["MAX_BODY_MB"] = "1"
    cli.said("client", "create", "A")
    good = rows(TODAY, TODAY)
    text = b"\n".join([good[0], b'{"anr":"' + b"x" * (3 << 20) + b'"}', good[1]])
    done = cli.run("stats", "import", "--client", "A", stdin=gzip.compress(text))
    assert done.stdout.startswith("Read 3 rows: stored 2, ")
    assert done.stderr == "line 2: The row is longer than MAX_BODY_MB allows.\n"


def test_an_export_takes_a_files_place_when_all_is_there(cli: Cli) -> None:
    """A file is replaced as a whole or, where the export fails, not at all, and nothing half done is left."""
    cli.said("client", "create", "A")
    cli.said("stats", "import", "--client", "A", stdin=b"\n".join(rows(TODAY, TODAY)))
    file = cli.folder / "rows.jsonl"
    file.write_text("before")
    assert "'nobody'" in cli.refused("stats", "export", str(file), "--client", "nobody")
    assert file.read_text() == "before"
    cli.said("stats", "export", str(file))
    assert len(file.read_text().splitlines()) == 5
    assert [path.name for path in cli.folder.glob("rows*")] == ["rows.jsonl"]
    assert "cannot be written" in cli.refused("stats", "export", str(cli.folder / "nowhere" / "rows"))
    assert cli.said("stats", "export", os.devnull) == f"Exported 5 rows to {os.devnull}.\n"
    assert not Path(os.devnull).is_file()


async def test_an_export_goes_on_while_rows_are_replaced(opened: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each row is exported once, as it was or as it is, though all are replaced again and again meanwhile."""
    assert opened
    monkeypatch.setattr("service.storage.rows.ROWS_AT_ONCE", 3)
    monkeypatch.setattr("service.storage.rows.PORTION_BYTES", 1)
    account, _ = await clients.create("A")
    days = [TODAY - dt.timedelta(days=number) for number in range(6)]
    variants = [json.dumps([row for day in days for row in samples.rows(str(ANR), str(day), v)]) for v in range(2)]
    known = {(row["date"], row["type"], str(row["data"])) for text in variants for row in json.loads(text)}
    await collect.collect(account, variants[0].encode())
    found = []
    turn = 0
    async for line in core.export([account], core.RowQuery()):
        found.append(json.loads(line))
        turn += 1
        await collect.collect(account, variants[turn % 2].encode())
    assert [(row["type"], row["date"]) for row in found] == [
        (kind, str(day)) for kind in samples.TYPES for day in reversed(days)
    ]
    assert {(row["date"], row["type"], str(row["data"])) for row in found} < known


async def test_a_page_is_read_while_its_rows_are_replaced(opened: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is no more than is read at a time is looked for again where a row was replaced before it was read."""
    assert opened
    account, _ = await clients.create("A")
    found = rows_storage.heads
    variants = [0, 1, 2, 3]

    async def post(variant: int) -> None:
        await collect.collect(account, json.dumps(samples.rows(str(ANR), str(TODAY), variant)).encode())

    async def heads(*asked: Any) -> Any:
        heads = await found(*asked)
        if variants:
            await post(variants.pop())
        return heads

    await post(9)
    monkeypatch.setattr(rows_storage, "heads", heads)
    for page in (await core.find(account, core.RowQuery()), await core.rows_of(account, ANR)):
        text = b"[" + b"".join([chunk async for chunk in page.chunks()]) + b"]"
        assert [row["data"] for row in json.loads(text)] == [samples.payload(kind, 0) for kind in samples.TYPES]
        assert page.size == len(text) - 2
    variants = list(range(rows_storage.ATTEMPTS))
    with pytest.raises(Unavailable, match="try again"):
        await core.find(account, core.RowQuery())


# --- purge --------------------------------------------------------------------------------------------------


class Told:
    """The database and the naive model, told the same."""

    def __init__(self) -> None:
        self.naive = NaiveModel()

    async def post(self, account: Account, anr: uuid.UUID, day: dt.date, variant: int) -> None:
        """Post an analysis' five rows of a day."""
        sent = samples.rows(str(anr), str(day), variant)
        assert not (await collect.collect(account, json.dumps(sent).encode())).refused
        self.naive.post({**row, "client": account.name, "local": True} for row in sent)

    async def compare(self) -> None:
        """Hold all charts of the whole fleet against the naive model."""
        for processor in processors.all():
            query = charts.ChartQuery(
                type=processor.stat_type, processor=processor.name, date_from=dt.date(2000, 1, 1), date_to=TODAY
            )
            drawn = json.loads((await charts.chart(query)).data)
            assert drawn == json.loads(json.dumps(self.naive.chart(processor.name))), processor.name


async def test_a_purge_goes_by_portions(opened: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Old rows go a few at a time; broken off in the midst, charts are right, and the next purge does the rest."""
    assert opened
    monkeypatch.setattr(stats, "ROWS_AT_ONCE", 4)
    told = Told()
    days = [EDGE + dt.timedelta(days=number) for number in range(-5, 2)]
    accounts = [(await clients.create(name))[0] for name in ("A", "B")]
    for number, account in enumerate(accounts):
        for variant, day in enumerate(days):
            for anr in (ANR, OTHER):
                await told.post(account, anr, day, variant // 3 + number)
    await told.compare()
    gone: list[int] = []

    def stop(count: int) -> None:
        gone.append(count)
        if len(gone) == 4:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        await clients.purge(EDGE, deleted=stop)
    left = {(row["client"]["name"], row["anr"], row["type"], row["date"]) for row in await all_rows()}
    assert len(left) == 2 * 2 * 7 * 5 - sum(gone)
    told.naive._rows = {key: row for key, row in told.naive._rows.items() if key in left}  # noqa: SLF001 - to know them
    await told.compare()
    gone = [-100]
    assert await clients.purge(EDGE, deleted=gone.append) == len(left) - 2 * 2 * 2 * 5
    assert max(gone) == 4
    told.naive.purge(str(EDGE))
    assert {row["date"] for row in await all_rows()} == {str(EDGE), str(EDGE + dt.timedelta(days=1))}
    await told.compare()
    assert await sizes("payload", "account_day") == {"payload": 2 * 2 * 2 * 5, "account_day": 2 * 2 * 5}
    assert await clients.purge(TODAY) == 2 * 2 * 2 * 5
    assert await sizes("stat", "payload", "analysis", "account_day", "figure_key") == dict.fromkeys(
        ("stat", "payload", "analysis", "account_day", "figure_key"), 0
    )
    told.naive.purge(str(TODAY))
    await told.compare()


async def all_rows() -> list[dict[str, Any]]:
    """All rows, as they are exported."""
    accounts = [account for account, _ in await clients.list_all()]
    return [json.loads(line) async for line in core.export(accounts, core.RowQuery())]


async def sizes(*tables: str) -> dict[str, int]:
    """How many rows tables have."""
    db = connection.main()
    return {name: (await db.fetch(f"SELECT COUNT(*) FROM {name}"))[0][0] for name in tables}  # noqa: S608 - ours


def test_a_purge_beside_a_running_service(service: Service, tmp_path: Path) -> None:
    """While old rows of two accounts are purged, all posts are taken, charts are drawn, and the sums end exact."""
    naive = NaiveModel()
    offices = {name: service.client(name) for name in ("A", "B")}
    old = [EDGE - dt.timedelta(days=number) for number in range(1, 9)]

    def post(name: str, anr: uuid.UUID, days: list[dt.date], variant: int) -> None:
        sent = [row for day in days for row in samples.rows(str(anr), str(day), variant)]
        answer = offices[name].post("/api/v1/stats/", json=sent)
        assert answer.status_code == httpx.codes.CREATED, answer.text
        naive.post({**row, "client": name, "local": True} for row in sent)

    for name in offices:
        post(name, ANR, [*old, EDGE], 1)
    over = threading.Event()

    def post_on(name: str) -> None:
        turns = 0
        while not over.is_set():
            post(name, OTHER, [TODAY - dt.timedelta(days=turns % 3)], turns)
            turns += 1

    def look_on() -> None:
        while not over.is_set():
            assert chart(service, "threat_average_on_date").status_code == httpx.codes.OK

    going_on: list[Future[None]]
    with ThreadPoolExecutor(3) as pool:
        going_on = [*(pool.submit(post_on, name) for name in offices), pool.submit(look_on)]
        try:
            said = Cli(service.database_url, tmp_path).said("stats", "purge", "--older-than", "36m", "--yes")
        finally:
            over.set()
        for one in going_on:
            one.result()
    assert said == f"Deleted {2 * 8 * 5} rows from before {EDGE}.\n"
    naive.purge(str(EDGE))
    for processor in processors.all():
        assert chart(service, processor.name).json()["data"] == json.loads(json.dumps(naive.chart(processor.name)))


def chart(service: Service, processor: str) -> httpx.Response:
    """A chart of everything."""
    asked = {"type": processor.partition("_")[0], "processor": processor, "date_from": "2000-01-01"}
    return service.admin.request("GET", "/api/v1/stats/processed/", json=asked)


# --- labels that nobody has any more ------------------------------------------------------------------------


def secret(label: str = LABEL, count: int = 1) -> dict[str, Any]:
    """A row with a label that only its sender knows."""
    element = {"uuid": str(OTHER), "label1": label, "count": count, "maxRisk": 2, "averageRate": "3.00"}
    return {"anr": str(ANR), "type": "threat", "date": str(TODAY), "data": [element]}


async def labels() -> set[str]:
    """The first labels of all threats and vulnerabilities that the database knows."""
    return {json.loads(row[0])[1] for row in await connection.reading().fetch("SELECT key FROM figure_key")}


def test_a_purge_forgets_the_labels_of_those_who_are_gone(service: Service, tmp_path: Path) -> None:
    """A deleted account's own labels go with the next purge, others' stay. Posted again, to a service that remembers
    them, they are there again and right."""
    cli = Cli(service.database_url, tmp_path)
    staying, leaving = service.client("stays"), service.client("leaves")
    staying.post("/api/v1/stats/", json=[secret("Brand", 4)]).raise_for_status()
    leaving.post("/api/v1/stats/", json=[secret()]).raise_for_status()
    chart(service, "threat_average_on_date")
    cli.said("client", "delete", "leaves", "--yes")
    cli.said("stats", "purge", "--yes")

    def known() -> set[str]:
        async def ask() -> set[str]:
            async with connection.connected(service.database_url):
                return await labels()

        return asyncio.run(ask())

    assert known() == {"Brand"}
    staying.post("/api/v1/stats/", json=[secret(LABEL, 7)]).raise_for_status()
    assert known() == {"Brand", LABEL}
    [drawn] = chart(service, "threat_average_on_date").json()["data"]
    assert (drawn["labels"]["label1"], drawn["averages"]["count"]) == (LABEL, 7.0)
    cli.said("stats", "purge", "--yes")
    assert known() == {LABEL}


async def deleted_analysis(account: Account) -> None:
    """Delete the analysis of `secret`."""
    assert await core.delete_analysis(account, ANR) == 2


async def purged(account: Account) -> None:
    """Delete all rows up to today."""
    assert await clients.purge(TODAY + dt.timedelta(days=1), account.uuid) == 3


async def deleted_account(account: Account) -> None:
    """Delete the account."""
    assert await clients.delete(account.uuid) == 3


@pytest.mark.parametrize("delete", [deleted_analysis, purged, deleted_account])
@pytest.mark.parametrize("in_a_hurry", [False, True])
async def test_what_is_deleted_is_in_no_sum(
    opened: str, delete: Callable[[Account], Awaitable[None]], *, in_a_hurry: bool
) -> None:
    """Sums of days forget it at once, not when they are next asked for, also while they are being stored; and no
    account keeps a day without rows."""
    assert opened
    (leaving, _), (staying, _) = await clients.create("leaves"), await clients.create("stays")
    before = TODAY - dt.timedelta(days=1)
    other = secret("Brand") | {"anr": str(OTHER)}
    await collect.collect(leaving, json.dumps([secret(), secret() | {"date": str(before)}, other]).encode())
    await collect.collect(staying, json.dumps([other]).encode())
    [number] = (await keys.numbers_of([(str(OTHER), LABEL, "", "", "")])).values()
    threats = processors.get("threat_average_on_date")
    query = charts.ChartQuery(type=threats.stat_type, processor=threats.name)
    drawn = json.loads((await charts.chart(query)).data)
    assert {element["labels"]["label1"] for element in drawn} <= {"Brand", LABEL}
    if not in_a_hurry:
        await asyncio.gather(*connection._beside)  # noqa: SLF001 - to know when they are stored
        assert number in await summed()
    await delete(leaving)
    await asyncio.gather(*connection._beside)  # noqa: SLF001
    assert number not in await summed()
    days = await connection.main().fetch("SELECT client_id, date FROM account_day WHERE client_id = ?", leaving.id)
    assert [str(row[1]) for row in days] == ([str(TODAY)] if delete is deleted_analysis else [])
    [left] = json.loads((await charts.chart(query)).data)
    assert (left["labels"]["label1"], [value["date"] for value in left["values"]]) == ("Brand", [str(TODAY)])


async def summed() -> set[int]:
    """The numbers of the keys of all sums of days."""
    db = connection.main()
    found = await db.fetch(
        "SELECT figures FROM account_day "
        "UNION ALL SELECT local_figures FROM fleet_day UNION ALL SELECT other_figures FROM fleet_day"
    )
    return {number for (packed,) in found for number in figures.unpack(packed)}


async def test_a_number_is_never_given_out_twice(opened: str) -> None:
    """A key that was removed gets another number, so that what processes remember stays true."""
    assert opened
    key = "uuid", LABEL, "", "", ""
    before = (await keys.numbers_of([key]))[key]
    assert await keys.remove_unused() == 1
    async with connection.writing() as db:
        with pytest.raises(keys.KeysGone):
            await keys.hold(db, {before})
    keys.forget_numbers()
    after = (await keys.numbers_of([key]))[key]
    assert after > before
    async with connection.writing() as db:
        await keys.hold(db, {after})


async def test_figures_whose_keys_are_gone_are_to_be_read_again(opened: str) -> None:
    """A chart that was summed just before a purge took its labels away is told to try again, and does not fail."""
    assert opened
    [number] = (await keys.numbers_of([("uuid", LABEL, "", "", "")])).values()
    with pytest.raises(Unavailable, match="try again"):
        await keys.keys_of([number, number + 1])


async def test_what_is_being_stored_keeps_its_keys(opened: str) -> None:
    """A purge waits for a transaction that has found its keys, and leaves them where it has stored a payload."""
    account, _ = await clients.create("A")
    key = "uuid", LABEL, "", "", ""
    number = (await keys.numbers_of([key]))[key]
    held = asyncio.Event()

    async def remove() -> int:
        await held.wait()
        return await keys.remove_unused()

    removing = asyncio.create_task(remove())
    async with connection.writing() as db:
        await keys.hold(db, {number})
        held.set()
        await asyncio.sleep(0.5)
        assert not removing.done()
        await db.execute(
            "INSERT INTO payload (client_id, analysis_id, type, digest, size, data, figures) "
            "VALUES (?, 1, 2, ?, 0, ?, ?)",
            account.id,
            b"digest",
            b"",
            b"\x81" + number.to_bytes(1) + b"\x91\x01",
        )
    assert await removing == 0
    assert await keys.keys_of([number]) == {number: key}
    assert opened


async def test_no_payload_loses_its_keys_to_a_purge(opened: str) -> None:
    """Accounts post and delete labels of their own while unused keys are removed without a pause: none in use goes."""
    assert opened
    accounts = [(await clients.create(f"Account {number}"))[0] for number in range(4)]
    over = False

    async def come_and_go(account: Account) -> None:
        for turn in range(25):
            row = secret(f"{LABEL} {turn % 3}", turn)
            assert not (await collect.collect(account, json.dumps([row]).encode())).refused
            [(packed,)] = await connection.reading().fetch(
                "SELECT figures FROM payload WHERE client_id = ?", account.id
            )
            assert await connection.reading().fetch_in(
                "SELECT id FROM figure_key WHERE id IN (*)", figures.unpack(packed)
            )
            if turn % 2:
                await clients.delete_stats(account.uuid)

    async def remove() -> int:
        removed = 0
        while not over:
            removed += await keys.remove_unused()
        return removed

    removing = asyncio.create_task(remove())
    await asyncio.gather(*map(come_and_go, accounts))
    over = True
    assert await removing > 0
    naive = NaiveModel()
    naive.post({**secret(f"{LABEL} {24 % 3}", 24), "client": account.name, "local": True} for account in accounts)
    query = charts.ChartQuery(
        type=processors.get("threat_average_on_date").stat_type, processor="threat_average_on_date"
    )
    assert json.loads((await charts.chart(query)).data) == naive.chart("threat_average_on_date")


async def test_figures_that_are_mended_keep_their_keys(opened: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A repair gives keys to a payload that a purge has looked at already: it waits, and none of them is removed."""
    assert opened
    account, _ = await clients.create("A")
    await collect.collect(account, json.dumps([secret()]).encode())
    await connection.main().execute("UPDATE payload SET figures = ?", figures.pack({}))
    look = keys._take_out_used  # noqa: SLF001 - what comes in its midst is what this is about
    repairing: list[asyncio.Task[list[Difference]]] = []

    async def repair() -> list[Difference]:
        return [difference async for difference in Verification(repair=True).differences()]

    async def look_and_be_overtaken(*what: Any) -> None:
        await look(*what)
        if not repairing:
            repairing.append(asyncio.create_task(repair()))
            await asyncio.wait(repairing, timeout=0.5)

    monkeypatch.setattr(keys, "_take_out_used", look_and_be_overtaken)
    assert await keys.remove_unused() == 1
    assert [difference.done for difference in await repairing[0]] == ["Mended"]
    assert await labels() == {LABEL}
    assert await repair() == []


# --- backups ------------------------------------------------------------------------------------------------


@pytest.fixture
def sqlite_service(tmp_path: Path) -> Iterator[Service]:
    """A running service on SQLite."""
    with running_service(f"sqlite:///{tmp_path / 'stats.sqlite3'}", tmp_path) as running:
        yield running


def test_a_backup_beside_a_writer_is_whole(sqlite_service: Service, tmp_path: Path) -> None:
    """A copy that is made while batches are stored holds all that were acknowledged before and none by half, and a
    service runs on it. Who may not read the database may not read the copy."""
    office = sqlite_service.client("A")
    copy = tmp_path / "copies" / "stats.sqlite3"
    copy.parent.mkdir()
    (tmp_path / "stats.sqlite3").chmod(0o640)
    over = threading.Event()
    acknowledged = []

    def post_on() -> None:
        for number in range(10_000):
            if over.is_set() and number:
                return
            batch = samples.rows(str(uuid.UUID(int=number)), str(TODAY), number)
            office.post("/api/v1/stats/", json=batch).raise_for_status()
            acknowledged.append(number)

    with ThreadPoolExecutor(1) as pool:
        posting = pool.submit(post_on)
        try:
            while not acknowledged:
                threading.Event().wait(0.01)
            least = len(acknowledged)
            said = Cli(sqlite_service.database_url, tmp_path).said("db", "backup", str(copy))
            most = len(acknowledged) + 1
        finally:
            over.set()
        posting.result()
    assert said.startswith("Copied sqlite://")
    assert str(copy.stat().st_size) in said
    assert copy.stat().st_mode & 0o777 == 0o640
    assert list(copy.parent.iterdir()) == [copy]
    with contextlib.closing(sqlite3.connect(copy)) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        counts = database.execute("SELECT COUNT(*), COUNT(DISTINCT analysis_id) FROM stat").fetchone()
    assert counts == (5 * counts[1], counts[1])
    assert least <= counts[1] <= most
    restored = Cli(f"sqlite:///{copy}", tmp_path)
    assert {one["name"]: one["activity"]["rows"] for one in restored.json("client", "list")}["A"] == counts[0]


def test_a_backup_replaces_nothing(tmp_path: Path) -> None:
    """A file that is there stays as it is; what cannot be copied or written is said, and leaves no file."""
    cli = Cli(f"sqlite:///{tmp_path / 'stats.sqlite3'}", tmp_path)
    assert "no database" in cli.refused("db", "backup", "copy")
    cli.said("client", "create", "A")
    (tmp_path / "there").write_text("precious")
    assert "there already" in cli.refused("db", "backup", "there")
    assert (tmp_path / "there").read_text() == "precious"
    assert "cannot be written" in cli.refused("db", "backup", "nowhere/copy")
    for file in tmp_path.glob("stats.sqlite3*"):
        file.unlink()
    (tmp_path / "stats.sqlite3").write_bytes(b"this is no database" * 999)
    assert cli.run("db", "backup", "copy").returncode == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["stats.sqlite3", "there"]


def test_a_backup_of_postgresql_is_another_programs_business(postgres: Postgres, tmp_path: Path) -> None:
    """The command says which, and that it was used wrongly."""
    assert "pg_dump" in Cli(postgres.url, tmp_path).refused("db", "backup", "copy", code=2)
    assert not (tmp_path / "copy").exists()
