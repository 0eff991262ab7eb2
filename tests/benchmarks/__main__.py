"""What the service costs, as one table: `python -m tests.benchmarks [--analyses 20 200 2000] [--postgres]`.

All figures are of one run on one machine, and the targets are ratios between them. Each is the quickest of several
tries, as is what it is held against: what else a machine does only ever adds. The fleet is
the demo's (`fleet.py`); the service is a real one on loopback. Before each chart is asked for "after a write", a row
is posted, so that nothing that was computed before serves for all of it.
"""

import argparse
import asyncio
import contextlib
import datetime as dt
import functools
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import msgspec

from service.demo.fleet import analysis_days
from tests.benchmarks import client, typed
from tests.benchmarks.fleet import ANALYSES_PER_ACCOUNT, Loaded, load
from tests.naive import naive_chart
from tests.servers import ADMIN_TOKEN, HOST, Service, embedded_postgres, free_port, running_service

LAST = dt.datetime.now(dt.UTC).date()
FIRST = LAST - dt.timedelta(days=364)
CHARTS = (
    "threat_average_on_date",
    "vulnerability_average_on_date",
    "risk_averages",
    "risk_averages_on_date",
    "cartography_average",
    "cartography_average_on_date",
    "compliance_average",
    "compliance_average_on_date",
)
PUBLIC = {"threat": "threats", "vulnerability": "vulnerabilities", "risk": "risks"}
BIG_BATCH = 50 << 20


def say(what: str, seconds: float | None = None, ratio: str = "") -> None:
    """A line of the table."""
    shown = "" if seconds is None else f"{seconds * 1000:9.1f} ms"
    print(f"{what:<74} {shown:>12}  {ratio}", flush=True)


def timed(times: int, work: Callable[[], object]) -> float:
    """The least seconds that `work` takes."""
    spent = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        spent.append(time.perf_counter() - start)
    return min(spent)


@contextlib.contextmanager
def bare_server(answer: bytes, folder: Path) -> Iterator[str]:
    """A bare Sanic handler that answers these bytes; its URL."""
    file, port = folder / "answer", free_port()
    file.write_bytes(answer)
    process = subprocess.Popen([sys.executable, Path(__file__).with_name("bare.py"), str(port), file])
    url = f"http://{HOST}:{port}"
    try:
        for _ in range(200):
            with contextlib.suppress(httpx.HTTPError):
                httpx.get(url)
                break
            time.sleep(0.05)
        yield url
    finally:
        process.terminate()
        process.wait()


def rows_of(anrs: list[uuid.UUID], first: dt.date, last: dt.date, change_rate: float) -> list[bytes]:
    """A batch for each day: all five types of all these analyses."""
    nights: dict[dt.date, list[bytes]] = {}
    for number, anr in enumerate(anrs):
        story = uuid.UUID(int=number + 1)
        for kind, day, data in analysis_days(story, first, last, change_rate=change_rate):
            row = b'{"anr":"%b","type":"%b","date":"%b","data":%b}'
            nights.setdefault(day, []).append(row % (str(anr).encode(), kind.encode(), str(day).encode(), data))
    return [b"[" + b",".join(rows) + b"]" for _, rows in sorted(nights.items())]


