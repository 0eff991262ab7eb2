"""A disk that is full: who posts is told so, reading goes on, and posting too as soon as there is room."""

import contextlib
import os
import pwd
import random
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from tests import samples
from tests.reliability.offices import Offices, new_uuid
from tests.reliability.restartable import FAST, Restartable
from tests.servers import Postgres, Service, embedded_postgres, running_service

pytestmark = pytest.mark.long_on_postgres

LONG = (pytest.mark.long, pytest.mark.timeout(3_600))


def a_disk(megabytes: int) -> Iterator[Path]:
    """A folder on a small disk of its own, which everybody may enter."""
    with tempfile.TemporaryDirectory(prefix="disk-") as name:
        mounting = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=711", "tmpfs", name]
        if os.geteuid() != 0 or subprocess.run(mounting, capture_output=True, check=False).returncode != 0:
            pytest.skip("a small disk can only be made by root, where mounting is allowed")
        Path(name).chmod(0o711)
        try:
            yield Path(name)
        finally:
            subprocess.run(["umount", name], check=True)


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A disk with room for some thousand batches."""
    yield from a_disk(64)


@pytest.fixture
def disk() -> Iterator[Path]:
    """A disk with room for a PostgreSQL server."""
    yield from a_disk(512)


class Ballast:
    """A file that fills a disk."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = folder / "ballast"

    def fill(self, left: int) -> None:
        """Leave so many bytes of room, about."""
        room = os.statvfs(self._folder)
        # Others write too: perhaps there is less by now.
        with contextlib.suppress(OSError), self._file.open("ab", buffering=0) as file:
            file.write(bytes(max(room.f_bavail * room.f_frsize - left, 0)))

    def remove(self) -> None:
        """Make room."""
        self._file.unlink()


def fill_again_and_again(service: Service, disk: Path, rng: random.Random, fills: int, room: int) -> Offices:
    """Fill the disk up to `room` bytes or less, amid posts and charts, make room, and check what is stored."""
    offices = Offices(service, rng, pause=0.01)
    ballast = Ballast(disk)
    for _ in range(fills):
        with offices:
            offices.until_answered(rng.randrange(1, 5))
            drawn, deadline = offices.answers[200], time.monotonic() + 60
            ballast.fill(rng.randrange(room))
            # What is replaced finds room where its predecessor was; what is new needs more and more.
            while (status := post_new(service, rng)) != 507 or offices.answers[200] < drawn + 5:
                assert status in {201, 507}
                assert time.monotonic() < deadline, offices.answers
            ballast.remove()
            offices.until_answered(5)
        offices.check()
    print(offices.answers, offices.slowest)  # noqa: T201 - shown where the test fails
    return offices


def post_new(service: Service, rng: random.Random) -> int:
    """Post an analysis that is not there yet; the answer's status."""
    return service.admin.post("/api/v1/stats/", json=samples.rows(new_uuid(rng), "2026-06-01")).status_code


@pytest.mark.parametrize("fills", [1, pytest.param(20, marks=LONG)])
def test_a_full_disk_under_sqlite(small_disk: Path, tmp_path: Path, rng: random.Random, fills: int) -> None:
    """Posts are answered 507 and nothing of them is stored, charts are drawn, and when there is room posts are taken
    again; nothing is lost or corrupt."""
    with running_service(f"sqlite:///{small_disk / 'stats.sqlite3'}", tmp_path) as service:
        offices = fill_again_and_again(service, small_disk, rng, fills, 200_000)
    assert offices.answers.keys() <= {200, 201, 207, 507}
    assert offices.unclear == []
    assert offices.broken == 0


@pytest.mark.parametrize("fills", [1, pytest.param(20, marks=LONG)])
def test_a_full_disk_under_postgresql(
    postgres: Postgres, small_disk: Path, tmp_path: Path, rng: random.Random, fills: int
) -> None:
    """The same where the disk of its tables is full."""
    name = f"small_{uuid.uuid4().hex}"
    owner = pwd.getpwnam("nobody")
    folder = small_disk / "tables"
    folder.mkdir(mode=0o700)
    os.chown(folder, owner.pw_uid, owner.pw_gid)
    try:
        postgres.execute(f"CREATE TABLESPACE {name} LOCATION '{folder}'")
    except asyncpg.PostgresError as error:
        pytest.skip(f"the server that was given cannot use a disk of the test's: {error}")
    try:
        with postgres.database() as url:
            postgres.execute(f"ALTER DATABASE {url.rpartition('/')[2]} SET TABLESPACE {name}")
            with running_service(url, tmp_path) as service:
                offices = fill_again_and_again(service, small_disk, rng, fills, 100_000)
    finally:
        postgres.execute(f"DROP TABLESPACE {name}")
    assert offices.answers.keys() <= {200, 201, 207, 507}
    assert offices.unclear == []
    assert offices.broken == 0


@pytest.mark.long
@pytest.mark.timeout(1_200)
def test_a_full_disk_that_stops_postgresql(
    disk: Path, tmp_path: Path, rng: random.Random, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where there is no room for its log, PostgreSQL stops. Posts are answered 507 or 503; when there is room and it is
    started again, posts are taken by themselves, and nothing is lost or corrupt."""
    monkeypatch.setattr(tempfile, "tempdir", str(disk))
    stops = 0
    with embedded_postgres("max_wal_size=32MB", "min_wal_size=32MB", "wal_recycle=off") as server:
        restartable = Restartable(server)
        with server.database() as url, running_service(url, tmp_path) as service:
            offices = Offices(service, rng, pause=0.01)
            ballast = Ballast(disk)
            for _ in range(5):
                with offices:
                    offices.until_answered(rng.randrange(1, 5))
                    refused = offices.answers[507] + offices.answers[503]
                    ballast.fill(rng.randrange(2_000_000))
                    deadline = time.monotonic() + 10
                    while (running := restartable.runs()) and time.monotonic() < deadline:
                        with contextlib.suppress(OSError, asyncpg.PostgresError):
                            server.execute("SELECT pg_switch_wal()")
                        time.sleep(0.1)
                    assert offices.answers[507] + offices.answers[503] > refused
                    ballast.remove()
                    if not running:
                        stops += 1
                        restartable.start()
                    offices.until_answered(5, seconds=60)
                offices.check()
        restartable.stop(FAST)
    print(offices.answers, offices.slowest, stops)  # noqa: T201 - as above
    assert stops
    assert offices.answers.keys() <= {200, 201, 207, 503, 507}
    assert offices.unclear == []
    assert offices.broken == 0
