"""What sharing costs: `python -m tests.benchmarks.share [--analyses 220] [--days 91]`.

A fleet with all five types (5 rows for each analysis and day, 100,000 by default) is pushed to a running service on
loopback, from SQLite to SQLite and from PostgreSQL to PostgreSQL. The commands run as an operator runs them; time and
peak memory are those of the command's process, and the other service has the machine's cores in common with it.
"""

import argparse
import json
import tempfile
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.benchmarks.upkeep import loaded, run
from tests.servers import Service, embedded_postgres, running_service


class Installation:
    """An installation with a fleet, and what it shares with."""

    def __init__(self, database_url: str, folder: Path, there: Service) -> None:
        """Takes the fleet's database, a home for the commands, and the other service."""
        self._database_url, self._folder = database_url, folder
        token = str(there.client("an installation").headers["X-API-KEY"])
        self._shares = {"REMOTE_STATS_SERVER": there.url, "REMOTE_STATS_TOKEN": token}

    def share(self, name: str, *arguments: str) -> dict[str, Any]:
        """Run `share` with --json, print what it costs, and give what it says."""
        with tempfile.TemporaryFile() as output:
            command = ("share", *arguments, "--json")
            seconds, peak = run(self._database_url, self._folder, *command, output=output, **self._shares)
            output.seek(0)
            said: dict[str, Any] = json.load(output)
        rows = said.get("sent") or said.get("rows")
        rate = f"{rows / seconds:9,.0f} rows/s" if rows else ""
        print(f"{name:<24} {seconds:7.1f} s {rate:>16} {peak:4} MB peak", flush=True)
        return said


def measure(database_url: str, folder: Path, there: Service, size: argparse.Namespace) -> None:
    """Load a fleet, share it, and print what that costs."""
    with ProcessPoolExecutor(1) as pool:  # a process begins with the peak of the one that starts it: ours stays small
        rows, _ = pool.submit(loaded, database_url, size.analyses, size.days).result()
    print(f"\n--- {database_url.partition(':')[0]}: {rows:,} rows", flush=True)
    installation = Installation(database_url, folder, there)
    seen = installation.share("preview", "preview")
    pushed = installation.share("push", "push")
    installation.share("push, nothing to do", "push")
    installation.share("status", "status")
    if (pushed["sent"], pushed["left"]) != (rows, 0):
        raise SystemExit(f"not all was sent: {pushed}")
    sizes = f"{seen['bytes'] >> 20:,} MB of JSON, {pushed['bytes'] >> 20:,} MB on the wire"
    print(f"{sizes} (1/{seen['bytes'] / pushed['bytes']:.0f})", flush=True)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--analyses", type=int, default=220)
    parser.add_argument("--days", type=int, default=91)
    size = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="benchmark-")))
        server = stack.enter_context(embedded_postgres())
        here, there = (stack.enter_context(server.database()) for _ in range(2))
        for source, target in ((f"sqlite:///{folder}/here", f"sqlite:///{folder}/there"), (here, there)):
            with running_service(target, folder) as service:
                measure(source, folder, service, size)


if __name__ == "__main__":
    main()