class Bench:
    """The measurements of one fleet on one database."""

    def __init__(self, service: Service, loaded: Loaded, folder: Path) -> None:
        self.service, self.loaded, self.folder = service, loaded, folder
        self.seconds: dict[str, float] = {}
        # What the first analysis posts of its newest day, each time something else.
        nights = rows_of(loaded.analyses[0][:1], LAST - dt.timedelta(days=6), LAST, 1.0)
        days = [str(LAST - dt.timedelta(days=number)).encode() for number in range(6, -1, -1)]
        today = str(LAST).encode()
        self._others = [night[1:-1].replace(day, today) for night, day in zip(nights, days, strict=True)]

    async def chart_after_write(
        self, path: str, body: object = None, token: str = ADMIN_TOKEN, times: int = 7
    ) -> float:
        """The least seconds of a chart, each time after one analysis has posted other data."""
        posts = await client.connect(self.service.url, self.loaded.tokens[0])
        asks = await client.connect(self.service.url, token)
        spent = []
        for number in range(times):
            status, _, _ = await posts.ask("POST", "/api/v1/stats/", b"[" + self._others[number] + b"]")
            assert status == 201, status
            start = time.perf_counter()
            status, _, _ = await asks.ask("GET", path, b"" if body is None else msgspec.json.encode(body))
            spent.append(time.perf_counter() - start)
            assert status == 200, status
        posts.close()
        asks.close()
        return min(spent)

    async def fleet_charts(self) -> None:
        """All charts over the whole fleet and a year, after a write; encoding alone; the same again; 304."""
        for processor in CHARTS:
            kind = processor.partition("_")[0]
            path = f"/stats/{PUBLIC.get(kind, kind)}.json?days=364&processor={processor}"
            spent = await self.chart_after_write(path)
            answer = httpx.get(self.service.url + path, timeout=60)
            decoded = msgspec.json.decode(answer.content)
            encoding = timed(15, functools.partial(msgspec.json.encode, decoded))
            self.seconds[processor] = spent
            of_encoding = (
                f"{spent / encoding:5.1f}x encoding it ({encoding * 1000:.1f} ms, {len(answer.content) >> 10} KB)"
            )
            say(f"{processor}, 365 days, after a write", spent, of_encoding)
            if kind in {"threat", "vulnerability"}:
                again = await client.quickest(30, self.service.url, "GET", path)
                with bare_server(answer.content, self.folder) as bare:
                    floor = await client.quickest(30, bare, "GET", "/")
                say("  the same again", again, f"{again / floor:5.1f}x sending the bytes from a bare handler")
                status = httpx.get(
                    self.service.url + path, headers={"If-None-Match": answer.headers["etag"]}
                ).status_code
                say(f"  with If-None-Match: {status}")

    async def front_office(self) -> None:
        """A chart of 50 analyses over 90 days against the naive model on the same rows."""
        first = LAST - dt.timedelta(days=89)
        anrs = [str(anr) for anr in self.loaded.analyses[1]]
        for kind in ("threat", "vulnerability"):
            asked = {
                "type": kind,
                "processor": f"{kind}_average_on_date",
                "anrs": anrs,
                "date_from": str(first),
                "date_to": str(LAST),
            }
            spent = await self.chart_after_write("/api/v1/stats/processed/", asked, token=self.loaded.tokens[1])
            rows = httpx.request(
                "GET",
                f"{self.service.url}/api/v1/stats/",
                json={name: asked[name] for name in ("type", "anrs", "date_from", "date_to")},
                headers={"X-API-KEY": self.loaded.tokens[1]},
                timeout=120,
            ).json()["data"]
            texts = [msgspec.json.encode({"date": row["date"], "data": row["data"]}) for row in rows]
            naive = timed(3, functools.partial(naive_chart, texts, str(asked["processor"])))
            say(
                f"{PUBLIC[kind]} of {len(anrs)} analyses, 90 days, after a write",
                spent,
                f"{naive / spent:5.0f}x faster than naive ({naive * 1000:.0f} ms, {len(rows)} rows)",
            )

    async def posting(self) -> None:
        """A night of 50 analyses: data as yesterday, and all changed."""
        token = self.service.client(f"Poster {uuid.uuid4()}").headers["X-API-KEY"]
        anrs = [uuid.uuid4() for _ in range(50)]
        same = rows_of(anrs, FIRST, FIRST + dt.timedelta(days=12), 0.0)
        changed = rows_of(anrs, FIRST + dt.timedelta(days=20), FIRST + dt.timedelta(days=31), 1.0)
        posts = await client.connect(self.service.url, token)
        for name, nights in (("data as yesterday", same), ("all changed", changed)):
            decoding = timed(7, functools.partial(typed.decode, nights[-1]))
            spent = []
            for night in nights:
                start = time.perf_counter()
                status, _, _ = await posts.ask("POST", "/api/v1/stats/", night)
                spent.append(time.perf_counter() - start)
                assert status == 201, status
            least = min(spent[1:])
            self.seconds[name] = least
            say(
                f"posting 50 analyses (250 rows, {len(nights[-1]) / 1e6:.1f} MB), {name}",
                least,
                f"{least / decoding:5.1f}x its typed decode ({decoding * 1000:.1f} ms); {250 / least:.0f} rows/s",
            )
        posts.close()

    async def me(self) -> None:
        """The smallest request."""
        path = "/api/v1/client/me"
        answer = httpx.get(self.service.url + path, headers={"X-API-KEY": ADMIN_TOKEN}).content
        ours = await client.rate(5, 16, self.service.url, path, ADMIN_TOKEN)
        with bare_server(answer, self.folder) as bare:
            floor = await client.rate(5, 16, bare, "/")
        say(
            "GET /api/v1/client/me, 16 connections",
            None,
            f"{ours:.0f} requests/s, {ours / floor:.2f} of a bare handler's {floor:.0f}",
        )

    async def big_batch(self) -> None:
        """A batch of 50 MB, and the most memory that the service has used so far."""
        token = self.service.client(f"Big poster {uuid.uuid4()}").headers["X-API-KEY"]
        anrs = [uuid.uuid4() for _ in range(50)]
        rows: list[bytes] = []
        nights = iter(rows_of(anrs, FIRST, FIRST + dt.timedelta(days=40), 0.5))
        while sum(map(len, rows)) < BIG_BATCH:
            rows.append(next(nights)[1:-1])
        body = b"[" + b",".join(rows) + b"]"
        posts = await client.connect(self.service.url, token)
        start = time.perf_counter()
        status, _, _ = await posts.ask("POST", "/api/v1/stats/", body)
        assert status == 201, status
        say(f"posting {len(body) >> 20} MB at once", time.perf_counter() - start)
        posts.close()

    def memory(self) -> None:
        """The most memory that the service has used."""
        assert self.service.process is not None
        status = Path(f"/proc/{self.service.process.pid}/status").read_text()
        peak = int(status.partition("VmHWM:")[2].split()[0]) >> 10
        say("peak memory of the service", None, f"{peak} MB")


