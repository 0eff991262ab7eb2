"""`stats-service stats`: the stored statistics."""

import datetime as dt
import re
import sys
import uuid
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import App, Parameter
from cyclopts.validators import Number

from service.cli.clients import Client, account_of
from service.cli.db import database
from service.cli.files import opened_file, written_file
from service.cli.importing import import_rows
from service.cli.terminal import FAILED, AsJson, Yes, confirm, note, progress, say, say_json, say_table
from service.core import clients, stats
from service.core.periods import months_before
from service.records import Account, Role, StatType

app = App(name="stats", help="Look after statistics.")

_EVERYBODY = Account(
    id=0,
    uuid=uuid.UUID(int=0),
    name="",
    role=Role.ADMIN,
    is_sharing_enabled=False,
    is_active=True,
    local=True,
    latitude=None,
    longitude=None,
    last_seen=None,
    created_at=dt.datetime.min.replace(tzinfo=dt.UTC),
    updated_at=dt.datetime.min.replace(tzinfo=dt.UTC),
)
"""Who sits at the machine reaches all rows, as an admin does."""


class _Row(msgspec.Struct):
    uuid: str
    anr: str
    type: str
    date: str
    data: msgspec.Raw


@app.command(name="list")
async def list_(
    *,
    client: Client | None = None,
    type: StatType | None = None,
    anr: Annotated[list[uuid.UUID] | None, Parameter(negative="")] = None,
    date_from: dt.date | None = None,
    date_to: dt.date | None = None,
    newest: Annotated[bool, Parameter(negative="")] = False,
    offset: Annotated[int, Parameter(validator=Number(gte=0))] = 0,
    limit: Annotated[int, Parameter(validator=Number(gte=0))] = 100,
    as_json: AsJson = False,
) -> None:
    """List stored rows by date; as JSON with their data.

    :param client: Only the rows of this account: its UUID or its exact name.
    :param type: Only rows of this type.
    :param anr: Only rows of this analysis; may be given several times.
    :param date_from: Only rows of this day and later; if not given, three months before the last day.
    :param date_to: Only rows of this day and earlier; if not given, up to today.
    :param newest: Only the newest row of each analysis and type; the dates are ignored then.
    :param offset: How many rows to pass over.
    :param limit: How many rows at most; 0 for all.
    """
    query = stats.RowQuery(
        type=type,
        anrs=tuple(anr) if anr else None,
        date_from=date_from,
        date_to=date_to,
        newest_only=newest,
        offset=offset,
        limit=limit,
    )
    async with database():
        reader = msgspec.structs.replace(await account_of(client), role=Role.USER) if client else _EVERYBODY
        page = await stats.find(reader, query)
        if as_json:
            sys.stdout.write("[")
            async for chunk in page.chunks():
                sys.stdout.write(chunk.decode())
            sys.stdout.write("]\n")
            return
        text = b"".join([chunk async for chunk in page.chunks()])
    rows = msgspec.json.decode(b"[" + text + b"]", type=list[_Row])
    say_table(
        ["DATE", "TYPE", "ANR", "UUID", "BYTES"],
        [(row.date, row.type, row.anr, row.uuid, len(bytes(row.data))) for row in rows],
        nothing="There are no such rows in these days.",
    )
    if len(rows) < page.count:
        note(f"{len(rows)} of {page.count} rows: --offset and --limit show others.")


@app.command
async def delete(client: Client, *, anr: uuid.UUID | None = None, yes: Yes = False) -> None:
    """Delete the statistics of an account, or of one of its analyses; the account stays.

    :param anr: Only the rows of this analysis.
    """
    async with database():
        account, activity = await clients.show((await account_of(client)).uuid)
        what = f"all {activity.rows} rows" if anr is None else f"the rows of analysis {anr}"
        confirm(f"Delete {what} of the account {account.name}?", yes=yes)
        if anr is None:
            rows = await clients.delete_stats(account.uuid)
        else:
            rows = await stats.delete_analysis(msgspec.structs.replace(account, role=Role.USER), anr)
    say(f"Deleted {rows} rows of the account {account.name}.")


