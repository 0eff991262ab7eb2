"""Clients that abort at random moments, by the thousand: the last request is answered as fast as the first.

(What a single one that leaves does is in tests/service/test_api_aborts.py; who is slow in test_slow_clients.py.)
"""

import asyncio
import random
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import asyncpg
import httpx
import pytest

from tests.reliability.offices import Offices
from tests.servers import Service, running_service
from tests.service.test_api_aborts import abort

pytestmark = pytest.mark.long_on_postgres

MOST_MEGABYTES = 16
"""By how much the service's memory may grow, when its caches are full."""


def seconds_of_a_chart(service: Service) -> float:
    """How long a request takes that asks the database, in the middle of many."""
    spent = []
    for _ in range(30):
        began = time.perf_counter()
        assert service.admin.get("/stats/threats.json").status_code == httpx.codes.OK
        spent.append(time.perf_counter() - began)
    return statistics.median(spent)


def megabytes(service: Service) -> float:
    """How much memory the service has in use."""
    return int(Path(f"/proc/{service.process.pid}/statm").read_text().split()[1]) * 4096 / 2**20


def sessions(database_url: str) -> dict[str, int]:
    """What the service's connections to PostgreSQL are doing, and how many of them do it."""

    async def ask() -> dict[str, int]:
        database = await asyncpg.connect(database_url)
        try:
            rows = await database.fetch(
                "SELECT state, COUNT(*) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid() GROUP BY state"
            )
            return {row[0]: row[1] for row in rows}
        finally:
            await database.close()

    return asyncio.run(ask())


@pytest.mark.parametrize("aborts", [200, pytest.param(10_000, marks=[pytest.mark.long, pytest.mark.timeout(1_200)])])
def test_aborts_without_end_leave_the_service_as_it_was(database_url: str, tmp_path: Path, aborts: int) -> None:
    """Amid posts of others, requests of any kind are broken off at any moment. Then the service is as fast as before
    and hardly larger, none of its connections to the database is lost, and nothing that was acknowledged."""
    seed = random.randrange(1 << 32)
    print("seed", seed)  # noqa: T201 - shown where the test fails
    with running_service(database_url, tmp_path) as service:
        offices = Offices(service, 2, pause=0.05)
        with offices:
            offices.until_answered(20)
        fast = seconds_of_a_chart(service)
        sizes = []

        def leave(number: int) -> None:
            rng = random.Random(seed + number)
            for _ in range(aborts // 8):
                abort(service, rng)

        for half in range(2):
            with offices, ThreadPoolExecutor(4) as pool:
                for done in [pool.submit(leave, 4 * half + number) for number in range(4)]:
                    done.result()
            sizes.append(megabytes(service))
        assert seconds_of_a_chart(service) < 2 * fast + 0.01
        assert sizes[1] < sizes[0] + MOST_MEGABYTES
        if database_url.startswith("postgres"):
            assert sessions(database_url).keys() == {"idle"}
        with ThreadPoolExecutor(20) as pool:  # twice as many as it has connections to the database
            asked = pool.map(lambda _: httpx.get(f"{service.url}/stats/risks.json", timeout=10).status_code, range(40))
            assert set(asked) == {200}
        assert offices.answers.keys() == {200, 201}
        assert offices.broken == 0
        assert " ERROR " not in service.log()
