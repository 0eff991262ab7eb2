"""Long loads, and whether the service holds them: `python -m tests.benchmarks.load [--sqlite] [--seconds 600]`.

First 64 connections of Front Offices read charts without a pause, while 8 post batches of 50 analyses. Then "five past
midnight", each minute anew: 300 Front Offices post within the minute. Stated are latencies, rates, all answers that
were no success, and the memory of all processes over the time. Limits are as shipped, and each Front Office has an
address of its own. On PostgreSQL (its default settings, so that each commit waits for the disk), or on SQLite.
"""

import argparse
import asyncio
import contextlib
import datetime as dt
import random
import tempfile
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from service.settings import Settings
from tests.benchmarks import client
from tests.benchmarks.__main__ import LAST, rows_of
from tests.benchmarks.fleet import ANALYSES_PER_ACCOUNT, Loaded, load
from tests.benchmarks.many import MINUTE, OFFICES, p99, serving
from tests.servers import LIMITS, Service, embedded_postgres

READERS = 64
POSTERS = 8
NIGHTS = 12
"""How many different nights' data an office has at most; then they come round."""

ROWS = "/api/v1/stats/"

PATIENCE = 30.0
"""A Front Office waits no longer for an answer."""

TYPES = ("threat", "vulnerability", "risk", "cartography", "compliance")
Work = Callable[["Asking"], Awaitable[None]]


class Who(NamedTuple):
    """A Front Office: its account's token, where it asks from, and its analyses."""

    token: str
    address: str
    anrs: list[uuid.UUID]


class Asking:
    """What was asked until `end`, by kind: how long each answer took; and what was no success."""

    def __init__(self, service: Service, seconds: float) -> None:
        self.service = service
        self.start = time.perf_counter()
        self.end = self.start + seconds
        self.spent: dict[str, list[float]] = defaultdict(list)
        self.failures: Counter[str] = Counter()
        self.rows = 0

    async def on(
        self, connection: client.Connection | None, who: "Who", kind: str, method: str, path: str, body: bytes
    ) -> client.Connection | None:
        """Ask; the connection for the next time, None where this one is of no use any more."""
        start = time.perf_counter()
        try:
            connection = connection or await client.connect(self.service.url, who.token, who.address)
            status, _, answer = await asyncio.wait_for(connection.ask(method, path, body), PATIENCE)
        except (OSError, EOFError, TimeoutError, asyncio.IncompleteReadError) as error:
            self.failures[f"{kind}: {type(error).__name__}"] += 1
            return None
        self.spent[kind].append(time.perf_counter() - start)
        if status not in {200, 201}:
            self.failures[f"{kind}: {status} {answer[:80].decode(errors='replace')}"] += 1
        elif method == "POST":
            self.rows += int(msgspec.json.decode(answer, type=_Stored).metadata.count)
        return connection


class _Metadata(msgspec.Struct):
    count: str


class _Stored(msgspec.Struct):
    metadata: _Metadata


class Memory:
    """The memory that all processes of the service have, over the time."""

    def __init__(self, service: Service) -> None:
        self._main = service.process.pid
        self.megabytes: list[float] = []

    async def watch(self, seconds: float) -> None:
        """Look a hundred times."""
        for _ in range(100):
            self.megabytes.append(sum(map(_megabytes, [self._main, *children(self._main)])))
            await asyncio.sleep(seconds / 100)

    @property
    def growth(self) -> float:
        """How much more it is in the end than it was at most in the first fifth of the time, while caches fill."""
        return self.megabytes[-1] - max(self.megabytes[:20])

    def told(self) -> str:
        """What it was at ten moments, and how it has grown."""
        shown = " ".join(f"{each:.0f}" for each in self.megabytes[::10])
        return f"memory in MB {shown}; since the first fifth {self.growth:+.0f}"


def children(process: int) -> list[int]:
    """The processes that a process has started."""
    text = Path(f"/proc/{process}/task/{process}/children").read_text()
    return [int(number) for number in text.split()]


