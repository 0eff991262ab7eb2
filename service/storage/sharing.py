"""What is shared with other instances, in the database: what to send, and what is known of what was sent.

Nobody but a push or a forget changes what is known of rows (`State`), one at a time (`storage.locks`); purging removes
it together with the rows.
"""

import datetime as dt
import enum
import secrets
import zlib
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

import msgspec

from service.records import StatType
from service.storage.connection import Db, as_date, as_uuid, reading, writing
from service.storage.models import TYPE_CODES, TYPES

SECRET_BYTES = 32

ROWS_AT_ONCE = 500
"""How many rows of an analysis are found at a time."""


class State(enum.IntEnum):
    """What is known of a row at another instance."""

    SENDING = 1
    """It was about to be sent, nothing else of it before; whether it arrived is not known."""
    REPLACING = 2
    """Likewise, but another version of it was sent before, and may be there."""
    THERE = 3
    """It is there."""
    REFUSED = 4
    """The other instance does not take it (or it cannot be made anonymous)."""
    KEPT_OLD = 5
    """The other instance keeps an older version: an old service replaces nothing."""
    EARLIER = 6
    """It is there under a pseudonym that was given up: only a forget reaches it."""


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """Which rows to share: of these days, both included; of one account (None: of all that share).

    `again`: also those that the other instance refused or has an older version of, though they have not changed since.
    `moved`: also those of days of which the old service has rows (`core.legacy`), and so has shared them itself.
    """

    date_from: dt.date
    date_to: dt.date
    client: UUID | None = None
    again: bool = False
    moved: bool = False


class Analysis(msgspec.Struct, frozen=True, kw_only=True):
    """An analysis of an account that shares. `id`, `client_id`: storage's numbers of it and its account; `generation`:
    how often its pseudonym was changed."""

    id: int
    client_id: int
    client: UUID
    name: str
    anr: UUID
    generation: int


class Unsent(msgspec.Struct, frozen=True, kw_only=True):
    """A row to send. `payload`: where its data is; `size`: how long that is. `sending`: its state once it is sent."""

    analysis: Analysis
    type: StatType
    date: dt.date
    payload: int
    digest: bytes
    size: int
    sending: State


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """How many rows of an account and type are to be sent, of how many analyses and which days."""

    client: UUID
    name: str
    type: StatType
    analyses: int
    rows: int
    first_date: dt.date
    last_date: dt.date


async def secret() -> bytes:
    """What this installation's pseudonyms are made with: random, made at the first use and kept."""
    found = await reading().fetch("SELECT secret FROM share_secret WHERE id = 1")
    if not found:
        async with writing() as db:
            await db.execute(
                "INSERT INTO share_secret (id, secret, created_at) VALUES (1, ?, ?) ON CONFLICT (id) DO NOTHING",
                secrets.token_bytes(SECRET_BYTES),
                db.moment(dt.datetime.now(dt.UTC)),
            )
        found = await reading().fetch("SELECT secret FROM share_secret WHERE id = 1")
    return bytes(found[0][0])


async def server_id(url: str) -> int:
    """The number of the instance with this address."""
    number = await known_server(url)
    if not number:
        async with writing() as db:
            await db.execute("INSERT INTO share_server (url) VALUES (?) ON CONFLICT (url) DO NOTHING", url)
        number = await known_server(url)
    return number


async def known_server(url: str) -> int:
    """The number of the instance with this address; 0 where nothing was ever sent to it or pulled from it."""
    rows = await reading().fetch("SELECT id FROM share_server WHERE url = ?", url)
    return rows[0][0] if rows else 0


# --- what to send -------------------------------------------------------------------------------------------


async def analyses(client: UUID | None = None) -> list[Analysis]:
    """The analyses of the accounts that share, or of this one if it does."""
    which, parameters = _sharing(client)
    rows = await reading().fetch(
        "SELECT a.id, c.id, c.uuid, c.name, a.anr, COALESCE(x.generation, 0) "
        "FROM account c JOIN analysis a ON a.client_id = c.id "
        "LEFT JOIN share_series x ON x.client_uuid = c.uuid AND x.anr = a.anr "
        f"WHERE {which} ORDER BY c.id, a.id",
        *parameters,
    )
    return [
        Analysis(
            id=row[0], client_id=row[1], client=as_uuid(row[2]), name=row[3], anr=as_uuid(row[4]), generation=row[5]
        )
        for row in rows
    ]


async def unsent(
    server: int, analysis: Analysis, wanted: Selection, after: tuple[StatType, dt.date] | None = None
) -> list[Unsent]:
    """The next rows of an analysis that the instance has to be sent, by type and date; `after` the one of these."""
    db = reading()
    tables, parameters = _tables(db, server, analysis.client_id, analysis.client, wanted)
    rows = await db.fetch(
        f"SELECT s.type, s.date, s.payload_id, p.digest, p.size, r.state, r.digest {tables} "
        "AND a.id = ? AND (s.type, s.date) > (?, ?) ORDER BY s.type, s.date LIMIT ?",
        *parameters,
        analysis.id,
        TYPE_CODES[after[0]] if after else 0,
        db.date(after[1] if after else dt.date.min),
        ROWS_AT_ONCE,
    )
    return [
        Unsent(
            analysis=analysis,
            type=TYPES[row[0]],
            date=as_date(row[1]),
            payload=row[2],
            digest=bytes(row[3]),
            size=row[4],
            sending=_sending(row[3], row[5], row[6]),
        )
        for row in rows
    ]


