"""The loads that the service holds, with the limits that are shipped, and what it does with more than that."""

import asyncio
import datetime as dt
import uuid
from collections import Counter
from pathlib import Path

import httpx
import msgspec
import pytest

from service.settings import Settings
from tests.benchmarks import client
from tests.benchmarks.load import both
from tests.reliability.offices import differences
from tests.samples import payload
from tests.servers import LIMITS, Service, running_service

MOST_GROWTH = 64
"""Megabytes by which all processes together may grow after the first fifth of a load, while the answers and sums fill
up that they keep (a bounded number)."""

SMALL = {"analyses": 50, "days": 10, "storming": 30}
LARGE = {"analyses": 800, "days": 90, "storming": 300}

CROWD = 400
"""Connections at once; with `EACH` requests of each they are more than an account may ask in a minute."""

EACH = 10

TODAY = str(dt.datetime.now(dt.UTC).date())


@pytest.mark.parametrize("seconds", [4, pytest.param(600, marks=[pytest.mark.long, pytest.mark.timeout(2_400)])])
def test_readers_beside_posters_and_the_storm_of_five_past_midnight(
    database_url: str, tmp_path: Path, seconds: int
) -> None:
    """64 connections read charts while 8 post; then Front Offices storm in within the time (or each minute): every
    answer is a success, memory stays, and the sums are right in the end. `-s` shows the figures."""
    small = seconds < 60
    size = SMALL if small else LARGE
    loads = asyncio.run(both(database_url, tmp_path / "service", seconds=seconds, workers=2, **size))
    for asking, memory in loads:
        assert not asking.failures
        assert asking.rows > 0
        assert small or memory.growth < MOST_GROWTH, memory.told()
    assert sum(map(len, loads[1][0].spent.values())) == size["storming"] * max(seconds // 60, 1)
    assert differences(database_url) == []


def test_more_than_an_account_may_ask_is_shed(database_url: str, tmp_path: Path) -> None:
    """A crowd asks all at once, and some post: what is too much is told when to come back, no process falls over,
    others come in meanwhile, and what was acknowledged is there."""
    shipped = {name: str(getattr(Settings(), name.lower())) for name in LIMITS}
    with running_service(database_url, tmp_path, **shipped) as service:
        own, other = service.client("crowd"), service.client("other")
        crowd = _Crowd(service, own.headers["X-API-KEY"])

        async def ask() -> int:
            asking = asyncio.gather(*(crowd.ask(number) for number in range(CROWD)))
            status = (await asyncio.to_thread(other.get, "/api/v1/client/me")).status_code
            await asking
            return status

        assert asyncio.run(ask()) == httpx.codes.OK
        assert crowd.answers[429] > 0
        assert crowd.answers.keys() <= {200, 201, 429, 503}
        assert service.process.poll() is None
        rows = service.admin.get("/api/v1/stats/", params={"type": "risk"}).json()["data"]
        assert crowd.acknowledged
        assert {each["anr"] for each in rows} == crowd.acknowledged
    assert differences(database_url) == []


class _Crowd:
    """How often each answer came, and the analyses whose rows were taken."""

    def __init__(self, service: Service, token: str) -> None:
        self._url, self._token = service.url, token
        self.answers: Counter[int] = Counter()
        self.acknowledged: set[str] = set()

    async def ask(self, number: int) -> None:
        """Charts, and each tenth time a row."""
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
