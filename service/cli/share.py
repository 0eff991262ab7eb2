"""`stats-service share`: sharing figures with another instance (REMOTE_STATS_SERVER)."""

import contextlib
import datetime as dt
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import App, Parameter
from cyclopts.validators import Number

from service.cli import share_status
from service.cli.clients import Client, account_of
from service.cli.db import database
from service.cli.files import written_file
from service.cli.pull import pull
from service.cli.terminal import FAILED, USAGE, AsJson, Yes, confirm, counting, note, say, say_json, say_table, stop
from service.core import clients
from service.core.sharing import forget as forgetting
from service.core.sharing import preview as previewing
from service.core.sharing import push as pushing
from service.core.sharing.forget import Forgotten
from service.core.sharing.preview import Preview
from service.core.sharing.push import BUDGET_SECONDS, Pushed, Wanted
from service.core.sharing.status import RefusedRow
from service.errors import BadInput, NotFound
from service.settings import load

NAMES_SHOWN = 50

app = App(
    name="share", help="Share figures with another instance (REMOTE_STATS_SERVER), without saying whose they are."
)
app.command("service.cli.catalogue:app", name="catalogue", help="Look after the objects that are shared by name.")
app.command(pull)
app.command(share_status.status)

PublishedOnly = Annotated[
    bool, Parameter(negative="", help="Leave out objects that are not published, instead of their names only.")
]
RetryRefused = Annotated[
    bool,
    Parameter(negative="", help="Send also what the other instance refused, or has an older version of, unchanged."),
]


@app.command
async def push(
    *,
    client: Client | None = None,
    date_from: dt.date | None = None,
    date_to: dt.date | None = None,
    published_only: PublishedOnly = False,
    retry_refused: RetryRefused = False,
    budget: Annotated[int, Parameter(validator=Number(gte=1))] = BUDGET_SECONDS,
    as_json: AsJson = False,
) -> int:
    """Send to the other instance what it is not known to have, of the accounts that share.

    It may be killed, or run twice at once: nothing is sent in vain or counted twice. What is left, the next push sends;
    the exit code is 0 only where nothing is.

    :param client: Only the rows of this account: its UUID or its exact name.
    :param date_from: Only rows of this day and later; if not given, three months before the last day, but of an account
        that was moved here none of the days up to the last one that the old service has: those were its to share.
    :param date_to: Only rows of this day and earlier; if not given, up to today.
    :param budget: How many seconds it may take, with all that it tries again.
    """
    return await push_with(
        "",
        client,
        Wanted(date_from=date_from, date_to=date_to, published_only=published_only, again=retry_refused),
        budget=budget,
        as_json=as_json,
    )


async def push_with(
    token: str, client: str | None, wanted: Wanted, *, budget: float = BUDGET_SECONDS, as_json: bool = False
) -> int:
    """`push` with this token, or else that of REMOTE_STATS_TOKEN; the exit code."""
    async with database():
        wanted = await _of_client(wanted, client)
        with counting("Sending") as told:
            pushed = await pushing.push(load(), wanted, token=token, budget=budget, progress=told)
    _note_refusals(pushed.refused, pushed.refusals)
    _note_moved(pushed.moved)
    if as_json:
        say_json(pushed)
    else:
        _say_pushed(pushed)
    return FAILED if pushed.left or pushed.error else 0


@app.command
async def preview(
    *,
    client: Client | None = None,
    date_from: dt.date | None = None,
    date_to: dt.date | None = None,
    published_only: PublishedOnly = False,
    retry_refused: RetryRefused = False,
    dump: Annotated[Path | None, Parameter(allow_leading_hyphen=True)] = None,
    as_json: AsJson = False,
) -> None:
    """Say what a push would send: by account, analysis and type, and which labels it would not. Nothing is sent.

    :param client: Only the rows of this account: its UUID or its exact name.
    :param date_from: Only rows of this day and later; if not given, three months before the last day, but of an account
        that was moved here none of the days up to the last one that the old service has: those were its to share.
    :param date_to: Only rows of this day and earlier; if not given, up to today.
    :param dump: Write the very requests into this file, a JSON object a line: method, url, headers without the token,
        and the body as it is; - is standard output, and then nothing else is written there.
    """
    wanted = Wanted(date_from=date_from, date_to=date_to, published_only=published_only, again=retry_refused)
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(written_file(dump, gzipped=False)) if dump else None
        async with database():
            wanted = await _of_client(wanted, client)
            told = stack.enter_context(counting("Looking"))
            seen = await previewing.preview(load(), wanted, dump=file.write if file else None, progress=told)
    _note_refusals(seen.refused, seen.refusals)
    _note_moved(seen.moved)
    if str(dump) == "-":
        return
    if as_json:
        say_json(seen)
    else:
        _say_preview(seen)