def _check_age(_: object, value: object) -> None:
    """Refuse what `--older-than` does not understand."""
    if not re.fullmatch(r"[1-9][0-9]{0,4}[dmy]", str(value)):
        raise ValueError("It has to be a number of days, months or years, like 90d, 36m or 3y.")


@app.command
async def purge(
    *,
    older_than: Annotated[str, Parameter(validator=_check_age)] = "36m",
    client: Client | None = None,
    yes: Yes = False,
) -> None:
    """Delete old statistics, and what labels only they had. It may run beside the service, which stays available.

    :param older_than: How long ago the last day was whose rows stay: 90d, 36m or 3y.
    :param client: Only the rows of this account: its UUID or its exact name.
    """
    before = _day_before(older_than)
    async with database():
        accounts = await _accounts(client)
        whose = f"the account {accounts[0].name}" if client else "all accounts"
        old = await stats.count(accounts, stats.RowQuery(date_to=before - dt.timedelta(days=1)))
        confirm(f"Delete the {old} rows of {whose} from before {before}?", yes=yes)
        with progress() as display:
            task = display.add_task("Purging", total=old)
            rows = await clients.purge(
                before,
                accounts[0].uuid if client else None,
                deleted=lambda count: display.advance(task, count),
            )
    say(f"Deleted {rows} rows from before {before}.")


async def _accounts(client: str | None) -> list[Account]:
    """The account whose UUID or exact name `client` is, or all, by name. Raises NotFound where there is none."""
    return [await account_of(client)] if client else await clients.get_all()


def _day_before(age: str) -> dt.date:
    """The day that was so long ago (`90d`, `36m`, `3y`), today being the day in UTC."""
    today, number = dt.datetime.now(dt.UTC).date(), int(age[:-1])
    if age.endswith("d"):
        return today - dt.timedelta(days=min(number, today.toordinal() - 2))
    return max(months_before(today, number * (12 if age.endswith("y") else 1)), dt.date(1, 1, 2))


@app.command
async def export(
    file: Annotated[Path, Parameter(allow_leading_hyphen=True)] = Path("-"),
    *,
    client: Client | None = None,
    type: StatType | None = None,
    date_from: dt.date | None = None,
    date_to: dt.date | None = None,
    gzip: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Write stored rows as JSON Lines, each with its account's name and UUID (never its token).

    `stats import` reads them. What is posted while this runs may or may not be in it.

    :param file: Where to; - is standard output. A file that is there is replaced once all is written.
    :param client: Only the rows of this account: its UUID or its exact name.
    :param type: Only rows of this type.
    :param date_from: Only rows of this day and later.
    :param date_to: Only rows of this day and earlier.
    :param gzip: Compress, also where the file's name does not end in .gz.
    """
    query = stats.RowQuery(type=type, date_from=date_from, date_to=date_to)
    rows = 0
    with written_file(file, gzipped=gzip) as target, progress() as display:
        async with database():
            accounts = await _accounts(client)
            task = display.add_task("Exporting", total=await stats.count(accounts, query))
            async for line in stats.export(accounts, query):
                target.write(line)
                rows += 1
                display.advance(task)
    if str(file) != "-":
        say(f"Exported {rows} rows to {file}.")


@app.command(name="import")
async def import_(
    file: Annotated[Path, Parameter(allow_leading_hyphen=True)] = Path("-"),
    *,
    client: Client | None = None,
    as_json: AsJson = False,
) -> int:
    """Store rows as a Front Office posts them; those that are there already are replaced.

    The rows that cannot be stored are named on standard error, and the exit code is 1 then; the others are stored.

    :param file: JSON Lines (a row a line) or a JSON array of rows, also gzipped; - is standard input.
    :param client: The account whose rows they become: its UUID or its exact name. If not given, each row has to say it,
        as those of `stats export` do: the account with the row's UUID, or else the one with its name.
    """
    with opened_file(file) as source:
        async with database():
            done = await import_rows(await account_of(client) if client else None, source)
    if as_json:
        say_json(done)
    else:
        say(
            f"Read {done.read} rows: stored {done.stored}, {done.replaced} of them in the place of others;"
            f" refused {done.refused}."
        )
    return FAILED if done.refused else 0
