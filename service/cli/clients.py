"""`stats-service client`: the accounts of Front Offices and admins."""

import datetime as dt
import uuid
from typing import Annotated, Any, Literal

from cyclopts import App, Parameter

from service.cli.db import database
from service.cli.terminal import AsJson, Yes, confirm, note, say, say_fields, say_json, say_table
from service.core import clients
from service.core.sharing.status import shared_of
from service.errors import NotFound
from service.records import Account, Activity, Role

app = App(name="client", help="Look after accounts.")

Client = Annotated[str, Parameter(help="The account: its UUID or its exact name.")]
Token = Annotated[
    str | None,
    Parameter(allow_leading_hyphen=True, help="The token to use instead of a random one, 16 characters at least."),
]


async def account_of(client: str) -> Account:
    """The account whose UUID or exact name `client` is. The database must be open.

    Raises NotFound where there is none.
    """
    try:
        number = uuid.UUID(client)
    except ValueError:
        account = await clients.find_by_name(client)
        if account is None:
            raise NotFound(f"There is no account named {client!r}.") from None
        return account
    return await clients.get(number)


@app.command
async def create(
    name: str,
    *,
    role: Literal["user", "admin"] = "user",
    token: Annotated[Token, Parameter(env_var="STATS_CLIENT_TOKEN")] = None,
    uuid: uuid.UUID | None = None,
    remote: Annotated[bool, Parameter(negative="")] = False,
    as_json: AsJson = False,
) -> None:
    """Make an account and print its token, which cannot be shown again.

    :param name: The account's name; no other may have it.
    :param role: A user reaches its own statistics only, an admin all of them.
    :param uuid: The account's UUID, where it must be a certain one.
    :param remote: Another installation shares its figures under it: they do not count as this house's own, and are not
        shared any further.
    """
    async with database():
        account, made = await clients.create(
            name, token=token or None, role=Role[role.upper()], local=not remote, uuid=uuid
        )
    if as_json:
        say_json(account_json(account) | {"token": made})
        return
    # Scripts know these lines, in this order.
    say_fields(
        [
            ("UUID", account.uuid),
            ("Name", account.name),
            ("Role", account.role.value),
            ("Token", made),
            ("Sharing Enabled", account.is_sharing_enabled),
            ("Created at", _moment(account.created_at)),
        ]
    )


@app.command(name="list")
async def list_(*, as_json: AsJson = False) -> None:
    """List the accounts and what they have sent."""
    async with database():
        found = await clients.list_all()
    if as_json:
        say_json([account_json(*each) for each in found])
        return
    say_table(
        ["NAME", "ROLE", "ACTIVE", "SHARES", "ANALYSES", "ROWS", "NEWEST", "UUID"],
        [
            (
                account.name,
                account.role.name.lower(),
                _yes(account.is_active),
                _yes(account.is_sharing_enabled),
                activity.analyses,
                activity.rows,
                activity.newest_date,
                account.uuid,
            )
            for account, activity in found
        ],
        nothing="There are no accounts. `stats-service client create NAME` makes one.",
    )


@app.command
async def show(client: Client, *, as_json: AsJson = False) -> None:
    """Show an account and what it has sent."""
    async with database():
        account, activity = await clients.show((await account_of(client)).uuid)
    if as_json:
        say_json(account_json(account, activity))
        return
    place = "-" if account.latitude is None else f"{account.latitude}, {account.longitude}"
    say_fields(
        [
            ("UUID", account.uuid),
            ("Name", account.name),
            ("Role", account.role.value),
            ("Active", account.is_active),
            ("Sharing Enabled", account.is_sharing_enabled),
            ("Local", account.local),
            ("Coordinates", place),
            ("Created at", _moment(account.created_at)),
            ("Last seen", _moment(account.last_seen)),
            ("Last post", _moment(activity.last_post)),
            ("Newest date", activity.newest_date or "-"),
            ("Analyses", activity.analyses),
            ("Rows", activity.rows),
        ]
    )


