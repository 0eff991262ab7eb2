"""How far rows were pulled from another instance, in the database.

Of each account, type and instance one span of days is known whose rows are all here.
"""

import datetime as dt
from collections.abc import Iterable
from uuid import UUID

from service.records import StatType
from service.storage.connection import as_date, reading, writing
from service.storage.models import TYPE_CODES

Span = tuple[dt.date, dt.date]
"""The first and the last of days that follow each other."""

_OWN = "server_id = ? AND client_uuid = ? AND type = ?"


async def span(server_id: int, client: UUID, stat_type: StatType) -> Span | None:
    """The days whose rows of a type are here, for the account `client`; None where nothing was pulled yet."""
    rows = await reading().fetch(
        f"SELECT first_date, last_date FROM share_pull WHERE {_OWN}", server_id, str(client), TYPE_CODES[stat_type]
    )
    return (as_date(rows[0][0]), as_date(rows[0][1])) if rows else None


async def set_span(server_id: int, client: UUID, stat_type: StatType, days: Span) -> None:
    """Note that the rows of a type are here of just these days."""
    async with writing() as db:
        await db.execute(
            "INSERT INTO share_pull (server_id, client_uuid, type, first_date, last_date) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT (client_uuid, type, server_id) "
            "DO UPDATE SET first_date = excluded.first_date, last_date = excluded.last_date",
            server_id,
            str(client),
            TYPE_CODES[stat_type],
            *map(db.date, days),
        )


async def forget(server_id: int, client: UUID, stat_types: Iterable[StatType]) -> None:
    """Note that no day is known whose rows of these types are all here."""
    async with writing() as db:
        await db.execute_many(
            f"DELETE FROM share_pull WHERE {_OWN}",
            [(server_id, str(client), TYPE_CODES[stat_type]) for stat_type in stat_types],
        )
