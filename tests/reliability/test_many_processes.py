"""Several processes on one database are one service: they start at once, and write the same rows at once."""

import asyncio
import contextlib
import datetime as dt
import random
import sqlite3
import threading
import time
import uuid
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self

import asyncpg
import httpx
import pytest

from service.errors import Unavailable
from service.storage import connection
from tests import samples
from tests.naive import PROCESSORS, NaiveModel
from tests.reliability.offices import differences, new_uuid
from tests.servers import Service

PROCESSES = 4
ANRS = [str(uuid.UUID(int=number, version=4)) for number in (1, 2)]
TODAY = dt.datetime.now(dt.UTC).date()
DAYS = [str(TODAY - dt.timedelta(days=number)) for number in (1, 2)]
RANGE = {"date_from": DAYS[-1], "date_to": DAYS[0]}

Place = tuple[str, str, str]
"""What a row is of: analysis, type, date."""

PLACES = {(anr, name, day) for anr in ANRS for name in samples.TYPES for day in DAYS}


def place(row: dict[str, Any]) -> Place:
    """What a row is of."""
    return row["anr"], row["type"], row["date"]


def applied(database_url: str) -> list[str]:
    """The migrations that the database says it has."""
    query = "SELECT version FROM aerich ORDER BY version"
    if database_url.startswith("sqlite"):
        with contextlib.closing(sqlite3.connect(database_url.removeprefix("sqlite:///"))) as database:
            return [row[0] for row in database.execute(query)]

    async def ask() -> list[str]:
        database = await asyncpg.connect(database_url)
        try:
            return [row[0] for row in await database.fetch(query)]
        finally:
            await database.close()

    return asyncio.run(ask())


@pytest.fixture(scope="module")
def processes(module_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Service]]:
    """Processes on ports of their own and one database, which was empty, all started at once."""
    folder = tmp_path_factory.mktemp("processes")
    with contextlib.ExitStack() as stack:
        services = [
            stack.enter_context(contextlib.closing(Service(module_database_url, folder))) for _ in range(PROCESSES)
        ]
        with ThreadPoolExecutor(PROCESSES) as pool:
            for started in [pool.submit(service.start) for service in services]:
                started.result()
        for service in services:
            stack.callback(service.stop)
        yield services


class Office:
    """A Front Office: an account, with a client for each process."""

    def __init__(self, processes: list[Service], rng: random.Random) -> None:
        self.name = new_uuid(rng)
        token = processes[0].client(self.name).headers["X-API-KEY"]
        self.clients = [service.client_with(token) for service in processes]

    def rows(self, process: int) -> list[dict[str, Any]]:
        """The account's rows, as a process gives them."""
        found = []
        for name in samples.TYPES:
            answer = self.clients[process].get("/api/v1/stats/", params={"type": name} | RANGE)
            assert answer.status_code == httpx.codes.OK, answer.text
            found += answer.json()["data"]
        return found


