"""A database that goes away, comes back, cuts connections or is kept locked: nobody waits for long, nothing is lost."""

import asyncio
import contextlib
import functools
import random
import sqlite3
import threading
import time
import uuid
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest

from service.errors import Unavailable
from service.storage import connection
from tests import samples
from tests.constants import changed
from tests.reliability.offices import DAYS, Offices
from tests.reliability.restartable import FAST, IMMEDIATE, Restartable
from tests.servers import HOST, Service, embedded_postgres, running_service

T = TypeVar("T")

LONG = (pytest.mark.long, pytest.mark.timeout(3_600))
AT_MOST = 5.0
"""How many seconds a request takes longer than it took before, whatever becomes of the database. (On a machine that has
much else to do, all takes longer.)"""


@pytest.fixture(scope="module")
def restartable() -> Iterator[Restartable]:
    """A PostgreSQL server for the tests of this module."""
    with embedded_postgres() as server:
        made = Restartable(server)
        yield made
        made.stop(FAST)


@pytest.fixture
def postgres_service(restartable: Restartable, tmp_path: Path) -> Iterator[Service]:
    """A service on it."""
    with restartable.server.database() as url, running_service(url, tmp_path) as service:
        yield service


@pytest.mark.parametrize("rounds", [3, pytest.param(75, marks=LONG)])
def test_postgresql_may_go_and_come_back(
    restartable: Restartable, postgres_service: Service, rng: random.Random, rounds: int
) -> None:
    """It is stopped, crashes, or throws everybody out, in turn, amid posts and charts. Who asks meanwhile is told
    within 5 s to come back later; when it is there again all goes on by itself, and nothing is lost."""
    offices = Offices(postgres_service, rng, pause=0.02)
    with offices:
        offices.until_answered(5)
    ordinary = offices.slowest
    for number in range(rounds):
        with offices:
            offices.until_answered(rng.randrange(1, 10))
            fault = (FAST, IMMEDIATE, None)[number % 3]
            if fault is None:
                restartable.cut()
            else:
                restartable.stop(fault)
                time.sleep(rng.random() * 2)
                restartable.start()
            offices.until_answered(1)
        offices.check()
    _held_up_nobody(offices, ordinary)


def _held_up_nobody(offices: Offices, ordinary: float) -> None:
    """Whoever asked was answered, soon, and told to come back where need be. `ordinary`: how long it takes else."""
    print(offices.answers, offices.slowest)  # noqa: T201 - shown where the test fails
    assert offices.answers.keys() == {200, 201, 207, 503}
    assert offices.unclear == []
    assert offices.broken == 0
    assert offices.slowest < AT_MOST + ordinary


async def test_a_transaction_that_cannot_begin_loses_no_connection(restartable: Restartable) -> None:
    """More often than the pool has connections, the one that a transaction is given is dead: each time the writer is
    told, and afterwards there is a connection for everybody."""
    with restartable.server.database() as url:
        async with connection.connected(url):
            for _ in range(connection.POOL_SIZE + 2):
                await _reads_again()
                # The event loop stands still meanwhile, and so notices nothing of it.
                restartable.cut()
                with pytest.raises(Unavailable):
                    await _write()
            await _reads_again()
            async with asyncio.timeout(10):
                await asyncio.gather(*(_write() for _ in range(2 * connection.POOL_SIZE)))


async def _reads_again() -> None:
    """Wait until a query is answered."""
    async with asyncio.timeout(10):
        while True:
            try:
                await connection.reading().fetch("SELECT 1")
            except Unavailable:
                await asyncio.sleep(0.01)  # it may be said without waiting, and then nothing else would have its turn
            else:
                return


async def _write() -> None:
    async with connection.writing() as db:
        await db.fetch("SELECT 1")


