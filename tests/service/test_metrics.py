"""`/metrics`: exact counts of what was asked, rows, accounts and the database, however many processes there are."""

import asyncio
import contextlib
import datetime as dt
import os
import re
import signal
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

import service as package
from service.storage import connection
from tests.samples import TYPES, payload, rows
from tests.servers import ADMIN_TOKEN, Postgres, Service, locked, running_service

ANR = "b4e2a1f0-5c1d-4c43-9a57-0d2f1b6a9c11"
OTHER_ANR = "9a0e5cbe-07a6-4c7c-a4b6-5ad0a1a7fa0d"

ADMIN = {"X-API-KEY": ADMIN_TOKEN}
ME = "http_requests_total{method=GET,route=/api/v1/client/me,status=200}"
WORKERS = 3

Samples = Mapping[str, float]


def scraped(service: Service) -> Samples:
    """All values of a scrape, over a connection of its own, by name and labels as Prometheus writes them."""
    answer = httpx.get(f"{service.url}/metrics", timeout=30)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(answer.text):
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
            name = f"{sample.name.removeprefix('monarc_stats_')}{{{labels}}}"
            assert name not in found, f"{name} stands there twice"
            found[name] = sample.value
    return found


def only(samples: Samples, name: str) -> dict[str, float]:
    """The samples of one name that are not 0, by their labels."""
    begin = f"{name}{{"
    return {key[len(begin) : -1]: value for key, value in samples.items() if key.startswith(begin) and value}


def test_requests_are_counted_by_method_route_and_status(service: Service) -> None:
    """Each request once, under the route's template; whatever is asked that is none of ours is one series."""
    client = service.client("NC3")
    before = scraped(service)
    for _ in range(3):
        client.get("/api/v1/client/me")
    client.post("/api/v1/stats/", json=rows(ANR, "2026-01-31"))
    client.get(f"/api/v1/stats/{ANR}")
    client.get(f"/api/v1//stats/{OTHER_ANR}/")
    client.get("/api/v1/stats/none")
    client.get("/api/v1/client/")
    service.client_with(None).get("/api/v1/client/me")
    client.put("/api/v1/client/me")
    for number in range(5):
        client.get(f"/nothing/{number}")
        client.request(f"WORD{number}", f"/nothing/{number}")
    after = scraped(service)
    counted = only(after, "http_requests_total")
    assert {labels: value - before.get(f"http_requests_total{{{labels}}}", 0) for labels, value in counted.items()} == {
        "method=GET,route=/api/v1/client/me,status=200": 3,
        "method=GET,route=/api/v1/client/me,status=401": 1,
        "method=PUT,route=/api/v1/client/me,status=405": 1,
        "method=POST,route=/api/v1/client,status=201": 0,
        "method=GET,route=/api/v1/client,status=403": 1,
        "method=POST,route=/api/v1/stats,status=201": 1,
        "method=GET,route=/api/v1/stats/{anr},status=200": 2,
        "method=GET,route=/api/v1/stats/{anr},status=400": 1,
        "method=GET,route=other,status=404": 5,
        "method=other,route=other,status=404": 5,
        "method=GET,route=/health,status=200": 0,
        "method=GET,route=/metrics,status=200": 1,
    }


def test_durations_are_a_histogram_by_method_and_route(service: Service) -> None:
    """As many as there were requests, in growing buckets, and no longer than the requests took altogether."""
    began = time.monotonic()
    for _ in range(4):
        service.admin.get("/api/v1/client/me")
    service.admin.get("/about.json?wrong=1")
    took = time.monotonic() - began
    samples = scraped(service)
    name, me = "http_request_duration_seconds", "method=GET,route=/api/v1/client/me"
    assert samples[f"{name}_count{{{me}}}"] == 4
    assert samples[f"{name}_count{{method=GET,route=/about.json}}"] == 1
    assert 0 < samples[f"{name}_sum{{{me}}}"] < took
    buckets = [
        value for key, value in samples.items() if key.startswith(f"{name}_bucket{{") and key.endswith(f"{me}}}")
    ]
    assert len(buckets) == 13
    assert sorted(buckets) == buckets
    assert samples[f"{name}_bucket{{le=30.0,{me}}}"] == samples[f"{name}_bucket{{le=+Inf,{me}}}"] == 4


