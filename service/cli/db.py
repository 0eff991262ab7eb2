"""`stats-service db`, and the one way in which commands come to the database."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from service.cli.terminal import FAILED, USAGE, AsJson, note, progress, say, say_fields, say_json, stop
from service.core.verify import Difference, Verification
from service.errors import MigrationsPending, Unavailable
from service.settings import Settings, load
from service.storage import backups, connection, migrate

app = App(name="db", help="Look after the database.")


@contextlib.asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[None]:
    """The database open within the block, whatever its schema. Makes the folder of an SQLite file.

    Raises Unavailable, naming the database and the reason, where it cannot be reached.
    """
    async with contextlib.AsyncExitStack() as stack:
        try:
            if settings.sqlite_path:
                settings.sqlite_path.parent.mkdir(parents=True, exist_ok=True)
            await stack.enter_async_context(connection.connected(settings.database_url))
        except (Unavailable, OSError) as error:
            reason: BaseException = error
            while reason.__cause__:
                reason = reason.__cause__
            raise Unavailable(f"{settings.database_shown} cannot be reached: {reason}") from error
        yield


@contextlib.asynccontextmanager
async def database() -> AsyncIterator[None]:
    """The database open for a command that reads or changes data.

    A new database gets its tables first, so that an account can be made before the first start. One that is
    merely behind is left alone: a service of the older version may be running on it.
    Raises MigrationsPending then, Unavailable and SettingsError as `opened` and `load` do.
    """
    settings = load()
    async with opened(settings):
        await make_current(settings, allowed="new")
        yield


async def make_current(settings: Settings, allowed: Literal["all", "new", "none"]) -> list[str]:
    """Apply the migrations that the open database lacks; the names of what was applied.

    Raises MigrationsPending where that is not allowed: with "new" on a database that is not empty, with
    "none" on any.
    """
    pending = await migrate.pending(settings.database_url)
    if not pending:
        return []
    is_new = pending[0].startswith("0_")  # aerich counts its files from 0: not even the first was applied
    if allowed == "none" or (allowed == "new" and not is_new):
        raise MigrationsPending(
            f"{settings.database_shown} lacks {len(pending)} migration(s): run `stats-service db upgrade`."
        )
    return await migrate.upgrade(settings.database_url)


async def prepare(settings: Settings, *, migrations: bool) -> None:
    """Make the database ready for a start: wait for a PostgreSQL one, and migrate it if `migrations`.

    Raises Unavailable after DB_WAIT_SECONDS, MigrationsPending where it has to be migrated and may not.
    """
    patience = 0 if settings.sqlite_path else settings.db_wait_seconds
    deadline = time.monotonic() + patience
    said = ""
    while True:
        try:
            async with opened(settings):
                await make_current(settings, allowed="all" if migrations else "none")
                return
        except Unavailable as error:
            if time.monotonic() >= deadline:
                raise
            if error.message != said:
                said = error.message
                note(f"Waiting up to {patience} s for the database: {said}")
        await asyncio.sleep(0.5)


@app.command
async def upgrade() -> None:
    """Bring the database's tables up to date (safe beside other processes)."""
    settings = load()
    async with opened(settings):
        names = await make_current(settings, allowed="all")
    for name in names:
        say(f"Applied {name}")
    say(f"{settings.database_shown} is up to date.")


@app.command
async def status(*, as_json: AsJson = False) -> int:
    """Say which database is used and whether its tables are up to date; exit code 1 where they are not."""
    settings = load()
    async with opened(settings):
        pending = await migrate.pending(settings.database_url)
    if as_json:
        say_json({"database": settings.database_shown, "up_to_date": not pending, "pending": pending})
    else:
        say_fields(
            [
                ("Database", settings.database_shown),
                ("Up to date", "no" if pending else "yes"),
                *(("Pending", name) for name in pending),
            ]
        )
    return FAILED if pending else 0


@app.command
def backup(file: Path) -> None:
    """Copy an SQLite database into a new file, while the service goes on.

    To restore it, stop the service, put the file in the place of the database, and delete the files beside it whose
    names end in -wal and -shm.

    :param file: The copy; a file that is there already is left alone, and the exit code is 1.
    """
    settings = load()
    if settings.sqlite_path is None:
        stop(
            "this is for SQLite only: use pg_dump, which copies a PostgreSQL database while the service goes on.", USAGE
        )
    with progress() as display:
        display.add_task("Copying", total=None)
        size = backups.copy(settings.sqlite_path, file)
    say(f"Copied {settings.database_shown} to {file} ({size} bytes).")


@app.command
async def verify(*, repair: Annotated[bool, Parameter(negative="")] = False, as_json: AsJson = False) -> int:
    """Hold everything that is kept beside the rows against them: figures, sums, sizes, and what belongs to what.

    It may run beside the service: what is posted meanwhile is no difference. The exit code is 1 where there are
    differences, with --repair where some are left that it could not mend.

    :param repair: Mend what differs. Data that is damaged is named, and stays as it is.
    """
    verification = Verification(repair=repair)
    found: list[Difference] = []
    async with database():
        with progress() as display:
            display.add_task("Verifying", total=None)
            async for difference in verification.differences():
                found.append(difference)
                if not as_json:
                    say(_line(difference))
    if as_json:
        say_json({"checked": verification.counted, "differences": found})
    else:
        counted = verification.counted
        mended = sum(difference.done is not None for difference in found)
        say(
            f"Checked {counted.accounts} accounts, {counted.analyses} analyses, {counted.rows} rows, "
            f"{counted.payloads} payloads: {len(found)} differences{f', {mended} of them mended' if repair else ''}."
        )
    return FAILED if any(difference.done is None for difference in found) else 0


def _line(difference: Difference) -> str:
    """A difference as a line: where, what, and what was done."""
    where = [
        f"{name} {value}"
        for name, value in (
            ("account", difference.account),
            ("analysis", difference.anr),
            ("type", difference.type),
            ("day", difference.date),
        )
        if value
    ]
    done = f" {difference.done}." if difference.done else ""
    return f"{', '.join(where) or 'all accounts'}: {difference.what}.{done}"
