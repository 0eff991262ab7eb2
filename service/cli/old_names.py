"""The old service's commands, for the scripts and cron lines that know them. They print what the new ones print."""

import datetime as dt
from collections.abc import Callable
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from service.cli import clients, db, pull, share, stats
from service.cli.terminal import Yes, confirm, say
from service.core import clients as core
from service.core.sharing.push import Wanted
from service.records import StatType

RemoteToken = Annotated[
    str, Parameter(allow_leading_hyphen=True, help="The token to use instead of REMOTE_STATS_TOKEN.")
]

client_create = clients.create
client_list = clients.list_


async def client_delete(*, uuid: str, yes: Yes = False) -> None:
    """The same as `client delete`."""
    await clients.delete(uuid, yes=yes)


async def client_coordinates_set(
    *,
    uuid: str,
    latitude: float,
    longitude: float,
) -> None:
    """The same as `client locate`."""
    await clients.locate(uuid, latitude, longitude)


async def client_coordinates_unset(*, uuid: str) -> None:
    """The same as `client unlocate`."""
    await clients.unlocate(uuid)


async def client_sharing_activate(*, uuid: str) -> None:
    """The same as `client share`."""
    await clients.share(uuid)


async def client_sharing_deactivate(*, uuid: str) -> None:
    """The same as `client unshare`."""
    await clients.unshare(uuid)


async def stats_push(
    *,
    local_client_uuid: str | None = None,
    remote_token: RemoteToken = "",
    date_from: dt.date | None = None,
    date_to: dt.date | None = None,
) -> int:
    """The same as `share push`."""
    return await share.push_with(remote_token, local_client_uuid, Wanted(date_from=date_from, date_to=date_to))


async def stats_pull(*, client_uuid: str, token: RemoteToken, stats_type: StatType) -> int:
    """The same as `share pull`."""
    return await pull.pull_with(token, client_uuid, [stats_type])


async def stats_delete(*, client_uuid: str, yes: Yes = False) -> None:
    """The same as `stats delete`."""
    await stats.delete(client_uuid, yes=yes)


async def stats_purge(*, nb_month: Annotated[int, Parameter(validator=Number(gte=1))] = 36) -> None:
    """The same as `stats purge`, for cron: it does not ask.

    :param nb_month: Delete the statistics that are older than this many months.
    """
    await stats.purge(older_than=f"{nb_month}m", yes=True)


def stats_remove_duplicate() -> None:
    """Nothing: a second row for an analysis, type and date replaces the first, so there are no duplicates."""
    say("There are no duplicates: of an analysis, type and date only one row is ever kept.")


db_create: Callable[..., object] = db.upgrade
db_init: Callable[..., object] = db.upgrade


async def db_empty(*, yes: Yes = False) -> None:
    """Delete all accounts and all their statistics; the tables stay."""
    async with db.database():
        accounts = await core.list_all()
        rows = sum(activity.rows for _, activity in accounts)
        confirm(f"Delete all {len(accounts)} accounts with {rows} rows?", yes=yes)
        for account, _ in accounts:
            await core.delete(account.uuid)
    say(f"Deleted {len(accounts)} accounts and {rows} rows.")
