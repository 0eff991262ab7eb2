"""The command line as operators and their scripts run it: a process of its own."""

import contextlib
import json
import os
import pty
import subprocess
import sys
import uuid
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

from service.demo import fleet
from tests.servers import bare_environment

ANR = uuid.UUID("11111111-2222-4333-8444-555555555555")


class Cli:
    """The command line on one database."""

    def __init__(self, database_url: str, folder: Path, **variables: str) -> None:
        """Takes the database's URL, the working and home folder, and more of the environment."""
        self.folder = folder
        self.environment = bare_environment(folder, DATABASE_URL=database_url, **variables)

    def command(self, *arguments: str) -> list[str]:
        """The command line in full."""
        return [sys.executable, "-m", "service", *arguments]

    def run(self, *arguments: str, stdin: bytes = b"", **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a command without a terminal, and give what it printed and its exit code."""
        done = subprocess.run(
            self.command(*arguments),
            cwd=self.folder,
            env=self.environment | variables,
            input=stdin,
            capture_output=True,
            check=False,
        )
        out, errors = done.stdout.decode(), done.stderr.decode()
        return subprocess.CompletedProcess(arguments, done.returncode, out, errors)

    def said(self, *arguments: str, stdin: bytes = b"", **variables: str) -> str:
        """What a command prints that has to succeed, in silence on standard error."""
        done = self.run(*arguments, stdin=stdin, **variables)
        assert (done.returncode, done.stderr) == (0, ""), done
        return done.stdout

    def json(self, *arguments: str) -> Any:
        """What a command prints with --json."""
        return json.loads(self.said(*arguments, "--json"))

    def refused(self, *arguments: str, code: int = 1, **variables: str) -> str:
        """The one line with which a command fails that prints nothing else."""
        done = self.run(*arguments, stdin=b"", **variables)
        assert (done.returncode, done.stdout) == (code, ""), done
        assert done.stderr.startswith("stats-service: ")
        assert done.stderr.count("\n") == 1, done.stderr
        return done.stderr

    def on_a_terminal(self, *arguments: str, typed: bytes) -> tuple[int, str]:
        """Run a command on a terminal at which `typed` is typed: its exit code and what the terminal shows."""
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            self.command(*arguments),
            cwd=self.folder,
            env=self.environment | {"TERM": "xterm", "COLUMNS": "100"},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)
        os.write(ours, typed)
        shown = b""
        with contextlib.suppress(OSError):  # how a terminal says that nobody is left at the other end
            while part := os.read(ours, 65536):
                shown += part
        os.close(ours)
        return process.wait(), shown.decode()

    @contextlib.contextmanager
    def serving(self, *options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
        """`serve` running: the process, and the line that it prints once it listens."""
        with subprocess.Popen(
            self.command("serve", *options),
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                assert process.stdout
                yield process, process.stdout.readline()
            finally:
                process.kill()


def rows(first: date, last: date, anr: uuid.UUID = ANR) -> list[bytes]:
    """Rows of an invented analysis, as a Front Office posts them: five a day, both days included."""
    return [
        b'{"anr":"%b","type":"%b","date":"%b","data":%b}' % (str(anr).encode(), kind.encode(), str(day).encode(), data)
        for kind, day, data in fleet.analysis_days(anr, first, last)
    ]


def lines(text: str) -> dict[str, str]:
    """The fields of what a command prints, a line each, by their names."""
    return dict(line.split(": ", 1) for line in text.splitlines())
