"""Rows, payloads and keys that are not as they should be, and putting them right; `core.verify` decides about it.

Whatever is found is found by a single statement: what belongs together is written in one transaction, so nothing that
others write meanwhile is found wrong. Mending takes the account's place in the queue of its writers, and looks again
there: it says how much was changed, and 0 where all is well by now. (`storage.recount` does the same for sums.)
"""

from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from typing import Any

import msgspec

from service import figures
from service.portions import portions
from service.records import Figures
from service.storage import keys, totals
from service.storage.connection import reading, writing
from service.storage.stats import lock_account

PORTION_BYTES = 4 << 20
"""How much of payloads' data is read at a time."""

KEYS_AT_ONCE = 10_000

_NO_ACCOUNT = "{0}.client_id NOT IN (SELECT id FROM account)"  # Citus joins no distributed table with this one
_NO_ANALYSIS = (
    "NOT EXISTS (SELECT 1 FROM analysis WHERE analysis.id = {0}.analysis_id AND analysis.client_id = {0}.client_id)"
)
_NO_PAYLOAD = (
    "NOT EXISTS (SELECT 1 FROM payload WHERE payload.id = stat.payload_id AND payload.client_id = stat.client_id "
    "AND payload.analysis_id = stat.analysis_id AND payload.type = stat.type)"
)
_OWN = "client_id = ? AND analysis_id = ?"
_UNUSED = f"{_OWN} AND id NOT IN (SELECT payload_id FROM stat WHERE {_OWN})"
_EMPTY = f"client_id = ? AND id = ? AND NOT EXISTS (SELECT 1 FROM stat WHERE {_OWN})"

STRAYS = {
    "analysis": _NO_ACCOUNT.format("analysis"),
    "account_day": _NO_ACCOUNT.format("account_day"),
    "stat": _NO_ANALYSIS.format("stat"),
    "payload": _NO_ANALYSIS.format("payload"),
}
"""The tables whose rows belong to something, in the order in which they are looked at, and what a stray is."""


class Place(msgspec.Struct, frozen=True):
    """An analysis of an account, by their numbers."""

    account: int
    analysis: int


class PayloadRow(msgspec.Struct, frozen=True):
    """A payload as it is stored. `code`: its type's."""

    id: int
    code: int
    digest: bytes
    size: int
    data: bytes
    figures: bytes


async def file_damage() -> list[str]:
    """What SQLite finds wrong with its file; nothing on PostgreSQL, which has no such check."""
    db = reading()
    if db.postgres:
        return []
    return [row[0] for row in await db.fetch("PRAGMA integrity_check") if row[0] != "ok"]


# --- keys ---------------------------------------------------------------------------------------------------


async def key_texts() -> AsyncIterator[tuple[int, str, str]]:
    """All keys of figures: number, digest, text."""
    last = 0
    while rows := await reading().fetch(
        "SELECT id, digest, key FROM figure_key WHERE id > ? ORDER BY id LIMIT ?", last, KEYS_AT_ONCE
    ):
        for row in rows:
            yield row[0], row[1], row[2]
        last = rows[-1][0]


async def key_numbers(digests: Iterable[str]) -> dict[str, int]:
    """The numbers of the keys with these digests, of those that have one."""
    rows = await reading().fetch_in("SELECT digest, id FROM figure_key WHERE digest IN (*)", digests)
    return {row[0]: row[1] for row in rows}


async def set_key(number: int, text: str) -> int:
    """Put a key's text right."""
    async with writing() as db:
        return await db.execute("UPDATE figure_key SET key = ? WHERE id = ?", text, number)


# --- what belongs to nothing --------------------------------------------------------------------------------


async def strays(table: str) -> list[tuple[Place, int]]:
    """What lies about in a table of `STRAYS`: whose it would be (analysis 0: of the whole account), how many rows."""
    by_analysis = table in {"stat", "payload"}
    columns = "client_id, analysis_id" if by_analysis else "client_id"
    rows = await reading().fetch(
        f"SELECT {columns}, COUNT(*) FROM {table} WHERE {STRAYS[table]} GROUP BY {columns} ORDER BY {columns}"
    )
    return [(Place(row[0], row[1] if by_analysis else 0), row[-1]) for row in rows]


async def delete_strays(table: str, place: Place) -> int:
    """Delete them; the days of those that are rows are summed anew."""
    async with writing() as db:
        await lock_account(db, place.account)
        which, owner = f"client_id = ? AND {STRAYS[table]}", [place.account]
        if place.analysis:
            which, owner = f"analysis_id = ? AND {which}", [place.analysis, place.account]
        days: Sequence[Any] = ()
        if table == "stat" and await db.fetch("SELECT 1 FROM account WHERE id = ?", place.account):
            days = await db.fetch(f"SELECT DISTINCT type, date FROM stat WHERE {which}", *owner)
        deleted = await db.execute(f"DELETE FROM {table} WHERE {which}", *owner)
        await totals.advance(db, place.account, {(row[0], row[1]) for row in days}, forget=True)
    return deleted


# --- an analysis --------------------------------------------------------------------------------------------


async def analyses(account_id: int) -> list[tuple[int, str]]:
    """The analyses of an account: number, UUID."""
    rows = await reading().fetch("SELECT id, anr FROM analysis WHERE client_id = ? ORDER BY anr, id", account_id)
    return [(row[0], str(row[1])) for row in rows]


async def row_count(place: Place) -> int:
    """How many rows an analysis has."""
    rows = await reading().fetch(f"SELECT COUNT(*) FROM stat WHERE {_OWN}", place.account, place.analysis)
    number: int = rows[0][0]
    return number


