"""`stats-service share pull`: another instance's rows for an account here."""

import datetime as dt
import getpass
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter

from service.cli.clients import Client, account_of
from service.cli.db import database
from service.cli.terminal import FAILED, USAGE, AsJson, counting, interruptible, note, say, say_json, stop
from service.core.sharing.pull import NotTaken, Pulled, Wanted
from service.core.sharing.pull import pull as pull_rows
from service.errors import BadInput
from service.records import StatType
from service.settings import load


async def pull(
    *,
    client: Client,
    type: Annotated[list[StatType] | None, Parameter(negative="")] = None,
    date_from: dt.date | None = None,
    date_to: dt.date | None = None,
    anew: Annotated[bool, Parameter(negative="")] = False,
    token_file: Path | None = None,
    as_json: AsJson = False,
) -> int:
    """Pull an account's rows from the other instance (REMOTE_STATS_SERVER) into an account here.

    A later pull goes on where this one was; it reads the last day again, as there may be more rows of it. The token is
    that of --token-file, REMOTE_STATS_TOKEN, or asked for; the other instance gives the rows of that token's account.
    Rows that cannot be here are named on standard error, and the exit code is 1 then; the others are stored.

    :param client: The account whose rows they become: its UUID or its exact name.
    :param type: Only rows of this type; may be given several times.
    :param date_from: Only rows of this day and later; if not given, three months before the last day.
    :param date_to: Only rows of this day and earlier; if not given, up to today.
    :param anew: Read all of these days, also those that were pulled already: rows were changed there or deleted here,
        or the token is that of another account.
    :param token_file: A file that holds the token, instead of REMOTE_STATS_TOKEN.
    """
    return await pull_with(
        _token(token_file), client, type, date_from=date_from, date_to=date_to, anew=anew, as_json=as_json
    )


async def pull_with(
    token: str,
    client: str,
    types: Sequence[StatType] | None,
    *,
    date_from: dt.date | None = None,
    date_to: dt.date | None = None,
    anew: bool = False,
    as_json: bool = False,
) -> int:
    """`pull` with a token that is known; the exit code. `types`: None for all."""
    async with database():
        wanted = Wanted(
            account=await account_of(client),
            types=list(dict.fromkeys(types or StatType)),
            date_from=date_from,
            date_to=date_to,
            anew=anew,
        )
        with counting("Pulling") as told:
            pulled = await pull_rows(
                load().remote_stats_server,
                token,
                wanted,
                refused=lambda row: note(_line(row)),
                progress=told,
            )
    if as_json:
        say_json(pulled)
    else:
        _say(pulled)
    return 0 if pulled.is_whole else FAILED


def _token(file: Path | None) -> str:
    """The token, which no list of processes shows. Raises BadInput where the file cannot be read."""
    if file is not None:
        try:
            return file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is no text"
            raise BadInput(f"{file} cannot be read: {reason}") from None
    if token := load().remote_stats_token:
        return token
    if not sys.stdin.isatty():
        stop("There is no token: set REMOTE_STATS_TOKEN or say --token-file FILE.", USAGE)
    with interruptible():
        return getpass.getpass("Token at the other instance (not shown): ").strip()


def _line(row: NotTaken) -> str:
    """A line of ASCII: what the row says of itself are strangers' words."""
    return json.dumps(msgspec.to_builtins(row))


def _say(pulled: Pulled) -> None:
    """The result for people."""
    if not pulled.days and pulled.error is None:
        say(f"Nothing to read: these days were pulled from {pulled.server} already, or are to come. See --anew.")
        return
    say(
        f"Read {pulled.read} rows from {pulled.server}: stored {pulled.stored}, {pulled.replaced} of which were here"
        f" already, in this or another version; refused {pulled.refused}."
    )
    if pulled.error is not None:
        note(f"stats-service: {pulled.error} The same command goes on from there.")