class Readers:
    """Look at charts on all processes, one after the other, while the block lasts. `statuses` are all answers'."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._over = threading.Event()
        self._pool = ThreadPoolExecutor(2)
        self.statuses: set[int] = set()
        self._looking: list[Future[None]] = []

    def __enter__(self) -> Self:
        self._looking = [self._pool.submit(self._look, number) for number in range(2)]
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._pool.shutdown()
        for done in self._looking:
            done.result()

    def _look(self, seed: int) -> None:
        rng = random.Random(seed)
        while not self._over.is_set():
            answer = chart(rng.choice(self._office.clients), rng.choice(list(PROCESSORS)), rng.choice([None, ANRS]))
            self.statuses.add(answer.status_code)


def chart(client: httpx.Client, processor: str, anrs: list[str] | None = None) -> httpx.Response:
    """The processor's chart of all accounts, or of these analyses of the client's account."""
    wanted = {"type": processor.partition("_")[0], "processor": processor} | RANGE
    body = wanted if anrs is None else wanted | {"anrs": anrs}
    return client.request("GET", "/api/v1/stats/processed/", json=body)


def compare(offices: list[Office]) -> None:
    """Hold all charts, on every process, against what the naive model makes of the rows that are stored now."""
    model = NaiveModel()
    for office in offices:
        model.post({"client": office.name, "local": True} | row for row in office.rows(0))
    for processor in PROCESSORS:
        for office in offices:
            for anrs in (None, ANRS, ANRS[:1]):
                expected = model.chart(processor, anrs=anrs, client=office.name if anrs else None)
                for client in office.clients:
                    assert chart(client, processor, anrs).json()["data"] == expected


@pytest.fixture
def offices(processes: list[Service], rng: random.Random) -> Iterator[list[Office]]:
    """Two accounts, which have analyses of the same UUIDs; deleted in the end, so that charts are empty again."""
    both = [Office(processes, rng), Office(processes, rng)]
    yield both
    assert differences(processes[0].database_url) == []
    admin = processes[0].admin
    for account in admin.get("/api/v1/client/").json()["data"]:
        if account["name"] in {office.name for office in both}:
            admin.delete(f"/api/v1/client/{account['uuid']}").raise_for_status()


def test_processes_that_start_at_once_migrate_once(processes: list[Service], module_database_url: str) -> None:
    """Four starts on an empty database apply each migration once, make one admin, and all serve."""
    versions = applied(module_database_url)
    assert versions
    assert len(versions) == len(set(versions))
    for service in processes:
        assert [account["name"] for account in service.admin.get("/api/v1/client/").json()["data"]] == ["admin"]


@pytest.mark.parametrize("rounds", [3, pytest.param(40, marks=[pytest.mark.long, pytest.mark.timeout(600)])])
def test_conflicting_posts_end_as_one_row_each(processes: list[Service], offices: list[Office], rounds: int) -> None:
    """All processes store the same rows with other data at the same moment, twice over, while charts are read.

    Every post is acknowledged. Each row has one UUID from first to last, a batch is stored as a whole, and the charts
    of every process are right.
    """
    together = threading.Barrier(2 * PROCESSES * len(offices))
    uuids: dict[tuple[str, Place], set[str]] = defaultdict(set)
    statuses: set[int] = set()

    def post_all(office: Office, number: int) -> None:
        client = office.clients[number % PROCESSES]
        for turn in range(rounds):
            batch = [
                row | {"anr": anr}
                for anr in ANRS
                for day in DAYS
                for row in samples.rows(anr, day, 100 * turn + number)
            ]
            random.Random(number).shuffle(batch)
            together.wait()
            answer = client.post("/api/v1/stats/", json=batch)
            statuses.add(answer.status_code)
            for row in answer.json().get("data", ()):
                uuids[office.name, place(row)].add(row["uuid"])

    with Readers(offices[0]) as readers, ThreadPoolExecutor(together.parties) as pool:
        posting = [pool.submit(post_all, office, number) for office in offices for number in range(2 * PROCESSES)]
        for done in posting:
            done.result()

    assert statuses == {201}
    assert readers.statuses == {200}
    for office in offices:
        rows = office.rows(0)
        assert {place(row) for row in rows} == PLACES
        assert {place(row): {row["uuid"]} for row in rows} == {one: uuids[office.name, one] for one in PLACES}
        variants = range(100 * rounds)
        last = next(
            v
            for v in variants
            if samples.payload("threat", v) == next(r["data"] for r in rows if r["type"] == "threat")
        )
        assert all(row["data"] == samples.payload(row["type"], last) for row in rows)
    compare(offices)
    assert not any("locked" in service.log() for service in processes)


@pytest.mark.parametrize("seconds", [2, pytest.param(40, marks=[pytest.mark.long, pytest.mark.timeout(600)])])
def test_whatever_goes_on_at_once_sums_are_right(
    processes: list[Service], offices: list[Office], rng: random.Random, seconds: int
) -> None:
    """Posts of some rows, deleted analyses and accounts that come and go, on all processes: nothing is refused, and in
    the end every process' charts are those of the rows that are left."""
    deadline = time.monotonic() + seconds
    answers: set[tuple[str, int]] = set()

    def note(answer: httpx.Response) -> None:
        answers.add((answer.request.method, answer.status_code))

    def play(office: Office, chance: random.Random) -> None:
        while time.monotonic() < deadline:
            client = chance.choice(office.clients)
            if chance.random() < 0.2:
                note(client.delete(f"/api/v1/stats/{chance.choice(ANRS)}"))
            else:
                batch = samples.rows(chance.choice(ANRS), chance.choice(DAYS), chance.randrange(5))
                note(client.post("/api/v1/stats/", json=chance.sample(batch, 3)))

    def come_and_go(chance: random.Random) -> None:
        while time.monotonic() < deadline:
            guest = Office(processes, chance)
            for client in guest.clients:
                for day in DAYS:
                    note(client.post("/api/v1/stats/", json=samples.rows(ANRS[0], day)))
            listed = processes[0].admin.get("/api/v1/client/").json()["data"]
            (number,) = (account["uuid"] for account in listed if account["name"] == guest.name)
            note(processes[-1].admin.delete(f"/api/v1/client/{number}"))

    with Readers(offices[0]) as readers, ThreadPoolExecutor(2 * PROCESSES + 1) as pool:
        guests = pool.submit(come_and_go, random.Random(rng.getrandbits(64)))
        players = [pool.submit(play, office, random.Random(rng.getrandbits(64))) for office in offices * PROCESSES]
        for done in [guests, *players]:
            done.result()
    assert answers == {("POST", 201), ("DELETE", 204)}
    assert readers.statuses == {200}
    compare(offices)


