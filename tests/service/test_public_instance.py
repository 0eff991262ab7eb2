"""A public instance: what anybody sees of it, through the real service. (The rule by itself: `test_disclosure`.)"""

import asyncio
import datetime as dt
import itertools
import json
import threading
import uuid
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.core import charts, clients, collect
from service.core.disclosure import Protection
from service.records import StatType
from service.storage import connection, migrate
from tests.naive import NaiveModel
from tests.samples import TYPES, payload
from tests.servers import Service, running_service

pytestmark = pytest.mark.long_on_postgres

RISKS = "/stats/risks.json"
ANR = uuid.UUID(int=1)


def ago(days: int) -> str:
    """A day of the past, as the service counts days (UTC)."""
    return str(dt.datetime.now(dt.UTC).date() - dt.timedelta(days=days))


def risk(value: int) -> Any:
    """The data of a row of type risk of which all levels have the same value."""
    levels = [{"level": level, "value": value} for level in ("Low risks", "Medium risks", "High risks")]
    kinds = {"informational": levels, "operational": []}
    return {"risks": {"current": kinds, "residual": []}, "total": []}


class Office:
    """An account of a service. (A client of httpx of its own for each would take longer than all else.)"""

    def __init__(self, service: Service, name: str, *, local: bool = True) -> None:
        self.http = service.admin
        fields = {"name": name, "local": local}
        self.made = self.http.post("/api/v1/client/", json=fields).raise_for_status().json()
        self.headers = {"X-API-KEY": self.made["token"]}

    def post(self, *days: int, value: int) -> None:
        """Send a row of type risk for days of the past: of its only analysis, so a second one replaces it."""
        self.send([{"anr": str(ANR), "type": "risk", "date": ago(day), "data": risk(value)} for day in days])

    def send(self, rows: list[dict[str, Any]]) -> None:
        """Send rows."""
        self.http.post("/api/v1/stats/", json=rows, headers=self.headers).raise_for_status()

    def processed(self, **query: Any) -> Any:
        """The data of a chart."""
        return self.http.get("/api/v1/stats/processed/", params=query, headers=self.headers).json()["data"]

    def delete_analysis(self) -> None:
        """Delete all that `post` sent."""
        self.http.delete(f"/api/v1/stats/{ANR}", headers=self.headers).raise_for_status()

    def delete(self) -> None:
        """Let the account be deleted."""
        self.http.delete(f"/api/v1/client/{self.made['uuid']}").raise_for_status()


def seen(client: httpx.Client, **query: Any) -> dict[str, float]:
    """What anybody sees of the low risks: the mean by day."""
    data = client.get(RISKS, params=query).raise_for_status().json()
    return {point["date"]: point["value"] for point in data["current"]["informational"]["Low risks"]} if data else {}


@pytest.fixture
def public(database_url: str, tmp_path: Path) -> Iterator[Service]:
    """A public instance."""
    with running_service(database_url, tmp_path, PUBLIC_INSTANCE="1") as running:
        yield running


PATHS = {
    "risk": RISKS,
    "threat": "/stats/threats.json",
    "vulnerability": "/stats/vulnerabilities.json",
    "cartography": "/stats/cartography.json",
    "compliance": "/stats/compliance.json",
}


