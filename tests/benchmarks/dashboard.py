"""How the dashboard feels: `python -m tests.benchmarks.dashboard [--days 365] [--rounds 10]`.

The real program on a terminal of its own (a pty of 120x35), before a service with a year of the demo's figures. What is
timed is what the terminal is sent: from a key (or the start) to the bytes that show what it did.
"""

import argparse
import contextlib
import datetime as dt
import fcntl
import json
import os
import pty
import select
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tests import samples
from tests.servers import ADMIN_TOKEN, Service, bare_environment, running_service

SIZE = (35, 120)
QUIET = 0.12
"""Seconds without output after which a screen counts as finished."""

ESCAPE_SECONDS = 0.3
PATIENCE = 20.0
KEY_PAUSE = 0.03
"""Seconds between two keys of somebody who types fast."""

LETTER = b"Z"
"""What is typed: no sequence that Textual sends a terminal holds it."""

LETTERS = 8
VULNERABILITIES = b"4"


class Terminal:
    """A terminal with the dashboard on it."""

    def __init__(self, service: Service, home: Path, scope: dict[str, object]) -> None:
        """Starts it; `scope` is what it remembers of last time."""
        state = home / ".local/state/stats-tui/state.json"
        state.parent.mkdir(parents=True)
        state.write_text(json.dumps({"scope": scope}))
        token = home / "token"
        token.write_text(ADMIN_TOKEN)
        token.chmod(0o600)
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", *SIZE, 0, 0))
        self.started = time.perf_counter()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tui", "--server", service.url, "--token-file", str(token), "--refresh", "0"],
            env=bare_environment(home, TERM="xterm-256color", COLORTERM="truecolor"),
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)

    def close(self) -> None:
        """End it."""
        self._process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(5)
        self._process.kill()
        self._process.wait()
        os.close(self._master)

    def press(self, key: bytes) -> float:
        """Press a key; when that was."""
        os.write(self._master, key)
        return time.perf_counter()

    def read(self, seconds: float) -> bytes:
        """What the terminal is sent next, or nothing where nothing comes within so many seconds."""
        ready, _, _ = select.select([self._master], [], [], seconds)
        return os.read(self._master, 1 << 16) if ready else b""

    def shown(self, found: Callable[[bytes], bool]) -> float:
        """When what the terminal is sent from now on has everything that `found` looks for."""
        seen = b""
        until = time.perf_counter() + PATIENCE
        while time.perf_counter() < until:
            seen += self.read(0.1)
            if found(seen):
                return time.perf_counter()
        raise SystemExit("The dashboard never showed what was waited for.")

    def settled(self, since: float) -> float:
        """The seconds from `since` to the last output before a quiet moment."""
        last = since
        while self.read(QUIET):
            last = time.perf_counter()
        return last - since


def first_paint(service: Service, labels: list[bytes], scope: dict[str, object]) -> float:
    """The seconds from the start of the program to the first figures on the screen."""
    with tempfile.TemporaryDirectory() as home, running(service, Path(home), scope) as terminal:
        return terminal.shown(lambda seen: any(label in seen for label in labels)) - terminal.started


def switches(terminal: Terminal, rounds: int) -> list[float]:
    """The seconds that going to a view takes, once all were seen."""
    keys = [str(number).encode() for number in range(1, 10)]
    for key in keys:
        terminal.press(key)
        time.sleep(1)
        terminal.settled(0)
    return [terminal.settled(terminal.press(key)) for _ in range(rounds) for key in keys]


def echoes(terminal: Terminal, *, reading: bool) -> list[float]:
    """The seconds from each key of a filter (/, then letters) to its echo.

    With `reading`, right after the view was told to fetch its figures anew.
    """
    terminal.press(VULNERABILITIES)
    terminal.settled(0)
    if reading:
        terminal.press(b"r")
    pressed = terminal.press(b"/")
    taken = [terminal.shown(lambda seen: b"type a part" in seen) - pressed]
    for _ in range(LETTERS):
        pressed = terminal.press(LETTER)
        taken.append(terminal.shown(lambda seen: LETTER in seen) - pressed)
        until = time.perf_counter() + KEY_PAUSE
        while (left := until - time.perf_counter()) > 0:
            terminal.read(left)  # what is drawn once more of letters that were typed before
    terminal.press(b"\x15")  # the filter's text goes
    terminal.settled(0)
    terminal.press(b"\x1b")  # and the filter, once it is clear that no sequence follows
    time.sleep(ESCAPE_SECONDS)
    terminal.settled(0)
    return taken


@contextlib.contextmanager
def running(service: Service, home: Path, scope: dict[str, object]) -> Iterator[Terminal]:
    """The dashboard, until the block ends."""
    terminal = Terminal(service, home, scope)
    try:
        yield terminal
    finally:
        terminal.close()


def row(what: str, target: str, seconds: list[float]) -> str:
    """A line of the table."""
    times = sorted(second * 1000 for second in seconds)
    return f"{what:<48}{target:>10}{statistics.median(times):>10.0f}{times[-1]:>10.0f}"


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--rounds", type=int, default=10)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        url = f"sqlite:///{folder / 'stats.sqlite3'}"
        subprocess.run(
            [sys.executable, "-m", "service", "demo", "--days", str(given.days)],
            cwd=folder,
            env=bare_environment(folder, DATABASE_URL=url),
            check=True,
            capture_output=True,
        )
        with running_service(url, folder) as service:
            measure(service, {"days": given.days}, given.rounds)


def measure(service: Service, scope: dict[str, object], rounds: int) -> None:
    """Measure against a service that has figures."""
    threats = service.admin.get("/stats/threats.json").json()
    answer = service.admin.get(f"/stats/vulnerabilities.json?days={scope['days']}").content
    # The overview names threats; a label of which the beginning is on the screen is a figure's.
    labels = [label[:8].encode() for threat in threats for label in threat["labels"].values() if label]
    office = service.client("Poster")
    today, anr = str(dt.datetime.now(dt.UTC).date()), "7b58ab32-6e84-4ea5-9ee2-b39b4b7d8e52"
    paints = [first_paint(service, labels, scope) for _ in range(max(rounds // 2, 3))]
    with tempfile.TemporaryDirectory() as home, running(service, Path(home), scope) as terminal:
        terminal.shown(lambda seen: any(label in seen for label in labels))
        terminal.settled(0)
        switched = switches(terminal, rounds)
        quiet = [echo for _ in range(rounds) for echo in echoes(terminal, reading=False)]
        busy = []
        for number in range(rounds):
            office.post("/api/v1/stats/", json=samples.rows(anr, today, number)).raise_for_status()  # so it is no 304
            busy += echoes(terminal, reading=True)
    print(f"The answer that is read meanwhile: {len(answer) / 1e6:.1f} MB\n")
    print(f"{'milliseconds':<48}{'target':>10}{'median':>10}{'longest':>10}")
    print(row("start to the first figures", "1000", paints))
    print(row("to another view, once loaded", "100", switched))
    print(row("echo of a letter", "", quiet))
    print(row("echo of a letter while the answer is read", "50", busy))


if __name__ == "__main__":
    main()
