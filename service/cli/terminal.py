"""How commands speak: data goes to standard output, all else (questions, progress, errors) to standard error."""

import contextlib
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Annotated, Any, NoReturn

import msgspec
from cyclopts import Parameter
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

FAILED = 1
USAGE = 2

AsJson = Annotated[bool, Parameter(name="--json", negative="", help="Print JSON.")]
"""The option of every command that prints data."""

Yes = Annotated[bool, Parameter(name=["--yes", "-y"], negative="", help="Do not ask before deleting.")]
"""The option of every command that deletes."""

WIDE = 1_000
"""The width of tables. A narrow terminal breaks their lines, but no UUID is cut off or torn to pieces."""


def say(line: str) -> None:
    """A line of a command's result."""
    sys.stdout.write(f"{_printable(line)}\n")


def note(line: str) -> None:
    """A line that is not part of a command's result: what is going on, or what went wrong."""
    sys.stderr.write(f"{_printable(line)}\n")
    sys.stderr.flush()


def _printable(line: str) -> str:
    """A line without what moves a terminal's cursor or changes its colours: names and labels are strangers' words."""
    return "".join(letter if letter.isprintable() else " " for letter in line)


def stop(message: str, code: int = FAILED) -> NoReturn:
    """End the command with a message and an exit code."""
    note(f"stats-service: {message}")
    raise SystemExit(code)


def say_json(value: Any) -> None:
    """`value` as indented JSON: a command's result for programs."""
    sys.stdout.write(f"{msgspec.json.format(msgspec.json.encode(value), indent=2).decode()}\n")


def say_fields(fields: Iterable[tuple[str, object]]) -> None:
    """A thing's fields, a line each."""
    for name, value in fields:
        say(f"{name}: {value}")


def say_table(columns: Sequence[str], rows: Iterable[Sequence[object]], nothing: str) -> None:
    """A table of `rows`; the sentence `nothing` where there are none. Numbers are set to the right."""
    lines = list(rows)
    if not lines:
        say(nothing)
        return
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for number, column in enumerate(columns):
        is_number = isinstance(lines[0][number], int)
        table.add_column(column, justify="right" if is_number else "left", no_wrap=True)
    for line in lines:
        table.add_row(*(Text("-" if cell is None else _printable(str(cell))) for cell in line))
    Console(width=WIDE, highlight=False, markup=False).print(table)


def confirm(question: str, *, yes: bool) -> None:
    """Ask before something is deleted, unless `yes`. Ends the command where the answer is not yes.

    Where nobody can be asked, nothing is deleted and the exit code is that of a wrong usage: `--yes` is missing.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        stop(f"{question} Nothing was deleted: without a terminal to ask, say --yes.", USAGE)
    with interruptible():
        sys.stderr.write(f"{_printable(question)} [y/N] ")
        sys.stderr.flush()
        answer = sys.stdin.readline()
    if answer.strip().lower() not in {"y", "yes"}:
        stop("Nothing was deleted.")


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Within the block, which waits for what somebody types, Ctrl-C ends the command at once.

    asyncio's own handler waits for the coroutine to give way, and the coroutine waits for the answer.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextlib.contextmanager
def counting(what: str) -> Iterator[Callable[[int, int], object]]:
    """A progress display; what is yielded is told how much is done, and of how much."""
    with progress() as display:
        task = display.add_task(what, total=None)
        yield lambda done, total: display.update(task, completed=done, total=total)


def progress() -> Progress:
    """A progress display on standard error; silent where that is no terminal."""
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
        disable=not sys.stderr.isatty(),
    )