class Crowd:
    """Offices that sent all types yesterday and today; the naive model knows what those of yesterday are."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.anybody = service.client_with(None)
        self.model = NaiveModel()
        self.processors = [each["name"] for each in self.anybody.get("/api/v1/stats/processed/list").json()]

    def join(self, number: int, *, local: bool = True) -> Office:
        """Another office, that sends something of its own."""
        office = Office(self.service, f"account {number}", local=local)
        variants = {kind: 0 if kind == "cartography" else number for kind in TYPES}  # of which cells differ too
        rows = [
            {"anr": str(ANR), "type": kind, "date": ago(days), "data": payload(kind, variant)}
            for days in (0, 1)
            for kind, variant in variants.items()
        ]
        office.send(rows)
        yesterday = (row for row in rows if row["date"] == ago(1))
        self.model.post({"client": str(number), "local": local, **row} for row in yesterday)
        return office

    def seen(self, **query: str) -> list[tuple[str, Any]]:
        """What anybody sees, of every processor: ETag and data."""
        asked = [
            self.anybody.get(PATHS[name.partition("_")[0]], params={"processor": name} | query)
            for name in self.processors
        ]
        return [(answer.headers["etag"], answer.json()) for answer in asked]

    def expected(self, **how: Any) -> list[Any]:
        """What the naive model says of all that has joined."""
        return [self.model.chart(name, **how) for name in self.processors]


def _data(seen: list[tuple[str, Any]]) -> list[Any]:
    return [data for _, data in seen]


def test_figures_are_told_of_five_accounts_and_days_that_are_over(public: Service) -> None:
    """With four there is nothing at all. What five sent comes out exactly, in every processor, and what is of today
    does not. For a sixth all is what it was, to the ETag, also for accounts that ask for everybody's figures; admins,
    and accounts that ask for their own analyses, see what there is."""
    crowd = Crowd(public)
    for number in range(4):
        crowd.join(number)
    nothing: list[Any] = [[] for _ in crowd.processors]
    assert _data(crowd.seen()) == nothing
    crowd.join(4)
    told, five = crowd.seen(), crowd.expected()
    assert _data(told) == _data(crowd.seen(last_stats="1")) == _data(crowd.seen(local_stats_only="1")) == five
    assert _data(crowd.seen(days="0")) == nothing
    last = crowd.join(5)
    assert crowd.seen() == told
    for name, data in zip(crowd.processors, five, strict=True):
        query = {"type": name.partition("_")[0], "processor": name}
        assert last.processed(**query) == data
        assert last.processed(**query, anrs=ANR, date_to=ago(1)) == crowd.model.chart(name, client="5") != []
        every = public.admin.get("/api/v1/stats/processed/", params=query | {"date_to": ago(1)}).json()["data"]
        assert every == crowd.model.chart(name)
    assert crowd.expected() != five


def test_a_cell_that_is_not_told_is_not_0(public: Service) -> None:
    """On the first of two days too few have a cell for it to be told: there is no number of it, and its mean is that of
    the other day alone, also where the days are merged. Who sees all has a number of both days."""
    first, second = "2020-03-03", "2020-03-04"

    def cartography(*counts: int) -> Any:
        none: dict[str, Any] = {"informational": [], "operational": []}
        scales = {"impact": [0], "likelihood": [0, 1], "probability": [0]}
        return {"scales": scales, "risks": {"current": none | {"informational": [counts]}, "residual": none}}

    for number in range(8):
        office = Office(public, f"account {number}")
        data = {
            first: cartography(2, 7) if number < 4 else cartography(2),
            second: cartography(2, number + 2) if number > 1 else cartography(2),
        }
        rows = [{"anr": str(ANR), "type": "cartography", "date": day, "data": each} for day, each in data.items()]
        office.send(rows)

    def seen(client: httpx.Client, **query: Any) -> Any:
        path, wanted = PATHS["cartography"], {"days": "36500"}
        if client is public.admin:
            path = "/api/v1/stats/processed/"
            wanted = {"type": "cartography", "processor": "cartography_average_on_date", "date_from": first}
        data = client.get(path, params=wanted | query).raise_for_status().json()
        return data.get("data", data)["risks"]["current"]["informational"]["0"]

    anybody = public.client_with(None)
    assert seen(anybody) == {"0": [2.0, 2.0], "1": [None, 4.875]}
    assert seen(anybody, processor="cartography_average") == {"0": 2.0, "1": 4.875}
    assert seen(anybody, aggregation_period="month") == {"0": [2.0], "1": [4.875]}
    assert seen(public.admin) == {"0": [2.0, 2.0], "1": [3.5, 4.875]}
    assert seen(public.admin, aggregation_period="month") == {"0": [2.0], "1": [4.1875]}


def test_others_and_this_house_are_told_of_apart(public: Service) -> None:
    """Four others do not count, not even in what is told of all: what they sent would follow from it. A fifth makes
    them count; then what is told of all is both together. On the map are the places that accounts have told, without
    figures, in an order that tells nothing of their names."""
    crowd = Crowd(public)
    offices = [crowd.join(number) for number in range(5)]
    told, five = crowd.seen(), crowd.expected()
    offices += [crowd.join(number, local=False) for number in range(5, 9)]
    assert crowd.seen() == told
    crowd.join(9, local=False)
    assert _data(crowd.seen()) == crowd.expected() != five
    assert _data(crowd.seen(local_stats_only="1")) == five
    for office, latitude in zip(offices, (50.0, 40.0), strict=False):
        where = {"latitude": latitude, "longitude": 6.0}
        public.admin.patch(f"/api/v1/client/{office.made['uuid']}", json=where).raise_for_status()
    nothing: dict[str, Any] = {"longitude": 6.0, "max_threat": [], "max_vulnerability": []}
    assert crowd.anybody.get("/map/clients.json").json() == [
        {"latitude": latitude} | nothing for latitude in (40.0, 50.0)
    ]


def test_what_is_deleted_stays_told_until_enough_is_and_a_day_that_was_emptied_is_told_no_more(
    public: Service,
) -> None:
    """An account that is deleted, an analysis that is, rows that are sent for another day instead: nothing of it is
    seen, of the day nor of the others, before five accounts have changed. When all is gone nothing is told, and nothing
    ever again, whoever sends it."""
    anybody = public.client_with(None)
    offices = [Office(public, f"account {number}") for number in range(8)]
    for number, office in enumerate(offices):
        office.post(4, 3, 2, value=10 + number)
    told = {ago(4): 13.5, ago(3): 13.5, ago(2): 13.5}
    assert seen(anybody) == told
    offices[0].delete()
    assert seen(anybody) == told
    offices[1].delete_analysis()
    offices[1].post(1, value=11)
    assert seen(anybody) == told
    for office in offices[2:5]:
        office.delete_analysis()
    assert seen(anybody) == {}  # three are left
    for office in offices[1:]:
        office.delete()
    assert seen(anybody) == {}
    for number in range(7):
        Office(public, f"new {number}").post(4, 1, value=number)
    assert seen(anybody) == {ago(1): 3.0}


def test_what_is_told_keeps_its_labels(database_url: str) -> None:
    """Also where a purge deletes all rows that have them: the day after still tells of those who did not change."""
    rows = {"type": "threat", "anr": str(ANR)}
    days = [dt.date.fromisoformat(ago(each)) for each in (3, 2)]

    async def post() -> None:
        await migrate.upgrade(database_url)
        for number in range(7):
            account, _ = await clients.create(f"account {number}")
            kept, other = payload("threat", number)[:2]
            sent = [{"date": ago(3), "data": [kept]}]
            if number < 6:
                sent.append({"date": ago(2), "data": [other if number < 4 else kept, payload("threat", number)[2]]})
            await collect.collect(account, json.dumps([rows | each for each in sent]).encode())

    async def told() -> list[Any]:
        chart = await charts.chart(
            charts.ChartQuery(
                type=StatType.THREAT,
                processor="threat_average_on_date",
                date_from=days[0],
                date_to=days[1],
                protection=Protection(min_accounts=5, max_percent=80),
            )
        )
        data: list[Any] = json.loads(chart.data)
        return data

    async def purge() -> None:
        for number in (4, 5):
            account = await clients.find_by_name(f"account {number}")
            assert account
            row = rows | {"date": ago(2), "data": payload("threat", number)[2:3]}
            await collect.collect(account, json.dumps([row]).encode())
        await clients.purge(days[1])

    async def with_database(doing: Coroutine[Any, Any, Any]) -> Any:
        async with connection.connected(database_url):
            return await doing

    asyncio.run(with_database(post()))
    before = asyncio.run(with_database(told()))
    asyncio.run(with_database(purge()))
    after = asyncio.run(with_database(told()))
    kept = payload("threat")[0]["uuid"]
    (one,), (other,) = ([each for each in data if each["object"] == kept] for data in (before, after))
    assert [value["date"] for value in one["values"]] == [ago(3), ago(2)]
    assert (other["values"], other["labels"]) == (one["values"][1:], one["labels"])


def test_two_processes_never_tell_differing_things(public: Service, tmp_path: Path) -> None:
    """While accounts post, all that is told under an ETag is the same, whoever tells it, and made of five accounts more
    or none."""
    offices = [Office(public, f"account {number}") for number in range(12)]
    over = threading.Event()
    told: dict[str, set[str]] = {}

    def ask(service: Service) -> None:
        with httpx.Client(base_url=service.url) as client:
            while not over.is_set():
                answer = client.get(RISKS).raise_for_status()
                told.setdefault(answer.headers["etag"], set()).add(answer.text)

    with running_service(public.database_url, tmp_path, PUBLIC_INSTANCE="1") as second:
        askers = [threading.Thread(target=ask, args=[each]) for each in (public, second)]
        for asker in askers:
            asker.start()
        for number, office in enumerate(offices):
            office.post(3, 2, 1, value=1 << number)
        over.set()
        for asker in askers:
            asker.join()
        assert seen(public.client_with(None)) == seen(second.client_with(None)) != {}
    assert [len(bodies) for bodies in told.values()] == [1] * len(told)
    answers = [json.loads(body) for (body,) in told.values()]
    means = {point["value"] for data in answers if data for point in data["current"]["informational"]["Low risks"]}
    for one, other in itertools.combinations(map(_made_of, means), 2):
        assert (one ^ other).bit_count() >= 5


def _made_of(mean: float) -> int:
    """The sum of which this is the mean, where the values are different powers of 2: each of its bits is one's."""
    return next(total for rows in range(5, 13) if (total := round(mean * rows)).bit_count() == rows)