class Forwarder:
    """A way to the server that can fall silent: as where a machine is gone, or a firewall drops what comes."""

    def __init__(self, url: str) -> None:
        self._target = httpx.URL(url)
        self._silent = False
        self._open: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._server = self._run(asyncio.start_server(self._connected, HOST, 0))
        self.url = str(self._target.copy_with(port=self._server.sockets[0].getsockname()[1]))

    def _run(self, doing: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(doing, self._loop).result()

    def cut(self, *, silent: bool) -> None:
        """Cut all connections. New ones are made; `silent`: and nothing is ever heard on them."""
        self._silent = silent
        self._run(self._cut())

    def close(self) -> None:
        """End it."""
        self._server.close()
        self.cut(silent=True)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _cut(self) -> None:
        for writer in self._open:
            writer.transport.abort()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*others, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        if self._silent:
            await reader.read()
        else:
            back, on = await asyncio.open_connection(self._target.host, self._target.port)
            self._open.add(on)
            await asyncio.gather(self._pass_on(reader, on), self._pass_on(back, writer))
        writer.close()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while part := await reader.read(65536):
                writer.write(part)
                await writer.drain()
        writer.close()


def test_a_server_that_is_gone_without_a_word_holds_up_nobody(
    restartable: Restartable, tmp_path: Path, rng: random.Random
) -> None:
    """Where connections are made and never answered, whoever asks is told within 5 s to come back later; when the
    server answers again, all goes on."""
    with (
        restartable.server.database() as url,
        contextlib.closing(Forwarder(url)) as way,
        running_service(way.url, tmp_path) as service,
    ):
        offices = Offices(service, rng)
        with offices:
            offices.until_answered(5)
            ordinary, refused = offices.slowest, offices.answers[503]
            way.cut(silent=True)
            deadline = time.monotonic() + 4 * AT_MOST
            while offices.answers[503] < refused + 10:
                assert time.monotonic() < deadline
                time.sleep(0.05)
            assert httpx.get(f"{service.url}/ready").status_code == httpx.codes.SERVICE_UNAVAILABLE
            way.cut(silent=False)
            offices.until_answered(3)
        _held_up_nobody(offices, ordinary)
        offices.check()


def ask(service: Service, number: int) -> int:
    """Ask the database for something through the service, or post something; the answer's status."""
    anr = str(uuid.UUID(int=number, version=4))
    if number % 2:
        return service.admin.get(f"/api/v1/stats/{anr}").status_code
    return service.admin.post("/api/v1/stats/", json=samples.rows(anr, DAYS[0])).status_code


@pytest.mark.parametrize("rounds", [1, pytest.param(20, marks=LONG)])
def test_a_server_that_freezes_holds_up_nobody(
    restartable: Restartable, postgres_service: Service, rng: random.Random, rounds: int
) -> None:
    """Its connections stay, and nothing is heard on them, for more askers than the pool has connections: they are told
    within 5 s to come back later; when the server goes on, so does all else."""
    offices, askers = Offices(postgres_service, rng, pause=0.02), 2 * connection.POOL_SIZE
    with offices:
        offices.until_answered(5)
    ordinary = offices.slowest
    for _ in range(rounds):
        with offices:
            offices.until_answered(rng.randrange(1, 10))
            with restartable.frozen(), ThreadPoolExecutor(askers) as pool:
                began = time.monotonic()
                asked = pool.map(functools.partial(ask, postgres_service), range(askers))
                assert set(asked) == {httpx.codes.SERVICE_UNAVAILABLE}
                assert time.monotonic() - began < AT_MOST + ordinary
                assert postgres_service.admin.get("/ready").status_code == httpx.codes.SERVICE_UNAVAILABLE
            offices.until_answered(1)
        offices.check()
    _held_up_nobody(offices, ordinary)


# --- SQLite locked by another process ----------------------------------------------------------------------


@contextlib.contextmanager
def locked(file: Path, how: str) -> Iterator[None]:
    """The database locked within the block, as by another program."""
    with contextlib.closing(sqlite3.connect(file, isolation_level=None, timeout=30)) as other:
        other.execute(f"BEGIN {how}")
        try:
            yield
        finally:
            other.execute("ROLLBACK")


def back_up(file: Path, to: Path, pages: int) -> None:
    """Copy the database, so many pages at a time, as the program sqlite3 does."""
    with contextlib.closing(sqlite3.connect(file)) as source, contextlib.closing(sqlite3.connect(to)) as target:
        source.backup(target, pages=pages)


@pytest.fixture
def sqlite_service(tmp_path: Path) -> Iterator[Service]:
    """A service on SQLite that waits for a lock for a second only."""
    hasty = changed(tmp_path / "constants", {"service.storage.connection.BUSY_MILLISECONDS": 1_000})
    with running_service(f"sqlite:///{tmp_path / 'stats.sqlite3'}", tmp_path, **hasty) as service:
        yield service


@pytest.mark.parametrize("rounds", [3, pytest.param(100, marks=LONG)])
def test_another_program_may_lock_sqlite(sqlite_service: Service, rng: random.Random, rounds: int) -> None:
    """A lock, or a copy that another program makes, is waited for, and charts are drawn meanwhile; where it lasts for
    too long, posts are told to come back later. Nothing is lost, and all goes on when it is over."""
    file = sqlite_service.folder / "stats.sqlite3"
    backup = sqlite_service.folder / "backup.sqlite3"
    offices = Offices(sqlite_service, rng, pause=0.01)
    with offices:
        offices.until_answered(5)
    ordinary = offices.slowest
    for number in range(rounds):
        with offices:
            offices.until_answered(1)
            if number % 3 == 2:
                back_up(file, backup, rng.randrange(1, 100))
            else:
                with locked(file, rng.choice(["IMMEDIATE", "EXCLUSIVE"])):
                    time.sleep(2.0 if number % 3 == 1 else rng.random() / 2)
                    drawn, began = offices.answers[200], time.monotonic()
                    while offices.answers[200] < drawn + 2:
                        assert time.monotonic() < began + AT_MOST
                        time.sleep(0.01)
            offices.until_answered(rng.randrange(1, 5))
        offices.check()
    _held_up_nobody(offices, ordinary)