@app.command
async def forget(
    anr: uuid.UUID | None = None, *, client: Client | None = None, yes: Yes = False, as_json: AsJson = False
) -> int:
    """Delete at the other instance what was shared of an analysis or an account, and change its pseudonyms.

    It need not be here any more, and to do it again is harmless. Where something may be left there, the exit code is 1.

    :param anr: The analysis, by its UUID here.
    :param client: The account: its UUID or, as long as it is here, its exact name.
    """
    if anr is None and client is None:
        stop("say which analysis, or with --client which account.", USAGE)
    settings = load()
    async with database():
        number = await _number_of(client) if client else None
        analyses = await forgetting.count(anr=anr, client=number)
        if analyses:
            confirm(f"Delete what was shared of {analyses} analyses at {settings.remote_stats_server}?", yes=yes)
        forgotten = await forgetting.forget(settings, anr=anr, client=number)
    if as_json:
        say_json(forgotten)
    else:
        _say_forgotten(forgotten)
    return FAILED if forgotten.left else 0


async def _of_client(wanted: Wanted, client: str | None) -> Wanted:
    """`wanted`, of one account only if one is said.

    Raises NotFound where there is no such account, BadInput where it does not share.
    """
    if client is None:
        return wanted
    account = await account_of(client)
    if not account.local:
        raise BadInput(f"{account.name} is another installation's account: what it shared is not shared again.")
    if not (account.is_active and account.is_sharing_enabled):
        raise BadInput(f"{account.name} does not share its statistics, or is not active.")
    return msgspec.structs.replace(wanted, client=account.uuid)


async def _number_of(client: str) -> uuid.UUID:
    """The UUID of an account, which need not be here any more if it is said itself. Raises NotFound."""
    try:
        return uuid.UUID(client)
    except ValueError:
        account = await clients.find_by_name(client)
    if account is None:
        raise NotFound(f"There is no account named {client!r}. One that is gone is found by its UUID.")
    return account.uuid


def _note_refusals(count: int, refusals: Sequence[RefusedRow]) -> None:
    """The rows that are refused, on standard error."""
    for row in refusals:
        note(f"Refused: {row.name}, analysis {row.anr}, {row.type} of {row.date}: {row.reason}")
    if count > len(refusals):
        note(f"... and {count - len(refusals)} more.")


def _note_moved(rows: int) -> None:
    if rows:
        note(
            f"{rows} rows are left out: they are of days up to the last one that the old service has, and were its to"
            " share. If it never shared them, --date-from DAY sends them."
        )


def _say_pushed(pushed: Pushed) -> None:
    say(
        f"Sent {pushed.sent} rows ({pushed.bytes} bytes) to {pushed.server}; {pushed.already_there} were there already,"
        f" {pushed.refused} refused, {pushed.left} left for next time."
    )
    if pushed.kept_old:
        say(f"Of {pushed.kept_old} rows that have changed an older version is there, and is not replaced.")
    if pushed.error:
        note(f"stats-service: {pushed.error} (REMOTE_STATS_SERVER is {pushed.server}.)")


def _say_preview(seen: Preview) -> None:
    say_table(
        ["ACCOUNT", "ANALYSIS", "TYPE", "ROWS", "FROM", "TO", "BYTES"],
        [
            (part.name, part.anr, part.type, part.rows, part.first_date, part.last_date, part.bytes)
            for part in seen.parts
        ],
        nothing="There is nothing to send.",
    )
    if not seen.rows:
        return
    say(f"{seen.rows} rows, {seen.bytes} bytes, to {seen.server}.")
    if seen.withheld:
        say("")
        say("These names stay here:")
        say_table(
            ["KIND", "ROWS", "UUID", "NAME"],
            [(one.kind, one.rows, one.uuid, one.label) for one in seen.withheld[:NAMES_SHOWN]],
            nothing="",
        )
    if len(seen.withheld) > NAMES_SHOWN:
        say(f"... and {len(seen.withheld) - NAMES_SHOWN} more: --json has them all.")


def _say_forgotten(forgotten: Forgotten) -> None:
    if not forgotten.analyses + forgotten.left:
        say("Nothing of it was ever shared.")
        return
    if forgotten.analyses:
        say(
            f"Deleted at {forgotten.server} what was shared of {forgotten.analyses} analyses ({forgotten.rows} rows)."
            " What is shared of them from now on has other pseudonyms."
        )
    if forgotten.shares:
        say("It is still shared: the next push sends it anew. `stats-service client unshare` keeps an account's here.")
    for url, rows in forgotten.elsewhere.items():
        note(f"{rows} rows are at {url} too: do the same with REMOTE_STATS_SERVER={url}.")
    if forgotten.left:
        note(
            f"stats-service: {forgotten.error} What was shared of {forgotten.left} analyses may still be at"
            f" {forgotten.server}: the same command tries again."
        )
