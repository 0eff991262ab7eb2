"""The old database's accounts and rows, in its own words, as what they are here; or why they cannot be."""

import contextlib
import datetime as dt
import math
import re
from uuid import UUID

import msgspec

from service.core.clients import checked_name, hash_token
from service.core.collect import read_date, read_type, read_uuid
from service.errors import BadInput, Conflict
from service.records import Role
from service.storage.legacy import NewAccount, OldAccount, OldRow, Place
from service.storage.stats import PayloadKey

_TIME = re.compile(r"[ T]\d\d:\d\d.*")


class Row(msgspec.Struct, frozen=True):
    """A row whose fields are good. `digest` and `size` are its data's."""

    old: OldRow
    uuid: UUID
    place: Place
    digest: bytes = b""
    size: int = 0

    @property
    def payload(self) -> PayloadKey:
        """What makes its payload the same as another within an account."""
        return self.place[0], self.place[1], self.digest

    @property
    def posted(self) -> dt.datetime:
        """When it was sent, as far as it is known."""
        return _moment(self.old.created_at) or dt.datetime.combine(self.place[2], dt.time(), dt.UTC)


def read_account(old: OldAccount) -> NewAccount:
    """The account as it would be here. Raises `BadInput` for one that cannot be here as it is."""
    if not old.token:
        raise BadInput("It has no token.")
    created_at = _moment(old.created_at) or dt.datetime.now(dt.UTC)
    latitude, longitude = _coordinates(old)
    return NewAccount(
        uuid=read_uuid("uuid", old.uuid),
        name=checked_name(old.name or ""),
        token_hash=hash_token(old.token),
        role=Role.ADMIN if (old.role or "").lower() in {"2", "admin"} else Role.USER,
        is_active=old.is_active != "false",
        is_sharing_enabled=old.is_sharing_enabled == "true",  # where it does not say so, nothing leaves the house
        local=old.local != "false",
        latitude=latitude,
        longitude=longitude,
        last_seen=_moment(old.last_seen),
        created_at=created_at,
        updated_at=_moment(old.updated_at) or created_at,
    )


def meet(account: NewAccount, met: set[tuple[str, object]]) -> None:
    """Add an account's UUID, name and token to those that were met. Raises `Conflict` where one of them was."""
    unique = {("UUID", account.uuid), ("name", account.name), ("token", account.token_hash)}
    if twice := sorted(what for what, _ in unique & met):
        raise Conflict(f"Another account of the old service has the same {twice[0]}.")
    met |= unique


def _coordinates(old: OldAccount) -> tuple[float, float] | tuple[None, None]:
    """Latitude and longitude, or neither where they are not on Earth."""
    with contextlib.suppress(ValueError):
        latitude, longitude = float(old.latitude or "nan"), float(old.longitude or "nan")
        if math.fabs(latitude) <= 90 and math.fabs(longitude) <= 180:  # noqa: PLR2004 - degrees; false of NaN
            return latitude, longitude
    return None, None


def read_row(old: OldRow) -> Row:
    """The row, without its data's digest. Raises `BadInput` that names the field."""
    day = old.date or ""
    if _TIME.fullmatch(day, 10):
        day = day[:10]
    return Row(
        old=old,
        uuid=read_uuid("uuid", old.uuid),
        place=(read_uuid("anr", old.anr), read_type(old.type), read_date("date", day)),
    )


def _moment(text: str | None) -> dt.datetime | None:
    """A time, in UTC where it does not say otherwise; None where there is none that can be kept."""
    try:
        moment = dt.datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return moment.replace(tzinfo=dt.UTC) if moment.tzinfo is None else moment.astimezone(dt.UTC)
