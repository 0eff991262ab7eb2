"""`serve --workers`: whatever process is killed, the service is back in seconds, and a stop loses no request.

The tests look at processes in /proc, so they need Linux.
"""

import contextlib
import functools
import json
import os
import random
import re
import signal
import socket
import sqlite3
import threading
import time
import uuid
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Self

import httpx
import pytest

from tests.constants import changed
from tests.reliability.offices import differences, new_uuid
from tests.samples import payload, rows
from tests.servers import ADMIN_TOKEN, Postgres, Service

WORKERS = 3
POSTERS = 4
SOON = 5.0
"""Within so many seconds of any kill the service has its full strength again, on a machine that is not busy."""

DAY = "2026-01-31"
VICTIMS = ("a worker", "all workers", "the supervisor", "all processes")


def children(process: int) -> set[int]:
    """The process' children."""
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it has just ended
            after_name = stat.read_text().rpartition(")")[2].split()
            if int(after_name[1]) == process and after_name[0] != "Z":
                found.add(int(stat.parent.name))
    return found


def serving(service: Service) -> set[int]:
    """The workers that live and serve."""
    said = {int(number) for number in re.findall(r"Worker (\d+) serves", service.log())}
    return children(service.process.pid) & said


def until(condition: Callable[[], bool], seconds: float = 30) -> bool:
    """Wait for a condition; whether it came true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def at_full_strength(service: Service, without: Collection[int] = ()) -> bool:
    """Whether all workers live and serve, none of them being one of these processes."""
    workers = serving(service)
    return len(workers) == WORKERS and workers.isdisjoint(without)


def kill(service: Service, victims: str) -> set[int]:
    """Kill those processes at once, in the way that no process can catch; all workers that have to be replaced."""
    supervisor = service.process.pid
    workers = children(supervisor)
    killed = {min(workers)} if victims == "a worker" else set() if victims == "the supervisor" else workers
    for process in [*killed] if victims.endswith(("a worker", "workers")) else [supervisor, *killed]:
        os.kill(process, signal.SIGKILL)
    return killed or workers


def started(service: Service) -> float:
    """Start it and wait for all workers; how many seconds a kill may take to be made good, which is more than SOON
    where the machine's other business makes starts slow."""
    began = time.monotonic()
    service.start("--workers", str(WORKERS))
    assert until(lambda: at_full_strength(service), 30)
    return max(SOON, 3 * (time.monotonic() - began))


@contextlib.contextmanager
def kept(service: Service) -> Iterator[float]:
    """The service running within the block: started anew, as a service manager does, when its main process has ended.

    Gives what `started` gives.
    """
    over = threading.Event()

    def keep() -> None:
        while not over.wait(0.05):
            if service.process.poll() is not None:
                with contextlib.suppress(RuntimeError):  # as a service manager would: try again
                    service.start("--workers", str(WORKERS))

    soon = started(service)
    keeper = threading.Thread(target=keep)
    keeper.start()
    try:
        yield soon
    finally:
        over.set()
        keeper.join()
        service.stop()


@pytest.fixture(scope="module")
def crew_and_limit(
    module_database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Service, float]]:
    """A service of several workers that a service manager keeps running, and how soon it is to be well again."""
    folder = tmp_path_factory.mktemp("crew")
    with contextlib.closing(Service(module_database_url, folder)) as service:
        with kept(service) as soon:
            yield service, soon
        assert differences(module_database_url) == []


@pytest.fixture
def crew(crew_and_limit: tuple[Service, float]) -> Service:
    """The service of `crew_and_limit`, at full strength."""
    service, soon = crew_and_limit
    assert until(lambda: at_full_strength(service), soon)
    return service


@pytest.fixture
def soon(crew_and_limit: tuple[Service, float]) -> float:
    """The seconds of `crew_and_limit`."""
    return crew_and_limit[1]