def test_rows_are_counted_by_type(service: Service) -> None:
    """Stored, replaced and refused ones; a refused one that names none of the types is `other`."""
    before = scraped(service)
    for outcome in ("stored", "replaced", "refused"):
        assert {before[f"rows_{outcome}_total{{type={name}}}"] for name in TYPES} == {0}
    client = service.client("NC3")
    assert client.post("/api/v1/stats/", json=rows(ANR, "2026-01-30")).status_code == 201
    again = {"anr": ANR, "type": "threat", "date": "2026-01-30", "data": payload("threat", 2)}
    wrong = [
        {"anr": ANR, "type": "risk", "date": "2026-01-31", "data": {"risks": "none"}},
        {"anr": ANR, "type": "risk", "date": "31.01.2026", "data": payload("risk")},
        {"anr": ANR, "type": "compliance", "date": "2026-01-31"},
        {"anr": ANR, "type": "weather", "date": "2026-01-31", "data": []},
        {"anr": ANR, "type": 1, "date": "2026-01-31", "data": []},
        "no object",
    ]
    assert client.post("/api/v1/stats/", json=[*wrong, again]).status_code == 207
    assert client.post("/api/v1/stats/", json=wrong[:1]).status_code == 400
    stored = scraped(service)
    assert only(stored, "rows_stored_total") == {f"type={name}": 1 + (name == "threat") for name in TYPES}
    assert only(stored, "rows_replaced_total") == {"type=threat": 1}
    assert only(stored, "rows_refused_total") == {"type=risk": 3, "type=compliance": 1, "type=other": 3}


def test_accounts_are_told_by_when_they_last_posted(service: Service) -> None:
    """Active ones, by role; as the database has it now."""
    assert only(scraped(service), "accounts") == {"last_post=never,role=admin": 1}
    hours = {"a": 1, "b": 23, "c": 25, "d": 24 * 7 - 1, "e": 24 * 7 + 1, "f": 24 * 30 - 1, "g": 24 * 30 + 1, "h": 9_999}
    for name in ("never", "gone", *hours):
        client = service.client(name)
        if name == "a":
            assert client.post("/api/v1/stats/", json=rows(ANR, "2026-01-31")).status_code == 201
    asyncio.run(_posted(service.database_url, {name: ago for name, ago in hours.items() if name != "a"} | {"gone": 2}))
    gone = next(each["uuid"] for each in service.admin.get("/api/v1/client").json()["data"] if each["name"] == "gone")
    assert service.admin.patch(f"/api/v1/client/{gone}", json={"is_active": False}).status_code == 200
    assert only(scraped(service), "accounts") == {
        "last_post=1d,role=user": 2,
        "last_post=7d,role=user": 2,
        "last_post=30d,role=user": 2,
        "last_post=older,role=user": 2,
        "last_post=never,role=user": 1,
        "last_post=never,role=admin": 1,
    }


async def _posted(database_url: str, hours: Mapping[str, int]) -> None:
    """Have accounts posted so many hours ago."""
    async with connection.connected(database_url), connection.writing() as db:
        for name, ago in hours.items():
            moment = dt.datetime.now(dt.UTC) - dt.timedelta(hours=ago)
            await db.execute("UPDATE account SET last_post = ? WHERE name = ?", db.moment(moment), name)


def test_the_build_and_the_database_are_told(service: Service) -> None:
    """Version and kind of the database, and that it answers."""
    samples = scraped(service)
    kind = "sqlite" if service.database_url.startswith("sqlite") else "postgres"
    (build,) = only(samples, "build_info")
    assert f"database={kind}," in build
    assert f"version={package.__version__}" in build
    assert samples["database_up{}"] == 1


async def test_metrics_are_there_while_the_database_hangs(postgres: Postgres, tmp_path: Path) -> None:
    """It is told to be down, what was counted is told as ever, and nothing is said of accounts. Then it is back."""
    with postgres.database() as url, running_service(url, tmp_path) as service:
        async with locked(url, "account"):
            samples = await asyncio.to_thread(scraped, service)
        assert (samples["database_up{}"], only(samples, "accounts")) == (0, {})
        assert samples["http_requests_total{method=GET,route=/health,status=200}"] == 1
        samples = await asyncio.to_thread(scraped, service)
        assert (samples["database_up{}"], only(samples, "accounts")) == (1, {"last_post=never,role=admin": 1})


