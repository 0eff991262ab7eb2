"""What the move from the old service costs: `python -m tests.benchmarks.legacy [--analyses 56] [--days 365]`.

`stats-service import-legacy` as an operator runs it, into SQLite and into PostgreSQL: everything, and again when all is
there. An analysis changes every 20 days. Both PostgreSQL databases are on one server, which keeps what it commits.
"""

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.old_service import Old
from tests.servers import bare_environment, embedded_postgres

TARGET = 3_000


def run(old: Old, database_url: str, folder: Path) -> tuple[float, int]:
    """Import once; the seconds it took, and its peak memory in MB."""
    command = [sys.executable, "-m", "service", "import-legacy", old.url, "--json"]
    start = time.perf_counter()
    with subprocess.Popen(
        command, cwd=folder, env=bare_environment(folder, DATABASE_URL=database_url), stdout=subprocess.DEVNULL
    ) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return time.perf_counter() - start, usage.ru_maxrss >> 10


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--analyses", type=int, default=56)
    parser.add_argument("--days", type=int, default=365)
    size = parser.parse_args()
    with embedded_postgres() as server, server.database() as url, tempfile.TemporaryDirectory() as name:
        old = Old(url)
        asyncio.run(old.make())
        rows = asyncio.run(old.fill(size.analyses, size.days))
        print(f"{rows} rows; target: {TARGET} rows/s for the first run")
        with server.database() as ours:
            for kind, database_url in (("SQLite", f"sqlite:///{name}/stats.sqlite3"), ("PostgreSQL", ours)):
                for what in ("first run", "second run"):
                    seconds, peak = run(old, database_url, Path(name))
                    print(f"{kind:<11} {what:<11} {seconds:6.1f} s  {rows / seconds:9,.0f} rows/s  {peak:4} MB")


if __name__ == "__main__":
    main()
