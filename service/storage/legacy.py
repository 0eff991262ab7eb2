"""The old service's PostgreSQL database, and what of it is here already (`core.legacy` decides what is taken).

The old one (PostgreSQL 11 or newer) is read in one snapshot, in a transaction that cannot write. All its columns come
as text: what types they have there, and what they hold, is the business of whoever reads them.
"""

import asyncio
import contextlib
import datetime as dt
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from service.errors import BadInput, Unavailable
from service.records import Role, StatType
from service.storage.connection import as_date, as_uuid, reading, writing
from service.storage.models import TYPES

Place = tuple[UUID, StatType, dt.date]
"""What an account has one row of: analysis, type and date."""

_CONNECT_SECONDS = 30
_SESSION = {
    "timezone": "UTC",
    "datestyle": "ISO",
    "statement_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
}

# A row lies at its `ctid` for as long as the snapshot lasts. Sorted are only the narrow columns, not the data; and by
# month, so that a batch holds few days and, since an analysis seldom changes, few different payloads.
_ROWS = """
SELECT ctid::text, client_id::text, uuid::text, anr::text, type::text, date::text, created_at::text
FROM stats
ORDER BY stats.client_id, left(date::text, 7) COLLATE "C", lower(anr::text) COLLATE "C", type::text COLLATE "C",
    left(date::text, 10) COLLATE "C", stats.created_at DESC NULLS LAST, uuid::text COLLATE "C" DESC
"""
_DIGESTS = """
SELECT ctid::text, sha256(text), length(text)
FROM (SELECT ctid, convert_to(data::text, 'UTF8') AS text FROM stats WHERE ctid = ANY($1::text[]::tid[]) OFFSET 0) found
"""
_TEXTS = "SELECT ctid::text, convert_to(data::text, 'UTF8') FROM stats WHERE ctid = ANY($1::text[]::tid[])"


class OldAccount(msgspec.Struct, frozen=True):
    """A row of the old table `client`, as text."""

    id: str
    uuid: str | None
    name: str | None
    token: str | None
    role: str | None
    latitude: str | None
    longitude: str | None
    last_seen: str | None
    local: str | None
    is_sharing_enabled: str | None
    created_at: str | None
    updated_at: str | None
    is_active: str | None


class OldRow(msgspec.Struct, frozen=True):
    """A row of the old table `stats`, as text, without its data; `ctid` is where that is found."""

    ctid: str
    client_id: str | None
    uuid: str | None
    anr: str | None
    type: str | None
    date: str | None
    created_at: str | None

    def shares_place(self, other: "OldRow") -> bool:
        """Whether both say the same account, analysis, type and day, as far as sorting can tell."""
        return bool(self.date and other.date) and self.place == other.place

    @property
    def place(self) -> tuple[str | None, ...]:
        """What it says it is of."""
        return self.client_id, (self.date or "")[:10], (self.anr or "").lower(), self.type


class OldDatabase:
    """The old database in one snapshot: what is written there meanwhile is not seen."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection
        self._turn = asyncio.Lock()  # a connection does one thing at a time

    async def accounts(self) -> list[OldAccount]:
        """All accounts, in the order in which they were made."""
        columns = ", ".join(f"{name}::text" for name in OldAccount.__struct_fields__)
        return [OldAccount(*row) for row in await self._fetch(f"SELECT {columns} FROM client ORDER BY client.id")]

    async def count_rows(self) -> int:
        """How many rows of statistics there are."""
        return int((await self._fetch("SELECT count(*) FROM stats"))[0][0])

    async def batches(self, size: int) -> AsyncGenerator[list[OldRow], None]:
        """All rows by account, month, analysis, type and day, the newest of such a place first.

        A batch is of one account, and has about `size` rows: those of a place are not divided.
        """
        async with self._turn:
            with _translated():
                cursor = await self._connection.cursor(_ROWS)
        batch: list[OldRow] = []
        while found := await self._next(cursor, size):
            for row in found:
                is_full = len(batch) >= size and not row.shares_place(batch[-1])
                if batch and (is_full or row.client_id != batch[0].client_id):
                    yield batch
                    batch = []
                batch.append(row)
        if batch:
            yield batch

    async def digests(self, ctids: Iterable[str]) -> dict[str, tuple[bytes, int]]:
        """SHA-256 and length of the text of these rows' data. Rows whose data is NULL are missing."""
        rows = await self._fetch(_DIGESTS, list(ctids))
        return {row[0]: (row[1], row[2]) for row in rows if row[1] is not None}

    async def texts(self, ctids: Iterable[str]) -> dict[str, bytes]:
        """The data of these rows: JSON text, the same for equal data."""
        return {row[0]: row[1] for row in await self._fetch(_TEXTS, list(ctids))}

    async def _fetch(self, sql: str, *parameters: Any) -> Sequence[Any]:
        async with self._turn:
            with _translated():
                rows: Sequence[Any] = await self._connection.fetch(sql, *parameters)
                return rows

    async def _next(self, cursor: Any, size: int) -> list[OldRow]:
        async with self._turn:
            with _translated():
                return [OldRow(*row) for row in await cursor.fetch(size)]


