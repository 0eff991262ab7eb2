"""Clients that abort at random moments, by the thousand: the last request is answered as fast as the first.

(What a single one that leaves does is in tests/service/test_api_aborts.py; who is slow in test_slow_clients.py.)
"""

import asyncio
import random
import statistics
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from service.storage.connection import POOL_SIZE
from tests.reliability.offices import Offices
from tests.servers import NO_TLS, Service, locked, running_service
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


async def sessions_at_work(service: Service, requests: int) -> int:
    """How many connections to PostgreSQL so many requests at once are given, which all wait for a locked table.

    (That a connection is idle says nothing: one that the pool has lost is idle too.)
    """
    query = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    how: dict[str, Any] = {"base_url": service.url, "headers": service.admin.headers, "timeout": 30, "verify": NO_TLS}
    looking = await asyncpg.connect(service.database_url)
    async with httpx.AsyncClient(**how) as client:
        async with locked(service.database_url, "stat"):
            asked = [asyncio.create_task(client.get(f"/api/v1/stats/{uuid.UUID(int=n)}")) for n in range(requests)]
            waiting, deadline = 0, time.monotonic() + 10
            while waiting < requests and time.monotonic() < deadline:
                await asyncio.sleep(0.05)
                waiting = await looking.fetchval(query)
        assert [(await each).status_code for each in asked] == [httpx.codes.OK] * requests
    await looking.close()
    return waiting


@pytest.mark.parametrize("aborts", [200, pytest.param(10_000, marks=[pytest.mark.long, pytest.mark.timeout(1_200)])])
def test_aborts_without_end_leave_the_service_as_it_was(
    database_url: str, tmp_path: Path, rng: random.Random, aborts: int
) -> None:
    """Amid posts of others, requests of any kind are broken off at any moment. Then the service is as fast as before
    and hardly larger, none of its connections to the database is lost, and nothing that was acknowledged."""
    with running_service(database_url, tmp_path) as service:
        offices = Offices(service, rng, 2, pause=0.05)
        with offices:
            offices.until_answered(20)
        fast = seconds_of_a_chart(service)
        sizes = []

        def leave(chance: random.Random) -> None:
            for _ in range(aborts // 8):
                abort(service, chance)

        for _ in range(2):
            with offices, ThreadPoolExecutor(4) as pool:
                for done in [pool.submit(leave, random.Random(rng.getrandbits(64))) for _ in range(4)]:
                    done.result()
            sizes.append(megabytes(service))
        assert seconds_of_a_chart(service) < 2 * fast + 0.01
        assert sizes[1] < sizes[0] + MOST_MEGABYTES
        if database_url.startswith("postgres"):
            assert asyncio.run(sessions_at_work(service, POOL_SIZE)) == POOL_SIZE
        with ThreadPoolExecutor(2 * POOL_SIZE) as pool:
            asked = pool.map(lambda _: httpx.get(f"{service.url}/stats/risks.json", timeout=10).status_code, range(40))
            assert set(asked) == {200}
        offices.check_posts()
        print(offices.answers, offices.slowest, sizes, fast)  # noqa: T201 - shown where the test fails
        assert offices.answers.keys() == {200, 201, 207}
        assert offices.broken == 0
        assert " ERROR " not in service.log()
