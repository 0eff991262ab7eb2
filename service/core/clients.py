"""Accounts: who may come in, and what an administrator does with them."""

import contextlib
import datetime as dt
import hashlib
import re
import secrets
import uuid as uuids
from collections.abc import Callable
from typing import Any

import msgspec

from service.errors import BadInput, Conflict, Forbidden, NotFound, Unauthenticated, Unavailable
from service.records import Account, Activity, Role
from service.storage import clients as storage
from service.storage import keys, share_records
from service.storage import stats as stored

TOKEN_BYTES = 64
SHORTEST_TOKEN = 16
LONGEST_NAME = 255
_TOKEN = re.compile(rf"[!-~]{{{SHORTEST_TOKEN},1024}}")

Coordinates = tuple[float, float] | None | msgspec.UnsetType

_seen: dict[int, dt.datetime] = {}


def hash_token(token: str) -> str:
    """What is kept of a token: its SHA-256, hexadecimal. A token is random, so nothing slower is needed."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


async def authenticate(token: str | None) -> Account:
    """The active account whose token this is.

    Raises `Unauthenticated` where there is none or it is empty, `Forbidden` where no active account has it.
    """
    if not token:
        raise Unauthenticated("Authentication required: send the account's token in the header X-API-KEY.")
    account = await storage.find_by_token_hash(hash_token(token))
    if account is None or not account.is_active:
        raise Forbidden("No active account has this token.")
    return account


async def create(
    name: str,
    *,
    token: str | None = None,
    role: Role = Role.USER,
    is_sharing_enabled: bool = True,
    local: bool = True,
    uuid: uuids.UUID | None = None,
) -> tuple[Account, str]:
    """Make an account; it and its token, which is not kept and so is not to be had again.

    `local`: whether its rows are this house's own, or another installation's that shares them. Raises `BadInput` for a
    name or token of the wrong form, `Conflict` where the name, UUID or token is taken.
    """
    name = checked_name(name)
    token = new_token() if token is None else _checked_token(token)
    account = await storage.insert(
        uuid=uuid or uuids.uuid4(),
        name=name,
        token_hash=hash_token(token),
        role=role,
        is_sharing_enabled=is_sharing_enabled,
        local=local,
    )
    return account, token


async def ensure_admin(token: str) -> None:
    """Make the administrator's account of the settings (`ADMIN_TOKEN`), named `admin`, if it is not there.

    Many processes may try at once. Raises `BadInput` for a token of the wrong form.
    """
    if await storage.find(name="admin") is None:
        try:
            await create("admin", token=token, role=Role.ADMIN, is_sharing_enabled=False)
        except Conflict:
            return


def new_token() -> str:
    """A token: 64 random bytes in 86 URL-safe characters."""
    return secrets.token_urlsafe(TOKEN_BYTES)


async def find_by_name(name: str) -> Account | None:
    """The account with exactly this name, or None."""
    return await storage.find(name=name)


async def get(uuid: uuids.UUID) -> Account:
    """The account with this UUID. Raises `NotFound`."""
    account = await storage.find(uuid=uuid)
    if account is None:
        raise NotFound(f"There is no account with the UUID {uuid}.")
    return account


async def get_all() -> list[Account]:
    """All accounts, by name."""
    return await storage.find_all()


async def show(uuid: uuids.UUID) -> tuple[Account, Activity]:
    """The account with this UUID, and what it has sent. Raises `NotFound`."""
    account = await get(uuid)
    return account, (await storage.activities([account.id]))[account.id]


async def list_all() -> list[tuple[Account, Activity]]:
    """All accounts, by name, and what each has sent."""
    accounts = await storage.find_all()
    activities = await storage.activities(account.id for account in accounts)
    return [(account, activities[account.id]) for account in accounts]


async def change(
    uuid: uuids.UUID,
    *,
    is_sharing_enabled: bool | None = None,
    is_active: bool | None = None,
    coordinates: Coordinates = msgspec.UNSET,
) -> Account:
    """Change what is given; the account as it is then.

    `coordinates`: (latitude, longitude) in degrees, or None to take them away. Raises `NotFound`, and `BadInput` for
    coordinates that are not on Earth.
    """
    account = await get(uuid)
    columns: dict[str, Any] = {}
    if is_sharing_enabled is not None:
        columns["is_sharing_enabled"] = is_sharing_enabled
    if is_active is not None:
        columns["is_active"] = is_active
    if coordinates is not msgspec.UNSET:
        columns["latitude"], columns["longitude"] = coordinates or (None, None)
        _check_coordinates(columns["latitude"], columns["longitude"])
    return _there(await storage.update(account.id, **columns), uuid)


def _check_coordinates(latitude: float | None, longitude: float | None) -> None:
    for name, value, most in (("latitude", latitude, 90), ("longitude", longitude, 180)):
        if value is not None and not -most <= value <= most:
            raise BadInput(f"The {name} must be between -{most} and {most} degrees.", {name: f"-{most} to {most}"})


async def rotate_token(uuid: uuids.UUID, token: str | None = None) -> tuple[Account, str]:
    """Give the account another token (a new random one if none is given); the old one is dead at once.

    Raises `NotFound`, `BadInput` for a token of the wrong form, `Conflict` where it is another account's.
    """
    account = await get(uuid)
    token = new_token() if token is None else _checked_token(token)
    return _there(await storage.update(account.id, token_hash=hash_token(token)), uuid), token


async def delete(uuid: uuids.UUID) -> int:
    """Delete the account and all that it sent; how many rows that were. Raises `NotFound`.

    Its rows go first, a portion at a time: other writers would wait too long for all of them at once.
    """
    account = await get(uuid)
    return await stored.delete_rows(account.id) + await storage.delete(account.id)


async def delete_stats(uuid: uuids.UUID) -> int:
    """Delete all that the account sent, and keep the account; how many rows that were. Raises `NotFound`."""
    return await stored.delete_rows((await get(uuid)).id)


async def purge(
    before: dt.date, uuid: uuids.UUID | None = None, deleted: Callable[[int], object] = lambda _: None
) -> int:
    """Delete the rows that are older than `before` (that day stays), of one account or (None) of all; how many.

    Labels that no row has any more are forgotten, whosever they were; where a repair is at them, by the next purge.
    `deleted` is told how many rows went each time
    that some did. Raises `NotFound` where there is no such account.
    """
    accounts = await storage.find_all() if uuid is None else [await get(uuid)]
    rows = sum([await stored.delete_rows(account.id, before, deleted) for account in accounts])
    for account in accounts:
        await share_records.purge(before, account.uuid)
    with contextlib.suppress(Conflict):
        await keys.remove_unused()
    return rows


def note_seen(account: Account) -> None:
    """Note that the account has just used the service. Kept in memory until `flush_seen`."""
    _seen[account.id] = dt.datetime.now(dt.UTC)


async def flush_seen() -> None:
    """Store when accounts were last seen. What a busy database does not take now it is given the next time."""
    seen = dict(_seen)
    _seen.clear()
    if seen:
        try:
            await storage.set_last_seen(seen)
        except Unavailable:
            for number, moment in seen.items():
                _seen.setdefault(number, moment)


def _there(account: Account | None, uuid: uuids.UUID) -> Account:
    if account is None:
        raise NotFound(f"There is no account with the UUID {uuid} any more.")
    return account


def checked_name(name: str) -> str:
    """The name without blanks around it. Raises `BadInput` for one that no account may have."""
    name = name.strip()
    if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable():
        message = f"An account's name is 1 to {LONGEST_NAME} printable characters."
        raise BadInput(message, {"name": message})
    return name


def _checked_token(token: str) -> str:
    if not _TOKEN.fullmatch(token):
        message = f"A token is at least {SHORTEST_TOKEN} printable ASCII characters without blanks."
        raise BadInput(message, {"token": message})
    return token