class Crowd:
    """Front Offices that post without a pause, each post on a new connection, while the block lasts.

    `statuses` are those of the answers, `stored` how many rows were acknowledged, `errors` the connections that broke,
    `slowest` the longest time in seconds that a post took, whatever came of it.
    """

    def __init__(self, service: Service, rng: random.Random) -> None:
        self._service = service
        self._over = threading.Event()
        self._pool = ThreadPoolExecutor(POSTERS)
        self.anrs = [new_uuid(rng) for _ in range(POSTERS)]
        self.statuses: set[int] = set()
        self.stored = 0
        self.slowest = 0.0
        self.errors: list[httpx.TransportError] = []

    def __enter__(self) -> Self:
        self._posting = [self._pool.submit(self._post_all, anr) for anr in self.anrs]
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._pool.shutdown()
        for done in self._posting:
            done.result()

    def _post_all(self, anr: str) -> None:
        one_use = httpx.Limits(max_keepalive_connections=0)
        headers = {"X-API-KEY": ADMIN_TOKEN}
        with httpx.Client(base_url=self._service.url, headers=headers, limits=one_use, timeout=30) as client:
            number = 0
            while not self._over.is_set():
                year, day = divmod(number, 28)
                row = {"anr": anr, "type": "risk", "date": f"{1900 + year}-02-{day + 1:02}", "data": payload("risk")}
                self._post(client, row)
                number += 1

    def _post(self, client: httpx.Client, row: dict[str, object]) -> None:
        began = time.monotonic()
        try:
            answer = client.post("/api/v1/stats/", json=[row])
        except httpx.TransportError as error:
            self.errors.append(error)
            time.sleep(0.01)
        else:
            self.statuses.add(answer.status_code)
            self.stored += answer.status_code == httpx.codes.CREATED
        self.slowest = max(self.slowest, time.monotonic() - began)

    def rows_found(self) -> int:
        """How many of the crowd's rows are stored."""
        return sum(len(self._service.admin.get(f"/api/v1/stats/{anr}").json()) for anr in self.anrs)


# --- kills --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("victims", ["a worker", "all workers", "all processes"])
def test_a_kill_is_soon_made_good(crew: Service, soon: float, rng: random.Random, victims: str) -> None:
    """Under posts: all workers serve again within 5 s, no connection hangs, and what was acknowledged is stored."""
    with Crowd(crew, rng) as crowd:
        time.sleep(0.3)
        gone = kill(crew, victims)
        assert until(lambda: at_full_strength(crew, without=gone), soon)
        time.sleep(0.1)  # whoever met a dead process knows by now
        broken = len(crowd.errors)
        time.sleep(0.3)
    assert len(crowd.errors) == broken
    assert crowd.statuses == {201}
    assert crowd.slowest < soon
    assert crowd.stored <= crowd.rows_found() <= crowd.stored + broken
    if victims in {"a worker", "all workers"}:  # the socket stays open: nobody is refused, at most cut off
        assert broken <= POSTERS
        assert not any(isinstance(error, httpx.ConnectError) for error in crowd.errors)


def test_a_worker_that_hangs_is_replaced(tmp_path: Path) -> None:
    """One that is alive and does nothing is killed after a time, while the others serve; it is said in the log.

    A supervisor that was held up itself, longer than a worker may be, does not take it for the workers' fault.
    """
    hasty = {"service.cli.workers.BEAT_SECONDS": 0.25, "service.cli.workers.SILENT_SECONDS": 2.0}
    constants = changed(tmp_path / "constants", hasty)
    with contextlib.closing(Service(f"sqlite:///{tmp_path / 'stats.sqlite3'}", tmp_path, **constants)) as service:
        started(service)
        try:
            workers = serving(service)
            for process in (service.process.pid, *workers):
                os.kill(process, signal.SIGSTOP)
            time.sleep(2.5)
            for process in (service.process.pid, *workers):
                os.kill(process, signal.SIGCONT)
            time.sleep(1)
            assert serving(service) == workers
            hanging = min(workers)
            os.kill(hanging, signal.SIGSTOP)
            assert until(lambda: at_full_strength(service, without={hanging}))
            assert not Path(f"/proc/{hanging}").exists()
            assert workers - {hanging} <= serving(service)
            assert f"Worker {hanging} has said nothing for" in service.log()
            assert service.admin.get("/api/v1/client/me").status_code == httpx.codes.OK
        finally:
            assert service.stop() == 0


@pytest.mark.long
def test_kills_without_end(crew: Service, soon: float, rng: random.Random) -> None:
    """Half a minute of kills at random: each is made good, and every acknowledged row is there."""
    deadline = time.monotonic() + 30
    with Crowd(crew, rng) as crowd:
        while time.monotonic() < deadline:
            time.sleep(rng.random())
            gone = kill(crew, rng.choice(VICTIMS))
            assert until(functools.partial(at_full_strength, crew, gone), soon)
    assert crowd.statuses == {201}
    assert crowd.slowest < soon
    assert crowd.stored <= crowd.rows_found()


def test_workers_that_cannot_start_are_tried_again_at_a_slow_pace(tmp_path: Path) -> None:
    """Where the database is away, dead workers are replaced ever more slowly, and soon after it is back all serve."""
    here, away = tmp_path / "here", tmp_path / "away"
    here.mkdir()
    with contextlib.closing(Service(f"sqlite:///{here / 'stats.sqlite3'}", tmp_path)) as service:
        soon = started(service)
        try:
            here.rename(away)
            gone, began = kill(service, "all workers"), time.monotonic()
            time.sleep(2)
            assert until(lambda: service.log().count("another one takes its place") >= 2 * WORKERS)
            deaths, seconds = service.log().count("another one takes its place"), time.monotonic() - began
            away.rename(here)
            assert deaths <= 5 * WORKERS * seconds
            assert until(lambda: at_full_strength(service, without=gone), soon)
            assert service.admin.get("/api/v1/client/me").status_code == httpx.codes.OK
        finally:
            assert service.stop() == 0