def test_metrics_are_not_for_the_world(module_service: Service, tmp_path: Path) -> None:
    """404 for whoever comes through a reverse proxy, and for all where the settings say so."""
    client = module_service.client_with(None)
    for headers in ({"X-Forwarded-For": "203.0.113.9"}, {"Forwarded": "for=203.0.113.9"}):
        answer = client.get("/metrics", headers=headers)
        assert (answer.status_code, "proxy" in answer.json()["message"]) == (404, True)
    url = f"sqlite:///{tmp_path}/stats.sqlite3"
    with running_service(url, tmp_path, METRICS="0") as silent:
        answer = silent.admin.get("/metrics")
        assert (answer.status_code, "METRICS" in answer.json()["message"]) == (404, True)


def ask(service: Service) -> str:
    """Ask over a connection of its own, which any worker may take; the request's id."""
    answer = httpx.get(f"{service.url}/api/v1/client/me", headers=ADMIN)
    assert answer.status_code == 200
    return answer.headers["X-Request-ID"]


def started(service: Service) -> list[int]:
    """The workers that have ever served, the oldest first."""
    return [int(number) for number in re.findall(r"Worker (\d+) serves", service.log())]


def folders(service: Service) -> list[Path]:
    """The folders of services that run or ran with several workers."""
    return list(service.folder.glob("stats-service-workers-*"))


def lives(process: int) -> bool:
    """Whether a process is there that has not ended."""
    try:
        return bool(Path(f"/proc/{process}/cmdline").read_bytes())
    except OSError:
        return False


@pytest.fixture
def service_of_three(database_url: str, tmp_path: Path) -> Iterator[Service]:
    """A running service of three workers, with `folder` for its temporary files."""
    with contextlib.closing(Service(database_url, tmp_path, TMPDIR=str(tmp_path))) as service:
        service.start("--workers", str(WORKERS))
        try:
            yield service
        finally:
            service.stop()


def test_workers_of_one_port_tell_their_sum(service_of_three: Service) -> None:
    """Whoever of them answers, exactly; their requests have ids of their own."""
    service = service_of_three
    ids = {ask(service) for _ in range(60)}
    assert len(ids) == 60
    assert len({each.partition("-")[0] for each in ids}) > 1, "one worker answered all, so nothing was shown"
    for name in ("a", "b", "c"):
        assert httpx.post(f"{service.url}/api/v1/stats/", json=rows(ANR, "2026-01-31"), headers=ADMIN).is_success, name
    for number in range(10):
        samples = scraped(service)
        assert samples[ME] == 60
        assert samples["http_request_duration_seconds_count{method=GET,route=/api/v1/client/me}"] == 60
        assert only(samples, "rows_stored_total") == {f"type={each}": 3 for each in TYPES}
        assert only(samples, "rows_replaced_total") == {f"type={each}": 2 for each in TYPES}
        assert samples["accounts{last_post=1d,role=admin}"] == 1
        assert samples["database_up{}"] == 1
        assert samples.get("http_requests_total{method=GET,route=/metrics,status=200}", 0) == number


def test_what_a_killed_worker_counted_is_not_lost(service_of_three: Service) -> None:
    """The one that takes its place counts on, and however many were killed there are no more files than workers."""
    service = service_of_three
    (folder,) = folders(service)
    for turn in range(1, 5):
        for _ in range(20):
            ask(service)
        assert scraped(service)[ME] == 20 * turn
        os.kill(started(service)[-1], signal.SIGKILL)
        while len(started(service)) < WORKERS + turn:
            time.sleep(0.02)
        assert scraped(service)[ME] == 20 * turn
    kinds = ("{}.lock", "counter_{}.db", "histogram_{}.db")
    assert {each.name for each in folder.iterdir()} <= {k.format(n) for k in kinds for n in range(WORKERS)}
    assert service.stop() == 0
    assert not folder.exists()


def test_a_killed_supervisor_leaves_no_folder_for_good(service_of_three: Service) -> None:
    """The next start removes it, and counts from 0; one that is in use stays."""
    service = service_of_three
    (in_use,) = folders(service)
    with contextlib.closing(Service(service.database_url, service.folder, TMPDIR=str(service.folder))) as other:
        other.start("--workers", "2")
        (left,) = {*folders(service)} - {in_use}
        ask(other)
        other.process.kill()
        other.process.wait()
        while any(lives(worker) for worker in started(other)):
            time.sleep(0.02)
        other.start("--workers", "2")
        assert ME not in scraped(other)
        assert (in_use.exists(), left.exists(), len(folders(service))) == (True, False, 2)
        assert other.stop() == 0
    assert folders(service) == [in_use]