def _megabytes(process: int) -> float:
    """A process' share of memory: what several have in common counts once."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1024
    return 0.0


async def hold(what: str, service: Service, seconds: float, workers: Sequence[Work]) -> tuple[Asking, Memory]:
    """Let the workers work until the time is over; print what came of it, and give it."""
    asking, memory = Asking(service, seconds), Memory(service)
    watching = asyncio.create_task(memory.watch(seconds))
    await asyncio.gather(*(work(asking) for work in workers))
    took = time.perf_counter() - asking.start
    await watching
    print(f"\n{what}, {took:.0f} s")
    print(f"  {'':<34} {'number':>8} {'per s':>8} {'p50 ms':>8} {'p99 ms':>8} {'max ms':>8}")
    for kind, spent in sorted(asking.spent.items()):
        middle, late, most = sorted(spent)[len(spent) // 2], p99(spent), max(spent)
        print(
            f"  {kind:<34} {len(spent):>8} {len(spent) / took:>8.1f} "
            f"{middle * 1000:>8.0f} {late * 1000:>8.0f} {most * 1000:>8.0f}"
        )
    print(f"  {asking.rows / took:.0f} rows stored per second")
    print(f"  {memory.told()}")
    print(f"  failures: {dict(asking.failures) or 'none'}", flush=True)
    return asking, memory


# --- charts while others post -------------------------------------------------------------------------------


class Range:
    """The days of the fleet."""

    def __init__(self, days: int) -> None:
        self.first = LAST - dt.timedelta(days=days - 1)
        self.dates = [str(self.first + dt.timedelta(days=number)) for number in range(days)]


def offices_of(loaded: Loaded) -> list[Who]:
    """The Front Offices of the fleet."""
    both = zip(loaded.tokens, loaded.analyses, strict=True)
    return [Who(token, _address(number), anrs) for number, (token, anrs) in enumerate(both)]


def _address(number: int) -> str:
    """One of this machine's own, another for each number."""
    return f"127.1.{number // 250}.{number % 250 + 1}"


def reader(who: Who, number: int, days: Range) -> Work:
    """A Front Office's user: mostly charts of the office's analyses, now and then of all, or its newest rows."""
    rng = random.Random(number)
    anrs = [str(anr) for anr in who.anrs]

    def question() -> tuple[str, str, dict[str, Any]]:
        kind = rng.choice(TYPES)
        span = {"type": kind, "date_from": days.dates[0], "date_to": days.dates[-1]}
        span["processor"] = "risk_averages_on_date" if kind == "risk" else f"{kind}_average_on_date"
        match rng.randrange(10):
            case 0:
                return "newest rows of an office", ROWS, {"type": kind, "get_last": 1}
            case 1:
                return "chart of everybody", "/api/v1/stats/processed/", span
        return "chart of an office", "/api/v1/stats/processed/", span | {"anrs": anrs}

    async def read(asking: Asking) -> None:
        connection = None
        while time.perf_counter() < asking.end:
            kind, path, body = question()
            connection = await asking.on(connection, who, kind, "GET", path, msgspec.json.encode(body))
        if connection:
            connection.close()

    return read


class Nights:
    """What an office posts: its analyses' rows of any day, of as many different nights as there are."""

    def __init__(self, anrs: list[uuid.UUID], count: int) -> None:
        first = LAST - dt.timedelta(days=count - 1)
        self._bodies = rows_of(anrs, first, LAST, 0.05)
        self._written = [_date(str(first + dt.timedelta(days=number))) for number in range(count)]

    def of(self, day: str, night: int) -> bytes:
        """The batch for a day."""
        place = night % len(self._bodies)
        return self._bodies[place].replace(self._written[place], _date(day))


def _date(day: str) -> bytes:
    return f'"date":"{day}"'.encode()


