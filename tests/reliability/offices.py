"""Front Offices that post without a pause whatever happens to the service, and what must be true afterwards.

Each keeps account of what it was told. A batch is the five rows of an analysis and day, made of another variant of the
payloads each time: so it can be told of each row when it was sent, and of each batch whether it is there by half.
"""

import asyncio
import random
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Self

import httpx

from service.core.verify import Difference, Verification
from service.storage import connection
from tests import samples
from tests.naive import PROCESSORS, NaiveModel
from tests.servers import NO_TLS, Service

DAYS = ("2026-01-30", "2026-01-31")
RANGE = {"date_from": DAYS[0], "date_to": DAYS[-1]}

Place = tuple[str, str]
"""An analysis and a day."""


def differences(database_url: str, *, repair: bool = False) -> list[Difference]:
    """What `db verify` finds."""

    async def verify() -> list[Difference]:
        async with connection.connected(database_url):
            return [found async for found in Verification(repair=repair).differences()]

    return asyncio.run(verify())


class Office:
    """A Front Office: an account, which variant it sent last of each place, and which was acknowledged last."""

    def __init__(self, service: Service) -> None:
        self.name = f"office {uuid.uuid4()}"
        self.client = service.client(self.name)
        self.anrs = [str(uuid.uuid4()) for _ in range(2)]
        self.places = [(anr, day) for anr in self.anrs for day in DAYS]
        self.sent: Counter[Place] = Counter()
        self.acknowledged: Counter[Place] = Counter()

    def rows(self) -> list[dict[str, Any]]:
        """Its rows, as the service gives them now."""
        found = []
        for name in samples.TYPES:
            answer = self.client.get("/api/v1/stats/", params={"type": name} | RANGE)
            assert answer.status_code == httpx.codes.OK, answer.text
            found += answer.json()["data"]
        return found

    def check(self, rows: list[dict[str, Any]]) -> None:
        """Each batch is there as a whole: the one that was acknowledged last, or one that was sent after it."""
        for place in self.places:
            there = {row["type"]: row["data"] for row in rows if (row["anr"], row["date"]) == place}
            possible = range(max(self.acknowledged[place], 1), self.sent[place] + 1)
            whole = (number for number in possible if _batch(number) == there)
            assert next(whole, None) or (not there and not self.acknowledged[place]), (place, possible, there.keys())


class Offices:
    """Front Offices that post, and readers that look at charts, while the block lasts.

    `answers`: how many answers of each status there were; `unclear`: those of 503 and 507 that do not say what to do;
    `broken`: how many requests got no answer, `torn` how many of them got a part of one; `slowest`: how many seconds
    the slowest took, whatever came of it. `pause`: how long they wait, on average, before the next request. `kept`:
    whether they keep their connections.
    """

    def __init__(self, service: Service, count: int = 4, *, pause: float = 0.0, kept: bool = True) -> None:
        self.offices = [Office(service) for _ in range(count)]
        self.answers: Counter[int] = Counter()
        self.unclear: list[str] = []
        self.broken = 0
        self.torn = 0
        self.slowest = 0.0
        self._service = service
        self._pause = pause
        self._limits = httpx.Limits(max_keepalive_connections=None if kept else 0)
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._at_work: list[Future[None]] = []

    def __enter__(self) -> Self:
        self._over.clear()
        self._pool = ThreadPoolExecutor(len(self.offices) + 1)
        self._at_work = [self._pool.submit(self._work, self._post, office) for office in self.offices]
        self._at_work.append(self._pool.submit(self._work, self._look, self.offices[0]))
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._pool.shutdown()
        for done in self._at_work:
            done.result()

    def until_answered(self, count: int = 1, seconds: float = 30) -> None:
        """Wait until that many more posts were acknowledged."""
        wanted, deadline = self.answers[201] + count, time.monotonic() + seconds
        while self.answers[201] < wanted:
            assert time.monotonic() < deadline, f"no post was taken for {seconds} s: {self.answers}"
            time.sleep(0.01)

    def check_posts(self) -> list[tuple[Office, list[dict[str, Any]]]]:
        """What was acknowledged is there, nothing by half, and `db verify` finds nothing; the rows of each office."""
        found = [(office, office.rows()) for office in self.offices]
        for office, rows in found:
            office.check(rows)
        assert differences(self._service.database_url) == []
        return found

    def check(self) -> None:
        """The same, and all charts are what the rows of the offices add up to, who are all that there are."""
        model = NaiveModel()
        for office, rows in self.check_posts():
            model.post({"client": office.name, "local": True} | row for row in rows)
        one = self.offices[0]
        for processor in PROCESSORS:
            for anrs in (None, one.anrs):
                answer = _chart(one.client, processor, anrs)
                assert answer.status_code == httpx.codes.OK, answer.text
                expected = model.chart(processor, anrs=anrs, client=one.name if anrs else None)
                assert answer.json()["data"] == expected, (processor, anrs)

    def _work(self, ask: Callable[[httpx.Client, Office, random.Random], httpx.Response], office: Office) -> None:
        rng = random.Random(office.name)
        headers = {"X-API-KEY": office.client.headers["X-API-KEY"]}
        how: dict[str, Any] = {"headers": headers, "limits": self._limits, "timeout": 60, "verify": NO_TLS}
        with httpx.Client(base_url=self._service.url, **how) as client:
            while not self._over.is_set():
                began = time.monotonic()
                try:
                    answer = ask(client, office, rng)
                except httpx.TransportError as error:
                    self.torn += "complete" in str(error)  # "peer closed connection without sending complete ..."
                    self._note(None, time.monotonic() - began)
                    time.sleep(0.02)
                else:
                    self._note(answer, time.monotonic() - began)
                if self._pause:
                    time.sleep(rng.random() * 2 * self._pause)

    def _note(self, answer: httpx.Response | None, seconds: float) -> None:
        with self._lock:
            self.slowest = max(self.slowest, seconds)
            if answer is None:
                self.broken += 1
                return
            self.answers[answer.status_code] += 1
            if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE and "retry-after" not in answer.headers:
                self.unclear.append(answer.text)
            if answer.status_code >= httpx.codes.BAD_REQUEST and not answer.json()["message"]:
                self.unclear.append(answer.text)

    def _post(self, client: httpx.Client, office: Office, rng: random.Random) -> httpx.Response:
        place = rng.choice(office.places)
        office.sent[place] += 1
        number = office.sent[place]
        batch = [
            {"anr": place[0], "date": place[1], "type": name, "data": data} for name, data in _batch(number).items()
        ]
        answer = client.post("/api/v1/stats/", json=batch)
        if answer.status_code == httpx.codes.CREATED:
            office.acknowledged[place] = number
        return answer

    def _look(self, client: httpx.Client, office: Office, rng: random.Random) -> httpx.Response:
        return _chart(client, rng.choice(list(PROCESSORS)), rng.choice([None, office.anrs]))


def _batch(number: int) -> dict[str, Any]:
    """The data of a batch by type."""
    return {name: samples.payload(name, number) for name in samples.TYPES}


def _chart(client: httpx.Client, processor: str, anrs: list[str] | None) -> httpx.Response:
    asked = {"type": processor.partition("_")[0], "processor": processor, "anrs": anrs} | RANGE
    return client.request("GET", "/api/v1/stats/processed/", json=asked)
