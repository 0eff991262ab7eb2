"""`stats-service demo`: an invented fleet, for those who have no MONARC at hand."""

import datetime as dt
import sys
from collections.abc import Iterator
from itertools import islice
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from service.cli.db import database
from service.cli.terminal import AsJson, note, progress, say_fields, say_json, stop
from service.core import clients
from service.core.collect import collect
from service.demo import fleet
from service.demo.fleet import DemoAccount
from service.records import Account, Role

OPERATOR = "operator"
"""The name of the admin's account that the fleet comes with."""

BATCH_ROWS = 500
"""How many rows of an analysis are stored in one transaction."""

Count = Annotated[int, Parameter(validator=Number(gte=1, lte=10_000))]


async def demo(*, accounts: Count = 12, analyses: Count = 30, days: Count = 365, as_json: AsJson = False) -> None:
    """Fill an empty database with an invented fleet and print an admin's token.

    :param accounts: How many Front Offices there are.
    :param analyses: How many analyses they have between them.
    :param days: For how many days, up to today, they have posted.
    """
    last = dt.datetime.now(dt.UTC).date()
    async with database():
        if there := await clients.list_all():
            stop(
                f"the demonstration needs an empty database, and this one has {len(there)} account(s). DATABASE_URL"
                " names another one; `stats-service client create NAME --role admin` makes an account that reaches all"
                " of this one."
            )
        _, token = await clients.create(OPERATOR, role=Role.ADMIN, is_sharing_enabled=False)
        if not as_json:  # at once: so it is known to those who do not wait for the end
            note("This account reaches all that is made now:")
            say_fields([("Name", OPERATOR), ("Token", token)])
            sys.stdout.flush()
        rows = await _fill(fleet.accounts(accounts, analyses), last - dt.timedelta(days=days - 1), last)
    if as_json:
        say_json({"name": OPERATOR, "token": token, "rows": rows})
    else:
        note(f"Stored {rows} rows of {analyses} analyses.")


async def _fill(plan: list[DemoAccount], first: dt.date, last: dt.date) -> int:
    """Make the accounts and post their analyses' days, `first` and `last` included; how many rows that were."""
    stored = 0
    days = {one.name: (last - first).days + 1 - one.silent_days for one in plan}
    with progress() as display:
        total = sum(5 * len(one.analyses) * max(days[one.name], 0) for one in plan)
        task = display.add_task("Making a fleet", total=total)
        for one in plan:
            account = await _made(one)
            for body in _bodies(one, first, last - dt.timedelta(days=one.silent_days)):
                stored += len((await collect(account, body)).stored)
                display.update(task, completed=stored)
    return stored


async def _made(one: DemoAccount) -> Account:
    """The account of the fleet, on the map and sharing or not. Nobody gets its token."""
    account, _ = await clients.create(one.name, is_sharing_enabled=one.is_sharing_enabled)
    return await clients.change(account.uuid, coordinates=(one.latitude, one.longitude))


def _bodies(one: DemoAccount, first: dt.date, last: dt.date) -> Iterator[bytes]:
    """What the account's analyses posted from `first` to `last`, both included, BATCH_ROWS rows at a time."""
    for anr in one.analyses:
        rows = (
            b'{"anr":"%b","type":"%b","date":"%b","data":%b}'
            % (str(anr).encode(), kind.encode(), str(day).encode(), data)
            for kind, day, data in fleet.analysis_days(anr, first, last)
        )
        while batch := list(islice(rows, BATCH_ROWS)):
            yield b"[" + b",".join(batch) + b"]"