async def waiting(server: int, wanted: Selection) -> list[Waiting]:
    """How many rows the instance has to be sent, by account (in the order of their names) and type."""
    which, parameters = _sharing(wanted.client)
    accounts = await reading().fetch(
        f"SELECT c.id, c.uuid, c.name FROM account c WHERE {which} ORDER BY c.name", *parameters
    )
    return [
        counted
        for account in accounts  # one at a time: others get at the database in between
        for counted in await _waiting_of(server, account[0], as_uuid(account[1]), account[2], wanted)
    ]


async def has_moved() -> bool:
    """Whether an account was moved here from the old service, with rows."""
    return bool(await reading().fetch("SELECT 1 FROM account WHERE moved_until IS NOT NULL LIMIT 1"))


async def _waiting_of(server: int, client_id: int, client: UUID, name: str, wanted: Selection) -> list[Waiting]:
    db = reading()
    tables, parameters = _tables(db, server, client_id, client, wanted)
    rows = await db.fetch(
        "SELECT s.type, COUNT(DISTINCT s.analysis_id), COUNT(*), MIN(s.date), MAX(s.date) "
        f"{tables} GROUP BY s.type ORDER BY s.type",
        *parameters,
    )
    return [
        Waiting(
            client=client,
            name=name,
            type=TYPES[row[0]],
            analyses=row[1],
            rows=row[2],
            first_date=as_date(row[3]),
            last_date=as_date(row[4]),
        )
        for row in rows
    ]


def _sharing(client: UUID | None) -> tuple[str, list[Any]]:
    """The condition for an account (`c`) that shares: an active one of this house; this one or (None) any."""
    which, parameters = (" AND c.uuid = ?", [str(client)]) if client else ("", [])
    return f"c.is_active AND c.is_sharing_enabled AND c.local{which}", parameters


def _tables(db: Db, server: int, client_id: int, client: UUID, wanted: Selection) -> tuple[str, list[Any]]:
    """The rows of an account that have to be sent: where they are and which, and the parameters of that."""
    again = (State.REFUSED, State.KEPT_OLD) if wanted.again else ()
    states = (State.SENDING, State.REPLACING, *again)
    sql = (
        "FROM analysis a JOIN stat s ON s.analysis_id = a.id AND s.client_id = a.client_id "
        "JOIN payload p ON p.id = s.payload_id AND p.client_id = s.client_id "
        "LEFT JOIN share_series x ON x.client_uuid = ? AND x.anr = a.anr "
        "LEFT JOIN share_row r ON r.series_id = x.id AND r.type = s.type AND r.date = s.date AND r.server_id = ? "
        "WHERE a.client_id = ? AND s.date >= ? AND s.date <= ? AND "
        f"(r.id IS NULL OR r.state IN ({', '.join('?' * len(states))}) OR (r.digest <> p.digest AND r.state <> ?))"
    )
    days = db.date(wanted.date_from), db.date(wanted.date_to)
    parameters = [str(client), server, client_id, *days, *states, State.EARLIER]
    if not wanted.moved:
        sql += " AND s.date > COALESCE((SELECT moved_until FROM account WHERE id = ?), ?)"
        parameters += [client_id, db.date(dt.date.min)]
    return sql, parameters


def _sending(digest: Any, state: int | None, sent: Any) -> State:
    """The state of a row while it is sent. Only of one that was never sent, or not answered for, is it known that no
    other version of it is there."""
    first = state is None or (state == State.SENDING and bytes(sent) == bytes(digest))
    return State.SENDING if first else State.REPLACING


async def texts(payloads: Iterable[int]) -> dict[int, bytes]:
    """The JSON texts of these payloads; those that are gone meanwhile are left out."""
    rows = await reading().fetch_in("SELECT id, data FROM payload WHERE id IN (*)", payloads)
    return {row[0]: zlib.decompress(row[1]) for row in rows}


# --- what was sent ------------------------------------------------------------------------------------------

_SERIES = "FROM share_series WHERE client_uuid = ? AND anr = ?"


async def note_sending(server: int, rows: Sequence[Unsent]) -> list[Unsent]:
    """Note that these rows are about to be sent, this is durable when it returns; but not those of an account that does
    not share any more. Those that are noted."""
    which, parameters = _sharing(None)
    async with writing() as db:
        found = await db.fetch(f"SELECT c.id FROM account c WHERE {which}", *parameters)
        sharing = {row[0] for row in found}
        rows = [row for row in rows if row.analysis.client_id in sharing]
        await db.execute_many(
            "INSERT INTO share_series (client_uuid, anr, generation) VALUES (?, ?, 0) "
            "ON CONFLICT (client_uuid, anr) DO NOTHING",
            {(str(row.analysis.client), str(row.analysis.anr)) for row in rows},
        )
        await db.execute_many(
            # (Citus takes no subquery within VALUES.)
            "INSERT INTO share_row (digest, state, type, date, server_id, series_id) "
            f"SELECT ?, ?, ?, ?, ?, id {_SERIES} ON CONFLICT (series_id, type, date, server_id) "
            "DO UPDATE SET digest = excluded.digest, state = excluded.state, reason = NULL",
            [(row.digest, row.sending, *_place(db, server, row)) for row in rows],
        )
    return rows


async def note_outcome(server: int, outcomes: Iterable[tuple[Unsent, State, str | None]]) -> None:
    """Note what became of rows, each with the reason where it was refused."""
    async with writing() as db:
        await db.execute_many(
            "UPDATE share_row SET state = ?, reason = ? "
            f"WHERE type = ? AND date = ? AND server_id = ? AND series_id = (SELECT id {_SERIES})",
            [(state, reason, *_place(db, server, row)) for row, state, reason in outcomes],
        )


def _place(db: Db, server: int, row: Unsent) -> tuple[Any, ...]:
    """What names a row: its type and date, the instance, and of which analysis it is (`_SERIES`)."""
    analysis = row.analysis
    return TYPE_CODES[row.type], db.date(row.date), server, str(analysis.client), str(analysis.anr)