@contextlib.asynccontextmanager
async def opened(url: str) -> AsyncIterator[OldDatabase]:
    """The old database (`postgresql://...`) within the block.

    Raises `BadInput` for a URL of another form and where there are not the old service's tables, `Unavailable` where
    the database cannot be reached or goes away.
    """
    try:
        with _translated():
            connection = await asyncpg.connect(url, timeout=_CONNECT_SECONDS, server_settings=_SESSION)
    except (ValueError, OverflowError):  # not chained: it could hold the password
        raise BadInput("The old database's URL must be like postgresql://user@host:5432/name.") from None
    try:
        transaction = connection.transaction(isolation="repeatable_read", readonly=True)
        with _translated():
            await transaction.start()
        yield OldDatabase(connection)
    finally:
        connection.terminate()  # there is nothing to commit


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    """The driver's errors in the domain's words."""
    try:
        yield
    except (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError) as error:
        raise BadInput(f"This is not the old service's database: {error}.") from error
    except asyncpg.ClientConfigurationError:
        raise  # a ValueError
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise Unavailable(f"The old database: {error or type(error).__name__}") from error


# --- What is here already


class NewAccount(msgspec.Struct, frozen=True, kw_only=True):
    """An account as it is to be stored here, with the dates that it has had."""

    uuid: UUID
    name: str
    token_hash: str
    role: Role
    is_active: bool
    is_sharing_enabled: bool
    local: bool
    latitude: float | None
    longitude: float | None
    last_seen: dt.datetime | None
    created_at: dt.datetime
    updated_at: dt.datetime


class AccountHere(msgspec.Struct, frozen=True):
    """An account that is stored here, in so far as another one could collide with it."""

    id: int
    uuid: UUID
    name: str
    token_hash: str


async def accounts_like(account: NewAccount) -> list[AccountHere]:
    """The accounts here that have its UUID, its name or its token."""
    rows = await reading().fetch(
        "SELECT id, uuid, name, token_hash FROM account WHERE uuid = ? OR name = ? OR token_hash = ?",
        str(account.uuid),
        account.name,
        account.token_hash,
    )
    return [AccountHere(row[0], UUID(str(row[1])), row[2], row[3]) for row in rows]


async def insert_account(account: NewAccount) -> int:
    """Store an account; its number here. Raises `Conflict` where its UUID, name or token is another's."""
    async with writing() as db:
        values = [
            db.moment(value) if isinstance(value, dt.datetime) else str(value) if isinstance(value, UUID) else value
            for value in msgspec.structs.astuple(account)
        ]
        names = account.__struct_fields__
        await db.execute(f"INSERT INTO account ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})", *values)
        rows = await db.fetch("SELECT id FROM account WHERE uuid = ?", str(account.uuid))
    return int(rows[0][0])


async def set_moved_until(account_id: int, day: dt.date) -> None:
    """Note that the account came from the old service, which has rows to share up to this day, or to a later one that
    is noted already."""
    async with writing() as db:
        await db.execute(
            "UPDATE account SET moved_until = ? WHERE id = ? AND (moved_until IS NULL OR moved_until < ?)",
            db.date(day),
            account_id,
            db.date(day),
        )


async def was_moved(account_id: int) -> bool:
    """Whether the account came from the old service in an earlier run."""
    return bool(await reading().fetch("SELECT 1 FROM account WHERE id = ? AND moved_until IS NOT NULL", account_id))


async def rows_here(account_id: int, places: Iterable[Place]) -> Mapping[Place, tuple[UUID, bytes]]:
    """The rows of the account at these places: uuid, and SHA-256 of the data's text."""
    wanted = set(places)
    days = {day for _, _, day in wanted}
    if not wanted:
        return {}
    db = reading()
    rows = await db.fetch_in(
        "SELECT a.anr, s.type, s.date, s.uuid, p.digest FROM analysis a "
        "JOIN stat s ON s.analysis_id = a.id AND s.client_id = a.client_id "
        "JOIN payload p ON p.id = s.payload_id AND p.client_id = s.client_id "
        "WHERE a.client_id = ? AND s.type IN (1, 2, 3, 4, 5) "
        "AND s.date >= ? AND s.date <= ? AND a.anr IN (*)",
        {str(anr) for anr, _, _ in wanted},
        account_id,
        db.date(min(days)),
        db.date(max(days)),
    )
    return {(as_uuid(row[0]), TYPES[row[1]], as_date(row[2])): (as_uuid(row[3]), bytes(row[4])) for row in rows}