@app.command
async def delete(client: Client, *, yes: Yes = False) -> None:
    """Delete an account and all statistics that it sent."""
    async with database():
        account, activity = await clients.show((await account_of(client)).uuid)
        confirm(
            f"Delete the account {account.name} with {activity.rows} rows of {activity.analyses} analyses?",
            yes=yes,
        )
        rows = await clients.delete(account.uuid)
        say(f"Deleted the account {account.name} and its {rows} rows.")
        await _tell_of_forget(account)


@app.command
async def locate(
    client: Client,
    latitude: float,
    longitude: float,
    *,
    as_json: AsJson = False,
) -> None:
    """Say where an account is on the map.

    :param latitude: Degrees north, -90 to 90.
    :param longitude: Degrees east, -180 to 180.
    """
    where = (latitude, longitude)
    await _change(client, f"is at {latitude}, {longitude} on the map", as_json=as_json, coordinates=where)


@app.command
async def unlocate(client: Client, *, as_json: AsJson = False) -> None:
    """Take an account off the map."""
    await _change(client, "is not on the map", as_json=as_json, coordinates=None)


@app.command
async def share(client: Client, *, as_json: AsJson = False) -> None:
    """Let an account's statistics be shared with the global instance."""
    await _change(client, "shares its statistics", as_json=as_json, is_sharing_enabled=True)


@app.command
async def unshare(client: Client, *, as_json: AsJson = False) -> None:
    """Keep an account's statistics from being shared."""
    account = await _change(client, "does not share its statistics", as_json=as_json, is_sharing_enabled=False)
    async with database():
        await _tell_of_forget(account)


@app.command
async def activate(client: Client, *, as_json: AsJson = False) -> None:
    """Let an account in again."""
    await _change(client, "is active", as_json=as_json, is_active=True)


@app.command
async def deactivate(client: Client, *, as_json: AsJson = False) -> None:
    """Shut an account out and keep its statistics."""
    await _change(client, "is not active: its token is refused", as_json=as_json, is_active=False)


@app.command
async def rotate_token(client: Client, *, token: Token = None, as_json: AsJson = False) -> None:
    """Give an account a new token and print it; the old one is refused at once."""
    async with database():
        account, made = await clients.rotate_token((await account_of(client)).uuid, token)
    if as_json:
        say_json({"uuid": account.uuid, "name": account.name, "token": made})
    else:
        say_fields([("UUID", account.uuid), ("Name", account.name), ("Token", made)])


async def _tell_of_forget(account: Account) -> None:
    """Say how what was shared of an account is deleted where it was shared with, if anything was."""
    for url, rows in (await shared_of(account.uuid)).items():
        note(
            f"{rows} rows of it were shared with {url}, and stay there:"
            f" `stats-service share forget --client {account.uuid}` deletes them."
        )


async def _change(client: str, result: str, *, as_json: bool, **changes: Any) -> Account:
    """Change an account and say what it is now; the account."""
    async with database():
        account = await clients.change((await account_of(client)).uuid, **changes)
    if as_json:
        say_json(account_json(account))
    else:
        say(f"{account.name} {result}.")
    return account


def account_json(account: Account, activity: Activity | None = None) -> dict[str, Any]:
    """An account for programs, in the words of the HTTP API."""
    said = {name: getattr(account, name) for name in account.__struct_fields__ if name != "id"}
    said["role"] = str(account.role.value)
    return said if activity is None else said | {"activity": activity}


def _moment(moment: dt.datetime | None) -> str:
    """A time as the old service's commands print it: UTC, to the microsecond, without saying so."""
    if moment is None:
        return "-"
    return moment.astimezone(dt.UTC).replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds")


def _yes(value: bool) -> str:  # noqa: FBT001 - it is what is shown
    return "yes" if value else "no"
