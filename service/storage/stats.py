"""Statistics in the database: storing a batch, deleting, purging.

Whoever changes an account's rows first takes the account's own row, so that writers of one account queue up, and last
the days' (in order, so that none wait for each other in a circle), which all accounts share.
"""

import datetime as dt
import uuid as uuids
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec

from service import figures
from service.errors import Forbidden
from service.records import StatType
from service.storage import keys, totals
from service.storage.connection import Db, as_uuid, reading, writing, writing_a_portion
from service.storage.models import TYPE_CODES, TYPES

ROWS_AT_ONCE = 5_000
"""How many old rows are deleted in one transaction, about."""

_OWN = "client_id = ? AND analysis_id = ?"
_OF_ACCOUNT = "client_id = ? AND analysis_id IN (SELECT id FROM analysis WHERE client_id = ?)"

PayloadKey = tuple[UUID, StatType, bytes]
"""What makes a payload the same within an account: analysis, type, SHA-256 of its text."""


class RowToStore(msgspec.Struct, frozen=True, kw_only=True):
    """A row that is well-formed. `uuid`: the one it came with, if any; `digest`: SHA-256 of its payload's text."""

    index: int
    uuid: UUID | None
    anr: UUID
    type: StatType
    date: dt.date
    digest: bytes


class NewPayload(msgspec.Struct, frozen=True, kw_only=True):
    """A payload that may not be stored yet: its text deflated, the text's length, its figures packed."""

    data: bytes
    size: int
    figures: bytes


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the rows of a batch, by their index: the uuid under which each is stored now; which of those
    took another's place; and which were refused since their uuid is another row's."""

    stored: dict[int, UUID]
    replaced: set[int]
    duplicates: set[int]


class PayloadsMissing(Exception):
    """Payloads that were known are gone meanwhile (their last row was replaced): read and bring them along."""


async def known_payloads(account_id: int, payloads: Iterable[PayloadKey]) -> set[PayloadKey]:
    """Which of these payloads are stored for the account."""
    db = reading()
    wanted = set(payloads)
    ids = await _analyses(db, account_id, {anr for anr, _, _ in wanted})
    found = await _payload_ids(db, account_id, ids, wanted)
    return {key for key in wanted if key in found}


async def store(
    account_id: int, rows: Sequence[RowToStore], new: Mapping[PayloadKey, NewPayload], posted: dt.datetime | None = None
) -> Outcome:
    """Store rows of one account in one transaction; of several of one anr, type and date the last.

    A row of an anr, type and date that is there already takes its place and keeps its uuid. `posted`: when the account
    sent them, if not now. Raises `PayloadsMissing` where a payload is neither stored nor in `new`, `keys.KeysGone`
    where the figures of one in `new` have to be packed anew, `Forbidden` where the account is gone, `Conflict` where
    another account stored one of the uuids at the same moment; nothing is stored then.
    """
    async with writing() as db:
        if not await _note_post(db, account_id, posted):
            raise Forbidden("The account has been deleted.")
        ids = await _analyses_made(db, account_id, {row.anr for row in rows})
        places = {row.index: (ids[row.anr], TYPE_CODES[row.type], db.date(row.date)) for row in rows}
        present = {
            (row[0], row[1], row[2]): (as_uuid(row[3]), row[4])
            for row in await db.fetch_in(
                "SELECT analysis_id, type, date, uuid, payload_id FROM stat "
                "WHERE client_id = ? AND (analysis_id, type, date) IN (*)",
                places.values(),
                account_id,
                types=("int", "smallint", "date"),
            )
        }
        duplicates = await _duplicates(db, rows, places)
        kept = list({places[row.index]: row for row in rows if row.index not in duplicates}.values())
        payloads = await _payloads_made(db, account_id, ids, {(row.anr, row.type, row.digest) for row in kept}, new)
        stored: dict[int, UUID] = {}
        changed: list[tuple[Any, ...]] = []
        left: set[tuple[int, int, int]] = set()
        for row in kept:
            place, payload = places[row.index], payloads[row.anr, row.type, row.digest]
            number, old_payload = present.get(place, (row.uuid or uuids.uuid4(), None))
            stored[row.index] = number
            if payload != old_payload:
                changed.append((str(number), account_id, *place, payload))
                if old_payload is not None:
                    left.add((place[0], place[1], old_payload))
        await db.execute_many(
            "INSERT INTO stat (uuid, client_id, analysis_id, type, date, payload_id) VALUES (?, ?, ?, ?, ?, ?) "
            "ON CONFLICT (analysis_id, type, date, client_id) DO UPDATE SET payload_id = excluded.payload_id",
            changed,
        )
        await _drop_orphans(db, account_id, left)
        await _drop_empty(db, account_id, {place[0] for index, place in places.items() if index in duplicates})
        await totals.advance(db, account_id, {(row[3], row[4]) for row in changed})
    return Outcome(stored=stored, replaced={i for i in stored if places[i] in present}, duplicates=duplicates)


async def _note_post(db: Db, account_id: int, posted: dt.datetime | None) -> int:
    """Note that the account posted just now or, if it has not done so since, at `posted`; 0 where it is gone."""
    if posted is None:  # whatever was noted: a clock that was wrong once would make the account look fresh for years
        now = db.moment(dt.datetime.now(dt.UTC))
        return await db.execute("UPDATE account SET last_post = ? WHERE id = ?", now, account_id)
    moment = db.moment(posted)
    later = "CASE WHEN last_post > ? THEN last_post ELSE ? END"
    return await db.execute(f"UPDATE account SET last_post = {later} WHERE id = ?", moment, moment, account_id)


async def _duplicates(db: Db, rows: Sequence[RowToStore], places: Mapping[int, tuple[Any, ...]]) -> set[int]:
    """The rows whose uuid is that of another row: of another account, anr, type or date, or earlier in the batch."""
    taken: dict[UUID, tuple[Any, ...]] = {
        as_uuid(row[0]): (row[1], row[2], row[3])
        for row in await db.fetch_in(
            "SELECT uuid, analysis_id, type, date FROM stat WHERE uuid IN (*)",
            [str(row.uuid) for row in rows if row.uuid],
        )
    }
    duplicates = set()
    for row in rows:
        if row.uuid and taken.setdefault(row.uuid, places[row.index]) != places[row.index]:
            duplicates.add(row.index)
    return duplicates


async def _analyses(db: Db, account_id: int, anrs: Iterable[UUID]) -> dict[UUID, int]:
    rows = await db.fetch_in(
        "SELECT anr, id FROM analysis WHERE client_id = ? AND anr IN (*)", map(str, anrs), account_id
    )
    return {as_uuid(row[0]): row[1] for row in rows}


async def _analyses_made(db: Db, account_id: int, anrs: set[UUID]) -> dict[UUID, int]:
    ids = await _analyses(db, account_id, anrs)
    missing = anrs - ids.keys()
    if missing:
        await db.execute_many(
            "INSERT INTO analysis (client_id, anr) VALUES (?, ?)",
            [(account_id, str(anr)) for anr in sorted(missing)],
        )
        ids |= await _analyses(db, account_id, missing)
    return ids


async def _payload_ids(
    db: Db, account_id: int, analyses: Mapping[UUID, int], wanted: Iterable[PayloadKey]
) -> dict[PayloadKey, int]:
    anrs = {number: anr for anr, number in analyses.items()}
    rows = await db.fetch_in(
        "SELECT analysis_id, type, digest, id FROM payload WHERE client_id = ? AND (analysis_id, type, digest) IN (*)",
        [(analyses[anr], TYPE_CODES[kind], digest) for anr, kind, digest in wanted if anr in analyses],
        account_id,
        types=("int", "smallint", "bytea"),
    )
    return {(anrs[row[0]], TYPES[row[1]], bytes(row[2])): row[3] for row in rows}


async def _payloads_made(
    db: Db,
    account_id: int,
    analyses: Mapping[UUID, int],
    wanted: set[PayloadKey],
    new: Mapping[PayloadKey, NewPayload],
) -> dict[PayloadKey, int]:
    ids = await _payload_ids(db, account_id, analyses, wanted)
    missing = wanted - ids.keys()
    if missing - new.keys():
        raise PayloadsMissing
    if missing:
        await keys.hold(db, {number for key in missing for number in figures.unpack(new[key].figures)})
        await db.execute_many(
            "INSERT INTO payload (client_id, analysis_id, type, digest, size, data, figures) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    account_id,
                    analyses[key[0]],
                    TYPE_CODES[key[1]],
                    key[2],
                    new[key].size,
                    new[key].data,
                    new[key].figures,
                )
                for key in missing
            ],
        )
        ids |= await _payload_ids(db, account_id, analyses, missing)
    return ids


async def _drop_orphans(db: Db, account_id: int, left: Iterable[tuple[int, int, int]]) -> None:
    """Delete those payloads (analysis, type, number) that no row has any more."""
    await db.execute_many(
        "DELETE FROM payload WHERE client_id = ? AND id = ? AND NOT EXISTS "
        "(SELECT 1 FROM stat WHERE client_id = ? AND analysis_id = ? AND type = ? AND payload_id = ?)",
        [(account_id, payload, account_id, analysis, code, payload) for analysis, code, payload in left],
    )


async def _drop_unused(db: Db, account_id: int, code: int, analyses: Iterable[int]) -> None:
    """Delete all payloads of a type of these analyses that no row has any more."""
    await db.execute_many(
        "DELETE FROM payload WHERE client_id = ? AND analysis_id = ? AND type = ? AND id NOT IN "
        "(SELECT payload_id FROM stat WHERE client_id = ? AND analysis_id = ? AND type = ?)",
        [(account_id, analysis, code) * 2 for analysis in analyses],
    )


async def _drop_empty(db: Db, account_id: int, analyses: Iterable[int]) -> None:
    """Delete those analyses that have no rows."""
    await db.execute_many(
        f"DELETE FROM analysis WHERE client_id = ? AND id = ? AND NOT EXISTS (SELECT 1 FROM stat WHERE {_OWN})",
        [(account_id, analysis) * 2 for analysis in analyses],
    )


async def _drop_empty_days(db: Db, account_id: int, days: Iterable[Any]) -> None:
    """Delete the sums of those of these days (type, date) of which an account has no rows. `totals.advance` has locked
    them, in the order of all."""
    await db.execute_many(
        "DELETE FROM account_day WHERE type = ? AND date = ? AND client_id = ? AND NOT EXISTS "
        f"(SELECT 1 FROM stat WHERE {_OF_ACCOUNT} AND type = ? AND date = ?)",
        [(day[0], day[1], *(account_id,) * 3, day[0], day[1]) for day in days],
    )


async def delete_analysis(anr: UUID, account_id: int | None) -> int:
    """Delete the rows of an analysis, of one account or (None) of all that have it; how many that were."""
    owners = await reading().fetch("SELECT id, client_id FROM analysis WHERE anr = ?", str(anr))
    deleted = 0
    for analysis_id, owner in owners:
        if account_id in {None, owner}:
            async with writing() as db:
                await lock_account(db, owner)
                days = await db.fetch(f"SELECT DISTINCT type, date FROM stat WHERE {_OWN}", owner, analysis_id)
                deleted += await db.execute(f"DELETE FROM stat WHERE {_OWN}", owner, analysis_id)
                await db.execute(f"DELETE FROM payload WHERE {_OWN}", owner, analysis_id)
                await db.execute("DELETE FROM analysis WHERE client_id = ? AND id = ?", owner, analysis_id)
                await totals.advance(db, owner, {(day[0], day[1]) for day in days}, forget=True)
                await _drop_empty_days(db, owner, days)
    return deleted


async def delete_rows(
    account_id: int, before: dt.date | None = None, deleted: Callable[[int], object] = lambda _: None
) -> int:
    """Delete the rows of an account that are older than `before` (that day itself stays), or all; how many.

    Some days at a time, each time in one transaction, so that writers get their turn: what is gone when this is broken
    off stays gone, and doing it again deletes the rest. `deleted` is told how many rows went each time.
    """
    db = reading()
    [(analyses,)] = await db.fetch("SELECT COUNT(*) FROM analysis WHERE client_id = ?", account_id)
    at_once = max(ROWS_AT_ONCE // max(analyses, 1), 1)
    rows = 0
    for code in sorted(TYPE_CODES.values()):
        days = await _days(db, account_id, code, before)
        for start in range(0, len(days), at_once):
            portion = days[start : start + at_once]
            gone = await _delete_days(account_id, code, portion[0], portion[-1])
            deleted(gone)
            rows += gone
    return rows


async def _days(db: Db, account_id: int, code: int, before: dt.date | None) -> list[Any]:
    """The days on which an account has rows of a type, ascending: those before `before`, or all."""
    older, last = ("date < ?", before) if before else ("date <= ?", dt.date.max)
    found = await db.fetch(
        f"SELECT DISTINCT date FROM stat WHERE {_OF_ACCOUNT} AND type = ? AND {older} ORDER BY date",
        account_id,
        account_id,
        code,
        db.date(last),
    )
    return [row[0] for row in found]


async def _delete_days(account_id: int, code: int, first: Any, last: Any) -> int:
    """Delete an account's rows of a type from the day `first` to `last`, and all that only they needed; how many
    rows."""
    which = f"{_OF_ACCOUNT} AND type = ? AND date >= ? AND date <= ?"
    parameters = (account_id, account_id, code, first, last)
    async with writing_a_portion() as db:
        await lock_account(db, account_id)
        days = [row[0] for row in await db.fetch(f"SELECT DISTINCT date FROM stat WHERE {which}", *parameters)]
        found = await db.fetch(f"SELECT DISTINCT analysis_id FROM stat WHERE {which}", *parameters)
        analyses = [row[0] for row in found]
        deleted = await db.execute(f"DELETE FROM stat WHERE {which}", *parameters)
        await _drop_unused(db, account_id, code, analyses)
        await _drop_empty(db, account_id, analyses)
        await db.execute_many(
            "DELETE FROM account_day WHERE type = ? AND date = ? AND client_id = ?",
            [(code, day, account_id) for day in sorted(days)],
        )
        await totals.advance_fleet(db, [(code, day) for day in days], forget=True)
    return deleted


async def lock_account(db: Db, account_id: int) -> None:
    """Take an account's place in the queue of its writers (by a write, as SQLite and PostgreSQL both understand)."""
    await db.execute("UPDATE account SET id = id WHERE id = ?", account_id)