def poster(who: Who, nights: Nights, days: Range) -> Work:
    """A Front Office that posts all of its analyses for one day after the other, round and round.

    Each time round a day is given the next night's data: that of 5 % of the analyses is another than before.
    """

    async def post(asking: Asking) -> None:
        connection, turn = None, 0
        while time.perf_counter() < asking.end:
            around, day = divmod(turn, len(days.dates))
            body = nights.of(days.dates[day], around + day)
            connection = await asking.on(connection, who, f"post of {len(who.anrs)} analyses", "POST", ROWS, body)
            turn += 1
        if connection:
            connection.close()

    return post


# --- five past midnight -------------------------------------------------------------------------------------


def office(service: Service, number: int, seconds: float) -> Work:
    """A Front Office of 5 analyses, each tenth of 50, that posts at some moment of each minute."""
    token = str(service.client(f"storm {number}").headers["X-API-KEY"])
    anrs = [uuid.uuid4() for _ in range(50 if number % 10 == 0 else 5)]
    who = Who(token, _address(number), anrs)
    rng = random.Random(number)
    minutes = max(round(seconds / MINUTE), 1)
    minute = seconds / minutes
    nights = Nights(anrs, min(minutes, NIGHTS))

    async def post(asking: Asking) -> None:
        for turn in range(minutes):
            moment = asking.start + (turn + rng.random()) * minute
            await asyncio.sleep(max(moment - time.perf_counter(), 0))
            body = nights.of(str(LAST - dt.timedelta(days=turn)), turn)
            connection = await asking.on(None, who, f"post of {len(anrs)} analyses", "POST", ROWS, body)
            if connection:
                connection.close()

    return post


class Size(NamedTuple):
    """How much there is: `analyses` of so many `days`, so many an account has; and how many offices storm in."""

    analyses: int = 800
    days: int = 90
    per_account: int = ANALYSES_PER_ACCOUNT
    storming: int = OFFICES


async def both(url: str, folder: Path, size: Size, *, seconds: float, workers: int = 2) -> list[tuple[Asking, Memory]]:
    """Load a fleet into an empty database and hold the two loads on it, each so many seconds."""
    span = Range(size.days)
    loaded = await load(url, size.analyses, span.first, LAST, per_account=size.per_account)
    print(f"{size.analyses} analyses of {len(loaded.tokens)} offices, {size.days} days, {loaded.rows} rows")
    shipped = {name: str(getattr(Settings(), name.lower())) for name in LIMITS}
    with serving(url, folder, workers, **shipped) as service:
        known = offices_of(loaded)
        nights = [Nights(who.anrs, min(NIGHTS, size.days)) for who in known[:POSTERS]]
        posting = [number % len(known[:POSTERS]) for number in range(POSTERS)]
        posters = [poster(known[number], nights[number], span) for number in posting]
        readers = [reader(known[number % len(known)], number, span) for number in range(READERS)]
        what = f"{READERS} connections read charts, {POSTERS} post, {workers} processes"
        first = await hold(what, service, seconds, [*readers, *posters])
        offices = [office(service, number, seconds) for number in range(size.storming)]
        what = f"{size.storming} offices post within each minute, {workers} processes"
        return [first, await hold(what, service, seconds, offices)]


async def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sqlite", action="store_true", help="SQLite and not PostgreSQL")
    parser.add_argument("--seconds", type=float, default=600.0, help="how long each of the loads lasts")
    parser.add_argument("--workers", type=int, default=2, help="how many processes serve")
    parser.add_argument("--analyses", type=int, default=Size().analyses, help="the fleet whose charts are read")
    parser.add_argument("--days", type=int, default=Size().days, help="how many days it has")
    chosen = parser.parse_args()
    size = Size(analyses=chosen.analyses, days=chosen.days)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="benchmark-")))
        postgres = None if chosen.sqlite else stack.enter_context(embedded_postgres())
        url = stack.enter_context(postgres.database()) if postgres else f"sqlite:///{folder}/stats.sqlite3"
        await both(url, folder / "service", size, seconds=chosen.seconds, workers=chosen.workers)


if __name__ == "__main__":
    asyncio.run(main())