async def measure(database_url: str, analyses: int, folder: Path) -> dict[str, float]:
    """Load a fleet, start a service on it, and print what it costs."""
    print(f"\n--- {analyses} analyses x 365 days x 5 types, {database_url.partition(':')[0]}")
    start = time.perf_counter()
    loaded = await load(database_url, analyses, FIRST, LAST)
    say(f"loading {loaded.rows} rows", time.perf_counter() - start)
    with running_service(database_url, folder, MAX_BODY_MB="64") as service:
        bench = Bench(service, loaded, folder)
        start = time.perf_counter()
        for kind in ("threats", "vulnerabilities", "risks", "cartography", "compliance"):
            httpx.get(f"{service.url}/stats/{kind}.json?days=364", timeout=600).raise_for_status()
        say("the first charts of all (a year of sums made anew)", time.perf_counter() - start)
        if database_url.startswith("sqlite"):
            file = Path(database_url.removeprefix("sqlite:///"))
            size = file.stat().st_size + file.with_name(file.name + "-wal").stat().st_size
            say("disk per row", None, f"{size / loaded.rows:.0f} bytes, 1/{loaded.json_bytes / size:.0f} of the JSON")
        await bench.fleet_charts()
        if analyses >= 4 * ANALYSES_PER_ACCOUNT:
            await bench.front_office()
        await bench.posting()
        await bench.me()
        await bench.big_batch()
        bench.memory()
    return bench.seconds


async def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--analyses", type=int, nargs="+", default=[20, 200, 2000])
    parser.add_argument("--postgres", action="store_true", help="measure PostgreSQL and not SQLite")
    chosen = parser.parse_args()
    results: dict[int, dict[str, float]] = {}
    with contextlib.ExitStack() as stack:
        postgres = stack.enter_context(embedded_postgres()) if chosen.postgres else None
        for analyses in chosen.analyses:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="benchmark-")))
            url = stack.enter_context(postgres.database()) if postgres else f"sqlite:///{folder}/stats.sqlite3"
            results[analyses] = await measure(url, analyses, folder)
    least, most = min(results), max(results)
    if least != most:
        print(f"\n--- {most} analyses against {least}")
        for name, seconds in results[least].items():
            say(name, None, f"{results[most][name] / seconds:.2f}x")


if __name__ == "__main__":
    asyncio.run(main())
