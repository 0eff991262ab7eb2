"""Reading rows as they were sent."""

import datetime as dt
import uuid
import zlib
from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec

from service.errors import BadInput, Unavailable
from service.portions import portions
from service.records import StatType
from service.storage.connection import PARAMETERS, Db, reading
from service.storage.models import TYPE_CODES, TYPES

PORTION_BYTES = 4 << 20
"""How much of the rows' data is read at a time."""

ROWS_AT_ONCE = 1_000
"""How many rows are found at a time where all of an account are read."""

ATTEMPTS = 5

_COLUMNS = "s.uuid, a.anr, s.type, s.date, s.payload_id, p.size"
_ROWS = "FROM analysis a JOIN stat s ON s.analysis_id = a.id AND s.client_id = a.client_id"
_TABLES = f"{_ROWS} JOIN payload p ON p.id = s.payload_id AND p.client_id = s.client_id"
_NO_LIMIT = 2**62  # SQLite takes no offset without a limit


class RowReplaced(Unavailable):
    """A row was replaced between being found and being read, and its old data is gone."""


class RowQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which rows: of a type (None: all), of these analyses (None: all), between two dates (inclusive), or with
    `newest_only` the newest of each analysis whatever its date; then `limit` (0: no limit) of them from `offset`."""

    type: StatType | None = None
    anrs: tuple[uuid.UUID, ...] | None = None
    date_from: dt.date | None = None
    date_to: dt.date | None = None
    newest_only: bool = False
    offset: int = 0
    limit: int = 0


class RowHead(msgspec.Struct, frozen=True):
    """A row without its data: `payload` is where that is, `size` how long. UUIDs and date are text, as they go out."""

    uuid: str
    anr: str
    type: StatType
    date: str
    payload: int
    size: int


async def heads(query: RowQuery, account_id: int | None) -> tuple[int, list[RowHead]]:
    """How many rows match, and those of the page asked for, by date, then analysis, then type, then account.

    `account_id`: only this account's rows; None: everybody's. Raises `BadInput` for too many analyses at once.
    """
    db = reading()
    conditions, parameters = _conditions(db, query, account_id)
    paging = ("LIMIT ? OFFSET ?", query.limit or _NO_LIMIT, query.offset) if query.limit or query.offset else ("",)
    rows = await db.fetch(
        f"SELECT {_COLUMNS} {_TABLES} {conditions} ORDER BY s.date, a.anr, s.type, s.client_id {paging[0]}",
        *parameters,
        *paging[1:],
    )
    if len(paging) == 1:
        return len(rows), [_head(row) for row in rows]
    matching = (await db.fetch(f"SELECT COUNT(*) {_TABLES} {conditions}", *parameters))[0][0]
    return matching, [_head(row) for row in rows]


def _head(row: Any) -> RowHead:
    return RowHead(str(row[0]), str(row[1]), TYPES[row[2]], str(row[3]), row[4], row[5])


def _conditions(db: Db, query: RowQuery, account_id: int | None) -> tuple[str, list[Any]]:
    conditions: list[str] = []
    parameters: list[Any] = []

    def add(condition: str, *values: Any) -> None:
        conditions.append(condition)
        parameters.extend(values)

    if account_id is not None:
        add("a.client_id = ?", account_id)
    if query.anrs is not None:
        if len(query.anrs) > PARAMETERS:
            raise BadInput(f"At most {PARAMETERS} analyses at once.", {"anrs": f"at most {PARAMETERS}"})
        add(f"a.anr IN ({', '.join('?' * len(query.anrs)) or 'NULL'})", *map(str, query.anrs))
    if query.type is not None:
        add("s.type = ?", TYPE_CODES[query.type])
    if query.newest_only:
        add(
            "s.date = (SELECT MAX(n.date) FROM stat n WHERE n.client_id = s.client_id "
            "AND n.analysis_id = s.analysis_id AND n.type = s.type)"
        )
    else:
        if query.date_from:
            add("s.date >= ?", db.date(query.date_from))
        if query.date_to:
            add("s.date <= ?", db.date(query.date_to))
    return f"WHERE {' AND '.join(conditions)}" if conditions else "", parameters


async def read(wanted: Sequence[RowHead]) -> AsyncIterator[tuple[RowHead, bytes]]:
    """The rows and the JSON text of their data, in order, a portion at a time.

    Raises `RowReplaced`.
    """
    for portion in portions(wanted, lambda head: head.size, PORTION_BYTES):
        rows = await reading().fetch_in(
            "SELECT id, data FROM payload WHERE id IN (*)", {head.payload for head in portion}
        )
        texts = {row[0]: zlib.decompress(row[1]) for row in rows}
        for head in portion:
            if head.payload not in texts:
                raise RowReplaced("A row was replaced while it was being read: try again.", retry_after=1)
            yield head, texts[head.payload]


async def count(query: RowQuery, account_id: int) -> int:
    """How many rows of an account match (whatever `offset` and `limit`)."""
    db = reading()
    conditions, parameters = _conditions(db, query, account_id)
    rows = await db.fetch(f"SELECT COUNT(*) {_ROWS} {conditions}", *parameters)
    number: int = rows[0][0]
    return number


async def read_all(query: RowQuery, account_id: int) -> AsyncIterator[tuple[RowHead, bytes]]:
    """All rows of an account that match (whatever `offset` and `limit`), and the JSON text of their data.

    They come by analysis, type and date, and however many they are, few are in memory at a time. One that is replaced
    meanwhile comes as it was or as it is.
    """
    for row in await reading().fetch("SELECT id FROM analysis WHERE client_id = ? ORDER BY anr", account_id):
        last: tuple[int, str] = (0, dt.date.min.isoformat())
        failures = 0
        while found := await _heads_after(query, account_id, row[0], last):
            try:
                async for head, data in read(found):
                    yield head, data
                    last, failures = (TYPE_CODES[head.type], head.date), 0
            except RowReplaced:  # look again from there
                failures += 1
                if failures == ATTEMPTS:
                    raise


async def _heads_after(query: RowQuery, account_id: int, analysis_id: int, last: tuple[int, str]) -> list[RowHead]:
    """The next rows of an analysis, by type and date, after the one of this type and date."""
    db = reading()
    conditions, parameters = _conditions(db, query, account_id)
    rows = await db.fetch(
        f"SELECT {_COLUMNS} {_TABLES} {conditions} AND a.id = ? AND (s.type, s.date) > (?, ?) "
        "ORDER BY s.type, s.date LIMIT ?",
        *parameters,
        analysis_id,
        last[0],
        db.date(dt.date.fromisoformat(last[1])),
        ROWS_AT_ONCE,
    )
    return [_head(row) for row in rows]