async def test_a_turn_that_never_comes_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A writer that another process keeps from its turn is told so; the same task can write later, and ends well."""
    monkeypatch.setattr(connection, "BUSY_MILLISECONDS", 50)
    before = set(threading.enumerate())
    file = tmp_path / "stats.sqlite3"
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as other:
        async with connection.connected(f"sqlite:///{file}"):
            own = connection.main().connection
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(Unavailable):
                async with connection.writing():
                    pass
            other.execute("ROLLBACK")
            assert connection.main().connection is own
            async with connection.writing() as db:
                await db.execute("CREATE TABLE proof (number INT)")
    for thread in set(threading.enumerate()) - before:
        thread.join(5)
        assert not thread.is_alive()


async def test_all_who_wait_are_told_at_once_that_no_turn_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Writers of one process queue up, and wait all for the same: the last one waits no longer than the first."""
    monkeypatch.setattr(connection, "BUSY_MILLISECONDS", 500)
    file = tmp_path / "stats.sqlite3"

    async def write() -> None:
        async with connection.writing():
            pass

    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as other:
        async with connection.connected(f"sqlite:///{file}"):
            other.execute("BEGIN IMMEDIATE")
            began = time.monotonic()
            outcomes = await asyncio.gather(*(write() for _ in range(8)), return_exceptions=True)
            assert [type(outcome) for outcome in outcomes] == [Unavailable] * 8
            assert time.monotonic() - began < 2
            other.execute("ROLLBACK")
            await asyncio.gather(*(write() for _ in range(8)))


@pytest.mark.long
def test_everybody_gets_a_turn(offices: list[Office]) -> None:
    """Of sixteen Front Offices that post without a pause none waits for seconds."""
    deadline = time.monotonic() + 20
    waits: list[float] = []

    def post_all(number: int) -> None:
        anr = str(uuid.UUID(int=100 + number, version=4))
        client = offices[0].clients[number % PROCESSES]
        turn = 0
        while (began := time.monotonic()) < deadline:
            assert client.post("/api/v1/stats/", json=samples.rows(anr, DAYS[0], turn % 7)).status_code == 201
            waits.append(time.monotonic() - began)
            turn += 1

    with ThreadPoolExecutor(4 * PROCESSES) as pool:
        for done in [pool.submit(post_all, number) for number in range(4 * PROCESSES)]:
            done.result()
    assert max(waits) < 3
