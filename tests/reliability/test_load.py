"""The loads that the service holds, with the limits that are shipped, and what it does with more than that."""

import asyncio
import datetime as dt
import time
import uuid
from collections import Counter
from pathlib import Path

import httpx
import msgspec
import pytest

from tests.benchmarks import client
from tests.benchmarks.load import Size, both, children
from tests.benchmarks.many import serving
from tests.reliability.offices import differences
from tests.samples import payload
from tests.servers import Service

MOST_GROWTH = 64
"""Megabytes by which all processes together may grow after the first fifth of a load, while the answers and sums fill
up that they keep (a bounded number)."""

SMALL = Size(analyses=20, days=10, per_account=5, storming=30)

CROWD = 400
"""Connections at once."""

EACH = 4
"""Requests of each: of all together few may be answered."""

PATIENCE = 10.0
"""Seconds that an answer takes at most, even on a machine that has much else to do."""

TODAY = str(dt.datetime.now(dt.UTC).date())


@pytest.mark.long_on_postgres
@pytest.mark.parametrize("seconds", [2, pytest.param(600, marks=[pytest.mark.long, pytest.mark.timeout(2_400)])])
def test_readers_beside_posters_and_the_storm_of_five_past_midnight(
    database_url: str, tmp_path: Path, seconds: int
) -> None:
    """64 connections read charts while 8 post; then Front Offices storm in within the time (or each minute): every
    answer is a success, the sums are right in the end, and in the long one memory stays. `-s` shows the figures."""
    small = seconds < 60
    size = SMALL if small else Size()
    loads = asyncio.run(both(database_url, tmp_path / "service", size, seconds=seconds))
    for asking, memory in loads:
        assert not asking.failures
        assert asking.rows > 0
        assert small or memory.growth < MOST_GROWTH, memory.told()
    assert sum(map(len, loads[1][0].spent.values())) == size.storming * max(seconds // 60, 1)
    assert differences(database_url) == []


def test_more_than_an_account_may_ask_is_shed(database_url: str, tmp_path: Path) -> None:
    """A crowd asks all at once, and some post: what is too much is told when to come back, no process falls over,
    others come in all the while, and what was acknowledged is there."""
    limits = {"ACCOUNT_REQUESTS_PER_MINUTE": "100", "ADDRESS_REQUESTS_PER_MINUTE": "12000"}
    with serving(database_url, tmp_path / "service", 2, **limits) as service:
        processes = children(service.process.pid)
        crowd = _Crowd(service, service.client("crowd").headers["X-API-KEY"])
        other = service.client("other").headers["X-API-KEY"]
        asyncio.run(crowd.come(other))
        assert crowd.answers[429] > crowd.answers[200] > 0
        assert crowd.answers.keys() <= {200, 201, 429, 503}
        assert crowd.others.keys() == {200}
        assert crowd.slowest < PATIENCE
        assert children(service.process.pid) == processes
        rows = service.admin.get("/api/v1/stats/", params={"type": "risk"}).json()["data"]
        assert crowd.acknowledged
        assert {each["anr"] for each in rows} == crowd.acknowledged
    assert differences(database_url) == []


class _Crowd:
    """How often each answer came, and the analyses whose rows were taken; what another account was answered meanwhile,
    and the seconds that it waited at most."""

    def __init__(self, service: Service, token: str) -> None:
        self._url, self._token = service.url, token
        self.answers: Counter[int] = Counter()
        self.others: Counter[int] = Counter()
        self.slowest = 0.0
        self.acknowledged: set[str] = set()

    async def come(self, other: str) -> None:
        """All ask, and so does another account, with its own token, until they are through."""
        asking = asyncio.gather(*(self._ask(number) for number in range(CROWD)))
        connection = await client.connect(self._url, other)
        while not asking.done():
            start = time.monotonic()
            status, _, _ = await connection.ask("GET", "/api/v1/client/me")
            self.slowest = max(self.slowest, time.monotonic() - start)
            self.others[status] += 1
            await asyncio.sleep(1.0)  # it has its limit, too
        connection.close()
        await asking

    async def _ask(self, number: int) -> None:
        """Ask for charts, and post a row each tenth time."""
        connection = await client.connect(self._url, self._token)
        for turn in range(EACH):
            if (number + turn) % 10:
                asked = {"type": "risk", "processor": "risk_averages"}
                await self._count(connection, "GET", "/api/v1/stats/processed/", asked)
            else:
                anr = str(uuid.uuid4())
                row = {"anr": anr, "type": "risk", "date": TODAY, "data": payload("risk")}
                if await self._count(connection, "POST", "/api/v1/stats/", [row]) == httpx.codes.CREATED:
                    self.acknowledged.add(anr)
        connection.close()

    async def _count(self, connection: client.Connection, method: str, path: str, body: object) -> int:
        status, headers, _ = await connection.ask(method, path, msgspec.json.encode(body))
        self.answers[status] += 1
        assert status < 400 or int(headers["retry-after"]) > 0
        return status