async def rows_without_payload(place: Place) -> list[tuple[Any, int, Any]]:
    """Its rows whose payload is not there, or is another analysis' or type's: uuid, type, date."""
    rows = await reading().fetch(
        f"SELECT uuid, type, date FROM stat WHERE {_OWN} AND {_NO_PAYLOAD} ORDER BY type, date",
        place.account,
        place.analysis,
    )
    return [(row[0], row[1], row[2]) for row in rows]


async def delete_row(place: Place, uuid: Any, code: int, date: Any) -> int:
    """Delete a row that has no payload; its day is summed anew."""
    async with writing() as db:
        await lock_account(db, place.account)
        deleted = await db.execute(f"DELETE FROM stat WHERE uuid = ? AND {_NO_PAYLOAD}", uuid)
        await totals.advance(db, place.account, {(code, date)} if deleted else (), forget=True)
    return deleted


async def double_rows(place: Place) -> list[tuple[int, Any, int]]:
    """Its days of which there is more than one row of a type: type, date, how many."""
    rows = await reading().fetch(
        f"SELECT type, date, COUNT(*) FROM stat WHERE {_OWN} GROUP BY type, date HAVING COUNT(*) > 1",
        place.account,
        place.analysis,
    )
    return [(row[0], row[1], row[2]) for row in rows]


async def delete_double_rows(place: Place, code: int, date: Any) -> int:
    """Leave of the rows of a type and day the one whose payload was stored last; the day is summed anew."""
    which = (place.account, place.analysis, code, date)
    async with writing() as db:
        await lock_account(db, place.account)
        found = await db.fetch(
            f"SELECT uuid FROM stat WHERE {_OWN} AND type = ? AND date = ? ORDER BY payload_id DESC, uuid", *which
        )
        await db.execute_many("DELETE FROM stat WHERE uuid = ?", [(row[0],) for row in found[1:]])
        await totals.advance(db, place.account, {(code, date)} if found[1:] else (), forget=True)
    return len(found[1:])


async def unused_payloads(place: Place) -> int:
    """How many of its payloads no row has."""
    own = (place.account, place.analysis)
    rows = await reading().fetch(f"SELECT COUNT(*) FROM payload WHERE {_UNUSED}", *own, *own)
    number: int = rows[0][0]
    return number


async def delete_unused_payloads(place: Place) -> int:
    """Delete the payloads of an analysis that no row has."""
    own = (place.account, place.analysis)
    async with writing() as db:
        await lock_account(db, place.account)
        return await db.execute(f"DELETE FROM payload WHERE {_UNUSED}", *own, *own)


async def is_empty(place: Place) -> bool:
    """Whether an analysis is there, and has no rows."""
    own = (place.account, place.analysis)
    return bool(await reading().fetch(f"SELECT 1 FROM analysis WHERE {_EMPTY}", *own, *own))


async def delete_if_empty(place: Place) -> int:
    """Delete an analysis that has no rows, and its payloads."""
    own = (place.account, place.analysis)
    async with writing() as db:
        await lock_account(db, place.account)
        await db.execute(f"DELETE FROM payload WHERE {_UNUSED}", *own, *own)
        return await db.execute(f"DELETE FROM analysis WHERE {_EMPTY}", *own, *own)


# --- payloads -----------------------------------------------------------------------------------------------


async def payloads(place: Place) -> AsyncIterator[list[PayloadRow]]:
    """The payloads of an analysis, a portion at a time."""
    found = await reading().fetch(
        f"SELECT id, LENGTH(data) + LENGTH(figures) FROM payload WHERE {_OWN} ORDER BY id",
        place.account,
        place.analysis,
    )
    for portion in portions(found, lambda row: row[1], PORTION_BYTES):
        yield await _payload_rows([row[0] for row in portion])


async def payload(number: int) -> PayloadRow | None:
    """A payload, or None where it is gone."""
    return next(iter(await _payload_rows([number])), None)


async def _payload_rows(numbers: Collection[int]) -> list[PayloadRow]:
    rows = await reading().fetch_in(
        "SELECT id, type, digest, size, data, figures FROM payload WHERE id IN (*)", numbers
    )
    return [PayloadRow(row[0], row[1], bytes(row[2]), row[3], bytes(row[4]), bytes(row[5])) for row in rows]


async def days_of(place: Place, payload_id: int) -> list[Any]:
    """The dates of the rows that have this payload."""
    rows = await reading().fetch(
        f"SELECT date FROM stat WHERE {_OWN} AND payload_id = ? ORDER BY date",
        place.account,
        place.analysis,
        payload_id,
    )
    return [row[0] for row in rows]


async def set_size(place: Place, payload_id: int, size: int) -> int:
    """Put a payload's size right."""
    async with writing() as db:
        await lock_account(db, place.account)
        return await db.execute("UPDATE payload SET size = ? WHERE id = ?", size, payload_id)


async def set_figures(place: Place, payload_id: int, numbers: Figures) -> int:
    """Put a payload's figures right; the days that have it are summed anew. Raises `keys.KeysGone`, `Conflict`."""
    async with keys.no_removal(), writing() as db:
        await lock_account(db, place.account)
        await keys.hold(db, numbers)
        changed = await db.execute("UPDATE payload SET figures = ? WHERE id = ?", figures.pack(numbers), payload_id)
        days = await db.fetch(
            f"SELECT DISTINCT type, date FROM stat WHERE {_OWN} AND payload_id = ?",
            place.account,
            place.analysis,
            payload_id,
        )
        await totals.advance(db, place.account, {(row[0], row[1]) for row in days})
    return changed
