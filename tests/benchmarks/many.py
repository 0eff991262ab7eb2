"""Many Front Offices at once, on several processes: `python -m tests.benchmarks.many [--sqlite]`.

Throughput of posting by 1, 4 and 16 Front Offices on 1, 2 and 4 processes; charts while posting goes on; and the storm
of five past midnight. On PostgreSQL (its default settings, so that each commit waits for the disk), or on SQLite.
"""

import argparse
import asyncio
import contextlib
import datetime as dt
import random
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import msgspec

from tests.benchmarks import client
from tests.benchmarks.__main__ import LAST, rows_of, say
from tests.naive import naive_chart
from tests.servers import Service, embedded_postgres

OFFICES = 300
MINUTE = 60.0
CHART = "/stats/vulnerabilities.json?days=90"
POSTING_SECONDS = 20.0


def p99(spent: list[float]) -> float:
    """The 99th percentile."""
    return sorted(spent)[min(int(len(spent) * 0.99), len(spent) - 1)]


@contextlib.contextmanager
def serving(database_url: str, folder: Path, workers: int, **variables: str) -> Iterator[Service]:
    """A service of so many processes; `variables` are more of its environment."""
    folder.mkdir()
    with contextlib.closing(Service(database_url, folder, **variables)) as service:
        try:
            service.start("--workers", str(workers))
            yield service
        finally:
            service.stop()


async def office(url: str, token: str, nights: list[bytes], spent: list[float]) -> None:
    """A Front Office that posts its nights one after the other."""
    connection = await client.connect(url, token)
    for night in nights:
        start = time.perf_counter()
        status, _, answer = await connection.ask("POST", "/api/v1/stats/", night)
        spent.append(time.perf_counter() - start)
        assert status == 201, answer[:300]
    connection.close()


async def throughput(service: Service, workers: int, offices: int) -> None:
    """Offices of 50 analyses post some nights each, all at once; 5 % of the analyses change each night."""
    first = dt.date(2020, 1, 1)
    count = max(2, 12 // offices)
    work = []
    for number in range(offices):
        token = str(service.client(f"{workers}-{offices}-{number}").headers["X-API-KEY"])
        anrs = [uuid.uuid4() for _ in range(50)]
        work.append((token, rows_of(anrs, first, first + dt.timedelta(days=count), 0.05)))
    await asyncio.gather(*(office(service.url, token, nights[:1], []) for token, nights in work))
    spent: list[float] = []
    start = time.perf_counter()
    await asyncio.gather(*(office(service.url, token, nights[1:], spent) for token, nights in work))
    rate = 250 * count * offices / (time.perf_counter() - start)
    say(f"{workers} processes, {offices} Front Offices at once: p99 of a post", p99(spent), f"{rate:.0f} rows/s")


async def charts_while_posting(service: Service) -> None:
    """A chart of the whole fleet, asked for again and again: quiet (as it is then, and after a row was posted, so that
    it is made anew as it is while others post), and while 4 Front Offices post."""
    asks = await client.connect(service.url)
    single = str(service.client("single").headers["X-API-KEY"])
    rows = rows_of([uuid.uuid4()], LAST - dt.timedelta(days=400), LAST, 1.0)

    async def ask_for(seconds: float, *, written: bool = False) -> list[float]:
        spent = []
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            if written:
                await office(service.url, single, [rows.pop()], [])
            start = time.perf_counter()
            status, _, _ = await asks.ask("GET", CHART)
            spent.append(time.perf_counter() - start)
            assert status == 200
            await asyncio.sleep(0.05)
        return spent

    nights = rows_of([uuid.uuid4() for _ in range(10)], LAST - dt.timedelta(days=40), LAST, 0.2)
    posting = asyncio.Event()

    async def post_on(number: int) -> None:
        token = str(service.client(f"posting {number}").headers["X-API-KEY"])
        while not posting.is_set():
            for night in nights:
                if not posting.is_set():
                    await office(service.url, token, [night], [])

    quiet = sorted(await ask_for(5))
    after_writes = sorted(await ask_for(5, written=True))
    offices = [asyncio.create_task(post_on(number)) for number in range(4)]
    busy = await ask_for(POSTING_SECONDS)
    posting.set()
    await asyncio.gather(*offices)
    middle = after_writes[len(after_writes) // 2]
    say("a chart, quiet, nothing written in between: median", quiet[len(quiet) // 2])
    say("a chart, quiet, each time after a write: median", middle)
    say(
        "a chart while 4 Front Offices post: p99",
        p99(busy),
        f"{p99(busy) / middle:.1f}x the quiet median after a write",
    )
    asks.close()


async def storm(service: Service) -> None:
    """300 Front Offices of 5 analyses each post within a minute; the sums are right afterwards."""
    chance = random.Random(5)
    day = dt.date(2021, 6, 1)
    spent: list[float] = []

    async def arrive(token: str, night: bytes) -> None:
        await asyncio.sleep(chance.random() * MINUTE)
        await office(service.url, token, [night], spent)

    work = []
    for number in range(OFFICES):
        token = str(service.client(f"storm {number}").headers["X-API-KEY"])
        anrs = [uuid.uuid4() for _ in range(5)]
        work.append((token, rows_of(anrs, day, day, 0.05)[0]))
    await asyncio.gather(*(arrive(*each) for each in work))
    rows = [row for _, night in work for row in msgspec.json.decode(night) if row["type"] == "threat"]
    asked = {"type": "threat", "processor": "threat_average_on_date", "date_from": str(day), "date_to": str(day)}
    answer = service.admin.request("GET", "/api/v1/stats/processed/", json=asked).json()["data"]
    expected = naive_chart([msgspec.json.encode(row) for row in rows], "threat_average_on_date")
    counts = [(each["object"], each["averages"]["count"]) for each in answer]
    assert counts == [(each["object"], each["averages"]["count"]) for each in expected]
    say(f"storm of {OFFICES} Front Offices in a minute: p99", p99(spent), f"slowest {max(spent):.2f} s; sums right")


async def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sqlite", action="store_true", help="measure SQLite and not PostgreSQL")
    chosen = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="benchmark-")))
        postgres = None if chosen.sqlite else stack.enter_context(embedded_postgres())
        for workers in (1, 2, 4):
            url = stack.enter_context(postgres.database()) if postgres else f"sqlite:///{folder}/{workers}.sqlite3"
            with serving(url, folder / str(workers), workers) as service:
                for offices in (1, 4, 16):
                    await throughput(service, workers, offices)
                if workers == 2:
                    await charts_while_posting(service)
                    await storm(service)


if __name__ == "__main__":
    asyncio.run(main())
