"""What upkeep costs beside a running service: `python -m tests.benchmarks.upkeep [--analyses 200] [--days 1000]`.

A fleet with all five types (5 rows for each analysis and day, a million by default) on SQLite and on PostgreSQL. The
commands run as an operator runs them; meanwhile a Front Office goes on posting a night of five analyses, and the
slowest of its posts is shown beside the command's own time and peak memory.
"""

import argparse
import asyncio
import contextlib
import datetime as dt
import os
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import IO, Self

from tests import samples
from tests.benchmarks.fleet import load
from tests.servers import Service, bare_environment, embedded_postgres, running_service

TODAY = dt.datetime.now(dt.UTC).date()
PAUSE = 0.2


def run(
    database_url: str, folder: Path, *arguments: str, output: int | IO[bytes] = subprocess.DEVNULL, **variables: str
) -> tuple[float, int]:
    """Run a command; the seconds it took and its peak memory in MB.

    `output`: where to its standard output goes; `variables`: more of its environment.
    """
    start = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-m", "service", *arguments],
        cwd=folder,
        env=bare_environment(folder, DATABASE_URL=database_url, **variables),
        stdout=output,
    ) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{arguments} failed")
    return time.perf_counter() - start, usage.ru_maxrss >> 10


class Poster:
    """A Front Office that posts again and again while the block lasts. `slowest`: the seconds of its slowest post."""

    def __init__(self, service: Service) -> None:
        """Makes its account."""
        self._office = service.client(f"Poster {uuid.uuid4()}")
        self._anrs = [str(uuid.uuid4()) for _ in range(5)]
        self._over = threading.Event()
        self.slowest = 0.0
        self.posts = 0

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._post_on)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _post_on(self) -> None:
        while not self._over.wait(PAUSE):
            night = [row for anr in self._anrs for row in samples.rows(anr, str(TODAY), self.posts)]
            start = time.perf_counter()
            self._office.post("/api/v1/stats/", json=night).raise_for_status()
            self.slowest = max(self.slowest, time.perf_counter() - start)
            self.posts += 1


def loaded(database_url: str, analyses: int, days: int) -> tuple[int, int]:
    """Load a fleet; its rows, and the bytes of their JSON."""
    fleet = asyncio.run(load(database_url, analyses, TODAY - dt.timedelta(days=days - 1), TODAY))
    return fleet.rows, fleet.json_bytes


def measure(database_url: str, analyses: int, days: int, folder: Path) -> None:
    """Load a fleet and print what each command costs."""
    start = time.perf_counter()
    with ProcessPoolExecutor(1) as pool:  # a process begins with the peak of the one that starts it: ours stays small
        rows, json_bytes = pool.submit(loaded, database_url, analyses, days).result()
    kind = database_url.partition(":")[0]
    print(f"\n--- {kind}: {rows:,} rows, {json_bytes >> 20:,} MB of JSON", end=" ")
    print(f"(loaded in {time.perf_counter() - start:.0f} s)", flush=True)
    export = str(folder / "rows.jsonl.gz")
    commands = [("export", rows, ["stats", "export", export])]
    if kind == "sqlite":
        commands.append(("backup", rows, ["db", "backup", str(folder / "copy.sqlite3")]))
    commands.append(
        ("purge of the older half", rows // 2, ["stats", "purge", "--yes", "--older-than", f"{days // 2}d"])
    )
    commands.append(("import of the export", rows, ["stats", "import", export]))
    with running_service(database_url, folder) as service:
        for name, count, arguments in commands:
            with Poster(service) as poster:
                seconds, peak = run(database_url, folder, *arguments)
            beside = f"slowest of {poster.posts} posts meanwhile {poster.slowest:.2f} s"
            print(f"{name:<24} {seconds:7.1f} s {count / seconds:9,.0f} rows/s {peak:4} MB peak; {beside}", flush=True)


@contextlib.contextmanager
def databases(folder: Path) -> Iterator[list[str]]:
    """An empty database of each kind."""
    with embedded_postgres() as server, server.database() as url:
        yield [f"sqlite:///{folder / 'stats.sqlite3'}", url]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--analyses", type=int, default=200)
    parser.add_argument("--days", type=int, default=1000)
    size = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name, databases(Path(name)) as urls:
        for number, url in enumerate(urls):
            folder = Path(name) / str(number)
            folder.mkdir()
            measure(url, size.analyses, size.days, folder)


if __name__ == "__main__":
    main()
