"""Front Offices that post without a pause whatever happens to the service, and what must be true afterwards.

Each keeps account of what it was told. A batch is the five rows of an analysis and day, made of another variant of the
payloads each time: so it can be told of each row when it was sent, and of each batch whether it is there by half. Half
of the batches replace what is there; the others are of analyses that are posted once, so that nothing that comes later
hides that they are lost. With each fifth comes a row that has to be refused.
"""

import asyncio
import itertools
import random
import threading
import time
import uuid
from collections import Counter, defaultdict
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

Ask = Callable[[httpx.Client, "Office", random.Random], httpx.Response]


def new_uuid(rng: random.Random) -> str:
    """A UUID that is drawn."""
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))


def differences(database_url: str, *, repair: bool = False) -> list[Difference]:
    """What `db verify` finds."""

    async def verify() -> list[Difference]:
        async with connection.connected(database_url):
            return [found async for found in Verification(repair=repair).differences()]

    with ThreadPoolExecutor(1) as pool:  # where no event loop runs, be the test what it may
        return pool.submit(asyncio.run, verify()).result()


class Office:
    """A Front Office: an account, which batches it sent of each place, and which was acknowledged last."""

    def __init__(self, service: Service, rng: random.Random) -> None:
        self.rng = random.Random(rng.getrandbits(64))  # who of several draws first is not of the seed
        self.name = f"office {new_uuid(self.rng)}"
        self.client = service.client(self.name)
        self.anrs = [new_uuid(self.rng) for _ in range(2)]
        self.numbers = itertools.count(1)
        self.sent: defaultdict[Place, list[int]] = defaultdict(list)
        self.acknowledged: Counter[Place] = Counter()
        self._checked: dict[Place, bool] = {}

    def rows(self) -> list[dict[str, Any]]:
        """Its rows, as the service gives them now."""
        found = []
        for name in samples.TYPES:
            answer = self.client.get("/api/v1/stats/", params={"type": name} | RANGE)
            assert answer.status_code == httpx.codes.OK, answer.text
            found += answer.json()["data"]
        return found

    def next_place(self) -> Place:
        """Where the next batch belongs."""
        return self.rng.choice([*self.anrs, new_uuid(self.rng), new_uuid(self.rng)]), self.rng.choice(DAYS)

    def check(self, rows: list[dict[str, Any]]) -> None:
        """Each batch is there as a whole: the one that was acknowledged last, or one that was sent after it. There is
        nothing else."""
        there: defaultdict[Place, dict[str, Any]] = defaultdict(dict)
        for row in rows:
            there[row["anr"], row["date"]][row["type"]] = row["data"]
        assert there.keys() <= self.sent.keys()
        for place, numbers in self.sent.items():
            possible = [number for number in numbers if number >= self.acknowledged[place]]
            whole = any(_batch(number) == there[place] for number in possible)
            assert whole or not (there[place] or self.acknowledged[place]), (place, possible, there[place].keys())
        self._checked = {place: bool(there[place]) for place in self.sent if place[0] not in self.anrs}

    def forget(self) -> None:
        """Delete the analyses that are posted once, as soon as they are checked: there would be ever more of them."""
        for place, is_there in self._checked.items():
            if is_there:
                assert self.client.delete(f"/api/v1/stats/{place[0]}").status_code == httpx.codes.NO_CONTENT
            del self.sent[place], self.acknowledged[place]
        self._checked.clear()


class Offices:
    """Front Offices that post, and readers that look at charts, while the block lasts.

    `answers`: how many answers of each status there were; `unclear`: those of 503 and 507 that do not say what to do;
    `refused`: how many connections were; `dropped`: when each request began that got no answer, `torn` how many got a
    part of one; `slowest`: how many seconds the slowest took, whatever came of it. `pause`: how long they wait, on
    average, before the next request. `kept`: whether they keep their connections.
    """

    def __init__(
        self, service: Service, rng: random.Random, count: int = 4, *, pause: float = 0.0, kept: bool = True
    ) -> None:
        self.offices = [Office(service, rng) for _ in range(count)]
        self.answers: Counter[int] = Counter()
        self.unclear: list[str] = []
        self.refused = 0
        self.dropped: list[float] = []
        self.torn = 0
        self.slowest = 0.0
        self._service = service
        self._rng = random.Random(rng.getrandbits(64))
        self._pause = pause
        self._limits = httpx.Limits(max_keepalive_connections=None if kept else 0)
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._at_work: list[Future[None]] = []

    @property
    def broken(self) -> int:
        """How many requests got no whole answer."""
        return self.refused + len(self.dropped) + self.torn

    def __enter__(self) -> Self:
        for office in self.offices:
            office.forget()
        self._over.clear()
        self._pool = ThreadPoolExecutor(len(self.offices) + 1)
        self._at_work = [self._pool.submit(self._work, self._post, office, office.rng) for office in self.offices]
        self._at_work.append(self._pool.submit(self._work, self._look, self.offices[0], self._rng))
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._pool.shutdown()
        for done in self._at_work:
            done.result()

    def until_answered(self, count: int = 1, seconds: float = 30) -> None:
        """Wait until that many more posts were acknowledged, those with a row that was refused not counted."""
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

    def _work(self, ask: Ask, office: Office, rng: random.Random) -> None:
        begun = threading.Event()
        how: dict[str, Any] = {
            "headers": {"X-API-KEY": office.client.headers["X-API-KEY"]},
            "event_hooks": {"response": [lambda _: begun.set()]},
            "limits": self._limits,
            "timeout": 60,
            "verify": NO_TLS,
        }
        with httpx.Client(base_url=self._service.url, **how) as client:
            while not self._over.is_set():
                began = time.monotonic()
                begun.clear()
                try:
                    answer = ask(client, office, rng)
                except httpx.TransportError as error:
                    self._note_failure(error, began, torn=begun.is_set())
                    time.sleep(0.02)
                else:
                    self._note(answer, began)
                if self._pause:
                    time.sleep(rng.random() * 2 * self._pause)

    def _note(self, answer: httpx.Response, began: float) -> None:
        with self._lock:
            self.slowest = max(self.slowest, time.monotonic() - began)
            self.answers[answer.status_code] += 1
            if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE and "retry-after" not in answer.headers:
                self.unclear.append(answer.text)
            if answer.status_code >= httpx.codes.BAD_REQUEST and not answer.json()["message"]:
                self.unclear.append(answer.text)

    def _note_failure(self, error: httpx.TransportError, began: float, *, torn: bool) -> None:
        with self._lock:
            self.slowest = max(self.slowest, time.monotonic() - began)
            if isinstance(error, httpx.ConnectError):
                self.refused += 1
            elif torn:
                self.torn += 1
            else:
                self.dropped.append(began)

    def _post(self, client: httpx.Client, office: Office, rng: random.Random) -> httpx.Response:
        place, number = office.next_place(), next(office.numbers)
        batch = [
            {"anr": place[0], "date": place[1], "type": name, "data": data} for name, data in _batch(number).items()
        ]
        is_mixed = number % 5 == 1
        if is_mixed:
            batch.insert(rng.randrange(6), batch[0] | {"data": "what no Front Office sends"})
        office.sent[place].append(number)
        answer = client.post("/api/v1/stats/", json=batch)
        if answer.is_success:
            assert answer.status_code == (httpx.codes.MULTI_STATUS if is_mixed else httpx.codes.CREATED)
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