def test_a_first_start_that_fails_ends_the_service(postgres: Postgres, tmp_path: Path) -> None:
    """As with one process, what is wrong at the start is told and ends it: here too few connections for the workers."""
    role = f"narrow_{uuid.uuid4().hex}"
    postgres.execute(f"CREATE ROLE {role} LOGIN CONNECTION LIMIT 1")
    with postgres.database() as url:
        postgres.execute(f"ALTER DATABASE {url.rpartition('/')[2]} OWNER TO {role}")
        with contextlib.closing(Service(re.sub("//[^@]*@", f"//{role}@", url), tmp_path)) as service:
            with contextlib.suppress(RuntimeError):  # one worker may serve for a moment
                service.start("--workers", str(WORKERS))
            assert service.process.wait(30) == 1
            assert "too many connections" in service.log()
            assert "listens on" not in service.log()
    postgres.execute(f"DROP ROLE {role}")


# --- stops --------------------------------------------------------------------------------------------------


class HalfSent:
    """Posts of one row each, of which half is sent."""

    def __init__(self, service: Service, count: int) -> None:
        url = httpx.URL(service.url)
        self._halves: list[tuple[socket.socket, bytes]] = []
        for _ in range(count):
            body = json.dumps(rows(str(uuid.uuid4()), DAY)[:1]).encode()
            head = f"POST /api/v1/stats/ HTTP/1.1\r\nHost: stats\r\nX-API-KEY: {ADMIN_TOKEN}\r\n"
            wire = socket.create_connection((url.host, url.port or 80), timeout=30)
            wire.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body[:100])
            self._halves.append((wire, body[100:]))

    def finish(self) -> set[bytes]:
        """Send the rest; the first lines of the answers."""
        for wire, rest in self._halves:
            wire.sendall(rest)
        lines = set()
        for wire, _ in self._halves:
            with wire:
                lines.add(wire.recv(65536).partition(b"\r\n")[0])
        return lines


def refused(service: Service) -> bool:
    """Whether nobody listens any more."""
    url = httpx.URL(service.url)
    try:
        socket.create_connection((url.host, url.port or 80), timeout=5).close()
    except ConnectionRefusedError:
        return True
    except ConnectionResetError:  # it was still in the queue when the last one stopped to listen
        return False
    return False


@pytest.fixture
def workers(tmp_path: Path) -> Iterator[Service]:
    """A service of several workers on an SQLite file."""
    with contextlib.closing(Service(f"sqlite:///{tmp_path / 'stats.sqlite3'}", tmp_path)) as service:
        started(service)
        try:
            yield service
        finally:
            service.stop()
        assert differences(service.database_url) == []


@pytest.mark.parametrize("told", ["the supervisor", "all processes"])
def test_a_stop_finishes_what_is_under_way(workers: Service, told: str) -> None:
    """Posts that are half sent are taken and answered, nobody else is let in, and the exit code is 0.

    A service manager may send SIGTERM to all processes, more than once, and a terminal sends Ctrl-C to all.
    """
    supervisor = workers.process.pid
    posts = HalfSent(workers, 9)
    time.sleep(0.3)
    if told == "all processes":
        for process in children(supervisor):
            os.kill(process, signal.SIGINT)
    workers.process.terminate()
    assert until(lambda: refused(workers))
    if told == "all processes":
        for process in children(supervisor):
            os.kill(process, signal.SIGTERM)
    assert posts.finish() == {b"HTTP/1.1 201 Created"}
    assert workers.process.wait(30) == 0
    with contextlib.closing(sqlite3.connect(workers.folder / "stats.sqlite3")) as database:
        assert database.execute("SELECT COUNT(*) FROM stat").fetchone() == (9,)


def test_workers_finish_what_is_under_way_when_their_supervisor_is_killed(workers: Service) -> None:
    """They leave the port to its successor at once, answer what they had begun, and end."""
    old = children(workers.process.pid)
    posts = HalfSent(workers, 6)
    time.sleep(0.3)
    workers.process.kill()
    workers.process.wait()
    started(workers)
    assert posts.finish() == {b"HTTP/1.1 201 Created"}
    assert until(lambda: not any(Path(f"/proc/{process}").exists() for process in old))
