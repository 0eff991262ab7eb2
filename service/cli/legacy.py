"""`stats-service import-legacy`: moving over from the old service."""

import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import App, Parameter

from service.cli.db import database
from service.cli.terminal import FAILED, AsJson, counting, note, say, say_json
from service.core import legacy
from service.core.legacy import Moved, Skipped
from service.errors import BadInput

app = App(
    name="import-legacy",
    help="Move over from the old service.",
    help_epilogue=(
        "The old service may be running: its database is only read. Accounts keep their tokens. The command may be "
        "broken off and repeated, and takes only what is not here yet: run it once for all, and again when the Front "
        "Offices have been switched over.\n\n"
        "What is to be shared of the old service's rows, it has shared itself: of an account that was moved, "
        "`share push` sends only later days, unless it is told --date-from.\n\n"
        "What cannot be taken is reported, and the exit code is 1 then; all else is taken nevertheless."
    ),
)


@app.default
async def import_legacy(
    url: str,
    *,
    dry_run: Annotated[bool, Parameter(negative="")] = False,
    report: Path | None = None,
    as_json: AsJson = False,
) -> int:
    """Move over from the old service.

    :param url: The old database: postgresql://user@host:5432/name. The password may be given in PGPASSWORD or
        ~/.pgpass instead, where no list of processes shows it.
    :param dry_run: Only say what would be taken.
    :param report: Write what cannot be taken into this file, as JSON Lines, instead of on standard error.
    """
    with _reported(report) as skipped:
        async with database():
            with counting("Looking" if dry_run else "Importing") as told:
                moved = await legacy.move(url, dry_run=dry_run, skipped=skipped, progress=told)
    if as_json:
        say_json(moved)
    else:
        _say(moved, dry_run=dry_run)
    return FAILED if moved.accounts_refused or moved.refused else 0


@contextlib.contextmanager
def _reported(path: Path | None) -> Iterator[Callable[[Skipped], object]]:
    """What tells of a thing that was skipped, in a line of ASCII: names and types there are strangers' words.

    Raises BadInput where the file cannot be written.
    """
    if path is None:
        yield lambda skipped: note(_line(skipped))
        return
    try:
        file = path.open("w", encoding="ascii")
    except OSError as error:
        raise BadInput(f"{path} cannot be written: {error.strerror}") from None
    with file:
        yield lambda skipped: file.write(f"{_line(skipped)}\n")


def _line(skipped: Skipped) -> str:
    return json.dumps(msgspec.to_builtins(skipped))


def _say(moved: Moved, *, dry_run: bool) -> None:
    """The result for people."""
    if dry_run:
        say("A dry run: nothing was changed. A real one would do this:")
    say(f"Accounts: {moved.accounts_made} made, {moved.accounts_here} here already, {moved.accounts_refused} refused.")
    say(
        f"Rows: {moved.rows} read; {moved.stored} stored, {moved.replaced} of them in the place of others;"
        f" {moved.here} here already, {moved.newer_here} sent here by a Front Office meanwhile,"
        f" {moved.older} older than another of their day, {moved.refused} refused."
    )
